"""Scores that are not probabilities, read as logits so that margins can be calibrated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, softmax

FARTHEST = 20.0  # logits: near 37 the sigmoid rounds to 1 in float64, so that more and more scores would tie


@dataclass(frozen=True)
class AsLogits:
    """Reads a score s as the logit (s - center) / scale, with scale > 0, so that the order of scores is kept."""

    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, *y_scores: NDArray[np.floating]) -> AsLogits:
        """Unchanged if all scores (...) lie within FARTHEST of 0; otherwise shifted and scaled into that range."""
        known = [scores for scores in y_scores if scores.size]
        low = min((float(scores.min()) for scores in known), default=0.0)
        high = max((float(scores.max()) for scores in known), default=0.0)
        if max(abs(low), abs(high)) <= FARTHEST:
            return cls()
        return cls(low / 2 + high / 2, (high / 2 - low / 2) / FARTHEST or 1.0)

    def logits(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """The logits (...) of scores (...)."""
        return (np.asarray(y_score, np.float64) - self.center) / self.scale

    def probabilities(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """The sigmoids of the logits of scores (...), in [0, 1]."""
        return np.asarray(expit(self.logits(y_score)))

    def of_classes(self, y_score: NDArray[np.floating]) -> NDArray[np.float64]:
        """The softmax over classes of the logits of scores (N, C)."""
        return np.asarray(softmax(self.logits(y_score), axis=1))

    def score(self, p: float) -> float:
        """The score that is read as a probability p in [0, 1]; NaN for NaN."""
        return float(logit(p)) * self.scale + self.center
