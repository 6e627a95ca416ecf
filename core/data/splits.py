"""The registry of data sets, loading with a cache, and splitting into training, validation and test rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from core.data.dataset import Dataset, DatasetSpec, Split
from core.data.real import REAL
from core.data.synthetic import SYNTHETIC
from core.data.thinning import PREVALENCE, thinned
from core.errors import CutoffError
from core.parameters import Value, defaults

DATASETS: dict[str, DatasetSpec] = REAL | SYNTHETIC
FRACTIONS = {"train": 0.5, "validation": 0.25, "test": 0.25}
KEPT = 16  # data sets and splits in memory, shared by all visitors; the largest is 16 MB


@lru_cache(maxsize=KEPT)
def _load(name: str, params: tuple[tuple[str, Value], ...]) -> Dataset:
    given = dict(params)
    thin = given.pop("prevalence") if PREVALENCE in DATASETS[name].params else None
    data = _read(name, given)
    if thin is not None:
        data = thinned(data, str(thin))
    for array in (data.x, data.y):
        array.setflags(write=False)
    return data


def _read(name: str, given: dict[str, Any]) -> Dataset:
    """Load the data set; raises CutoffError if that fails, as with a damaged file."""
    failed = (
        f"The data set {DATASETS[name].label!r} can't be read. Choose other data, or install the requirements again."
    )
    try:
        data = DATASETS[name].load(**given)
    except CutoffError:
        raise
    except Exception as error:  # each reader raises its own errors
        raise CutoffError(failed) from error
    if not np.isfinite(data.x).all():
        raise CutoffError(failed)
    return data


def load_dataset(name: str, params: tuple[tuple[str, Value], ...] = ()) -> Dataset:
    """Load a data set; it is cached for all visitors.

    Parameters
    ----------
    name : key in DATASETS.
    params : (name, value) pairs; parameters that are not given have their defaults.

    Returns
    -------
    dataset : the data set, with read-only arrays.

    Raises
    ------
    CutoffError
        If the name or a parameter is unknown, a value is out of range, or the data can't be read.
    """
    if name not in DATASETS:
        raise CutoffError(f"Expected `dataset` to be one of {', '.join(DATASETS)}, but got {name!r}.")
    known = {param.name: param for param in DATASETS[name].params}
    given: dict[str, Any] = defaults(DATASETS[name].params)
    for key, value in params:
        if key not in known:
            raise CutoffError(f"Expected a parameter of {name} ({', '.join(known) or 'it has none'}), but got {key!r}.")
        given[key] = known[key].check(value)
    return _load(name, tuple(given.items()))


@lru_cache(maxsize=KEPT)
def load_split(name: str, params: tuple[tuple[str, Value], ...] = (), seed: int = 0) -> Split:
    """Split a data set into training, validation and test rows, stratified by class or by labels.

    The sizes are those in FRACTIONS. Features, and the target of a regression, are standardised by the mean and
    standard deviation of the training rows; a constant feature becomes 0.

    Parameters
    ----------
    name, params : as for `load_dataset`.
    seed : seed of the random split.

    Returns
    -------
    split : the standardised parts.

    Raises
    ------
    CutoffError
        As for `load_dataset`, and if a part would have no row of a class, or not both values of a label.
    """
    data = load_dataset(name, params)
    _check_counts(data)
    rows = np.arange(len(data.y))
    train, rest = _halves(data, rows, seed)  # halving twice gives FRACTIONS
    validation, test = _halves(data, rest, seed)
    parts = {"train": train, "validation": validation, "test": test}
    for part, chosen in parts.items():
        _check_part(data, part, chosen)
    scaler = StandardScaler().fit(data.x[train])
    center, scale = 0.0, 1.0
    if data.task == "regression":
        center, scale = float(data.y[train].mean()), float(data.y[train].std()) or 1.0
    return Split(
        x={part: scaler.transform(data.x[chosen]).astype(np.float32) for part, chosen in parts.items()},
        y={part: _standardised(data.y[chosen], center, scale) for part, chosen in parts.items()},
        rows=parts,
        center=center,
        scale=scale,
        mean=scaler.mean_,
        deviation=scaler.scale_,
    )


def _standardised(y: np.ndarray, center: float, scale: float) -> np.ndarray:
    return y if y.dtype.kind == "i" else ((y - center) / scale).astype(np.float32)


def _halves(data: Dataset, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of these rows, stratified by class or by labels."""
    if data.task == "multilabel":
        from iterstrat.ml_stratifiers import (
            MultilabelStratifiedShuffleSplit,  # imported here because only multi-label data needs it
        )

        halves = MultilabelStratifiedShuffleSplit(n_splits=1, train_size=0.5, test_size=0.5, random_state=seed)
        first, second = next(halves.split(rows[:, None], data.y[rows]))
        return rows[first], rows[second]
    stratify = None if data.task == "regression" else data.y[rows]
    first, second = train_test_split(rows, train_size=0.5, stratify=stratify, random_state=seed)
    return first, second


def _check_counts(data: Dataset) -> None:
    """Raise CutoffError if a class has too few rows to be in every part."""
    needed = round(1 / min(FRACTIONS.values()))
    for label, count in zip(data.class_names, data.counts, strict=True):
        if count < needed:
            raise CutoffError(
                f"Expected every class to have at least {needed} rows, so that none is missing from a split, "
                f"but got {count} of class {label!r}. Use more rows or a larger prevalence."
            )


def _check_part(data: Dataset, part: str, rows: np.ndarray) -> None:
    """Raise CutoffError if a part lacks a class, or has not both values of a label."""
    if data.task == "regression":
        return
    if data.task == "multilabel":
        shares = data.y[rows].mean(0)
        present = (shares > 0) & (shares < 1)
    else:
        present = np.bincount(data.y[rows], minlength=len(data.class_names)) > 0
    if not present.all():
        missing = data.class_names[int(np.argmin(present))]
        raise CutoffError(f"Expected every class in the {part} split, but got none of class {missing!r}.")
