"""The entries of the loss registry, and parsers of their text parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from core.errors import CutoffError
from core.losses.heads import HEADS
from core.parameters import Param, Value

Params = dict[str, Tensor]
Numbers = Mapping[str, NDArray[np.float64]]
ClosedForm = Callable[[NDArray[np.float64], Numbers], NDArray[np.float64]]
Of = Literal["output", "row", "batch"]
Expects = Literal["logits", "probabilities", "log-probabilities", "values"]
WEIGHT_RANGE = (1e-6, 1e6)  # so that float32 can represent the weights and their sums


class Counts(NamedTuple):
    """The number of training rows, and for each of the K outputs the number of rows whose target is 1, (K,)."""

    rows: int
    positives: np.ndarray


@dataclass(frozen=True)
class LossSpec:
    """A registry entry: an unreduced loss of a network's outputs u and the labels y, and its description.

    Parameters
    ----------
    label, formula, about, reference : its name, formula (LaTeX), one-paragraph description and source with year.
    function : function(u, y, params) -> losses. `params` are tensors that broadcast against u: (..., 1, 1) for a
        number, (..., 1, K) for one value per output.
    of : what each value of the loss belongs to.
        "output": u (..., K), y (..., K) in {0, 1}, in a regression any value -> (..., K);
        "row": u (..., K), y (...) in 0 .. K - 1, or (..., K) in {0, 1} for multi-label data -> (...);
        "batch": u (..., B, K), y (..., B, K) in {0, 1} -> (..., K), one value for all rows of a batch.
    expects : what u must be: "logits", "probabilities", "log-probabilities" or, in a regression, "values".
    tasks : tasks that it is offered for.
    links : links of the heads that it is offered for: "sigmoid", "softmax" or, in a regression, "none".
    proper : whether the true probability minimises the expected loss, with the parameters at their defaults; None in
        a regression.
    params : its parameters.
    class_params : parameters that are only offered for heads with several outputs.
    read : parsers of text parameters, by name; each gives one number (1,) or one per output (K,).
    gradient : derivative of `function` with respect to u, in the shape of u; None uses autograd.
    mean_over : weight of each row in the denominator of the mean, (...); None divides by the number of rows.
    optimal_logit : optimal_logit(x, numbers), for two classes: the logit of the score in [0, 1] that minimises the
        expected loss where the true probability has the logit x (Q,). `numbers` are the parameters, () or one per
        class (2,). Logits are infinite for probabilities of 0 and 1. None if there is no closed form.
    posterior_logit : posterior_logit(z, numbers), its inverse: the logit of the smallest true probability whose
        optimal score has a logit >= z (Q,); -inf below and inf above all optimal scores. None if there is no closed
        form.
    torch_loss : class of torch.nn that computes this loss and raises for unsuitable input. Losses that broadcast such
        input, like squared errors, have none.
    refusal : error message when a loss that torch.nn lacks gets logits instead of probabilities.
    mistake : for a mistake that torch accepts silently, a sentence on what is wrong; empty for most losses.
    mistakes : the same for options of parameters, by (name, option).
    """

    label: str
    function: Callable[[Tensor, Tensor, Params], Tensor]
    of: Of
    expects: Expects
    tasks: tuple[str, ...]
    links: tuple[str, ...]
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

    @property
    def heads(self) -> tuple[str, ...]:
        """Keys of the HEADS that it is offered for: those with one of its links and one of its tasks."""
        return tuple(
            name
            for name, head in HEADS.items()
            if head.link in self.links and not set(head.tasks).isdisjoint(self.tasks)
        )

    def mistakes_with(self, values: Mapping[str, Value]) -> str:
        """What is wrong with this loss and the chosen options of its parameters; "" if nothing is."""
        chosen = [sentence for (name, option), sentence in self.mistakes.items() if values.get(name) == option]
        return " ".join([self.mistake, *chosen]).strip()


def class_weights(text: str, counts: Counts) -> np.ndarray:
    """Parse the weight of each class.

    Parameters
    ----------
    text : "equal", "balanced" (N / (K n_k)), or K numbers separated by commas.
    counts : counts of the training labels.

    Returns
    -------
    weights : (K,).

    Raises
    ------
    CutoffError
        If the text is anything else or a number is outside WEIGHT_RANGE.
    """
    classes = len(counts.positives)
    if text == "balanced":
        each = np.arange(classes)
        rows = np.maximum(counts.positives, 1)
        return compute_class_weight("balanced", classes=each, y=each, sample_weight=rows)
    return _numbers("class_weight", text, classes)


def output_weights(text: str, counts: Counts) -> np.ndarray:
    """Parse the factor of each output's pos_weight.

    Parameters
    ----------
    text : "equal", "balanced" (negatives per positive), or K numbers separated by commas.
    counts : counts of the training labels.

    Returns
    -------
    weights : (K,).

    Raises
    ------
    CutoffError
        If the text is anything else or a number is outside WEIGHT_RANGE.
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
            f"Expected `{name}` to be equal, balanced or {size} numbers from {low:g} to {high:g} separated by commas, "
            f"but got {text!r}."
        )
    return weights


def over_outputs(text: str, counts: Counts) -> np.ndarray:
    """The factor of the sum over a row's K outputs, (1,): 1 for "sum", 1 / K for "mean"."""
    return np.ones(1) if text == "sum" else np.full(1, 1 / len(counts.positives))


OVER_OUTPUTS = Param(
    "over_outputs",
    "Reduction over outputs",
    "mean",
    options=("mean", "sum"),
    help="mean, as in torch, divides by rows x outputs, so its gradients are K times smaller than those of sum.",
)
