"""The registry of models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSpec:
    """A registry entry: a kind of model.

    Parameters
    ----------
    label, about : its name and description.
    widths : default hidden widths, for a CNN the channels; an empty tuple is a linear model, whose widths are fixed.
    widths_label : label of the widths' control.
    takes_images : whether the hidden layers are convolutions, which need data that are images.
    """

    label: str
    widths: tuple[int, ...]
    about: str
    widths_label: str = "Hidden layers"
    takes_images: bool = False


MODELS: dict[str, ModelSpec] = {
    "linear": ModelSpec("Linear", (), "No hidden layer: each output is a weighted sum of the inputs plus a bias."),
    "mlp": ModelSpec("MLP", (64, 64), "Fully connected layers."),
    "cnn": ModelSpec(
        "CNN",
        (8, 16),
        "3 x 3 convolutions with stride 2, then one linear layer.",
        widths_label="Channels",
        takes_images=True,
    ),
}
