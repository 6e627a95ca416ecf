"""Compare sources on the same rows: their values, and a paired bootstrap of the differences.

All sources are evaluated on the same resamples, so the difficulty of a row largely cancels in a difference. Rows are
drawn without regard to class, so the prevalence varies as it does between samples. Thresholds are fixed: an interval
reflects the uncertainty from the rows, not from tuning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import METRICS, MetricSpec, ThresholdCounts, calibration, predicted_positive
from core.evaluation.bootstrap import RESAMPLES, RankedRows, check, draws, expanded_level, percentile_interval, running
from core.evaluation.metrics import ratio
from core.evaluation.scores import as_labels, as_scores, as_weights
from core.parameters import Param, Value, checked

LEVEL = 0.95

Statistic = Callable[[NDArray], NDArray[np.float64]]


class Scored(NamedTuple):
    """A source on some rows: labels y (N,), scores (N,) and the threshold t for `score >= t`."""

    y: NDArray[np.bool_]
    score: NDArray[np.floating]
    threshold: float

    @property
    def are_probabilities(self) -> bool:
        """Whether all scores are in [0, 1]."""
        return bool(self.score.min(initial=0) >= 0 and self.score.max(initial=1) <= 1)


@dataclass(frozen=True)
class Measure:
    """A measure to compare sources by.

    `of(scored, **params)` returns a function from how much each row counts, (B, N), to values (B,), NaN if undefined.
    """

    name: str
    label: str
    of: Callable[..., Statistic]
    higher_is_better: bool
    help: str
    reference: str
    params: tuple[Param, ...] = ()
    at_threshold: bool = False


@dataclass(frozen=True, eq=False)
class Comparison:
    """Values (R,) of R sources on the rows, and (R, B) on each of B resamples; NaN where undefined."""

    values: NDArray[np.float64]
    resampled: NDArray[np.float64]
    higher_is_better: bool
    level: float
    rarer: int  # rows of the rarer class

    @property
    def differences(self) -> NDArray[np.float64]:
        """Each value minus that of the first source, (R,)."""
        return self.values - self.values[0]

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Confidence intervals (R, 2) at `level` for the population differences at these thresholds.

        They are percentiles over resamples, widened for few rows of the rarer class by `expanded_level`. Resamples with
        an undefined difference are left out; NaN if all are.
        """
        return percentile_interval(self._resampled_differences, expanded_level(self.level, self.rarer))

    @property
    def better(self) -> NDArray[np.float64]:
        """Share of the resamples with a defined difference in which a source is better than the first, (R,)."""
        gained = self._resampled_differences if self.higher_is_better else -self._resampled_differences
        return ratio(np.count_nonzero(gained > 0, axis=1), np.count_nonzero(~np.isnan(gained), axis=1))

    @property
    def told_apart(self) -> NDArray[np.bool_]:
        """Whether the interval excludes 0, (R,)."""
        return (self.intervals[:, 0] > 0) | (self.intervals[:, 1] < 0)

    @property
    def undefined(self) -> NDArray[np.int64]:
        """Number of resamples with an undefined difference, (R,)."""
        return np.count_nonzero(np.isnan(self._resampled_differences), axis=1)

    @property
    def _resampled_differences(self) -> NDArray[np.float64]:
        return self.resampled - self.resampled[0]


