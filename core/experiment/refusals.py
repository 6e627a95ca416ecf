"""Error messages of torch for unsuitable input, obtained by calling each loss of torch on two rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F

from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS

REFUSING = (IndexError, RuntimeError, TypeError, ValueError)  # what losses of torch raise for unsuitable input
# Parameters that people give to losses of torch that lack them, and what to do instead.
INSTEAD = {
    ("bce_probabilities", "pos_weight"): "take BCE with logits, which has it",
    ("cross_entropy", "pos_weight"): "in two classes the class weights 1, w do the same as pos_weight w",
    ("nll", "pos_weight"): "in two classes the class weights 1, w do the same as pos_weight w",
    ("nll", "label_smoothing"): "take cross-entropy, which has it",
}


@lru_cache(maxsize=256)
def outputs_sentence(loss: str, task: str, outputs: int, classes: int) -> str:
    """The error of a loss of torch for the raw outputs of a network and the labels of a task.

    Parameters
    ----------
    loss : name of a loss.
    task : "binary", "multiclass", "multilabel" or "regression".
    outputs : number of outputs K of the network; the loss is given (2, K).
    classes : number of classes or labels C. Labels are class indices 0 and C - 1 (2,), in a multi-label task (2, C) in
        {0, 1}, in a regression values (2,); as floats for a loss per output.

    Returns
    -------
    words : the name of the exception and its message; "" if torch raises none or does not have the loss.
    """
    if task == "multilabel":
        y = torch.tensor([[0], [1]]).repeat(1, classes)
    else:
        y = torch.zeros(2) if task == "regression" else torch.tensor([0, classes - 1])
    u = torch.full((2, outputs), 0.5)
    return _words(loss, lambda criterion: criterion(u, y.float() if LOSSES[loss].of == "output" else y))


@lru_cache(maxsize=256)
def activation_sentence(loss: str, activation: str) -> str:
    """The error of a loss of torch after a final activation, on two rows of two outputs; "" if torch raises none or
    does not have the loss."""
    labels = torch.tensor([0, 1])
    y = F.one_hot(labels).float() if LOSSES[loss].of == "output" else labels
    u = ACTIVATIONS[activation].function(torch.tensor([[2.0, -1.0], [-1.0, 2.0]]))
    return _words(loss, lambda criterion: criterion(u, y))


@lru_cache(maxsize=256)
def parameter_sentence(loss: str, name: str) -> str:
    """The error of torch for a parameter in INSTEAD; "" for any other."""
    if (loss, name) not in INSTEAD:
        return ""
    return _words(loss, lambda criterion: None, **{name: torch.tensor(9.0)})


@lru_cache(maxsize=256)
def batch_norm_sentence(rows: int, width: int) -> str:
    """The error of batch norm in training over `rows` rows of `width` hidden units; "" if torch raises none."""
    try:
        F.batch_norm(torch.zeros(rows, width), None, None, training=True)
    except REFUSING as error:
        return _named(error)
    return ""


def _words(loss: str, call: Callable[[torch.nn.Module], object], **arguments: torch.Tensor) -> str:
    """The error of building torch's form of the loss with these arguments and calling it; "" if there is none."""
    criterion = LOSSES[loss].torch_loss
    if criterion is None:
        return ""
    try:
        call(criterion(**arguments))
    except REFUSING as error:
        return _named(error)
    return ""


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
