"""What the networks of a stack are made of, counted: layers, weights, multiplications, numbers held."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class Stage(NamedTuple):
    """A hidden layer: its weights are (fan_in, fan_out), applied at each of so many positions of a row."""

    fan_in: int
    fan_out: int
    positions: int


@dataclass(frozen=True)
class Shape:
    """What all networks of a stack share: input features, hidden widths, whether batch norm follows each of them, and
    the function between the layers, "relu" or "tanh".

    With `image`, a height and a width, the hidden layers are convolutions and the widths their channels.
    """

    features: int
    widths: tuple[int, ...] = ()
    image: tuple[int, int] | None = None
    batch_norm: bool = False
    hidden: str = "relu"

    def stages(self) -> list[Stage]:
        """The hidden layers, first layer first."""
        if self.image is None:
            return [Stage(i, o, 1) for i, o in zip([self.features, *self.widths], self.widths, strict=False)]
        sizes, channels = self.image_sizes(), [1, *self.widths]
        return [Stage(9 * i, o, h * w) for (i, o), (h, w) in zip(pairwise(channels), sizes[1:], strict=True)]

    def image_sizes(self) -> list[tuple[int, int]]:
        """Height and width of the images that enter each convolution, and of what leaves the last."""
        assert self.image is not None
        sizes = [self.image]
        for _ in self.widths:
            height, width = sizes[-1]
            sizes.append(((height + 1) // 2, (width + 1) // 2))
        return sizes

    @property
    def last_inputs(self) -> int:
        """Inputs of the last layer."""
        stages = self.stages()
        return stages[-1].fan_out * stages[-1].positions if stages else self.features

    def count_weights(self, outputs: int) -> int:
        """Weights and biases of one network."""
        hidden = sum((s.fan_in + 1) * s.fan_out + 2 * s.fan_out * self.batch_norm for s in self.stages())
        return hidden + (self.last_inputs + 1) * outputs

    def row_work(self, outputs: int) -> int:
        """Multiplications for one row's logits."""
        return sum(s.fan_in * s.fan_out * s.positions for s in self.stages()) + self.last_inputs * outputs

    def row_floats(self) -> int:
        """Numbers that one row holds in memory on its way through one network."""
        return self.features + sum(
            (s.fan_in * (self.image is not None) + s.fan_out) * s.positions for s in self.stages()
        )

    def smallest_batch(self) -> int:
        """Rows that a batch needs: batch norm has to see two values of everything."""
        return 2 if self.batch_norm and any(s.positions == 1 for s in self.stages()) else 1