def compare(
    measure: str,
    y_true: ArrayLike,
    y_score: Sequence[ArrayLike],
    thresholds: Sequence[float],
    params: tuple[tuple[str, Value], ...] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
    sample_weight: ArrayLike | None = None,
    stratified: bool = False,
) -> Comparison:
    """Compare R sources with the first of them by one of `measures`.

    In simulations with a tenth of the rows positive, an interval at .95 covers the difference in .93 to .98 of samples
    of 100, 300 and 1,000 rows, with one exception: for recall on 100 rows, ten of them positive and often none decided
    differently, it covers the difference in .76 (benchmarks/coverage.py).

    Parameters
    ----------
    measure : a name in `measures()`.
    y_true : labels (N,) in {0, 1}.
    y_score : R arrays of finite scores (N,), each compared in its own dtype.
    thresholds : (R,), t for `score >= t`.
    params : parameters of the measure; the others keep their defaults.
    resamples : number of resamples, >= 1; the time grows with N * R * resamples.
    seed : of the resamples, which are the same for every measure and number of sources.
    level : of the intervals, in (0, 1).
    sample_weight : (N,), >= 0, by default 1 per row; rows of weight 0 are left out.
    stratified : whether each resample has as many rows of each class as there are; by default the class is ignored.

    Returns
    -------
    The values on the rows and on resamples.

    Raises
    ------
    CutoffError for invalid rows or weights, an unknown measure or parameter, fewer than one resample, and a level
    outside (0, 1).
    """
    if measure not in measures():
        raise CutoffError(f"Expected `measure` to be one of {', '.join(measures())}, but got {measure!r}.")
    check(resamples, level)
    sources, weight = _scored(y_true, y_score, thresholds, sample_weight)
    spec, y = measures()[measure], sources[0].y
    statistics = [spec.of(source, **checked(measure, spec.params, dict(params))) for source in sources]
    drawn = []
    for times in draws(y.size, resamples, seed, strata=y if stratified else None):
        counting = times * weight
        drawn.append([statistic(counting) for statistic in statistics])
    return Comparison(
        values=_on_the_rows(statistics, weight),
        resampled=np.concatenate(drawn, axis=1),
        higher_is_better=spec.higher_is_better,
        level=level,
        rarer=min(np.unique(y, return_counts=True)[1], default=0),
    )


