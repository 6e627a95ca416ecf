"""Runs compared on the same rows: what each of them is worth, and a paired bootstrap of the differences.

A resample draws positive and negative rows with replacement, as many of each as there are (Efron, 1979), and every run
is measured on the same drawn rows: what is hard about them is so for all runs and drops out of a difference. Thresholds
stay where they are, so an interval says how far the rows, not the tuning, leave a difference open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError
from core.evaluation import METRICS, MetricSpec, ThresholdCounts, calibration, predicted_positive
from core.evaluation.metrics import ratio
from core.evaluation.scores import as_labels, as_scores
from core.parameters import Param, Value, checked

RESAMPLES, LEVEL = 1000, 0.95
AT_ONCE = 2**17  # counts of a block of resamples, few enough to stay in a core's cache
SHOWN = ("precision", "recall", "f1", "cost", "average_precision", "roc_auc", "brier", "log_loss")

Statistic = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


class Scored(NamedTuple):
    """What a run makes of the rows: scores of the positive ones (P,) and of the negative ones (N,), its threshold."""

    positive: NDArray[np.floating]
    negative: NDArray[np.floating]
    threshold: float


@dataclass(frozen=True)
class Measure:
    """What runs are compared by. `of(scored, **params)` prepares a function from how often each positive row counts,
    (P, B), and each negative one, (N, B), to the values (B,), NaN where they are undefined."""

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

    @property
    def differences(self) -> NDArray[np.float64]:
        """Each value less that of the first run, (R,)."""
        return self.values - self.values[0]

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Percentile intervals of the differences, (R, 2): `level` of the resamples lie between the ends, which are
        differences of resamples themselves. Resamples without a difference are left out; NaN if all are."""
        ordered = np.sort(self._resampled_differences, axis=1)  # NaN last
        known = np.count_nonzero(~np.isnan(ordered), axis=1)
        beyond = ((1 - self.level) / 2 * known).astype(int)
        places = np.stack([beyond, np.maximum(known - 1 - beyond, 0)], axis=1)
        return np.take_along_axis(ordered, places, axis=1)

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
) -> Comparison:
    """Compare R runs by a measure of MEASURES: the first of them is what the others are compared with.

    y_true (N,) in {0, 1}; y_score R times (N,), each decided in its own dtype; thresholds (R,). The same seed draws the
    same rows for every measure and any number of runs. Time grows with N x R x resamples. Raises CutoffError for bad
    rows, an unknown measure or param, less than one resample, and a level outside (0, 1).
    """
    if measure not in MEASURES:
        raise CutoffError(f"Expected `measure` to be one of {', '.join(MEASURES)}, but got {measure!r}.")
    if resamples < 1:
        raise CutoffError(f"Expected `resamples` to be at least 1, but got {resamples!r}.")
    if not 0 < level < 1:
        raise CutoffError(f"Expected `level` to be above 0 and below 1, but got {level!r}.")
    runs, spec = _scored(y_true, y_score, thresholds), MEASURES[measure]
    statistics = [spec.of(run, **checked(measure, spec.params, dict(params))) for run in runs]
    positives, negatives = len(runs[0].positive), len(runs[0].negative)
    drawn = [[statistic(*times) for statistic in statistics] for times in _draws(positives, negatives, resamples, seed)]
    return Comparison(
        values=_on_the_rows(statistics, runs[0]),
        resampled=np.concatenate(drawn, axis=1),
        higher_is_better=spec.higher_is_better,
        level=level,
    )


def numbers(
    y_true: ArrayLike, y_score: Sequence[ArrayLike], thresholds: Sequence[float], cost_fp: float, cost_fn: float
) -> dict[str, NDArray[np.float64]]:
    """The measures of SHOWN and the positive-class ECE by label, (R,) for R runs, given as for `compare`.

    Brier score, log-loss and ECE are NaN for scores outside [0, 1].
    """
    runs = _scored(y_true, y_score, thresholds)
    params: dict[str, dict[str, Value]] = {"cost": {"cost_fp": cost_fp, "cost_fn": cost_fn}}
    found = {}
    for name in SHOWN:
        statistics = [MEASURES[name].of(run, **params.get(name, {})) for run in runs]
        found[MEASURES[name].label] = _on_the_rows(statistics, runs[0])
    return found | {"ECE": np.array([_calibration_error(run) for run in runs])}


def _scored(y_true: ArrayLike, y_score: Sequence[ArrayLike], thresholds: Sequence[float]) -> list[Scored]:
    y, scores = as_labels(np.asarray(y_true), 2) == 1, [as_scores(score) for score in y_score]
    if y.ndim != 1 or not scores or any(score.shape != y.shape for score in scores):
        shapes = ", ".join(str(score.shape) for score in scores) or "none"
        raise CutoffError(f"Expected every `y_score` to have the shape {y.shape} of `y_true`, (N,), but got {shapes}.")
    if len(thresholds) != len(scores):
        raise CutoffError(f"Expected {len(scores)} `thresholds`, one a run, but got {len(thresholds)}.")
    return [Scored(score[y], score[~y], float(t)) for score, t in zip(scores, thresholds, strict=True)]


