"""A configuration with the data, loss and optimal scores that checks need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from core.data import Dataset, Split, load_dataset, load_split
from core.experiment.compatibility import params_for
from core.experiment.config import RunConfig
from core.losses import LOSSES, Counts, LossSpec, loss_tensors
from core.losses.heads import HEADS, HeadSpec, right_activation
from core.losses.objective import label_counts, resolved
from core.losses.spec import OVER_OUTPUTS
from core.parameters import Value
from core.theory import landscape
from core.theory.binary_loss import binary_loss, loss_of_pair
from core.theory.effect import Effect, effect
from core.theory.optimal_scores import optimal_scores, rests_at_truth, stands_for

TORCH = "PyTorch documentation (2026)"
EXAMPLE = 0.8  # a true probability, used as an example in sentences


@dataclass(frozen=True)
class Optimum:
    """The optimal score of a loss.

    Parameters
    ----------
    effect : how it differs from the true probability.
    half : the true probability whose optimal score is 0.5; 0 if all optimal scores are >= 0.5, 1 if none is.
    example : the optimal score for the true probability EXAMPLE.
    rests_at_truth : whether the mean gradient is 0 at the true probability.
    """

    effect: Effect
    half: float
    example: float
    rests_at_truth: bool


@dataclass(frozen=True)
class Comparison:
    """Two classes, and the optimal score of the positive one.

    Parameters
    ----------
    name : name of the positive class or label; "" for all outputs together.
    among : the counted rows in words, such as "of the rows".
    positives, negatives : number of positive and negative rows, each >= 1.
    optimum : the optimal score.
    """

    name: str
    among: str
    positives: int
    negatives: int
    optimum: Optimum

    @property
    def share(self) -> float:
        """Fraction of positives, in (0, 1)."""
        return self.positives / (self.positives + self.negatives)

    @property
    def share_sentence(self) -> str:
        return f"{self.share:.1%} {self.among} are {self.name or 'positive'}"

    @property
    def balance(self) -> float:
        """The weight of positives that balances the classes: negatives per positive."""
        return self.negatives / self.positives

    @property
    def weight(self) -> float:
        """The pos_weight of BCE with the same meaning of a score of 0.5: (1 - half) / half, in [0, inf]."""
        half = self.optimum.half
        return (1 - half) / half if half else float("inf")


@dataclass(frozen=True)
class Context:
    """A configuration with everything that checks need, computed on first use."""

    config: RunConfig

    @cached_property
    def loss(self) -> LossSpec:
        return LOSSES[self.config.loss]

    @cached_property
    def head(self) -> HeadSpec:
        return HEADS[self.config.head]

    @cached_property
    def activation(self) -> str:
        return resolved(self.config.head, self.config.activation, self.config.loss)

    @cached_property
    def data(self) -> Dataset:
        return load_dataset(self.config.dataset, self.config.dataset_params)

    @cached_property
    def split(self) -> Split:
        return load_split(self.config.dataset, self.config.dataset_params, self.config.split_seed)

    @cached_property
    def outputs(self) -> int:
        return self.head.outputs(len(self.data.class_names))

    @cached_property
    def params(self) -> dict[str, Value]:
        """All parameters of the loss, including defaults."""
        plain = {param.name: param.default for param in params_for(self.config.head, self.config.loss)}
        return plain | dict(self.config.loss_params)

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Parameters as numbers, one per class or output if they have several."""
        y = self.split.y["train"]
        tensors = loss_tensors(self.config.loss, [dict(self.config.loss_params)], label_counts(y, self.outputs))
        return {name: tensor[0, 0].double().numpy() for name, tensor in tensors.items()}

    @cached_property
    def counts(self) -> Counts:
        """Number of rows of the whole data, and for each output the number whose target is 1."""
        return label_counts(self.data.y, self.outputs)

    @cached_property
    def share(self) -> float:
        """Fraction of ones among the targets of all outputs; in a binary task with one output the prevalence."""
        return float(self.counts.positives.sum() / (self.counts.rows * self.outputs))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The class or label of each output."""
        return self.data.class_names[-self.outputs :]

    @property
    def as_expected(self) -> bool:
        """Whether the final activation gives the loss what it expects."""
        return self.activation == right_activation(self.config.head, self.loss.expects)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Pairs of classes with the optimal scores of the loss for them.

        Binary task: the two classes. Several sigmoid outputs: all together, or each if their weights differ. Softmax
        over several classes: the rarest against the most frequent class, and the class with the largest weight against
        the one with the smallest.

        Empty if rows have no optimal score of their own: in a regression, for a loss of a whole batch, for multi-label
        data with a softmax, and for a loss that is a mistake.
        """
        competing = self.data.task == "multilabel" and self.head.link == "softmax"
        if self.head.link == "none" or self.loss.of == "batch" or competing or self.loss.mistake:
            return ()
        if self.data.task == "binary":
            pairs = [(0, 1)]
        elif self.head.link == "softmax":
            pairs = self._extreme_pairs()
        else:
            return self._of_outputs()
        names, counts = self.data.class_names, self.data.counts
        return tuple(
            Comparison(
                name=names[b],
                among=f"of the rows of {names[b]} and {names[a]}" if len(names) > 2 else "of the rows",
                positives=int(counts[b]),
                negatives=int(counts[a]),
                optimum=self._optimum(a, b),
            )
            for a, b in pairs
        )

    def _extreme_pairs(self) -> list[tuple[int, int]]:
        """Pairs (negative, positive) of softmax classes that differ most in rows, and in the effect of the loss."""
        counts = self.data.counts
        halves = [0.5] + [self._optimum(0, other).half for other in range(1, self.outputs)]
        ends = {(int(counts.argmax()), int(counts.argmin())), (int(np.argmax(halves)), int(np.argmin(halves)))}
        return sorted((a, b) for a, b in ends if a != b) or [(0, 1)]

    def _of_outputs(self) -> tuple[Comparison, ...]:
        rows, weights = self.counts.rows, self.weights.get("output_weight")
        if weights is None or weights.min() == weights.max():
            positives = int(self.counts.positives.sum())
            return (Comparison("", "of all labels", positives, rows * self.outputs - positives, self._optimum(0, 0)),)
        return tuple(
            Comparison(name, "of the rows", int(positives), int(rows - positives), self._optimum(0, at))
            for at, (name, positives) in enumerate(zip(self.output_names, self.counts.positives, strict=True))
            if 0 < positives < rows
        )

    def _optimum(self, negative: int, positive: int) -> Optimum:
        return _optimum(*self._names, self.config.loss_params, *self._rows, negative, positive)

    @cached_property
    def gate(self) -> landscape.Gate | None:
        """The gate of the loss of a class or label; None in a regression, and with another final activation."""
        if self.head.link == "none" or not self.as_expected:
            return None
        return _gate(self.config.loss, self.config.head, self.config.loss_params, *self._rows)

    @cached_property
    def traps(self) -> tuple[landscape.Trap, ...]:
        """The traps of a loss of values between the training targets; () for several outputs."""
        if self.loss.expects != "values" or self.outputs > 1:
            return ()
        y = self.split.y["train"]
        return _traps(*self._names, self.config.loss_params, float(y.min()), float(y.max()))

    @cached_property
    def growth(self) -> landscape.Growth | None:
        """The growth of a loss of values; None for several outputs."""
        if self.loss.expects != "values" or self.outputs > 1:
            return None
        return _growth(self.config.loss, self.config.head, self.config.loss_params)

    @property
    def _names(self) -> tuple[str, str, str]:
        """Loss, head and final activation."""
        return self.config.loss, self.config.head, self.activation

    @property
    def _rows(self) -> tuple[tuple[int, ...], int]:
        """The training rows of each class, or with each label, and of all."""
        y = self.split.y["train"]
        counts = y.sum(0) if y.ndim == 2 else np.bincount(y, minlength=len(self.data.class_names))
        return tuple(counts.tolist()), len(y)

    @property
    def is_hinge(self) -> bool:
        """Whether the loss is a hinge, which compares logits with a margin."""
        return self.config.loss in ("hinge", "squared_hinge")

    def with_params(self, **changed: Value) -> Context:
        """The context with changed parameters of the loss."""
        return Context(self.config.model_copy(update=self.with_loss_params(**changed)))

    def with_loss_params(self, **changed: Value) -> dict[str, object]:
        """The update of a configuration that changes these parameters of its loss."""
        return {"loss_params": tuple(sorted((dict(self.config.loss_params) | changed).items()))}