def numbers(
    y_true: ArrayLike,
    y_score: Sequence[ArrayLike],
    thresholds: Sequence[float],
    cost_fp: float,
    cost_fn: float,
    sample_weight: ArrayLike | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The measures of R sources that a table shows: those in summaries, cost and positive-class ECE.

    Parameters
    ----------
    y_true, y_score, thresholds, sample_weight : as for `compare`.
    cost_fp, cost_fn : cost of a false positive and of a false negative, >= 0.

    Returns
    -------
    Values (R,) by identifier, see `number_label`. Brier score, log-loss and ECE are NaN for scores outside [0, 1].

    Raises
    ------
    CutoffError for invalid rows or weights.
    """
    sources, weight = _scored(y_true, y_score, thresholds, sample_weight)
    params: dict[str, dict[str, Value]] = {"cost": {"cost_fp": cost_fp, "cost_fn": cost_fn}}
    found = {}
    for name, measure in measures().items():
        if name not in METRICS or METRICS[name].in_summary or name in params:
            statistics = [measure.of(source, **params.get(name, {})) for source in sources]
            found[name] = _on_the_rows(statistics, weight)
    return found | {"ece": np.array([_calibration_error(source, weight) for source in sources])}


def _scored(
    y_true: ArrayLike, y_score: Sequence[ArrayLike], thresholds: Sequence[float], sample_weight: ArrayLike | None
) -> tuple[list[Scored], NDArray[np.float64]]:
    """Each source on the rows whose weight is not 0, and these weights, by default 1."""
    y, scores = as_labels(np.asarray(y_true), 2) == 1, [as_scores(score) for score in y_score]
    if y.ndim != 1 or not scores or any(score.shape != y.shape for score in scores):
        shapes = ", ".join(str(score.shape) for score in scores) or "none"
        raise CutoffError(f"Expected every `y_score` to have the shape {y.shape} of `y_true`, (N,), but got {shapes}.")
    if len(thresholds) != len(scores):
        raise CutoffError(f"Expected {len(scores)} `thresholds`, one a source, but got {len(thresholds)}.")
    weight = as_weights(np.ones(y.shape) if sample_weight is None else sample_weight, y.shape)
    kept = weight > 0
    return [Scored(y[kept], s[kept], float(t)) for s, t in zip(scores, thresholds, strict=True)], weight[kept]


def _on_the_rows(statistics: Sequence[Statistic], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values (R,) if every row counts with its weight."""
    return np.array([statistic(weight[None])[0] for statistic in statistics])


def _at_threshold(spec: MetricSpec, source: Scored, **params: Value) -> Statistic:
    y, predicted = source.y, predicted_positive(source.score, source.threshold)
    cells = np.stack([predicted & y, predicted & ~y, ~predicted & y, ~predicted & ~y], axis=1).astype(
        np.float64
    )  # (N, 4)

    def statistic(times: NDArray) -> NDArray[np.float64]:
        tp, fp, fn, tn = (times @ cells).T
        return spec(ThresholdCounts(np.full(tp.shape, source.threshold), tp, fp, fn, tn), **params)

    return statistic


def average_precision(source: Scored) -> Statistic:
    """Average precision: the sum over distinct scores of precision times the increase in recall."""
    y, score = source.y, source.score
    ranked = RankedRows.of(y, score, np.append(score.dtype.type(np.inf), np.unique(score[y])[::-1]))

    def statistic(times: NDArray) -> NDArray[np.float64]:
        counts = ranked.counts(times)
        tp, gained = counts.tp[:, 1:], np.diff(counts.tp, axis=1)
        precision = np.divide(tp, tp + counts.fp[:, 1:], out=np.zeros_like(tp), where=tp > 0)
        return ratio(np.einsum("bt,bt->b", gained, precision), counts.tp[:, -1])

    return statistic


def roc_auc(source: Scored) -> Statistic:
    """ROC-AUC: share of the pairs of a positive and a negative row in which the positive scores higher, ties half."""
    positive, negative = np.flatnonzero(source.y), np.flatnonzero(~source.y)
    negative = negative[np.argsort(source.score[negative])]
    below, up_to = (source.score[negative].searchsorted(source.score[positive], side) for side in ("left", "right"))

    def statistic(times: NDArray) -> NDArray[np.float64]:
        positives, negatives = times.take(positive, 1), running(times.take(negative, 1))
        twice = np.einsum("bp,bp->b", positives, negatives.take(below, 1) + negatives.take(up_to, 1))
        return ratio(twice, 2 * positives.sum(1) * negatives[:, -1])

    return statistic


def _mean_of(
    loss: Callable[[NDArray[np.bool_], NDArray[np.floating]], NDArray[np.float64]], source: Scored
) -> Statistic:
    """The mean over rows of a loss of y_true (N,) and y_score (..., N); NaN for scores outside [0, 1]."""
    of_row = np.full(source.y.shape, np.nan)
    if source.are_probabilities:
        for truth in (True, False):
            of_row[source.y == truth] = loss(np.array([truth]), source.score[source.y == truth, None])

    def statistic(times: NDArray) -> NDArray[np.float64]:
        return ratio(times @ of_row, times.sum(1))

    return statistic


def _calibration_error(source: Scored, weight: NDArray[np.float64]) -> float:
    if not source.are_probabilities:
        return float("nan")
    return float(calibration.calibration_error(source.y, source.score, sample_weight=weight))


def _of_metric(spec: MetricSpec) -> Measure:
    return Measure(
        name=spec.name,
        label=spec.label,
        of=partial(_at_threshold, spec),
        higher_is_better=spec.higher_is_better,
        help=spec.help,
        reference=spec.reference,
        params=spec.params,
        at_threshold=True,
    )


OF_SCORES: dict[str, Measure] = {
    "average_precision": Measure(
        name="average_precision",
        label="Average precision",
        of=average_precision,
        higher_is_better=True,
        help="Mean precision over all recalls, whatever the threshold; the prevalence for uninformative scores.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
    ),
    "roc_auc": Measure(
        name="roc_auc",
        label="ROC-AUC",
        of=roc_auc,
        higher_is_better=True,
        help="Probability that a positive row scores above a negative one, ties half; .5 for uninformative scores.",
        reference="Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982, "
        "https://doi.org/10.1148/radiology.143.1.7063747",
    ),
    "brier": Measure(
        name="brier",
        label="Brier score",
        of=partial(_mean_of, calibration.brier),
        higher_is_better=False,
        help="Mean squared difference between the score and the actual class, 1 or 0.",
        reference="Brier, Verification of forecasts expressed in terms of probability, 1950, "
        "https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    "log_loss": Measure(
        name="log_loss",
        label="Log-loss",
        of=partial(_mean_of, calibration.log_loss),
        higher_is_better=False,
        help="Mean of -log of the probability of the actual class, in nats; confident mistakes weigh heavily.",
        reference="Good, Rational decisions, 1952, https://doi.org/10.1111/j.2517-6161.1952.tb00104.x",
    ),
}  # those that do not depend on the threshold


def measures() -> dict[str, Measure]:
    """All measures by name: every metric at the threshold, and those of OF_SCORES."""
    return {name: _of_metric(spec) for name, spec in METRICS.items()} | OF_SCORES


def number_label(name: str) -> str:
    """The label of a number of `numbers`."""
    return "ECE" if name == "ece" else measures()[name].label