def _on_the_rows(statistics: Sequence[Statistic], rows: Scored) -> NDArray[np.float64]:
    """The values (R,) when every row counts once."""
    once = np.ones((len(rows.positive), 1)), np.ones((len(rows.negative), 1))
    return np.array([statistic(*once)[0] for statistic in statistics])


def _draws(
    positives: int, negatives: int, resamples: int, seed: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """How often each positive row, (P, B), and each negative one, (N, B), is drawn, B resamples at a time.

    Rows first: sums over rows then run through memory in order, many resamples at once.
    """
    of_positives, of_negatives = np.random.default_rng(seed).spawn(2)
    size = max(1, AT_ONCE // (positives + negatives + 1))
    for start in range(0, resamples, size):
        block = min(size, resamples - start)
        yield _times(positives, block, of_positives), _times(negatives, block, of_negatives)


def _times(rows: int, resamples: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """How often each of the rows is drawn when as many are drawn, (rows, B)."""
    if not rows:
        return np.zeros((0, resamples))
    drawn = generator.integers(rows, size=(resamples, rows)) * resamples + np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * resamples).reshape(rows, resamples).astype(np.float64)


def _at_threshold(spec: MetricSpec, run: Scored, **params: Value) -> Statistic:
    predicted, false_positive = (
        predicted_positive(scores, run.threshold).astype(np.float64) for scores in (run.positive, run.negative)
    )

    def statistic(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
        tp, fp = predicted @ positives, false_positive @ negatives
        t = np.full(tp.shape, run.threshold)
        return spec(ThresholdCounts(t, tp, fp, positives.sum(0) - tp, negatives.sum(0) - fp), **params)

    return statistic


def average_precision(run: Scored) -> Statistic:
    """Sum over the distinct scores of positive rows of the recall gained there times the precision there."""
    order, order_negative = np.argsort(-run.positive), np.argsort(-run.negative)
    falling, first = np.unique(-run.positive[order], return_index=True)  # T distinct scores, and where each begins
    as_high = np.searchsorted(-run.negative[order_negative], falling, side="right")

    def statistic(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(positives):
            return np.full(positives.shape[1], np.nan)
        gained = np.add.reduceat(positives[order], first, axis=0)  # (T, B)
        tp, fp = np.cumsum(gained, axis=0), _summed(negatives[order_negative])[as_high]
        precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp > 0)
        return (gained * precision).sum(0) / tp[-1]

    return statistic


def roc_auc(run: Scored) -> Statistic:
    """Share of the pairs of a positive and a negative row in which the positive one scores higher, ties half."""
    order = np.argsort(run.negative)
    rising = run.negative[order]
    below, up_to = (rising.searchsorted(run.positive, side) for side in ("left", "right"))

    def statistic(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
        summed = _summed(negatives[order])
        beaten = np.einsum("pb,pb->b", positives, summed[below] + summed[up_to])  # twice
        return ratio(beaten, 2 * positives.sum(0) * summed[-1])

    return statistic


def _summed(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often the first n rows count together, (N + 1, B), n from 0 to N."""
    sums = np.zeros((len(times) + 1, times.shape[1]))
    np.cumsum(times, axis=0, out=sums[1:])
    return sums


def _mean_of(loss: Callable[[NDArray[np.bool_], NDArray[np.floating]], NDArray[np.float64]], run: Scored) -> Statistic:
    """The mean over rows of a loss of y_true (N,) and y_score (..., N); NaN for scores that are no probabilities."""
    of_positive, of_negative = (
        loss(np.array([truth]), scores[:, None]) if _are_probabilities(run) else np.full(scores.shape, np.nan)
        for truth, scores in ((True, run.positive), (False, run.negative))
    )

    def statistic(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
        return ratio(of_positive @ positives + of_negative @ negatives, positives.sum(0) + negatives.sum(0))

    return statistic


def _calibration_error(run: Scored) -> float:
    if not _are_probabilities(run):
        return float("nan")
    y = np.repeat([True, False], [len(run.positive), len(run.negative)])
    return float(calibration.calibration_error(y, np.concatenate([run.positive, run.negative])))


def _are_probabilities(run: Scored) -> bool:
    return all(side.min(initial=0) >= 0 and side.max(initial=1) <= 1 for side in (run.positive, run.negative))


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


MEASURES: dict[str, Measure] = {name: _of_metric(spec) for name, spec in METRICS.items()} | {
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
}
