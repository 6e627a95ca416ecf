"""Sources compared on the same rows: what each of them is worth, and a paired bootstrap of the differences.

All are measured on the same drawn rows: what is hard about a row is so for all sources and drops out of a difference.
Rows are drawn without regard to class, so the prevalence varies as it does between samples. Thresholds stay where they
are: an interval says how far the rows, not the tuning, leave a difference open.
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
    """What a source makes of the rows: their labels (N,), its scores (N,) and its threshold."""

    y: NDArray[np.bool_]
    score: NDArray[np.floating]
    threshold: float

    @property
    def are_probabilities(self) -> bool:
        return bool(self.score.min(initial=0) >= 0 and self.score.max(initial=1) <= 1)


@dataclass(frozen=True)
class Measure:
    """What sources are compared by. `of(scored, **params)` prepares a function from how much each row counts, (B, N),
    to the values (B,), NaN where they are undefined."""

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
    """Values (R,) of R runs on the rows, and (R, B) on each of B resamples; NaN where they are undefined."""

    values: NDArray[np.float64]
    resampled: NDArray[np.float64]
    higher_is_better: bool
    level: float
    rarer: int  # rows of the rarer class

    @property
    def differences(self) -> NDArray[np.float64]:
        """Each value less that of the first run, (R,)."""
        return self.values - self.values[0]

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Intervals at `level` of the differences in the population, thresholds being as they are, (R, 2): percentiles
        over resamples, wider for few rows of the rarer class as `expanded_level` says. Resamples without a difference
        are left out; NaN if all are."""
        return percentile_interval(self._resampled_differences, expanded_level(self.level, self.rarer))

    @property
    def better(self) -> NDArray[np.float64]:
        """Share of the resamples with a difference in which a run is strictly better than the first, (R,)."""
        gained = self._resampled_differences if self.higher_is_better else -self._resampled_differences
        return ratio(np.count_nonzero(gained > 0, axis=1), np.count_nonzero(~np.isnan(gained), axis=1))

    @property
    def told_apart(self) -> NDArray[np.bool_]:
        """Whether the interval leaves 0 out, (R,)."""
        return (self.intervals[:, 0] > 0) | (self.intervals[:, 1] < 0)

    @property
    def undefined(self) -> NDArray[np.int64]:
        """Number of resamples without a difference, (R,)."""
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
    """Compare R sources by one of `measures`: the first of them is what the others are compared with.

    Parameters: y_true (N,) in {0, 1}; y_score R times (N,), each decided in its own dtype; thresholds (R,), predicted
    positive at or above; params of the measure; resamples, >= 1; seed, of which the same one draws the same rows for
    every measure and any number of sources; level of the intervals, in (0, 1); sample_weight (N,), >= 0, rows of weight
    0 being left out; stratified, to draw as many rows of each class as there are, where by default rows are drawn
    without regard to class. Time grows with N x R x resamples.

    In simulations with a tenth of the rows positive an interval at .95 holds the difference in .93 to .98 of samples of
    100, 300 and 1,000 rows. One is short: of 100 rows, where recall has ten to go by, often none of which tells the
    sources apart, that of a difference of recalls holds it in .76 (benchmarks/coverage.py).

    Raises CutoffError for bad rows or weights, an unknown measure or param, less than one resample, and a level outside
    (0, 1).
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
    """Measures in summaries, cost and the positive-class ECE by identifier, see `number_label`, (R,) for R sources.

    They are given as for `compare`. Brier score, log-loss and ECE are NaN for scores outside [0, 1].
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
    """What each source makes of the rows whose weight is not 0, and these weights, 1 by default."""
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
    """The values (R,) when every row counts as it weighs."""
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
    """Sum over the distinct scores of positive rows of the recall gained there times the precision there."""
    y, score = source.y, source.score
    ranked = RankedRows.of(y, score, np.append(score.dtype.type(np.inf), np.unique(score[y])[::-1]))

    def statistic(times: NDArray) -> NDArray[np.float64]:
        counts = ranked.counts(times)
        tp, gained = counts.tp[:, 1:], np.diff(counts.tp, axis=1)
        precision = np.divide(tp, tp + counts.fp[:, 1:], out=np.zeros_like(tp), where=tp > 0)
        return ratio(np.einsum("bt,bt->b", gained, precision), counts.tp[:, -1])

    return statistic


def roc_auc(source: Scored) -> Statistic:
    """Share of the pairs of a positive and a negative row in which the positive one scores higher, ties half."""
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
    """The mean over rows of a loss of y_true (N,) and y_score (..., N); NaN for scores that are no probabilities."""
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
        help="Mean precision over all recalls, whatever the threshold is; the prevalence when scores know nothing.",
        reference="Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006, "
        "https://doi.org/10.1145/1143844.1143874",
    ),
    "roc_auc": Measure(
        name="roc_auc",
        label="ROC-AUC",
        of=roc_auc,
        higher_is_better=True,
        help="Chance that a positive row scores above a negative one, ties counting half; .5 when scores know nothing.",
        reference="Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982, "
        "https://doi.org/10.1148/radiology.143.1.7063747",
    ),
    "brier": Measure(
        name="brier",
        label="Brier score",
        of=partial(_mean_of, calibration.brier),
        higher_is_better=False,
        help="Mean squared distance of the score from 1 for a positive row and from 0 for a negative one.",
        reference="Brier, Verification of forecasts expressed in terms of probability, 1950, "
        "https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    "log_loss": Measure(
        name="log_loss",
        label="Log-loss",
        of=partial(_mean_of, calibration.log_loss),
        higher_is_better=False,
        help="Mean of -log of the probability given to what is true, in nats; one confident mistake weighs much.",
        reference="Good, Rational decisions, 1952, https://doi.org/10.1111/j.2517-6161.1952.tb00104.x",
    ),
}  # those that no threshold changes


def measures() -> dict[str, Measure]:
    """What sources are compared by: every metric at the threshold, and those of OF_SCORES."""
    return {name: _of_metric(spec) for name, spec in METRICS.items()} | OF_SCORES


def number_label(name: str) -> str:
    """What a number of `numbers` is called where it is shown."""
    return "ECE" if name == "ece" else measures()[name].label
