"""A configuration with everything looked up that checks before a run ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.data import Dataset, Split, load_dataset, load_split
from core.experiment.compatibility import params_for
from core.experiment.config import RunConfig
from core.losses import LOSSES, Counts, LossSpec, loss_tensors
from core.losses.heads import HEADS, HeadSpec
from core.losses.objective import label_counts, resolved
from core.parameters import Value

TORCH = "PyTorch documentation (2026)"


@dataclass(frozen=True)
class Context:
    """A configuration with everything looked up that checks ask for."""

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
        """Every parameter of the loss, chosen or default."""
        plain = {param.name: param.default for param in params_for(self.config.head, self.config.loss)}
        return plain | dict(self.config.loss_params)

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Parameters as numbers, those of classes as one a class."""
        y = self.split.y["train"]
        tensors = loss_tensors(self.config.loss, [dict(self.config.loss_params)], label_counts(y, self.outputs))
        return {name: tensor[0, 0].double().numpy() for name, tensor in tensors.items()}

    @cached_property
    def counts(self) -> Counts:
        """Rows of the whole data, and for how many of them each output should be 1."""
        return label_counts(self.data.y, self.outputs)

    @cached_property
    def share(self) -> float:
        """Share of ones among the labels of all outputs; in a binary task with one output the prevalence."""
        return float(self.counts.positives.sum() / (self.counts.rows * self.outputs))

    @property
    def output_names(self) -> tuple[str, ...]:
        """The class or label that each output speaks for."""
        return self.data.class_names[-self.outputs :]

    @property
    def is_hinge(self) -> bool:
        """Whether the loss compares logits with a margin instead of applying a sigmoid."""
        return self.config.loss in ("hinge", "squared_hinge")

    def with_loss_params(self, **changed: Value) -> dict[str, object]:
        """The changes of a configuration that set these parameters of its loss."""
        return {"loss_params": tuple(sorted((dict(self.config.loss_params) | changed).items()))}


Found = tuple[str, dict[str, object] | None] | None
AUTO: dict[str, object] = {"activation": "auto"}
