"""Scores that are no probabilities, read as logits: what calibration starts from where a model gives margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, softmax

FARTHEST = 20.0  # logits: toward 37 a sigmoid in float64 rounds to 1, so that ever more scores would tie


@dataclass(frozen=True)
class AsLogits:
    """Reads a score s as the logit (s - center) / scale; scale > 0, so that the order of scores stays."""

    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, *y_scores: NDArray[np.floating]) -> AsLogits:
        """As they are where all scores lie within FARTHEST of 0; else moved and shrunk into that range."""
        known = [scores for scores in y_scores if scores.size]
        low = min((float(scores.min()) for scores in known), default=0.0)
        high = max((float(scores.max()) for scores in known), default=0.0)
        if max(abs(low), abs(high)) <= FARTHEST:
            return cls()
        return cls(low / 2 + high / 2, (high / 2 - low / 2) / FARTHEST or 1.0)

    def logits(self, y_score: ArrayLike) -> NDArray[np.float64]:
        return (np.asarray(y_score, np.float64) - self.center) / self.scale

    def probabilities(self, y_score: ArrayLike) -> NDArray[np.float64]:
        """The sigmoid of each logit, (...)."""
        return np.asarray(expit(self.logits(y_score)))

    def of_classes(self, y_score: NDArray[np.floating]) -> NDArray[np.float64]:
        """The softmax of the logits of all classes, (N, C)."""
        return np.asarray(softmax(self.logits(y_score), axis=1))

    def score(self, p: float) -> float:
        """The score that is read as the probability p; NaN stays."""
        return float(logit(p)) * self.scale + self.center
