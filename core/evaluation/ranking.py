"""Ranking measures of any number of score vectors at once. NumPy alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.evaluation.counts import ThresholdCounts
from core.evaluation.metrics import ratio


@dataclass(frozen=True, eq=False)
class Rankings:
    """Counts of R models at each of their distinct scores, the largest first, one model after another.

    tp, predicted_positive (M,): positives and rows with at least that score; the last entry of a model counts all.
    first (R,): index of each model's first entry. positives, negatives (R,): totals.
    Counts are int64, or float64 sums of weights.
    """

    tp: NDArray
    predicted_positive: NDArray
    first: NDArray[np.int64]
    positives: NDArray
    negatives: NDArray

    @classmethod
    def of(
        cls, y: NDArray[np.bool_], score: NDArray[np.floating], sample_weight: NDArray[np.floating] | None = None
    ) -> Self:
        """Rank the rows of each model by one sort.

        Parameters
        ----------
        y : whether each row is positive, (N,) or (..., N).
        score : finite scores (..., N) of R models.
        sample_weight : (N,), >= 0, by default 1 per row; rows of weight 0 are left out, as in scikit-learn.
        """
        if sample_weight is not None:
            kept = sample_weight > 0
            y, score, sample_weight = y[..., kept], score[..., kept], sample_weight[kept]
        rows = score.shape[-1]
        models = score.reshape(math.prod(score.shape[:-1]), rows)
        order = np.argsort(-models, axis=-1)
        flat = (
            order + rows * np.arange(len(models))[:, None]
        )  # taking from flat arrays is four times as fast as np.take_along_axis
        labels = y.take(order) if y.ndim == 1 else np.broadcast_to(y, score.shape).ravel().take(flat)
        ordered = models.ravel().take(flat)
        last = np.ones(models.shape, bool)  # of the rows that share a score
        np.not_equal(ordered[:, 1:], ordered[:, :-1], out=last[:, :-1])
        first = np.append(0, np.cumsum(np.count_nonzero(last, axis=-1)))[:-1]
        if sample_weight is not None:
            weight = sample_weight.take(order)
            positives, negatives = (labels * weight).sum(-1), (~labels * weight).sum(-1)
            return cls(
                np.cumsum(labels * weight, axis=-1)[last], np.cumsum(weight, axis=-1)[last], first, positives, negatives
            )
        positives = np.count_nonzero(labels, axis=-1)
        return cls(
            tp=np.cumsum(labels, axis=-1)[last],
            predicted_positive=np.broadcast_to(np.arange(1, rows + 1), models.shape)[last],
            first=first,
            positives=positives,
            negatives=rows - positives,
        )

    @classmethod
    def of_counts(cls, counts: ThresholdCounts) -> Self:
        """The ranking of one model by its counts (T,) at each of its distinct scores, falling."""
        return cls(
            tp=counts.tp,
            predicted_positive=counts.predicted_positive,
            first=np.zeros(1, dtype=np.int64),
            positives=np.array([(counts.tp + counts.fn)[-1:].sum()]),
            negatives=np.array([(counts.fp + counts.tn)[-1:].sum()]),
        )

    def average_precisions(self) -> NDArray[np.float64]:
        """Average precision (R,): the sum over distinct scores of precision times the increase in recall.

        It is the prevalence for constant scores, and NaN without a positive row, where scikit-learn warns and returns
        0.
        """
        gained = self.tp - self._before(self.tp)
        return ratio(self._sums(gained * (self.tp / self.predicted_positive)), self.positives)

    def roc_aucs(self) -> NDArray[np.float64]:
        """ROC-AUC (R,): chance that a positive row scores above a negative one, ties half (Mann and Whitney, 1947).

        NaN unless there are rows of both classes.
        """
        before, fp = self._before(self.tp), self.predicted_positive - self.tp
        beaten = (fp - self._before(fp)) * (before + self.tp)  # twice
        return ratio(self._sums(beaten), 2 * self.positives * self.negatives)

    def curve(self, model: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Recall and precision (T + 1,) of a model at t = inf and at each of its T distinct scores, falling.

        At t = inf recall is 0 and precision, which is undefined, that at the largest score. Recall is NaN without a
        positive row.
        """
        end = self.first[model + 1] if model + 1 < len(self.first) else len(self.tp)
        tp, predicted = self.tp[self.first[model] : end], self.predicted_positive[self.first[model] : end]
        precision = tp / predicted
        return ratio(np.append(0, tp), self.positives[model]), np.append(precision[:1], precision)

    def _before(self, counts: NDArray) -> NDArray:
        """The counts (M,) one score earlier, 0 before a model's first."""
        before = np.append(0, counts[:-1])
        before[self.first] = 0
        return before

    def _sums(self, values: NDArray) -> NDArray:
        """Sums over each model's scores, (R,)."""
        return np.add.reduceat(values, self.first) if len(values) else np.zeros(len(self.first))
