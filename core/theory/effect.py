"""The effect of a loss on scores, from its optimal scores: shift, range, order, and zero gradients."""

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
X = np.linspace(-6, 6, 97)  # logits of the true probabilities to evaluate; 0 is one of them
EXACT, SEARCHED = 1e-9, 1e-4  # optimal logits closer than this are equal: in closed form, or found by minimisation
LARGEST = 1e6  # replaces infinite logits, whose differences are NaN
Z = torch.linspace(-20, 20, 401, dtype=torch.float64)  # logits to evaluate the gradient at


@dataclass(frozen=True)
class Effect:
    """The effect of a loss on the score of the positive class: its optimal score p at every true probability q.

    shift: the s with logit p = logit q + s for every q, 0 for a proper scoring rule; None if there is none.
    low, high: range of the optimal score, in [0, 1]; 0 and 1 if the loss does not restrict it.
    order: "kept" if p is strictly increasing in q, "tied" if several q share one p, "broken" if p decreases somewhere.
    stops: the labels, 0 or 1, for which the gradient is exactly 0 over a range of logits.
    learns: False if the gradient is 0 at every logit, for both labels.
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
        """Whether some scores in (0, 1) are optimal for no true probability."""
        return self.low > 0 or self.high < 1


def effect(
    loss: str,
    head: str,
    values: Mapping[str, Value],
    counts: np.ndarray,
    activation: str = "auto",
    negative: int = 0,
    positive: int = 1,
    rows: int | None = None,
) -> Effect | None:
    """The effect of a loss with these parameters on the score of a class or label.

    Parameters
    ----------
    loss, head, activation : names in LOSSES, HEADS and ACTIVATIONS, or "auto" for the default for this loss.
    values : parameters of the loss by name; the others keep their defaults.
    counts : training rows of each class, or with each label, (C,) with C >= 2.
    negative, positive : the two classes to compare with a softmax over several classes: the effect is then on
        log(p_positive / p_negative), and the range is for rows of these two. Where each output has a sigmoid,
        `positive` is the output and `negative` is not used.
    rows : number of training rows; by default the sum of `counts`, which is right for classes but not for labels.

    Returns
    -------
    The effect; None in a regression, and for a loss of a whole batch, whose optimal score depends on the other rows.

    Raises
    ------
    CutoffError for a parameter outside its range.
    """
    if HEADS[head].link == "none" or LOSSES[loss].of == "batch":
        return None
    of = loss_of_pair(loss, head, values, counts, negative, positive, activation, rows)
    learns, stops = _gradient(of)
    if not learns:
        return Effect(None, 0.5, 0.5, "tied", stops, learns)
    low, high = expit(optimal_logits(of, np.array([-np.inf, np.inf]))).round(9)  # to the precision of a search
    optimal = optimal_logits(of, X)
    rise = np.diff(optimal.clip(-LARGEST, LARGEST))
    same = EXACT if has_closed_form(of) else SEARCHED
    order: Order = "kept" if (rise > same).all() else "tied" if (rise > -same).all() else "broken"
    return Effect(_shift(optimal, same), float(low), float(high), order, stops, learns)


def _shift(optimal: np.ndarray, same: float) -> float | None:
    """The s with optimal logits X + s; None if there is none."""
    shifts = optimal - X
    middle = float(shifts[len(X) // 2])
    if not np.isfinite(shifts).all() or np.abs(shifts - middle).max() > same:
        return None
    return 0.0 if abs(middle) < same else middle


def _gradient(of: BinaryLoss) -> tuple[bool, tuple[int, ...]]:
    """Whether any gradient is not 0, and the labels for which it is exactly 0 over a range of logits."""
    zero = [(of.gradients(Z, y) == 0).numpy() for y in (0, 1)]
    stops = tuple(y for y in (0, 1) if (zero[y][1:] & zero[y][:-1]).any())
    return not (zero[0].all() and zero[1].all()), stops


def is_proper(
    loss: str, head: str, values: Mapping[str, Value], counts: np.ndarray, rows: int | None = None
) -> bool | None:
    """Whether a loss with these parameters is a proper scoring rule.

    With several outputs, the two whose weights differ most are compared, in both directions.

    Parameters
    ----------
    loss, head : names in LOSSES and HEADS.
    values : parameters of the loss by name; the others keep their defaults.
    counts : training rows of each class, or with each label, (C,) with C >= 2.
    rows : number of training rows; by default the sum of `counts`, which is right for classes but not for labels.

    Returns
    -------
    Whether the true probability minimises the expected loss; None in a regression.

    Raises
    ------
    CutoffError for a parameter outside its range.
    """
    spec = LOSSES[loss]
    if HEADS[head].link == "none":
        return None
    if spec.mistake or spec.of == "batch":
        return False
    ends = (0, 1)
    if HEADS[head].outputs(len(counts)) > 1:
        trained = Counts(int(counts.sum()) if rows is None else rows, counts)
        params = loss_tensors(loss, [dict(values)], trained, dtype=torch.float64)
        each = next((value[0, 0] for value in params.values() if value.shape[-1] == len(counts)), torch.ones(1))
        ends = int(each.argmin()), int(each.argmax())
    pairs = (ends, ends[::-1])
    found = (effect(loss, head, values, counts, negative=low, positive=high, rows=rows) for low, high in pairs)
    return all(one is not None and one.proper for one in found)
