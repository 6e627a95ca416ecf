"""What calibrating changes: the numbers of scores before and after, and what is decided."""

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
    """Numbers of probabilities on some rows: log-loss in nats, Brier score with its parts by bin, positive-class ECE
    over the same bins, ROC-AUC; but for ROC-AUC less is better. NaN where undefined. sure_and_wrong: rows that score
    exactly 0 and are positive, or exactly 1 and are not; each costs 34.5 nats."""

    log_loss: float
    brier: float
    parts: BrierParts
    ece: float
    roc_auc: float
    sure_and_wrong: int = 0

    @classmethod
    def of(
        cls, y_true: NDArray[np.bool_], y_score: NDArray[np.floating], binning: Binning = "width", bins: int = BINS
    ) -> Report:
        """Of probabilities y_score (N,) of the positive class; raises CutoffError for scores that are not in [0, 1]."""
        p = as_probabilities(y_score)
        return cls(
            log_loss=float(log_loss(y_true, p)),
            brier=float(brier(y_true, p)),
            parts=brier_parts(y_true, p, binning, bins),
            ece=reliability(y_true, p, binning, bins).error,
            roc_auc=float(Rankings.of(y_true, y_score).roc_aucs()[0]),
            sure_and_wrong=int(np.count_nonzero(p == ~y_true)),
        )

    @classmethod
    def of_prevalence(cls, y_true: NDArray[np.bool_]) -> Report:
        """Of scoring every row the share of positives among them, which is calibrated and knows nothing."""
        pi = prevalence_brier(y_true)
        known = float(Rankings.of(y_true, np.zeros(len(y_true))).roc_aucs()[0])
        return cls(prevalence_log_loss(y_true), pi, BrierParts(0 * pi, 0 * pi, pi, 0 * pi), 0 * pi, known)


def decided_otherwise(
    y_score: NDArray[np.floating], threshold: float, calibrated: NDArray[np.floating], moved: float
) -> int:
    """Rows that `y_score >= threshold` decides in another way than `calibrated >= moved`, of scores (N,) each."""
    return int(np.count_nonzero(predicted_positive(y_score, threshold) != predicted_positive(calibrated, moved)))
