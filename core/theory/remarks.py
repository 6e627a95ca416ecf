"""What the scores of a loss mean, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.experiment.config import RunConfig
from core.losses import LOSSES, Counts, Params, loss_tensors
from core.losses.heads import HEADS
from core.losses.spec import OVER_OUTPUTS
from core.parameters import Value
from core.theory.binary_loss import BinaryLoss, binary_loss, training_counts
from core.theory.effect import is_proper
from core.theory.optimal_scores import (
    all_optimal_scores,
    has_single_point_at_half,
    optimal_scores,
    rests_at_truth,
    stands_for,
)

SAME = 1e-6  # scores closer than this count as equal
COUNTS = {2: "two", 3: "three"}
PROPER = "Scores estimate the true probability."


def remark(loss: str, head: str, values: Mapping[str, Value], counts: np.ndarray, rows: int | None = None) -> str:
    """What the scores of a loss with these parameters mean, in a sentence.

    Parameters
    ----------
    loss, head : names in LOSSES and HEADS.
    values : parameters of the loss by name; the others keep their defaults.
    counts : training rows of each class, or with each label, (C,) with C >= 2.
    rows : number of training rows; by default the sum of `counts`, which is right for classes but not for labels.

    Returns
    -------
    The sentence; "" in a regression and for a loss that is a mistake.

    Raises
    ------
    CutoffError for a parameter outside its range.
    """
    spec = LOSSES[loss]
    if HEADS[head].link == "none" or spec.mistake:
        return ""
    if spec.of == "batch":
        return (
            "Scores are pushed to 0 or 1, depending on the whole batch, so they do not estimate the true probability."
        )
    if "binary" in HEADS[head].tasks:
        return _of_two_classes(binary_loss(loss, head, values, counts), values)
    if is_proper(loss, head, values, counts, rows):
        return PROPER
    params = loss_tensors(loss, [dict(values)], Counts(int(counts.sum()) if rows is None else rows, counts))
    if spec.of == "output" and HEADS[head].link == "sigmoid":
        own = [param for param in spec.class_params if values.get(param.name, param.default) != param.default]
        if own:
            return "Each output has its own weight w: its score of 0.5 means a true probability of 1 / (1 + w)."
        plain = {param.name: values.get(param.name, param.default) for param in spec.params}
        return _of_two_classes(binary_loss(loss, "sigmoid", plain), plain)
    own_values = {name: value for name, value in params.items() if name != OVER_OUTPUTS.name}
    return f"With {parameters_label(loss, values, own_values)}, scores do not estimate the true probability."


def changed_parameters(config: RunConfig) -> str:
    """The parameters of the loss of a run, as `parameters_label` writes them."""
    values = dict(config.loss_params)
    params = loss_tensors(config.loss, [values], training_counts(config))
    return parameters_label(config.loss, values, params)


def parameters_label(loss: str, values: Mapping[str, Value], params: Params) -> str:
    """Parameters with their values, as in "pos_weight 9": those not at their default, or all if all are."""
    spec = LOSSES[loss]
    changed = [param for param in spec.params if values.get(param.name, param.default) != param.default]
    parts = []
    for param in changed or spec.params:
        numbers = [f"{number:.4g}" for number in params[param.name].flatten().tolist()]
        written = (
            ", ".join(numbers) if len(numbers) <= 3 else f"from {min(numbers, key=float)} to {max(numbers, key=float)}"
        )
        parts.append(f"{param.label[0].lower()}{param.label[1:]} {written}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _of_two_classes(of: BinaryLoss, values: Mapping[str, Value]) -> str:
    q = np.linspace(0.01, 0.99, 99)
    optimal = optimal_scores(of, q)
    if np.abs(optimal - q).max() < SAME:
        return PROPER
    farthest = len(q) - 1 - int(np.abs(optimal - q)[::-1].argmax())
    if rests_at_truth(of):
        return (
            "Scores estimate the true probability, where the gradient is 0; the minimum loss for a true probability of "
            f"{q[farthest]:.2f} is beyond a jump, at {optimal[farthest]:.3f}."
        )
    named = parameters_label(of.loss, values, of.params)
    start = f"With {named}, a" if named else "A"
    meant, at_half = stands_for(of, 0.5), all_optimal_scores(of, 0.5)
    if meant in (0, 1):
        return f"{start} score of 0.5 is {'always' if meant == 0 else 'never'} reached."
    if len(np.unique(optimal.round(6))) <= 3:
        return (
            f"{start} score above 0.5 means a true probability above {meant:.3g}; its distance from 0.5 carries no "
            "information."
        )
    if abs(meant - 0.5) > 1e-4 or np.abs(at_half - 0.5).max() > 1e-4:
        return (
            f"{start} score of 0.5 means a true probability of {meant:.3f}; a true probability of 0.5 has "
            f"{_optimal(at_half)}.{_of_single_point(of)}"
        )
    return (
        f"{start} score of 0.5 means a true probability of 0.5, but a true probability of {q[farthest]:.2f} has "
        f"{_optimal(optimal[[farthest]])}."
    )


def _optimal(scores: np.ndarray) -> str:
    """The optimal score, or all of them if there are several."""
    if len(scores) == 1:
        return f"the optimal score {scores[0]:.3f}"
    return f"{COUNTS.get(len(scores), len(scores))} optimal scores, {' and '.join(f'{score:.3f}' for score in scores)}"


def _of_single_point(of: BinaryLoss) -> str:
    """A sentence if the expected loss has a jump down at a score of exactly 0.5, otherwise ""."""
    if not any(has_single_point_at_half(of, q) for q in (0.3, 0.5, 0.7)):
        return ""
    return " At exactly 0.5 the loss is lower than next to it, but gradient descent cannot reach a single point."
