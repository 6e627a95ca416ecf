"""Convert the scores of a trained model back to probabilities by inverting the effect of its loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.data import dataset_spec
from core.experiment.config import RunConfig
from core.theory.binary_loss import LossOnData, loss_on_data
from core.theory.optimal_scores import optimal_logits, posterior_logits

X = np.linspace(-28, 28, 113)  # logits of true probabilities from 1e-12 to 1 - 1e-12
SAME = 1e-9  # optimal logits that differ less from those of the true probabilities count as equal
ROUNDING = 1e-12  # of logits, relative to them
NONE = "There is no conversion back to probabilities:"


@dataclass(frozen=True, eq=False)
class Converted:
    """Estimates of the true probability, of the shape of the scores (...), as logits and as probabilities.

    clipped: number of scores outside the range of optimal scores, as can occur with label smoothing. They correspond to
    no true probability and become 0 or 1.
    """

    logits: NDArray[np.float64]
    clipped: int

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The estimates in [0, 1], (...)."""
        return np.asarray(expit(self.logits))


def converts(config: RunConfig) -> bool:
    """Whether the scores of a run can be converted back to probabilities, and differ from them."""
    return not why_not(config)


def why_not(config: RunConfig) -> str:
    """Why the scores of a run are not converted back to probabilities, in a sentence; "" if they can be.

    There is no conversion for a proper scoring rule, for tasks other than binary, for a loss of whole batches, for a
    final activation that the loss does not expect, and where several true probabilities have the same optimal score.
    """
    if (of := loss_on_data(config)) is not None:
        found = _range(of)
        return found if isinstance(found, str) else ""
    if dataset_spec(config.dataset).task != "binary":
        return "Scores are converted back to probabilities for two classes only."
    return f"{NONE} the optimal score of a row depends on its whole batch."


def to_probabilities(config: RunConfig, y_score: NDArray[np.floating]) -> Converted | None:
    """Convert scores back to probabilities: the inverse of the optimal score of the run's loss.

    With pos_weight w it subtracts ln w from the logit.

    Parameters
    ----------
    config : of the run.
    y_score : scores of the positive class (...), in [0, 1]; they are converted to float64 without rounding.

    Returns
    -------
    The probabilities; None unless `converts`.

    References
    ----------
    Elkan, The Foundations of Cost-Sensitive Learning (2001).
    """
    return to_posterior_logits(config, np.asarray(logit(y_score.astype(np.float64))))


def to_posterior_logits(config: RunConfig, logits: NDArray[np.floating]) -> Converted | None:
    """Convert logits of scores (...), as `to_probabilities`; they are more precise than scores near 0 and 1."""
    of = loss_on_data(config)
    ends = "" if of is None else _range(of)
    if of is None or isinstance(ends, str):
        return None
    z = logits.astype(np.float64)
    converted = posterior_logits(of.build(), z.ravel())
    assert converted is not None
    low, high = ends
    # An end itself is an optimal score.
    beyond = (z < low - ROUNDING * (1 + abs(low))) | (z > high + ROUNDING * (1 + abs(high)))
    return Converted(converted.reshape(z.shape), int(np.count_nonzero(beyond)))


@lru_cache(maxsize=1024)
def _range(of: LossOnData) -> tuple[float, float] | str:
    """Range of the logits of optimal scores; why there is no conversion if scores can't or need not be converted."""
    loss = of.build()
    if not loss.as_expected:
        return f"{NONE} the loss does not expect this final activation, so that the score is not its optimal one."
    optimal = optimal_logits(loss, X)
    if np.abs(optimal - X).max() < SAME:
        return "There is nothing to convert: the loss is a proper scoring rule, whose scores estimate probabilities."
    with np.errstate(invalid="ignore"):  # the difference of infinite logits
        rises = bool((np.diff(optimal) > 0).all())
    if not rises:
        return f"{NONE} several true probabilities have the same optimal score of this loss."
    if posterior_logits(loss, optimal) is None:
        return f"{NONE} the optimal score of this loss has no exact inverse."
    low, high = optimal_logits(loss, np.array([-np.inf, np.inf]))
    return float(low), float(high)
