"""What a loss wants: the loss as a function of one logit, and the score that is best for a true probability.

Everything here looks at two classes. A head with one output is moved by its logit z; a head with two outputs by the
second one, with the first held at 0: of a softmax only their difference matters, and of two sigmoids the first one's
loss does not depend on z. In multi-label data the first label is always there and the second one is y. A loss of a
whole batch is that of one row that moves among OTHERS others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.losses import LOSSES, Counts, Params, loss_tensors
from core.losses.heads import HEADS
from core.losses.objective import Objective, resolved
from core.losses.spec import OVER_OUTPUTS
from core.parameters import Value

OTHERS, POSITIVE_OTHERS = 15, 5  # the other rows of a batch, which all score a half, and how many are positive
REACH, STEPS = 30.0, 3001  # logits searched for the best score, and how many
REFINEMENTS, STEPS_WITHIN = 4, 101  # each looks between the neighbours of the best so far, 50 times finer
PLAIN_COUNTS = np.array([90, 10])
SAME = 1e-6  # two scores closer than this are the same to a reader


@dataclass(frozen=True)
class BinaryLoss:
    """A loss with its parameters on a head, as a function of one logit z (Q,); `params` are for one run."""

    loss: str
    head: str
    params: Params
    activation: str = "auto"

    @property
    def objective(self) -> Objective:
        return Objective(self.head, resolved(self.head, self.activation, self.loss), self.loss, self.params)

    def to(self, dtype: torch.dtype) -> BinaryLoss:
        """The same with its parameters in another number format."""
        return replace(self, params={name: value.to(dtype) for name, value in self.params.items()})

    @property
    def as_expected(self) -> bool:
        """Whether the output activation is the one that gives the loss what it expects."""
        return resolved(self.head, self.activation, self.loss) == resolved(self.head, "auto", self.loss)

    def values(self, z: Tensor, y: float) -> Tensor:
        """The loss of a row with label y (in a regression, target y) at each z, (Q,), in the dtype of z.

        That of several outputs is their sum or their mean, as `over_outputs` says.
        """
        if LOSSES[self.loss].of == "batch":
            return self.objective.mean(*self._in_batches(z, int(y)))
        losses = self.objective.losses(self._outputs(z), self._targets(z, y))[0]
        if losses.dim() == 1:
            return losses
        return losses.sum(-1) * (self.params[OVER_OUTPUTS.name].flatten() if losses.shape[-1] > 1 else 1)

    def gradients(self, z: Tensor, y: float) -> Tensor:
        """The derivative of `values` by z, (Q,), by autograd: what training sees."""
        leaf = z.clone().requires_grad_()
        return torch.autograd.grad(self.values(leaf, y).sum(), leaf)[0]

    def scores(self, z: Tensor) -> Tensor:
        """What the head shows for logits z: probabilities of the positive class, or values in a regression, (Q,)."""
        return self.objective.probabilities(self._outputs(z))[0, :, -1]

    def _outputs(self, z: Tensor) -> Tensor:
        """Raw outputs (1, Q, K)."""
        columns = [z] if HEADS[self.head].outputs(2) == 1 else [torch.zeros_like(z), z]
        return torch.stack(columns, -1)[None]

    def _targets(self, z: Tensor, y: float) -> Tensor:
        if "regression" in HEADS[self.head].tasks:
            return torch.full((1, len(z)), y, dtype=z.dtype)
        return self._labels(torch.full((1, len(z)), int(y)))

    def _labels(self, y: Tensor) -> Tensor:
        """Class indices y (...) as they are; as the second of two labels (..., 2) where head and loss serve these."""
        served = set(HEADS[self.head].tasks) & set(LOSSES[self.loss].tasks)
        return torch.stack([torch.ones_like(y), y], -1) if served == {"multilabel"} else y

    def _in_batches(self, z: Tensor, y: int) -> tuple[Tensor, Tensor]:
        """One batch (Q, 1 + OTHERS, K) for each z, the first row of which moves, and its labels (Q, 1 + OTHERS)."""
        rows = self._outputs(z)[0][:, None]
        others = torch.zeros_like(rows).expand(-1, OTHERS, -1)
        labels = torch.tensor([y] + [1] * POSITIVE_OTHERS + [0] * (OTHERS - POSITIVE_OTHERS))
        return torch.cat([rows, others], 1), self._labels(labels.expand(len(z), -1))


def binary_loss(
    loss: str,
    head: str,
    values: Mapping[str, Value],
    counts: np.ndarray = PLAIN_COUNTS,
    activation: str = "auto",
    dtype: torch.dtype = torch.float64,
) -> BinaryLoss:
    """A loss with chosen parameters; `counts` are the rows of each class (2,). Raises CutoffError for a bad value."""
    positives = counts if HEADS[head].outputs(2) > 1 else counts[1:]
    params = loss_tensors(loss, [dict(values)], Counts(int(counts.sum()), positives), dtype=dtype)
    return BinaryLoss(loss, head, params, activation)


def loss_of_pair(
    loss: str,
    head: str,
    values: Mapping[str, Value],
    counts: np.ndarray,
    negative: int = 0,
    positive: int = 1,
    activation: str = "auto",
) -> BinaryLoss:
    """A loss on a head of any number of outputs as it compares two classes, or judges label `positive` alone.

    `counts` are the rows of each class, or with each label, (C,). Raises CutoffError for a bad value.
    """
    outputs = HEADS[head].outputs(len(counts))
    params = loss_tensors(
        loss, [dict(values)], Counts(int(counts.sum()), counts if outputs > 1 else counts[1:]), dtype=torch.float64
    )
    if outputs > 1:
        pair = [negative, positive]
        params = {name: value[..., pair] if value.shape[-1] == outputs else value for name, value in params.items()}
    return BinaryLoss(loss, head, params, activation)


def binary_head(loss: str) -> str:
    """The head on which a loss is looked at with one logit: of two classes if it serves them."""
    heads = LOSSES[loss].heads
    return next((head for head in heads if "binary" in HEADS[head].tasks), heads[0])


def class_heads(loss: str) -> list[str]:
    """Every head on which a loss of classes can be looked at, that of `binary_head` first.

    The softmax of K logits is left out where the one of two logits, which it then is, can be chosen.
    """
    first, heads = binary_head(loss), LOSSES[loss].heads
    others = [head for head in heads if head not in (first, "identity")]
    return [first, *(head for head in others if head != "softmax" or "softmax2" not in heads)]


def wanted_scores(of: BinaryLoss, q: np.ndarray) -> np.ndarray | None:
    """The score in [0, 1] that minimises the expected loss at true probabilities q (Q,), in closed form.

    None where there is no closed form: for some losses, and after another output activation than the loss expects.
    """
    optimum = LOSSES[of.loss].optimum
    if optimum is None or not of.as_expected:
        return None
    of_row = {name: value[0, 0].double() for name, value in of.params.items()}
    each = LOSSES[of.loss].of == "output"  # then the second of two outputs is the one that moves
    params = {name: value[-1] if each or len(value) == 1 else value for name, value in of_row.items()}
    return optimum(torch.from_numpy(np.asarray(q, np.float64)), params).numpy()


def solved_scores(of: BinaryLoss, q: np.ndarray) -> np.ndarray:
    """The same by search: the score at the logit in +-REACH where q l(z, 1) + (1 - q) l(z, 0) is least, (Q,).

    Of several equally good ones that nearest to z = 0. The loss may jump and have several minima, where a search by
    slopes would stop at the first.
    """
    true = torch.from_numpy(np.asarray(q, np.float64))[:, None]
    best = _least(of, true, torch.linspace(-REACH, REACH, STEPS, dtype=torch.float64)[None])
    width = 2 * REACH / (STEPS - 1)
    for _ in range(REFINEMENTS):
        within = torch.linspace(-width, width, STEPS_WITHIN, dtype=torch.float64)
        best = _least(of, true, best[:, None] + within)
        width *= 2 / (STEPS_WITHIN - 1)
    return of.scores(best).numpy()


def _least(of: BinaryLoss, q: Tensor, z: Tensor) -> Tensor:
    """The z (Q,) at which the expected loss is least, among candidates (Q, S), or (1, S) for every q (Q, 1)."""
    positive, negative = (of.values(z.reshape(-1), y).view(z.shape) for y in (1, 0))
    risk = torch.nan_to_num(q * positive + (1 - q) * negative, nan=torch.inf)
    tied = risk <= risk.min(1, keepdim=True).values + 1e-13
    nearest = torch.where(tied, z.abs(), torch.inf).argmin(1, keepdim=True)
    return z.expand(len(q), -1).gather(1, nearest)[:, 0]


def best_scores(of: BinaryLoss, q: np.ndarray) -> np.ndarray:
    """The wanted scores (Q,), in closed form where there is one and else by search."""
    wanted = wanted_scores(of, q)
    return solved_scores(of, q) if wanted is None else wanted


def stands_for(of: BinaryLoss, score: float) -> float:
    """The least true probability that wants at least this score; 0 where every one does and 1 where none does.

    Deciding `score >= s` is then deciding `q >= stands_for(s)`, as long as the wanted score rises with q.
    """
    low, high = 0.0, 1.0
    for _ in range(6):
        grid = np.linspace(low, high, 21)
        reached = best_scores(of, grid) >= score
        if not reached.any():
            return high
        first = int(reached.argmax())
        low, high = grid[max(first - 1, 0)], grid[first]
    return float(high)


@dataclass(frozen=True)
class Cut:
    """The threshold `score` that stands for one on the true probability, and the true probabilities that share it.

    Where more than one shares it (`low` < `high`), scores do not tell these apart and no threshold can.
    """

    score: float
    low: float
    high: float


def threshold_on_score(of: BinaryLoss, q: float) -> Cut:
    """The threshold on the score that stands for the threshold q on the true probability."""
    grid = np.append(np.linspace(0, 1, 101), q)
    scores = best_scores(of, grid)
    score = float(scores[-1])
    sharing = grid[np.abs(scores - score) < SAME]
    return Cut(score, float(sharing.min()), float(sharing.max()))


def resting_points(of: BinaryLoss, y: float, low: float, high: float) -> np.ndarray:
    """Where gradient descent comes to rest for one label or target y: the gradient goes from below 0 to above, (P,).

    Searched among 4,001 logits (in a regression: predictions) from low to high, and given to the middle of a step.
    """
    z = torch.linspace(low, high, 4001, dtype=torch.float64)
    gradient = of.gradients(z, y)
    pushed_up = gradient < 0
    last = (pushed_up[:-1] & ~pushed_up[1:]).nonzero()[:, 0]
    return torch.where(gradient[last + 1] == 0, z[last + 1], (z[last] + z[last + 1]) / 2).numpy()


def softmax_twice(classes: int | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest probability that a softmax of a softmax over K classes reaches, e / (e + K - 1), and its -log."""
    largest = np.e / (np.e + np.asarray(classes) - 1)
    return largest, -np.log(largest)