AUTO: dict[str, object] = {"activation": "auto"}


@lru_cache(maxsize=1024)
def _optimum(
    loss: str,
    head: str,
    activation: str,
    params: tuple[tuple[str, Value], ...],
    counts: tuple[int, ...],
    rows: int,
    negative: int,
    positive: int,
) -> Optimum:
    given = loss, head, dict(params), np.array(counts)
    of = loss_of_pair(*given, negative, positive, activation, rows)
    found = effect(*given, activation, negative, positive, rows)
    assert found is not None
    example = float(optimal_scores(of, np.array([EXAMPLE]))[0])
    return Optimum(found, stands_for(of, 0.5), example, rests_at_truth(of))


@lru_cache(maxsize=1024)
def _gate(
    loss: str, head: str, params: tuple[tuple[str, Value], ...], counts: tuple[int, ...], rows: int
) -> landscape.Gate | None:
    if HEADS[head].link == "sigmoid":  # each output has a loss of its own
        return landscape.gate(binary_loss(loss, "sigmoid", dict(params)))
    summed = dict(params) | {OVER_OUTPUTS.name: "sum"}
    return landscape.gate(loss_of_pair(loss, head, summed, np.array(counts), rows=rows))


@lru_cache(maxsize=1024)
def _traps(
    loss: str, head: str, activation: str, params: tuple[tuple[str, Value], ...], lowest: float, highest: float
) -> tuple[landscape.Trap, ...]:
    return landscape.traps(binary_loss(loss, head, dict(params), activation=activation), lowest, highest)


@lru_cache(maxsize=1024)
def _growth(loss: str, head: str, params: tuple[tuple[str, Value], ...]) -> landscape.Growth | None:
    return landscape.growth(binary_loss(loss, head, dict(params)))
