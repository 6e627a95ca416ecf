"""Synthetic data drawn from known distributions, with a noise level, a number of rows and a seed."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit
from sklearn.datasets import make_blobs, make_circles, make_moons, make_multilabel_classification

from core.data.dataset import Dataset, DatasetSpec
from core.parameters import Param

PLANE = ("x1", "x2")
TWO = ("negative", "positive")
# Difference of the class means of each of the ten features of `fraud`; the first SKEWED are exponentiated.
FRAUD_EFFECTS = np.array([1.6, 1.2, 0.9, 0.8, 0.6, 0.5, 0.4, 0.0, 0.0, 0.0])
SKEWED = 3


def gaussians(separation: float, noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Two isotropic Gaussians in the plane, with a known posterior.

    x | y=1 ~ N(separation u / 2, noise^2 I) and x | y=0 ~ N(-separation u / 2, noise^2 I) with u = (1, 1) / sqrt(2), so
    logit P(y=1|x) = logit(prevalence) + separation (u . x) / noise^2. Exactly round(samples * prevalence) rows are
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
    """A ring of negatives around a ring of positives with half the radius."""
    x, y = make_circles(_sizes(samples, prevalence), noise=noise, factor=0.5, random_state=seed)
    return _in_plane("circles", x, y)


def spirals(turns: float, noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Two spirals of radius 1 from the centre outwards, half a turn apart."""
    rng = np.random.default_rng(seed)
    y = _labels(samples, prevalence, rng)
    radius = np.sqrt(rng.random(samples))  # uniform over the disc
    angle = 2 * np.pi * turns * radius + np.pi * y
    x = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return _in_plane("spirals", x + noise * rng.standard_normal(x.shape), y)


def blobs(classes: int, noise: float, samples: int, seed: int) -> Dataset:
    """Isotropic Gaussians whose centres are evenly spaced on the unit circle."""
    angles = 2 * np.pi * np.arange(classes) / classes
    centers = np.column_stack([np.cos(angles), np.sin(angles)])
    x, y = make_blobs(samples, centers=centers, cluster_std=noise, random_state=seed)
    names = tuple("ABCDEF"[:classes])
    return Dataset("blobs", "multiclass", x.astype(np.float32), y.astype(np.int64), names, PLANE)


def multilabel_synthetic(labels: int, noise: float, samples: int, seed: int) -> Dataset:
    """Word counts of documents with two topics on average; `noise` is the fraction of labels that are flipped."""
    x, y = make_multilabel_classification(samples, n_features=20, n_classes=labels, n_labels=2, random_state=seed)
    y = y ^ (np.random.default_rng(seed).random(y.shape) < noise)
    names = tuple(f"topic {i}" for i in range(1, labels + 1))
    features = tuple(f"word {i}" for i in range(1, 21))
    return Dataset("multilabel_synthetic", "multilabel", x.astype(np.float32), y.astype(np.int64), names, features)


def fraud(noise: float, prevalence: float, samples: int, seed: int) -> Dataset:
    """Ten features with rare positives and a known posterior.

    g | y ~ N(y d, noise^2 I) with d = FRAUD_EFFECTS, so logit P(y=1|g) = logit(prevalence) +
    (d . g - |d|^2 / 2) / noise^2. The features are x = g, with x = exp(g) for the first three, which makes them skewed.
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
    """y = 2 x + noise with x uniform in [-1, 1]; 5 is added to y in a fraction `outliers` of the rows."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (samples, 1))
    y = 2 * x[:, 0] + noise * rng.standard_normal(samples)
    y[rng.permutation(samples)[: round(samples * outliers)]] += 5
    return Dataset("line", "regression", x.astype(np.float32), y.astype(np.float32), (), ("x",), target="y")


def _in_plane(name: str, x: np.ndarray, y: np.ndarray) -> Dataset:
    return Dataset(name, "binary", x.astype(np.float32), y.astype(np.int64), TWO, PLANE)


def _sizes(samples: int, prevalence: float) -> tuple[int, int]:
    """Number of negatives and of positives."""
    positives = round(samples * prevalence)
    return samples - positives, positives


