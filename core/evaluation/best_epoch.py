"""The best epoch of a run by measures of its scores that need no threshold, since each is that of the best one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.evaluation import METRICS, ThresholdCounts, index_scores
from core.evaluation.ranking import Rankings
from core.evaluation.scores import Scores
from core.evaluation.tuning import candidates
from core.evaluation.value.payoffs import Payoffs, net_value
from core.experiment.config import RunConfig


@dataclass(frozen=True)
class EpochMeasure:
    """A measure of a class or label; `function` takes the counts (T,) at all `candidates`; higher is better."""

    label: str
    function: Callable[[ThresholdCounts], float]

    def __call__(self, scores: Scores) -> float:
        """The mean over classes (one-vs-rest) or labels; undefined ones are left out, NaN if all are."""
        values = [self.function(candidates(index)) for index in index_scores(scores)]
        known = [value for value in values if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan


def average_precision(counts: ThresholdCounts) -> float:
    """Average precision; NaN without a positive row."""
    return float(Rankings.of_counts(counts[1:]).average_precisions()[0])  # without t = inf


def maximum_f1(counts: ThresholdCounts) -> float:
    """F1 at its best threshold; NaN without a positive row."""
    return float(np.fmax.reduce(METRICS["f1"](counts))) if counts.tp[-1] else math.nan


def maximum_net_value(counts: ThresholdCounts, payoffs: Payoffs) -> float:
    """Net value per row at its best threshold; NaN without rows."""
    return float(net_value(counts, payoffs).max())


def epoch_measures(payoffs: Payoffs) -> dict[str, EpochMeasure]:
    """The measures by the keys of `EARLY_STOPPING` in core.experiment.config, which has the validation loss too."""
    return {
        "average_precision": EpochMeasure("average precision", average_precision),
        "f1": EpochMeasure("maximum F1", maximum_f1),
        "net_value": EpochMeasure("maximum net value per row", partial(maximum_net_value, payoffs=payoffs)),
    }


def measures_of(config: RunConfig) -> dict[str, EpochMeasure]:
    """The measures with the payoffs of a run."""
    return epoch_measures(Payoffs(**{name: float(value) for name, value in config.payoffs}))


def best(values: Sequence[float]) -> int | None:
    """The place of the largest value, the first of equals; None where all are NaN."""
    known = [place for place, value in enumerate(values) if not math.isnan(value)]
    return max(known, key=values.__getitem__, default=None)
