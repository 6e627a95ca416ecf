"""The rows that a stack of runs is trained and evaluated on, stored so that one operation gathers a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from core.models import with_ones


@dataclass(frozen=True)
class Rows:
    """Rows of a split (N, ...), or of each run's batch (R, B, ...).

    Parameters
    ----------
    numbers : features, a 1, and targets of K outputs for each K that the losses need, concatenated.
    columns : slice of the targets in `numbers` by K; for K = 0 that of the features and the 1.
    labels : the labels of the data, for losses per row; None if no loss needs them.
    """

    numbers: Tensor
    columns: Mapping[int, slice]
    labels: Tensor | None

    @property
    def x(self) -> Tensor:
        """Features and a 1, (..., F + 1)."""
        return self.numbers[..., self.columns[0]]

    def targets(self, outputs: int) -> Tensor:
        """Targets (..., outputs), or the unchanged labels if `outputs` is 0."""
        if outputs:
            return self.numbers[..., self.columns[outputs]]
        assert self.labels is not None
        return self.labels

    def map(self, function: Callable[[Tensor], Tensor]) -> Rows:
        """Apply a function to each tensor."""
        labels = None if self.labels is None else function(self.labels)
        return replace(self, numbers=function(self.numbers), labels=labels)

    def gather(self, chosen: Tensor, out: Rows) -> None:
        """Write the rows with these indices, (B,), to `out`."""
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
