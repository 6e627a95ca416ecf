"""The rows that a stack of runs is trained and evaluated on, laid out so that a batch of them is gathered at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from core.models import with_ones


@dataclass(frozen=True)
class Rows:
    """Rows of a split (N, ...), or those of each run's batch (R, B, ...).

    Side by side in `numbers`: the features, a one, and in `columns` a target for each of K outputs, for every K that
    the losses ask for. `labels` are as the data has them, None if no loss asks for them so.
    """

    numbers: Tensor
    columns: Mapping[int, slice]
    labels: Tensor | None

    @property
    def x(self) -> Tensor:
        """Features and a one, (..., F + 1)."""
        return self.numbers[..., self.columns[0]]

    def targets(self, outputs: int) -> Tensor:
        """One for each of so many outputs, (..., outputs), or the labels as they are if that is 0."""
        if outputs:
            return self.numbers[..., self.columns[outputs]]
        assert self.labels is not None
        return self.labels

    def map(self, function: Callable[[Tensor], Tensor]) -> Rows:
        """The same of what a function makes of its tensors."""
        labels = None if self.labels is None else function(self.labels)
        return replace(self, numbers=function(self.numbers), labels=labels)

    def gather(self, chosen: Tensor, out: Rows) -> None:
        """Put the rows of these numbers, (B,), into `out`."""
        torch.index_select(self.numbers, 0, chosen, out=out.numbers)
        if self.labels is not None and out.labels is not None:
            torch.index_select(self.labels, 0, chosen, out=out.labels)


def rows_of(x: Tensor, targets: Sequence[Tensor] = (), labels: Tensor | None = None) -> Rows:
    """All rows of a split: features x (N, F), targets (N, K) of different K, and labels (N,) or (N, K)."""
    parts = [with_ones(x), *targets]
    edges = accumulate((part.shape[1] for part in parts), initial=0)
    outputs = [0, *(part.shape[1] for part in targets)]
    columns = {k: slice(start, stop) for k, (start, stop) in zip(outputs, pairwise(edges), strict=True)}
    return Rows(torch.cat(parts, 1), columns, labels)
