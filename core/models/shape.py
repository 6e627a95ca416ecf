"""The shape of the networks of a stack, and counts of their weights, multiplications and activations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class Stage(NamedTuple):
    """A hidden layer: weights (fan_in, fan_out), applied at each of `positions` places of a row."""

    fan_in: int
    fan_out: int
    positions: int


@dataclass(frozen=True)
class Shape:
    """The shape that all networks of a stack share.

    Parameters
    ----------
    features : number of input features.
    widths : number of units of each hidden layer; channels if the layers are convolutions.
    image : height and width of the input images, which makes the hidden layers convolutions; None otherwise.
    batch_norm : whether batch norm follows each hidden layer.
    hidden : hidden activation, "relu" or "tanh".
    """

    features: int
    widths: tuple[int, ...] = ()
    image: tuple[int, int] | None = None
    batch_norm: bool = False
    hidden: str = "relu"

    def stages(self) -> list[Stage]:
        """The hidden layers, from the first to the last."""
        if self.image is None:
            return [Stage(i, o, 1) for i, o in zip([self.features, *self.widths], self.widths, strict=False)]
        sizes, channels = self.image_sizes(), [1, *self.widths]
        return [Stage(9 * i, o, h * w) for (i, o), (h, w) in zip(pairwise(channels), sizes[1:], strict=True)]

    def image_sizes(self) -> list[tuple[int, int]]:
        """Height and width of the input of each convolution, and of the output of the last."""
        assert self.image is not None
        sizes = [self.image]
        for _ in self.widths:
            height, width = sizes[-1]
            sizes.append(((height + 1) // 2, (width + 1) // 2))
        return sizes

    @property
    def last_inputs(self) -> int:
        """Number of inputs of the last layer."""
        stages = self.stages()
        return stages[-1].fan_out * stages[-1].positions if stages else self.features

    def count_weights(self, outputs: int) -> int:
        """Number of weights and biases of one network."""
        hidden = sum((s.fan_in + 1) * s.fan_out + 2 * s.fan_out * self.batch_norm for s in self.stages())
        return hidden + (self.last_inputs + 1) * outputs

    def row_work(self, outputs: int) -> int:
        """Number of multiplications to compute the logits of one row."""
        return sum(s.fan_in * s.fan_out * s.positions for s in self.stages()) + self.last_inputs * outputs

    def row_floats(self) -> int:
        """Number of values that the forward pass of one row through one network keeps in memory."""
        return self.features + sum(
            (s.fan_in * (self.image is not None) + s.fan_out) * s.positions for s in self.stages()
        )

    def smallest_batch(self) -> int:
        """Smallest batch in rows: batch norm needs at least two values per channel."""
        return 2 if self.batch_norm and any(s.positions == 1 for s in self.stages()) else 1
