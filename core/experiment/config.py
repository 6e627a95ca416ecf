"""What a run is, in names and numbers only: hashable, JSON, and small enough for a URL.

Names are not looked up here: `core.experiment.compatibility` holds them against the registries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from core.errors import CutoffError
from core.parameters import Value

MAX_RUNS = 256


Params = Annotated[
    tuple[tuple[str, Value], ...],
    BeforeValidator(lambda value: tuple(value.items()) if isinstance(value, Mapping) else value),
    AfterValidator(lambda pairs: tuple(sorted(dict(pairs).items()))),  # so that equal choices compare and hash equal
    PlainSerializer(lambda pairs: dict(pairs)),
]


class RunConfig(BaseModel):
    """One model to be trained: data, model, head, loss and how to optimise.

    Epochs are passes over the training rows; `lr` is the optimizer's step size; `weight_decay` is the L2 factor
    that is added to the gradient, as torch.optim.SGD and torch.optim.Adam do it, or the share that AdamW takes off
    the weights. `momentum` is that of SGD. With the schedule "cosine" the step size falls from `lr` to 0 over the
    epochs (Loshchilov and Hutter, 2017). `patience` is how many epochs the validation loss may go without a new lowest
    value before the run stops early; 0 never stops it. `seed` fixes the initial weights and the order of the batches,
    `split_seed` the rows of each split. `hidden` is the function between the layers. `activation` is the last step
    inside the network; "auto" is the one that gives the loss what it expects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    dataset: str = "digit"
    dataset_params: Params = ()
    split_seed: int = Field(0, ge=0, le=2**31 - 1)
    model: str = "linear"
    widths: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field((), max_length=4)
    hidden: Literal["relu", "tanh"] = "relu"
    batch_norm: bool = False
    head: str = "sigmoid"
    activation: str = "auto"
    loss: str = "bce"
    loss_params: Params = ()
    optimizer: str = "adam"
    lr: float = Field(0.003, ge=1e-6, le=1e6)
    weight_decay: float = Field(0.0, ge=0, le=10)
    momentum: float = Field(0.0, ge=0, lt=1)
    schedule: Literal["constant", "cosine"] = "constant"
    patience: int = Field(0, ge=0, le=2000)
    batch_size: int = Field(64, ge=1, le=65536)
    epochs: int = Field(200, ge=1, le=2000)
    seed: int = Field(0, ge=0, le=2**31 - 1)

    def stack_key(self) -> tuple[object, ...]:
        """What runs must share to be trained in one stack; all else may differ from run to run."""
        return (
            self.dataset,
            self.dataset_params,
            self.split_seed,
            self.model,
            self.widths,
            self.hidden,
            self.batch_norm,
            self.optimizer,
            self.schedule,
            self.batch_size,
            self.epochs,
        )


class Variant(BaseModel):
    """A named column of an experiment: one configuration, trained once for every seed. `colour` is one of eight in
    figures; None takes the next."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    config: RunConfig
    colour: int | None = Field(None, ge=0, lt=8)


class Experiment(BaseModel):
    """Several variants times several seeds.

    Variants that share a seed share initial weights and batches, so a difference between them is the difference
    of what was varied (common random numbers).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    variants: tuple[Variant, ...] = Field(min_length=1)
    seeds: tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...] = Field((0,), min_length=1)

    def runs(self) -> tuple[RunConfig, ...]:
        """Every variant with every seed, variants outermost; raises CutoffError above MAX_RUNS."""
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise CutoffError(f"Expected every variant to have its own name, but got {twice!r} twice.")
        total = len(self.variants) * len(self.seeds)
        if total > MAX_RUNS:
            raise CutoffError(f"Expected at most {MAX_RUNS} runs in an experiment, but got {total}.")
        return tuple(v.config.model_copy(update={"seed": seed}) for v in self.variants for seed in self.seeds)


def make_config(**choices: Any) -> RunConfig:
    """A RunConfig from plain choices; raises CutoffError with one sentence for the first bad one."""
    try:
        return RunConfig(**choices)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise CutoffError(f"Expected one of {', '.join(RunConfig.model_fields)}, but got `{name}`.") from None
        wanted = first["msg"].removeprefix("Input should be ")
        if first["type"] == "too_long":
            wanted = f"at most {first['ctx']['max_length']} values"
        raise CutoffError(f"Expected `{name}` to be {wanted}, but got {first['input']!r}.") from None
