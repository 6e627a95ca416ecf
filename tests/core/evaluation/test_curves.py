from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as sk

from core.evaluation import (
    METRICS,
    Curve,
    ScoreIndex,
    metric_curve,
    pr_curve,
    roc_curve,
)
from tests.support.scored_rows import rows


def full_pr(index: ScoreIndex) -> tuple[np.ndarray, np.ndarray]:
    at = index.counts_at_scores()
    recall, precision = METRICS["recall"](at), METRICS["precision"](at)
    return np.append(0.0, recall), np.append(precision[0], precision)


def full_roc(index: ScoreIndex) -> tuple[np.ndarray, np.ndarray]:
    at = index.counts(np.append(np.inf, index.distinct_scores()))
    return 1 - METRICS["specificity"](at), METRICS["recall"](at)


def full_metric(index: ScoreIndex, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of every step, in the plot's unit box."""
    scores = index.distinct_scores()
    at = index.counts(np.sort(np.append(scores, np.nextafter(scores, np.inf, dtype=scores.dtype)))[::-1])
    x, y = at.thresholds.astype(float), METRICS[name](at)
    low, high = index.score_range
    width = 1.0 if low >= 0 and high <= 1 else high - low
    height = np.nanmax(METRICS[name](index.counts([np.inf, low]))) if name == "cost" else 1.0
    defined = np.isfinite(y)
    return x[defined] / width, y[defined] / height


def chebyshev(x: np.ndarray, y: np.ndarray, line_x: np.ndarray, line_y: np.ndarray) -> float:
    """Largest Chebyshev distance of the points (x, y) from the polyline; each is the least of a segment's."""
    dx, dy = np.diff(line_x), np.diff(line_y)
    worst = 0.0
    for block in np.array_split(np.arange(x.size), x.size // 500 + 1):
        a, b = x[block, None] - line_x[:-1], y[block, None] - line_y[:-1]
        least = np.full(block.size, np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            # max(|a - s dx|, |b - s dy|) is least where one of them is 0, where they are equal, or at an end.
            for share in (0 * a, 0 * a + 1, a / dx, b / dy, (a - b) / (dx - dy), (a + b) / (dx + dy)):
                s = np.clip(np.nan_to_num(share), 0, 1)
                least = np.minimum(least, np.maximum(np.abs(a - s * dx), np.abs(b - s * dy)).min(axis=1))
        worst = max(worst, least.max(initial=0))
    return worst


def assert_thinned(curve: Curve, x: np.ndarray, y: np.ndarray, eps: float, box=(1.0, 1.0)) -> None:
    """The curve keeps both ends of the full one, and each is within eps of the other."""
    kept_x, kept_y = curve.x / box[0], curve.y / box[1]
    ends = np.array([[kept_x[0], kept_y[0]], [kept_x[-1], kept_y[-1]]])
    np.testing.assert_allclose(ends, [[x[0], y[0]], [x[-1], y[-1]]], atol=1e-12)
    assert curve.max_error <= eps
    slack = 1e-12
    assert chebyshev(x, y, kept_x, kept_y) <= curve.max_error + slack
    halves = (kept_x[1:] + kept_x[:-1]) / 2, (kept_y[1:] + kept_y[:-1]) / 2
    assert chebyshev(*halves, x, y) <= curve.max_error + slack
    assert (np.diff(curve.thresholds) < 0).all()


def model(n: int, prevalence: float, kind: str, seed: int = 0) -> ScoreIndex:
    generator = np.random.default_rng(seed)
    y_true = generator.random(n) < prevalence
    logits = generator.normal(size=n) + 1.5 * y_true
    y_score = {
        "probabilities": 1 / (1 + np.exp(-logits)),
        "logits": 3 * logits,
        "float32": (1 / (1 + np.exp(-logits))).astype(np.float32),
        "ties": np.round(1 / (1 + np.exp(-logits)), 2),
        "worse than chance": 1 / (1 + np.exp(logits)),
        "perfect": 0.5 * y_true + generator.random(n) / 2,
        "weighted": 1 / (1 + np.exp(-logits)),
    }[kind]
    return ScoreIndex.of(y_true, y_score, generator.exponential(size=n) if kind == "weighted" else None)


KINDS = ("probabilities", "logits", "float32", "ties", "worse than chance", "perfect", "weighted")


@pytest.mark.parametrize("eps", [0.05, 1e-3])
@pytest.mark.parametrize("prevalence", [0.5, 0.02])
@pytest.mark.parametrize("kind", KINDS)
def test_thinned_curves_stay_within_their_bound(kind, prevalence, eps):
    index = model(2000, prevalence, kind)  # with eps = .05 more rows than the first thresholds
    assert_thinned(pr_curve(index, eps), *full_pr(index), eps)
    assert_thinned(roc_curve(index, eps), *full_roc(index), eps)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("kind", ["probabilities", "logits", "ties", "weighted"])
def test_thinned_metric_curves_stay_within_their_bound(name, kind):
    index, eps = model(1000, 0.2, kind), 0.05
    low, high = index.score_range
    width = high - low if kind == "logits" else 1.0
    height = np.max(METRICS[name](index.counts([np.inf, low]))) if name == "cost" else 1.0
    assert_thinned(metric_curve(index, METRICS[name], eps), *full_metric(index, name), eps, (width, height))


@pytest.mark.parametrize("prevalence", [0.5, 0.01])
def test_curves_of_many_rows_are_short(prevalence):
    index = model(200_000, prevalence, "float32")
    for curve in (pr_curve(index), roc_curve(index), metric_curve(index, METRICS["f1"])):
        assert curve.x.size <= 500
        assert curve.max_error <= 1e-3


@settings(max_examples=50)
@given(rows())
def test_every_kept_point_is_exact(data):
    index = ScoreIndex.of(*data)
    pr, roc = pr_curve(index), roc_curve(index)
    mcc, cost = metric_curve(index, METRICS["mcc"]), metric_curve(index, METRICS["cost"], cost_fp=2.0)
    for curve in (pr, roc, mcc, cost):
        again = index.counts(curve.thresholds)
        for field in ("tp", "fp", "fn", "tn"):
            np.testing.assert_array_equal(getattr(curve, field), getattr(again, field))
        assert np.isfinite([curve.x, curve.y]).all()
    np.testing.assert_array_equal(pr.x, METRICS["recall"](pr))
    np.testing.assert_array_equal(pr.y[1:], METRICS["precision"](pr)[1:])
    np.testing.assert_array_equal(roc.y, METRICS["recall"](roc))
    np.testing.assert_array_equal(mcc.x, mcc.thresholds)
    np.testing.assert_array_equal(mcc.y, METRICS["mcc"](mcc))
    np.testing.assert_array_equal(cost.y, METRICS["cost"](cost, cost_fp=2.0))


@pytest.mark.parametrize("y_true", [[], [0, 0, 0]])
def test_curves_that_are_undefined_have_no_points(y_true):
    index = ScoreIndex.of(y_true, np.linspace(0, 1, len(y_true)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curves = [pr_curve(index), roc_curve(index), metric_curve(index, METRICS["recall"])]
    for curve in curves:
        assert curve.x.size == curve.y.size == curve.tp.size == curve.thresholds.size == 0
        assert curve.max_error == 0


def test_only_positives_have_a_pr_curve_of_ones_and_no_roc_curve():
    index = ScoreIndex.of([1, 1, 1], [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(pr_curve(index).y, [1, 1])
    np.testing.assert_array_equal(pr_curve(index).x, [0, 1])
    assert roc_curve(index).x.size == 0


def test_constant_scores_are_a_level_pr_curve_and_the_diagonal():
    index = ScoreIndex.of([1, 0, 0, 0], np.full(4, 0.3))
    pr, roc = pr_curve(index), roc_curve(index)
    np.testing.assert_array_equal([pr.x, pr.y], [[0, 1], [0.25, 0.25]])
    np.testing.assert_array_equal([roc.x, roc.y], [[0, 1], [0, 1]])
    np.testing.assert_array_equal(pr.thresholds, [np.inf, 0.3])


@given(rows())
def test_counts_give_the_curves_of_scikit_learn(data):
    at = ScoreIndex.of(*data).counts_at_scores()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one class only
        precision, recall, thresholds = sk.precision_recall_curve(data.y_true, data.y_score, sample_weight=data.weight)
        fpr, tpr, _ = sk.roc_curve(data.y_true, data.y_score, sample_weight=data.weight, drop_intermediate=False)
    np.testing.assert_array_equal(at.thresholds, thresholds[::-1])
    np.testing.assert_allclose(METRICS["precision"](at), precision[-2::-1], rtol=1e-12)
    if at.tp[-1] > 0:  # without a positive row recall is NaN here and 1 there
        np.testing.assert_allclose(METRICS["recall"](at), recall[-2::-1], rtol=1e-12)
        np.testing.assert_allclose(METRICS["recall"](at), tpr[1:], rtol=1e-12)
    np.testing.assert_allclose(1 - METRICS["specificity"](at), fpr[1:], rtol=1e-12, atol=1e-12)
