"""What an entry of the loss registry says, and how chosen parameters become tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import CutoffError
from core.parameters import Param, Value

Params = dict[str, Tensor]
Numbers = Mapping[str, NDArray[np.float64]]
ClosedForm = Callable[[NDArray[np.float64], Numbers], NDArray[np.float64]]
Of = Literal["output", "row", "batch"]
Expects = Literal["logits", "probabilities", "log-probabilities", "values"]
WEIGHT_RANGE = (1e-6, 1e6)  # float32 has to hold the weights and their sums


class Counts(NamedTuple):
    """Training rows in all, and those for which each of the K outputs should be 1, (K,)."""

    rows: int
    positives: np.ndarray


@dataclass(frozen=True)
class LossSpec:
    """One loss: an unreduced function of a network's outputs u and the labels, and what a page says of it.

    `of` says what one value of `function(u, y, params)` belongs to:
      output  u (..., K), y (..., K) in {0, 1} (in a regression any value) -> (..., K), each output on its own
      row     u (..., K), y (...) in 0 .. K-1, or (..., K) in {0, 1} for multi-label data -> (...)
      batch   u (..., B, K), y (..., B, K) in {0, 1} -> (..., K), one value for all rows together
    `params` are tensors that broadcast against u: (..., 1, 1) for a number, (..., 1, K) for one value an output.
    `expects` says what u has to be: logits, probabilities, log-probabilities or, in a regression, values.
    `gradient` is the derivative by u in closed form, in u's shape; without one the engine differentiates `function`.
    `mean_over` gives the weight of each row in the divisor of the mean, (...); None divides by the number of rows.
    `proper` says whether the expected loss is least at the true probability, with parameters at their defaults;
    None where the question does not arise.
    `optimal_logit(x, numbers)` and `posterior_logit(z, numbers)` are what is known of two classes in closed form, with
    the parameters as numbers () or one a class (2,), and infinite logits for probabilities of 0 and 1. The first gives
    the logit of the score in [0, 1] that minimises the expected loss for true probabilities of logit x (Q,). The second
    is its inverse: the logit of the least true probability whose optimal score has at least the logit z (Q,), -inf or
    inf for z below or above all optimal scores. A loss may have both, either or none.
    `torch_loss` is the class of torch.nn that computes this loss, if it refuses what does not fit instead of
    broadcasting it, as squared errors do; what it refuses is asked of it. `refusal` is what a loss that torch does not
    have says to logits instead of probabilities. `class_params` are offered where a head has several outputs. `read`
    turns a text parameter into one number (1,) or one an output (K,).
    `mistake` says in a sentence what is wrong with a loss that torch accepts in silence; most have none. `mistakes`
    says the same of an option of a parameter, by name and option.
    """

    label: str
    function: Callable[[Tensor, Tensor, Params], Tensor]
    of: Of
    expects: Expects
    tasks: tuple[str, ...]
    heads: tuple[str, ...]
    formula: str
    about: str
    reference: str
    proper: bool | None = None
    params: tuple[Param, ...] = ()
    class_params: tuple[Param, ...] = ()
    read: Mapping[str, Callable[[str, Counts], np.ndarray]] = field(default_factory=dict)
    gradient: Callable[[Tensor, Tensor, Params], Tensor] | None = None
    mean_over: Callable[[Tensor, Params], Tensor] | None = None
    optimal_logit: ClosedForm | None = None
    posterior_logit: ClosedForm | None = None
    torch_loss: type[nn.Module] | None = None
    refusal: str = ""
    mistake: str = ""
    mistakes: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def mistakes_with(self, values: Mapping[str, Value]) -> str:
        """What is wrong with the loss and with the options that were chosen of it; "" if nothing is."""
        chosen = [said for (name, option), said in self.mistakes.items() if values.get(name) == option]
        return " ".join([self.mistake, *chosen]).strip()


def class_weights(text: str, counts: Counts) -> np.ndarray:
    """The weight of each class, (K,), from "equal", "balanced" (N / (K n_k)) or K numbers with commas.

    Raises CutoffError for other text and for numbers outside WEIGHT_RANGE.
    """
    classes = len(counts.positives)
    if text == "balanced":
        return counts.rows / (classes * np.maximum(counts.positives, 1))
    return _numbers("class_weight", text, classes)


def output_weights(text: str, counts: Counts) -> np.ndarray:
    """A factor for each output's pos_weight, (K,), from "equal", "balanced" (negatives to a positive) or K numbers.

    Raises CutoffError for other text and for numbers outside WEIGHT_RANGE.
    """
    if text == "balanced":
        positives = np.maximum(counts.positives, 1)
        return np.maximum(counts.rows - positives, 1) / positives
    return _numbers("output_weight", text, len(counts.positives))


def _numbers(name: str, text: str, size: int) -> np.ndarray:
    """`size` numbers in WEIGHT_RANGE, or ones for "equal"."""
    if text == "equal":
        return np.ones(size)
    try:
        weights = np.array([float(part) for part in text.split(",")])
    except ValueError:
        weights = np.empty(0)
    low, high = WEIGHT_RANGE
    if len(weights) != size or not ((low <= weights) & (weights <= high)).all():
        raise CutoffError(
            f"Expected `{name}` to be equal, balanced or {size} numbers from {low:g} to {high:g} with commas, "
            f"but got {text!r}."
        )
    return weights


def over_outputs(text: str, counts: Counts) -> np.ndarray:
    """What a row's loss multiplies the sum over its K outputs with, (1,): 1 for "sum", 1 / K for "mean"."""
    return np.ones(1) if text == "sum" else np.full(1, 1 / len(counts.positives))


OVER_OUTPUTS = Param(
    "over_outputs",
    "Over the outputs",
    "mean",
    options=("mean", "sum"),
    help="torch's mean divides by rows times outputs, so its steps are K times smaller than those of the sum.",
)