def _labels(samples: int, prevalence: float, rng: np.random.Generator) -> np.ndarray:
    """Shuffled labels (N,), exactly round(samples * prevalence) of them positive."""
    y = np.zeros(samples, np.int64)
    y[rng.permutation(samples)[: round(samples * prevalence)]] = 1
    return y


def _noise(default: float, high: float, step: float, help: str, low: float = 0.0) -> Param:
    return Param("noise", "Noise", default, low, high, step, help=help)


def _prevalence(default: float) -> Param:
    return Param("prevalence", "Prevalence", default, 0.005, 0.995, 0.005, help="Fraction of positive rows.")


def _size(rows: int) -> tuple[Param, Param]:
    return (
        Param("samples", "Rows", rows, 40, 50_000, 100, integer=True, help="Number of rows before the split."),
        Param("seed", "Data seed", 0, 0, 9999, 1, integer=True, help="Seed of the random data."),
    )


DEVIATION = "Standard deviation of the Gaussian noise added to each point."
SYNTHETIC: dict[str, DatasetSpec] = {
    "gaussians": DatasetSpec(
        label="Two Gaussians",
        task="binary",
        about="Points in the plane from two isotropic Gaussians; the true probability is known.",
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
        about="Two interleaving half circles in the plane.",
        source="generated, scikit-learn's make_moons",
        licence="none needed",
        load=moons,
        params=(_noise(0.2, 1.0, 0.05, DEVIATION), _prevalence(0.5), *_size(2000)),
    ),
    "circles": DatasetSpec(
        label="Circles",
        task="binary",
        about="A ring of positives inside a ring of negatives: not linearly separable.",
        source="generated, scikit-learn's make_circles",
        licence="none needed",
        load=circles,
        params=(_noise(0.15, 1.0, 0.05, DEVIATION), _prevalence(0.5), *_size(2000)),
    ),
    "spirals": DatasetSpec(
        label="Spirals",
        task="binary",
        about="Two interleaved spirals: hard for a small network.",
        source="generated",
        licence="none needed",
        load=spirals,
        params=(
            Param("turns", "Turns", 1.0, 0.25, 3.0, 0.25, help="Number of turns of each spiral."),
            _noise(0.03, 0.5, 0.01, DEVIATION),
            _prevalence(0.5),
            *_size(2000),
        ),
    ),
    "fraud": DatasetSpec(
        label="Fraud-like",
        task="binary",
        about="Ten features of simulated payments, three of them skewed; fraud is the positive class. The true "
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
        about="Isotropic Gaussians in the plane, one per class.",
        source="generated, scikit-learn's make_blobs",
        licence="none needed",
        load=blobs,
        params=(
            Param("classes", "Classes", 4, 3, 6, 1, integer=True, help="Number of Gaussians."),
            _noise(0.3, 2.0, 0.05, "Standard deviation of each Gaussian; the centres lie on the unit circle.", 0.05),
            *_size(2000),
        ),
    ),
    "multilabel_synthetic": DatasetSpec(
        label="Topics (multi-label)",
        task="multilabel",
        about="Twenty word counts of simulated documents, each with any number of topics.",
        source="generated, scikit-learn's make_multilabel_classification",
        licence="none needed",
        load=multilabel_synthetic,
        params=(
            Param("labels", "Labels", 5, 2, 20, 1, integer=True, help="Number of topics."),
            _noise(0.05, 0.4, 0.05, "Fraction of labels that are flipped."),
            *_size(2000),
        ),
    ),
    "line": DatasetSpec(
        label="A line with outliers",
        task="regression",
        about="A straight line with noise and outliers above it.",
        source="generated",
        licence="none needed",
        load=line,
        params=(
            Param("outliers", "Outliers", 0.05, 0.0, 0.4, 0.01, help="Fraction of rows shifted up by 5."),
            _noise(0.3, 2.0, 0.1, "Standard deviation of y around the line."),
            *_size(1000),
        ),
    ),
}
