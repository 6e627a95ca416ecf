"""Scores of a trained model converted back to probabilities: the effect of its loss taken away, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.experiment.config import RunConfig
from core.theory.binary_loss import LossOnData, loss_on_data
from core.theory.optimal_scores import optimal_logits, posterior_logits

X = np.linspace(-28, 28, 113)  # logits of true probabilities from 1e-12 to 1 - 1e-12
SAME = 1e-9  # optimal logits this close to those of the true probabilities are these


@dataclass(frozen=True, eq=False)
class Converted:
    """Estimates of the true probability, of the shape of the scores (...), as logits and as probabilities.

    clipped: how many scores lie below or above all optimal scores, as under label smoothing. No true probability has
    them; they become 0 or 1 and are tied.
    """

    logits: NDArray[np.float64]
    clipped: int

    @property
    def probabilities(self) -> NDArray[np.float64]:
        return np.asarray(expit(self.logits))


def converts(config: RunConfig) -> bool:
    """Whether scores of a run can be converted back to probabilities, and differ from them.

    False for a proper scoring rule, for other tasks than two classes, for a loss of whole batches, for a final
    activation that the loss does not expect, and where several true probabilities have the same optimal score.
    """
    of = loss_on_data(config)
    return of is not None and _range(of) is not None


def to_probabilities(config: RunConfig, y_score: NDArray[np.floating]) -> Converted | None:
    """Convert scores back to probabilities: the inverse of the optimal score of the run's loss.

    With pos_weight w it subtracts ln w from the logit. A score of float32 is read exactly as it stands.

    Parameters
    ----------
    config : what the run is.
    y_score : scores of the positive class (...), in [0, 1].

    Returns
    -------
    The probabilities; None where nothing is to be converted (`converts`).

    References
    ----------
    Elkan, The Foundations of Cost-Sensitive Learning (2001).
    """
    return to_posterior_logits(config, np.asarray(logit(y_score.astype(np.float64))))


def to_posterior_logits(config: RunConfig, logits: NDArray[np.floating]) -> Converted | None:
    """The same from the logits of scores (...), which keep more digits near 0 and 1 than scores do."""
    of = loss_on_data(config)
    ends = None if of is None else _range(of)
    if of is None or ends is None:
        return None
    z = logits.astype(np.float64)
    converted = posterior_logits(of.build(), z.ravel())
    assert converted is not None
    low, high = ends
    return Converted(converted.reshape(z.shape), int(np.count_nonzero((z < low) | (z > high))))


@lru_cache(maxsize=1024)
def _range(of: LossOnData) -> tuple[float, float] | None:
    """Ends of the logits of optimal scores; None where scores can't be converted or are probabilities already."""
    loss = of.build()
    optimal = optimal_logits(loss, X)
    with np.errstate(invalid="ignore"):  # where optimal scores are 0 or 1 their logits have no difference
        rises = bool((np.diff(optimal) > 0).all())
    if not rises or np.abs(optimal - X).max() < SAME or posterior_logits(loss, optimal) is None:
        return None
    low, high = optimal_logits(loss, np.array([-np.inf, np.inf]))
    return float(low), float(high)