def is_proper(loss: str, head: str, values: Mapping[str, Value], counts: np.ndarray) -> bool | None:
    """Whether the expected loss is least at the true probabilities with these parameters; None in a regression.

    `counts` are the rows of each class, or with each label, (C,). Of several outputs those two are held against each
    other whose weights differ most, both ways. Raises CutoffError for a bad value.
    """
    spec = LOSSES[loss]
    if HEADS[head].link == "none":
        return None
    if spec.mistake or spec.of == "batch":
        return False
    pairs = [(0, 1), (1, 0)]
    if HEADS[head].outputs(len(counts)) > 1:
        params = loss_tensors(loss, [dict(values)], Counts(int(counts.sum()), counts), dtype=torch.float64)
        each = next((value[0, 0] for value in params.values() if value.shape[-1] == len(counts)), torch.ones(1))
        ends = int(each.argmin()), int(each.argmax())
        pairs = [ends, ends[::-1]]
    compared = [loss_of_pair(loss, head, values, counts, *pair) for pair in pairs]
    q = np.linspace(0.01, 0.99, 99)
    return all(np.abs(best_scores(pair, q) - q).max() < SAME for pair in compared)


def remark(loss: str, head: str, values: Mapping[str, Value], counts: np.ndarray) -> str:
    """What the scores of a loss mean with these parameters, in one sentence; "" where there is nothing to say.

    `counts` are the rows of each class, or with each label, (C,). Raises CutoffError for a bad value.
    """
    spec = LOSSES[loss]
    if HEADS[head].link == "none" or spec.mistake:
        return ""
    if spec.of == "batch":
        return (
            "Scores are drawn to 0 or 1, and which of them depends on the whole batch: a score is not the true "
            "probability."
        )
    if "binary" in HEADS[head].tasks:
        return _of_two_classes(binary_loss(loss, head, values, counts), values)
    if is_proper(loss, head, values, counts):
        return "A score means the true probability itself."
    params = loss_tensors(loss, [dict(values)], Counts(int(counts.sum()), counts))
    if spec.of == "output" and HEADS[head].link == "sigmoid":
        own = [param for param in spec.class_params if values.get(param.name, param.default) != param.default]
        if own:
            return (
                "Each output has a weight w of its own: a score of 0.5 means a true probability of 1 / (1 + w) there."
            )
        plain = {param.name: values.get(param.name, param.default) for param in spec.params}
        return _of_two_classes(binary_loss(loss, "sigmoid", plain), plain)
    own_values = {name: value for name, value in params.items() if name != OVER_OUTPUTS.name}
    return f"With {_named(loss, values, own_values)}, the scores are not the true probabilities."


