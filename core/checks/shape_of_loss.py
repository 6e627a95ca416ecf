"""Checks of losses whose optimal score is not the true probability, and of losses with jumps and bands (C210 ..)."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from core.checks.context import EXAMPLE, Comparison, Context
from core.checks.finding import Check, Found

SAME = 1e-4  # probabilities closer than this are shown as equal
ORDERS = {
    "tied": "Several true probabilities share one optimal score.",
    "broken": "The optimal score is not monotone in the true probability: ranking changes.",
}
CALIBRATE = "Calibrate the scores, or choose the threshold on validation rows."


def scores_are_not_probabilities(context: Context) -> Found:
    if context.loss.of == "batch":
        return f"Optimal scores are 0 or 1, depending on the whole batch. {CALIBRATE}", None
    moved = [c for c in context.comparisons if c.optimum.effect.learns and not c.optimum.effect.proper]
    if not context.as_expected or not moved or moved[0].optimum.rests_at_truth:
        return None
    c = max(moved, key=lambda c: abs(c.optimum.effect.shift or 0))
    return f"{_shift(c) or _shape(c, several=context.head.link == 'softmax' and context.outputs > 2)} {CALIBRATE}", None


def _shift(c: Comparison) -> str:
    """A sentence on the shift of the logit; "" if the loss has another effect."""
    shift = c.optimum.effect.shift
    if shift is None:
        return ""
    of = f" of {c.name}" if c.name else ""
    return (
        f"The optimal logit{of} is shifted by {shift:+.4g}: a score of 0.5 stands for a true probability of "
        f"{c.optimum.half:.3g}."
    )


def _shape(c: Comparison, several: bool) -> str:
    """Sentences on other effects of the loss; without numbers if several classes share a softmax."""
    effect, half = c.optimum.effect, c.optimum.half
    said = []
    if several:
        said.append("The optimal scores are not the true probabilities.")
    else:
        if effect.squeezes:
            said.append(f"Optimal scores lie in [{effect.low:.3g}, {effect.high:.3g}].")
        said.append(f"For a true probability of {EXAMPLE:g} the optimal score is {c.optimum.example:.3f}.")
        if 0 < half < 1 and abs(half - 0.5) > SAME:
            said.append(f"A score of 0.5 stands for a true probability of {half:.3g}.")
    said += [ORDERS[effect.order]] if effect.order in ORDERS else []
    if effect.stops:
        rows = " and ".join(("negatives", "positives")[label] for label in effect.stops)
        said.append(f"For {rows} the gradient is 0 over a range of scores.")
    return " ".join(said)


def gate_forgives_misses(context: Context) -> Found:
    if (found := context.gate) is None:
        return None
    return (
        f"False negatives have p < {found.score:g} and a weight of {found.below:g}, true positives a weight of "
        f"{found.above:g}: false negatives are under-penalised. The loss also jumps {found.jump:.3g}-fold where a row "
        f"crosses {found.score:g}.",
        {"loss": "bce", "loss_params": ()},
    )


def band_traps(context: Context) -> Found:
    if not (found := context.traps):
        return None
    y = context.split.y["train"].astype(np.float64)
    stuck = np.zeros(len(y), bool)
    said = []
    for trap in found:
        stuck |= y < trap.target if trap.side == "above" else y > trap.target
        beyond = "below" if trap.side == "above" else "above"
        said.append(f"from {trap.side} stops at {trap.output:.3g} for a target {beyond} {trap.target:.3g}")
    sentence = (
        f"The gradient changes sign in the band: an output that comes {' and one '.join(said)}. "
        f"{np.count_nonzero(stuck):,} of {len(y):,} training rows have such targets."
    )
    harmless = _harmless_penalty(context)
    if harmless is None:
        return sentence, None
    return (
        f"{sentence} With a penalty of {harmless:g} no output gets stuck.",
        context.with_loss_params(penalty=harmless),
    )


def _harmless_penalty(context: Context) -> float | None:
    """The largest penalty, in hundredths, without a trap; None if the loss has no penalty or 0 has a trap as well."""
    if "penalty" not in context.params:
        return None
    hundredths = range(int(100 * float(context.params["penalty"])) + 1)
    trapped = bisect_left(hundredths, True, key=lambda part: bool(context.with_params(penalty=part / 100).traps))
    return (trapped - 1) / 100 if trapped else None


def outliers_count_more(context: Context) -> Found:
    if (found := context.growth) is None:
        return None
    limit = found.error**2
    remedy: dict[str, object] = {"loss": "huber" if context.head.link == "none" else "brier", "loss_params": ()}
    if context.activation == "sigmoid" and found.error > 1:
        return f"A squared error of a probability is at most 1, so the limit of {limit:g} has no effect.", remedy
    return (
        f"The {'loss' if found.of_loss else 'gradient'} of rows with a squared error above {limit:g} is "
        f"multiplied by {found.factor:g}: outliers gain influence, unlike with Huber.",
        remedy,
    )


SHAPE_OF_LOSS: dict[str, Check] = {
    "C210": Check(
        "Scores are not probabilities",
        "loss",
        "note",
        "A loss whose optimal score is not the true probability.",
        "Only proper scoring rules are minimised by the true probability.",
        "Choose the threshold on validation rows; 0.5 has no meaning of its own.",
        "Gneiting and Raftery, Strictly Proper Scoring Rules (2007)",
        scores_are_not_probabilities,
    ),
    "C211": Check(
        "False negatives under-penalised",
        "loss",
        "caution",
        "A loss that gives rows below the threshold less weight.",
        "The weight depends on the score, not on the label, so the optimal score is still the true probability.",
        "Use pos_weight, or move the threshold.",
        "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        gate_forgives_misses,
    ),
    "C212": Check(
        "Outputs get stuck at the band's edge",
        "loss.penalty",
        "caution",
        "A penalty around the threshold that is steeper than the squared error.",
        "The penalty falls towards the band's edge faster than the squared error rises.",
        "Lower the penalty or widen the band, so that penalty x (t + r - y) < 2 r.",
        "Boyd and Vandenberghe, Convex Optimization (2004)",
        band_traps,
    ),
    "C213": Check(
        "Outliers gain influence",
        "loss.factor",
        "caution",
        "A loss that multiplies large errors.",
        "Robust losses such as Huber do the opposite, so that outliers don't dominate the fit.",
        "Use Huber if the data may have outliers.",
        "Huber, Robust Estimation of a Location Parameter (1964)",
        outliers_count_more,
    ),
}
