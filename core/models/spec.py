"""The models that can be chosen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSpec:
    """`widths` are the default hidden widths, which `widths_label` names; an empty tuple is a linear model and stays
    one. `takes_images`: the hidden layers are convolutions, and the data has to be images."""

    label: str
    widths: tuple[int, ...]
    about: str
    widths_label: str = "Hidden layers"
    takes_images: bool = False


MODELS: dict[str, ModelSpec] = {
    "linear": ModelSpec("Linear", (), "No hidden layer: each output is a weighted sum of the inputs and a constant."),
    "mlp": ModelSpec("MLP", (64, 64), "Fully connected layers."),
    "cnn": ModelSpec(
        "CNN",
        (8, 16),
        "Convolutions of 3 x 3 pixels with stride 2, then one linear layer.",
        widths_label="Channels",
        takes_images=True,
    ),
}
