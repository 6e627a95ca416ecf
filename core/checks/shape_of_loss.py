"""Checks of losses that want something else than true probabilities before a run (C210 ..)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

from core.checks.context import Context, Found
from core.checks.finding import Check
from core.losses import LOSSES
from core.losses.heads import right_activation

EXAMPLE = 0.8  # a true probability, to say which score a loss wants for it
IMPROPER = {
    "hinge": "Rows beyond the margin cost nothing, so scores gather there.",
    "squared_hinge": "Its best logit is a straight line in the true probability and ends at the margin.",
    "multi_margin": "Rows beyond the margin cost nothing, so scores gather there.",
    "dead_zone": "Rows in the accepted range cost nothing, so no score is pulled beyond its edge.",
    "asymmetric": "Easy negatives cost little or nothing, so low scores are not pulled down to the truth.",
    "focal": "It counts known rows less, so scores stay short of the truth.",
    "logit_adjusted": "It takes the shares of the classes out of the scores.",
    "soft_f1": "It is best with scores at 0 and 1.",
    "tversky": "It is best with scores at 0 and 1.",
}
# Parameters with which a loss is cross-entropy after all.
PROPER_AT: dict[str, dict[str, float]] = {
    "dead_zone": {"accept": 1.0},
    "asymmetric": {"gamma_pos": 0.0, "gamma_neg": 0.0, "margin": 0.0},
    "focal": {"gamma": 0.0},
    "logit_adjusted": {"tau": 0.0},
}


def scores_are_no_probabilities(s: Context) -> Found:
    loss = s.config.loss
    plain = PROPER_AT.get(loss)
    if loss not in IMPROPER or (plain and all(s.params[name] == value for name, value in plain.items())):
        return None
    wanted = ""
    if s.data.task == "binary" and s.activation == right_activation(s.config.head, s.loss.expects) and s.loss.optimum:
        score = _best_score(loss, tuple((name, tuple(value)) for name, value in s.weights.items()))
        wanted = f" For a true probability of {EXAMPLE:g} its best score is {score:.3f}."
    return f"{IMPROPER[loss]}{wanted} Read its scores by their order, or calibrate them first.", None


@lru_cache(maxsize=256)
def _best_score(loss: str, weights: tuple[tuple[str, tuple[float, ...]], ...]) -> float:
    """The score that the loss wants for EXAMPLE, from its closed form for two classes."""
    optimum = LOSSES[loss].optimum
    assert optimum is not None
    params = {name: torch.tensor(value if len(value) > 1 else value[0]) for name, value in weights}
    return float(optimum(torch.tensor([EXAMPLE], dtype=torch.float64), params)[0])


def gate_forgives_misses(s: Context) -> Found:
    if s.config.loss != "gated_bce":
        return None
    above, below, threshold = (float(s.params[name]) for name in ("above", "below", "threshold"))
    if below >= above:
        return None
    return (
        f"A positive that is missed has p < {threshold:g} and counts {below:g}, one that is found counts {above:g}: "
        f"misses are what this loss forgives. It also jumps {above / below:.3g}-fold where a row crosses "
        f"{threshold:g}.",
        {"loss": "bce", "loss_params": ()},
    )


def band_traps(s: Context) -> Found:
    if s.config.loss != "band_mse" or not s.params["penalty"]:
        return None
    t, r, c = (float(s.params[name]) for name in ("threshold", "radius", "penalty"))
    y = s.split.y["train"].astype(np.float64)
    turn = 2 * r / c  # an error beyond which the slope at the edge points away from the target
    sides = (
        (t + r, t + r - y, f"from above stops at {t + r:.3g} for a target below {t + r - turn:.3g}"),
        (t - r, y - t + r, f"from below stops at {t - r:.3g} for a target above {t - r + turn:.3g}"),
    )
    unit = s.activation == "sigmoid"  # then no output reaches an edge outside 0 to 1
    traps = [(error, said) for edge, error, said in sides if error.max() > turn and (not unit or 0 < edge < 1)]
    if not traps:
        return None
    rows = np.count_nonzero(np.max([error for error, _ in traps], axis=0) > turn)
    harmless = float(np.floor(200 * r / max(error.max() for error, _ in traps)) / 100)
    return (
        f"The slope turns around in the band: an output that comes {' and one '.join(said for _, said in traps)}. "
        f"{rows:,} of {len(y):,} training rows have such targets. A penalty of {harmless:g} sets no trap here.",
        s.with_loss_params(penalty=harmless),
    )


def outliers_count_more(s: Context) -> Found:
    if s.config.loss != "loss_gated_mse" or float(s.params["factor"]) <= 1:
        return None
    factor, tau = float(s.params["factor"]), float(s.params["tau"])
    remedy: dict[str, object] = {"loss": "huber" if s.head.link == "none" else "brier", "loss_params": ()}
    if s.activation == "sigmoid" and tau >= 1:
        return f"A squared error of a probability is at most 1, so a gate at {tau:g} never opens.", remedy
    return (
        f"Rows with a squared error above {tau:g} count {factor:g} times as much: outliers pull even harder, the "
        "opposite of Huber.",
        remedy,
    )


SHAPE_OF_LOSS: dict[str, tuple[Check, Callable[[Context], Found]]] = {
    "C210": (
        Check(
            "Scores are no probabilities",
            "loss",
            "note",
            "A loss whose best score is not the true probability.",
            "Only proper losses are least at the truth.",
            "Choose the threshold on validation rows; 0.5 has no meaning of its own.",
            "Gneiting and Raftery, Strictly Proper Scoring Rules (2007)",
        ),
        scores_are_no_probabilities,
    ),
    "C211": (
        Check(
            "Misses are forgiven",
            "loss",
            "caution",
            "A loss that counts rows less below the threshold.",
            "The weight depends on the score and not on the label, so the best score stays the true probability.",
            "Use pos_weight, or move the threshold.",
            "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        ),
        gate_forgives_misses,
    ),
    "C212": (
        Check(
            "Trap at the band's edge",
            "loss.penalty",
            "caution",
            "A penalty around the threshold that is steeper than the error.",
            "The penalty falls towards the band's edge faster than the squared error rises.",
            "Lower the penalty or widen the band: no trap while penalty x (t + r - y) < 2 r.",
            "Boyd and Vandenberghe, Convex Optimization (2004)",
        ),
        band_traps,
    ),
    "C213": (
        Check(
            "Outliers count more",
            "loss.factor",
            "caution",
            "A loss that grows for rows that are far off.",
            "Huber's loss does the opposite, and for a reason.",
            "Use Huber where rows may be outliers.",
            "Huber, Robust Estimation of a Location Parameter (1964)",
        ),
        outliers_count_more,
    ),
}
