"""Data drawn from known distributions, each with noise, number of rows and seed."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit
from sklearn.datasets import make_blobs, make_circles, make_moons, make_multilabel_classification

from core.data.dataset import Dataset, DatasetSpec
from core.parameters import Param

PLANE = ("x1", "x2")
TWO = ("negative", "positive")
# Effect of each of the ten features of `fraud` in units of the noise; the first three are skewed, as amounts are.
FRAUD_EFFECTS = np.array([1.6, 1.2, 0.9, 0.8, 0.6, 0.5, 0.4, 0.0, 0.0, 0.0])
SKEWED = 3


def gaussians(separation: float, noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Two round Gaussians in the plane whose posterior is known.

    x | y ~ N(+-(separation / 2) u, noise^2 I) with u = (1, 1) / sqrt 2, the positive class on the + side, so
    logit P(y=1|x) = logit prevalence + separation (u . x) / noise^2. Exactly round(samples * prevalence) rows are
    positive.
    """
    rng = np.random.default_rng(seed)
    y = _labels(samples, prevalence, rng)
    u = np.full(2, 0.5**0.5)
    x = (2 * y[:, None] - 1) * (separation / 2) * u + noise * rng.standard_normal((samples, 2))

    def posterior(points: np.ndarray) -> np.ndarray:
        return expit(logit(prevalence) + separation * (points @ u) / noise**2)

    return Dataset("gaussians", "binary", x.astype(np.float32), y, TWO, PLANE, posterior)


