"""What a loss does to scores, read off its optimal score: shifts, squeezes, ties, reorders, or stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy.special import expit

from core.losses import LOSSES, Counts, loss_tensors
from core.losses.heads import HEADS
from core.parameters import Value
from core.theory.binary_loss import BinaryLoss, loss_of_pair
from core.theory.optimal_scores import has_closed_form, optimal_logits

Order = Literal["kept", "tied", "broken"]
X = np.linspace(-6, 6, 97)  # logits of the true probabilities that are looked at; 0 is one of them
EXACT, SEARCHED = 1e-9, 1e-4  # optimal logits closer than this are equal: in closed form, and found by minimising
LARGEST = 1e6  # stands for infinite logits, whose differences have no value
Z = torch.linspace(-20, 20, 401, dtype=torch.float64)  # logits whose gradient is looked at


@dataclass(frozen=True)
class Effect:
    """What a loss does to the score of the positive class, p, if it is minimised: from its optimal score at every true
    probability q.

    shift: the s with logit p = logit q + s for every q; 0 for a proper scoring rule; None where there is no such s.
    low, high: range of the optimal score, in [0, 1]; 0 and 1 where the loss does not squeeze scores.
    order: "kept" where p rises strictly with q, "tied" where several q share one p, "broken" where p falls somewhere.
    stops: the labels, of 0 and 1, for which the gradient is exactly 0 over a range of logits.
    learns: False where the gradient is 0 at every logit, for both labels.
    """

    shift: float | None
    low: float
    high: float
    order: Order
    stops: tuple[int, ...]
    learns: bool

    @property
    def proper(self) -> bool:
        """Whether the expected loss is minimised by the true probability."""
        return self.shift == 0

    @property
    def squeezes(self) -> bool:
        """Whether there are scores, beside 0 and 1, that are optimal for no true probability."""
        return self.low > 0 or self.high < 1


def effect(
    loss: str,
    head: str,
    values: Mapping[str, Value],
    counts: np.ndarray,
    activation: str = "auto",
    negative: int = 0,
    positive: int = 1,
) -> Effect | None:
    """What a loss with these parameters does to the score of a class or label.

    Parameters
    ----------
    loss, head, activation : names in LOSSES, HEADS and ACTIVATIONS, or "auto" for the activation that the loss expects.
    values : parameters of the loss that are not at their defaults, by name.
    counts : training rows of each class, or with each label, (C,) with C >= 2.
    negative, positive : the two classes that are compared where outputs compete in a softmax over several classes: the
        effect is then on log(p_positive / p_negative), and the range that of rows of these two. Where each output has
        a sigmoid `positive` is the output, and `negative` does not matter.

    Returns
    -------
    The effect; None where there is none to speak of: in a regression, and for a loss of a whole batch, whose optimal
    score depends on the other rows.

    Raises
    ------
    CutoffError for a parameter outside its range.
    """
    if HEADS[head].link == "none" or LOSSES[loss].of == "batch":
        return None
    of = loss_of_pair(loss, head, values, counts, negative, positive, activation)
    learns, stops = _gradient(of)
    if not learns:
        return Effect(None, 0.5, 0.5, "tied", stops, learns)
    low, high = expit(optimal_logits(of, np.array([-np.inf, np.inf]))).round(9)  # as far as a search can tell
    optimal = optimal_logits(of, X)
    rise = np.diff(optimal.clip(-LARGEST, LARGEST))
    same = EXACT if has_closed_form(of) else SEARCHED
    order: Order = "kept" if (rise > same).all() else "tied" if (rise > -same).all() else "broken"
    return Effect(_shift(optimal, same), float(low), float(high), order, stops, learns)


def _shift(optimal: np.ndarray, same: float) -> float | None:
    """The s with optimal logits equal to X + s; None where there is none."""
    shifts = optimal - X
    middle = float(shifts[len(X) // 2])
    if not np.isfinite(shifts).all() or np.abs(shifts - middle).max() > same:
        return None
    return 0.0 if abs(middle) < same else middle


def _gradient(of: BinaryLoss) -> tuple[bool, tuple[int, ...]]:
    """Whether anything is learnt, and the labels for which the gradient is exactly 0 over a range of logits."""
    zero = [(of.gradients(Z, y) == 0).numpy() for y in (0, 1)]
    stops = tuple(y for y in (0, 1) if (zero[y][1:] & zero[y][:-1]).any())
    return not (zero[0].all() and zero[1].all()), stops


def is_proper(loss: str, head: str, values: Mapping[str, Value], counts: np.ndarray) -> bool | None:
    """Whether a loss with these parameters is a proper scoring rule; None in a regression.

    `counts` are the rows of each class, or with each label, (C,). Of several outputs those two are compared whose
    weights differ most, both ways. Raises CutoffError for a bad value.
    """
    spec = LOSSES[loss]
    if HEADS[head].link == "none":
        return None
    if spec.mistake or spec.of == "batch":
        return False
    ends = (0, 1)
    if HEADS[head].outputs(len(counts)) > 1:
        params = loss_tensors(loss, [dict(values)], Counts(int(counts.sum()), counts), dtype=torch.float64)
        each = next((value[0, 0] for value in params.values() if value.shape[-1] == len(counts)), torch.ones(1))
        ends = int(each.argmin()), int(each.argmax())
    found = (effect(loss, head, values, counts, negative=low, positive=high) for low, high in (ends, ends[::-1]))
    return all(one is not None and one.proper for one in found)