def _of_two_classes(of: BinaryLoss, values: Mapping[str, Value]) -> str:
    grid = np.linspace(0.01, 0.99, 99)
    wanted = best_scores(of, grid)
    if np.abs(wanted - grid).max() < SAME:
        return "A score means the true probability itself."
    farthest = len(grid) - 1 - int(np.abs(wanted - grid)[::-1].argmax())
    if rests_at_truth(of):
        return (
            "A score means the true probability itself, where the gradient is 0; the least loss of a true "
            f"{grid[farthest]:.2f} lies beyond a jump, at {wanted[farthest]:.3f}."
        )
    named = _named(of.loss, values, of.params)
    start = f"With {named}, a" if named else "A"
    meant, at_half = stands_for(of, 0.5), best_scores(of, np.array([0.5]))[0]
    if meant in (0, 1):
        return f"{start} score of 0.5 is {'always' if meant == 0 else 'never'} reached."
    if len(np.unique(wanted.round(6))) <= 3:
        return (
            f"{start} score above 0.5 means a true probability above {meant:.3g}, and how far above it is says nothing."
        )
    if abs(meant - 0.5) > 1e-4 or abs(at_half - 0.5) > 1e-4:
        return f"{start} score of 0.5 means a true probability of {meant:.3f}; a true 0.5 is a score of {at_half:.3f}."
    return (
        f"{start} score of 0.5 means a true probability of 0.5, but a true {grid[farthest]:.2f} is a score of "
        f"{wanted[farthest]:.3f}."
    )


def rests_at_truth(of: BinaryLoss) -> bool:
    """Whether the expected gradient is 0 where the score is the true probability, whatever that is."""
    true = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    z = torch.logit(true)
    slope = true * of.gradients(z, 1) + (1 - true) * of.gradients(z, 0)
    return bool((slope.abs() < SAME).all() and (of.scores(z) - true).abs().max() < SAME)


def _named(loss: str, values: Mapping[str, Value], params: Params) -> str:
    """The parameters with their numbers, as in "pos_weight 9"; those at their default only where all of them are."""
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
