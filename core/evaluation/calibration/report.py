"""Effects of calibration: measures of scores before and after, and changed decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation import Rankings, predicted_positive
from core.evaluation.calibration.measures import (
    BINS,
    as_probabilities,
    brier,
    log_loss,
    prevalence_brier,
    prevalence_log_loss,
)
from core.evaluation.calibration.reliability import Binning, BrierParts, brier_parts, reliability


@dataclass(frozen=True)
class Report:
    """Measures of probabilities on some rows, NaN where undefined; lower is better except for ROC-AUC.

    log_loss: in nats. brier, parts: Brier score and its parts over bins. ece: positive-class ECE over the same bins.
    sure_and_wrong: number of positive rows with a score of exactly 0 and negative rows with exactly 1; each adds 34.5
    nats to the sum of log-losses.
    """

    log_loss: float
    brier: float
    parts: BrierParts
    ece: float
    roc_auc: float
    sure_and_wrong: int = 0

    @classmethod
    def of(
        cls,
        y_true: NDArray[np.bool_],
        y_score: NDArray[np.floating],
        binning: Binning = "width",
        bins: int = BINS,
        sample_weight: NDArray[np.floating] | None = None,
    ) -> Report:
        """Measure probabilities y_score (N,) of the positive class, binned and weighted as by `reliability`.

        Raises CutoffError for scores outside [0, 1].
        """
        p = as_probabilities(y_score)
        return cls(
            log_loss=float(log_loss(y_true, p, sample_weight)),
            brier=float(brier(y_true, p, sample_weight)),
            parts=brier_parts(y_true, p, binning, bins, sample_weight),
            ece=reliability(y_true, p, binning, bins, sample_weight=sample_weight).error,
            roc_auc=float(Rankings.of(y_true, y_score, sample_weight).roc_aucs()[0]),
            sure_and_wrong=int(np.count_nonzero(p == ~y_true)),
        )

    @classmethod
    def of_prevalence(cls, y_true: NDArray[np.bool_], sample_weight: NDArray[np.floating] | None = None) -> Report:
        """Measure the weighted prevalence as the score of every row, which is calibrated but uninformative."""
        pi = prevalence_brier(y_true, sample_weight)
        roc_auc = float(Rankings.of(y_true, np.zeros(len(y_true)), sample_weight).roc_aucs()[0])
        log_loss = prevalence_log_loss(y_true, sample_weight)
        return cls(log_loss, pi, BrierParts(0 * pi, 0 * pi, pi, 0 * pi), 0 * pi, roc_auc)


def decided_otherwise(
    y_score: NDArray[np.floating], threshold: float, calibrated: NDArray[np.floating], moved: float
) -> int:
    """Number of rows for which `y_score >= threshold` and `calibrated >= moved` differ, for scores (N,) each."""
    return int(np.count_nonzero(predicted_positive(y_score, threshold) != predicted_positive(calibrated, moved)))
