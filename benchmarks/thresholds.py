"""Preparation and query of core.evaluation against scikit-learn and numpy masks, all exact, in one run.

Also a table of every metric at 99 cut-offs, as explainerdashboard 0.5 computes it for its sliders: seven of
scikit-learn's metrics at each cut-off, those that do not depend on it included (written after its description; its
cut-offs call `score > t` positive, so that they must lie between scores). And the bootstrap, of the whole tuning step
and of a paired comparison of six sources.

    python -m benchmarks.thresholds [--rows 100000 1000000 10000000]

Scores are float32 probabilities of a binary model at 30% positives, labels int64 as in most data sets. A query is
the four counts at one random threshold, a new one every time. Both sides must agree before either is timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn import metrics as sklearn
from sklearn.metrics import confusion_matrix, precision_recall_curve

from benchmarks.goals import Paired, header, paired_ratio, report, seconds_of
from core.evaluation import METRICS, Curve, Rankings, ScoreIndex, pr_curve
from core.evaluation.calibration import log_loss
from core.evaluation.comparison import compare, measures
from core.evaluation.tuning import RULES, bind, bootstrap

GOAL_ROWS = 10_000_000
CURVE_ROWS = 1_000_000
TABLE_ROWS, RESAMPLED_ROWS, RESAMPLES, SOURCES = 100_000, 10_000, 1000, 6
CUTOFFS = np.linspace(0.01, 0.99, 99)
Counts = tuple[int | np.signedinteger, ...]


def model_output(n_rows: int, prevalence: float = 0.3, seed: int = 0) -> tuple[NDArray, NDArray]:
    """Labels (N,) int64 and probabilities (N,) float32 of a model that ranks 86% of the pairs correctly."""
    generator = np.random.default_rng(seed)
    y_true = (generator.random(n_rows) < prevalence).astype(np.int64)
    logits = generator.standard_normal(n_rows, dtype=np.float32) + np.float32(1.5) * y_true.astype(np.float32)
    return y_true, expit(logits - 1)


def preparation(y_true: NDArray, y_score: NDArray, repeats: int) -> Paired:
    """precision_recall_curve against the index, whose counts must give the same curve, point by point."""
    precision, recall, thresholds = precision_recall_curve(y_true, y_score)
    at = ScoreIndex.of(y_true, y_score).counts_at_scores()
    np.testing.assert_array_equal(at.thresholds, thresholds[::-1])
    np.testing.assert_allclose(METRICS["precision"](at), precision[-2::-1], rtol=1e-12)
    np.testing.assert_allclose(METRICS["recall"](at), recall[-2::-1], rtol=1e-12)
    return paired_ratio(
        lambda: precision_recall_curve(y_true, y_score), lambda: ScoreIndex.of(y_true, y_score), repeats
    )


def queries(y_true: NDArray, y_score: NDArray, repeats: int) -> tuple[Paired, Paired]:
    """Numpy masks, then scikit-learn's confusion_matrix, against the index, at thresholds from all over [0, 1]."""
    index = ScoreIndex.of(y_true, y_score)
    positive, n_positive = y_true == 1, np.count_nonzero(y_true)

    def by_index(threshold: np.float32) -> Counts:
        counts = index.counts(threshold)
        return int(counts.tp), int(counts.fp), int(counts.fn), int(counts.tn)

    def by_masks(threshold: np.float32) -> Counts:
        called = y_score >= threshold
        tp = np.count_nonzero(called & positive)
        fp = np.count_nonzero(called) - tp
        return tp, fp, n_positive - tp, y_score.size - n_positive - fp

    def by_scikit_learn(threshold: np.float32) -> Counts:
        (tn, fp), (fn, tp) = confusion_matrix(y_true, y_score >= threshold)
        return tp, fp, fn, tn

    thresholds = np.random.default_rng(1).random(100_000, dtype=np.float32)
    for threshold in [*thresholds[:10], *y_score[:10]]:
        assert by_index(threshold) == by_masks(threshold), threshold
    assert by_index(thresholds[0]) == by_scikit_learn(thresholds[0])

    def at_a_new_threshold(query: Callable[[np.float32], Counts]) -> Callable[[], Counts]:
        upcoming = cycle(thresholds)
        return lambda: query(next(upcoming))

    fast = at_a_new_threshold(by_index)
    return (
        paired_ratio(at_a_new_threshold(by_masks), fast, repeats, times=2000),
        paired_ratio(at_a_new_threshold(by_scikit_learn), fast, max(3, repeats // 5), times=2000),
    )


def thinned(prevalence: float) -> tuple[Curve, Paired]:
    """The thinned precision-recall curve of a million rows, and what it takes beside scikit-learn's full one."""
    y_true, y_score = model_output(CURVE_ROWS, prevalence)
    index = ScoreIndex.of(y_true, y_score)
    timing = paired_ratio(lambda: precision_recall_curve(y_true, y_score), lambda: pr_curve(index), repeats=5)
    return pr_curve(index), timing


def table_of_cutoffs() -> Paired:
    """Seven metrics at 99 cut-offs: scikit-learn's functions at each of them against one index and one sort."""
    y_true, y_score = model_output(TABLE_ROWS)

    def at_each() -> NDArray:
        rows = []
        for cutoff in CUTOFFS:
            called = np.where(y_score > cutoff, 1, 0)
            decided = [
                metric(y_true, called, **options)
                for metric, options in (
                    (sklearn.accuracy_score, {}),
                    (sklearn.precision_score, {"zero_division": 0}),
                    (sklearn.recall_score, {}),
                    (sklearn.f1_score, {}),
                )
            ]
            of_scores = (sklearn.roc_auc_score, sklearn.average_precision_score, sklearn.log_loss)
            rows.append(decided + [metric(y_true, y_score) for metric in of_scores])
        return np.array(rows)

    def at_once() -> NDArray:
        counts = ScoreIndex.of(y_true, y_score).counts(CUTOFFS.astype(np.float32))
        decided = [METRICS[name](counts) for name in ("accuracy", "precision", "recall", "f1")]
        positive = y_true == 1
        ranked = Rankings.of(positive, y_score[None])
        of_scores = (ranked.roc_aucs(), ranked.average_precisions(), np.atleast_1d(log_loss(positive, y_score)))
        return np.stack([*decided, *(np.broadcast_to(values, CUTOFFS.shape) for values in of_scores)], axis=1)

    np.testing.assert_allclose(at_once(), at_each(), rtol=1e-5)
    return paired_ratio(at_each, at_once, repeats=1, times=20)


def slowest_bootstrap() -> tuple[str, float]:
    """The rule whose bootstrap takes longest, and its seconds, the least of three."""
    y_true, y_score = model_output(RESAMPLED_ROWS)
    return slowest({name: partial(bootstrap, bind(name), y_true, y_score, RESAMPLES) for name in RULES})


def slowest_comparison() -> tuple[str, float]:
    """The measure whose paired comparison of SOURCES sources takes longest, and its seconds, the least of three."""
    y_true, y_score = model_output(RESAMPLED_ROWS)
    noise = np.random.default_rng(1).normal(0, 0.05, (SOURCES, RESAMPLED_ROWS))
    sources = list(np.clip(y_score + noise, 0, 1).astype(np.float32))
    half = [0.5] * SOURCES
    return slowest({name: partial(compare, name, y_true, sources, half, resamples=RESAMPLES) for name in measures()})


def slowest(timed: Mapping[str, Callable[[], object]]) -> tuple[str, float]:
    """The name of the slowest and its seconds, the least of three."""
    seconds = {name: min(seconds_of(function) for _ in range(3)) for name, function in timed.items()}
    name = max(seconds, key=seconds.__getitem__)
    return name, seconds[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, GOAL_ROWS])
    sizes = parser.parse_args().rows

    header("numpy", "scikit-learn")
    print("\n      rows   PR curve      index  ratio      masks  sklearn cm   query   ratio    ratio")
    goals: list[tuple[str, float, float, bool]] = []
    for n_rows in sizes:
        y_true, y_score = model_output(n_rows)
        prepared = preparation(y_true, y_score, repeats=5)
        masks, matrix = queries(y_true, y_score, repeats=25)
        print(
            f"{n_rows:>10,} {prepared.slow * 1e3:>7.1f} ms {prepared.fast * 1e3:>7.2f} ms {prepared.ratio:>5.1f}x"
            f" {masks.slow * 1e6:>7,.0f} us {matrix.slow * 1e6:>8,.0f} us {masks.fast * 1e6:>4.1f} us"
            f" {masks.ratio:>6,.0f}x {matrix.ratio:>7,.0f}x"
        )
        if n_rows == GOAL_ROWS:
            goals.append(("preparation of 1e7 rows over precision_recall_curve", prepared.ratio, 40, False))
            goals.append(("query of 1e7 rows over numpy masks", masks.ratio, 1000, False))

    print(f"\nprecision-recall curve of {CURVE_ROWS:,} rows, thinned")
    for prevalence in (0.3, 0.01):
        curve, timing = thinned(prevalence)
        print(
            f"{prevalence:>5.0%} positives: {curve.x.size} points within {curve.max_error:.2g} in"
            f" {timing.fast * 1e3:.1f} ms, all points in {timing.slow * 1e3:.0f} ms"
        )
        goals.append((f"curve points at {prevalence:.0%} positives", curve.x.size, 500, True))
        goals.append((f"curve error at {prevalence:.0%} positives", curve.max_error, 1e-3, True))
    table = table_of_cutoffs()
    print(
        f"\n7 metrics at {len(CUTOFFS)} cut-offs, {TABLE_ROWS:,} rows: {table.slow:.1f} s a cut-off at a time, "
        f"{table.fast * 1e3:.1f} ms at once"
    )
    goals.append(("table of 99 cut-offs over explainerdashboard's way", table.ratio, 1000, False))
    rule, seconds = slowest_bootstrap()
    print(f"tuning on {RESAMPLES:,} resamples of {RESAMPLED_ROWS:,} rows: at most {seconds:.2f} s ({rule})")
    goals.append(("seconds of the slowest bootstrap", seconds, 1, True))
    measure, seconds = slowest_comparison()
    print(f"paired comparison of {SOURCES} sources on as many: at most {seconds:.2f} s ({measure})")
    goals.append(("seconds of the slowest paired comparison", seconds, 1, True))
    print()
    for name, value, goal, at_most in goals:
        report(name, value, goal, at_most)


if __name__ == "__main__":
    main()