def moons(noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Two interleaving half circles."""
    x, y = make_moons(_sizes(samples, prevalence), noise=noise, random_state=seed)
    return _in_plane("moons", x, y)


def circles(noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """A ring of negatives around a ring of positives of half its radius."""
    x, y = make_circles(_sizes(samples, prevalence), noise=noise, factor=0.5, random_state=seed)
    return _in_plane("circles", x, y)


def spirals(turns: float, noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Two spirals from the centre outwards, half a turn apart, each of radius 1."""
    rng = np.random.default_rng(seed)
    y = _labels(samples, prevalence, rng)
    radius = np.sqrt(rng.random(samples))  # evenly spread over the disc rather than crowded at its centre
    angle = 2 * np.pi * turns * radius + np.pi * y
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return _in_plane("spirals", x + noise * rng.standard_normal(x.shape), y)


def blobs(classes: int, noise: float, samples: int, seed: int) -> Dataset:
    """Round Gaussians with their centres evenly on the unit circle."""
    angles = 2 * np.pi * np.arange(classes) / classes
    centers = np.column_stack([np.cos(angles), np.sin(angles)])
    x, y = make_blobs(samples, centers=centers, cluster_std=noise, random_state=seed)
    names = tuple("ABCDEF"[:classes])
    return Dataset("blobs", "multiclass", x.astype(np.float32), y.astype(np.int64), names, PLANE)


def multilabel_synthetic(labels: int, noise: float, samples: int, seed: int) -> Dataset:
    """Word counts of documents about two topics on average; `noise` is the share of labels that are turned around."""
    x, y = make_multilabel_classification(samples, n_features=20, n_classes=labels, n_labels=2, random_state=seed)
    y = y ^ (np.random.default_rng(seed).random(y.shape) < noise)
    names = tuple(f"topic {i}" for i in range(1, labels + 1))
    features = tuple(f"word {i}" for i in range(1, 21))
    return Dataset("multilabel_synthetic", "multilabel", x.astype(np.float32), y.astype(np.int64), names, features)


def fraud(noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Ten features with few positives, and a known posterior.

    g | y ~ N(y d, noise^2 I) with the effects d of FRAUD_EFFECTS, so logit P(y=1|g) = logit prevalence +
    (d . g - |d|^2 / 2) / noise^2. x is g, but exp g in the first three features.
    """
    rng = np.random.default_rng(seed)
    y = _labels(samples, prevalence, rng)
    x = y[:, None] * FRAUD_EFFECTS + noise * rng.standard_normal((samples, len(FRAUD_EFFECTS)))
    x[:, :SKEWED] = np.exp(x[:, :SKEWED])

    def posterior(points: np.ndarray) -> np.ndarray:
        g = np.asarray(points, np.float64).copy()
        g[:, :SKEWED] = np.log(g[:, :SKEWED])
        return expit(logit(prevalence) + (g @ FRAUD_EFFECTS - FRAUD_EFFECTS @ FRAUD_EFFECTS / 2) / noise**2)

    names = ("amount", "amount today", "amount this week", *(f"trait {i}" for i in range(1, 8)))
    return Dataset("fraud", "binary", x.astype(np.float32), y, ("honest", "fraud"), names, posterior)


def line(outliers: float, noise: float, samples: int, seed: int) -> Dataset:
    """y = 2 x + noise for x even in [-1, 1]; a share of the rows lies 5 higher."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (samples, 1))
    y = 2 * x[:, 0] + noise * rng.standard_normal(samples)
    y[rng.permutation(samples)[: round(samples * outliers)]] += 5
    return Dataset("line", "regression", x.astype(np.float32), y.astype(np.float32), (), ("x",), target="y")


def _in_plane(name: str, x: np.ndarray, y: np.ndarray) -> Dataset:
    return Dataset(name, "binary", x.astype(np.float32), y.astype(np.int64), TWO, PLANE)


def _sizes(samples: int, prevalence: float) -> tuple[int, int]:
    """Negatives and positives."""
    positives = round(samples * prevalence)
    return samples - positives, positives


def _labels(samples: int, prevalence: float, rng: np.random.Generator) -> np.ndarray:
    """Labels (N,) with exactly round(samples * prevalence) positives in random places."""
    y = np.zeros(samples, np.int64)
    y[rng.permutation(samples)[: round(samples * prevalence)]] = 1
    return y


def _noise(default: float, high: float, step: float, help: str, low: float = 0.0) -> Param:
    return Param("noise", "Noise", default, low, high, step, help=help)


def _prevalence(default: float) -> Param:
    return Param("prevalence", "Prevalence", default, 0.005, 0.995, 0.005, help="Share of positive rows.")


def _size(rows: int) -> tuple[Param, Param]:
    return (
        Param("samples", "Rows", rows, 40, 50_000, 100, integer=True, help="Rows before the split."),
        Param("seed", "Data seed", 0, 0, 9999, 1, integer=True, help="Another seed draws other rows."),
    )


DEVIATION = "Standard deviation of what is added to each point."
SYNTHETIC: dict[str, DatasetSpec] = {
    "gaussians": DatasetSpec(
        label="Two Gaussians",
        task="binary",
        about="Points in the plane drawn from two round Gaussians, so the true probability is known.",
        source="generated",
        licence="none needed",
        load=gaussians,
        params=(
            Param("separation", "Separation", 2.0, 0.0, 6.0, 0.1, help="Distance between the two centres."),
            _noise(1.0, 3.0, 0.1, "Standard deviation of each Gaussian.", low=0.1),
            _prevalence(0.1),
            *_size(4000),
        ),
    ),
    "moons": DatasetSpec(
        label="Moons",
        task="binary",
        about="Two half circles in the plane, each reaching into the other.",
        source="generated, scikit-learn's make_moons",
        licence="none needed",
        load=moons,
        params=(_noise(0.2, 1.0, 0.05, DEVIATION), _prevalence(0.5), *_size(2000)),
    ),
    "circles": DatasetSpec(
        label="Circles",
        task="binary",
        about="A ring of positives inside a ring of negatives: no line parts them.",
        source="generated, scikit-learn's make_circles",
        licence="none needed",
        load=circles,
        params=(_noise(0.15, 1.0, 0.05, DEVIATION), _prevalence(0.5), *_size(2000)),
    ),
    "spirals": DatasetSpec(
        label="Spirals",
        task="binary",
        about="Two spirals wound into each other: hard for a small network.",
        source="generated",
        licence="none needed",
        load=spirals,
        params=(
            Param("turns", "Turns", 1.0, 0.25, 3.0, 0.25, help="Turns of each spiral from the centre to its end."),
            _noise(0.03, 0.5, 0.01, DEVIATION),
            _prevalence(0.5),
            *_size(2000),
        ),
    ),
    "fraud": DatasetSpec(
        label="Fraud-like",
        task="binary",
        about="Ten features of made-up payments, three of them skewed; fraud is the positive class. The true "
        "probability is known.",
        source="generated",
        licence="none needed",
        load=fraud,
        params=(
            _noise(1.0, 3.0, 0.1, "Standard deviation of each feature within a class.", low=0.1),
            _prevalence(0.01),
            *_size(20_000),
        ),
    ),
    "blobs": DatasetSpec(
        label="Blobs",
        task="multiclass",
        about="Round Gaussians in the plane, one a class.",
        source="generated, scikit-learn's make_blobs",
        licence="none needed",
        load=blobs,
        params=(
            Param("classes", "Classes", 4, 3, 6, 1, integer=True, help="Number of Gaussians."),
            _noise(0.3, 2.0, 0.05, "Standard deviation of each Gaussian; their centres are on the unit circle.", 0.05),
            *_size(2000),
        ),
    ),
    "multilabel_synthetic": DatasetSpec(
        label="Topics: several labels",
        task="multilabel",
        about="Twenty word counts of made-up documents, each about one or several topics.",
        source="generated, scikit-learn's make_multilabel_classification",
        licence="none needed",
        load=multilabel_synthetic,
        params=(
            Param("labels", "Labels", 5, 2, 20, 1, integer=True, help="Number of topics."),
            _noise(0.05, 0.4, 0.05, "Share of labels that are turned around."),
            *_size(2000),
        ),
    ),
    "line": DatasetSpec(
        label="A line with outliers",
        task="regression",
        about="A straight line with noise; some rows lie far above it.",
        source="generated",
        licence="none needed",
        load=line,
        params=(
            Param("outliers", "Outliers", 0.05, 0.0, 0.4, 0.01, help="Share of rows that lie 5 above the line."),
            _noise(0.3, 2.0, 0.1, "Standard deviation of y around the line."),
            *_size(1000),
        ),
    ),
}
