"""What a run is, in names and numbers only: hashable, JSON, and small enough for a URL.

Each field of a `RunConfig` is declared once, here, with its default, its range and a `Setting` that says how it is
shown, linked, varied and swept; forms, links, sweeps, names and messages read that, so a new field needs no other list.
Names are not looked up here: `core.experiment.compatibility` holds them against the registries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from core.errors import CutoffError
from core.parameters import Param, Value

MAX_RUNS = 256
MAX_SEED = 2**31 - 1
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
SCHEDULES = {"constant": "constant rate", "cosine": "cosine rate to 0"}
HIDDEN = {"relu": "ReLU", "tanh": "tanh"}


@dataclass(frozen=True)
class Setting:
    """What a field of `RunConfig` says of itself besides its type, default and range.

    Parameters
    ----------
    label, help : what its control is called, and the tooltip.
    group : the part of the form that it belongs to.
    rare : whether the form folds it away.
    options : what it may be and how each is called, where that is no registry's matter.
    step, log : the step of a number's control, and whether it is spaced by logarithm.
    link : its key in a link, by default the field's name; with a dot at the end, what precedes its parameters' names.
    write : its text in a link, which `make_config` reads back.
    wanted : what it has to be, as messages say it; by default the range of a number.
    varies : whether the variants of an experiment may differ in it; other fields are those of the whole experiment.
    sweeps : whether a sweep may vary it, which takes a number that varies.
    stack_key : whether runs have to agree in it to be trained in one stack.
    needs : what it takes to have an effect: "hidden layers", "SGD" or "".
    """

    label: str
    help: str = ""
    group: Literal["data", "model", "loss", "training"] = "training"
    rare: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    step: float | None = None
    log: bool = False
    link: str = ""
    write: Callable[[Any], str] = str
    wanted: str = "text"
    varies: bool = False
    sweeps: bool = False
    stack_key: bool = True
    needs: Literal["hidden layers", "SGD", ""] = ""

    @property
    def words(self) -> str:
        """Its label within a sentence."""
        return self.label[0].lower() + self.label[1:]


def _split_widths(value: object) -> object:
    return tuple(map(int, value.split("-"))) if isinstance(value, str) else value


Params = Annotated[
    tuple[tuple[str, Value], ...],
    BeforeValidator(lambda value: tuple(value.items()) if isinstance(value, Mapping) else value),
    AfterValidator(lambda pairs: tuple(sorted(dict(pairs).items()))),  # so that equal choices compare and hash equal
    PlainSerializer(lambda pairs: dict(pairs)),
]
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], BeforeValidator(_split_widths)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class RunConfig(BaseModel):
    """One model to be trained: data, model, head, loss and how to optimise.

    Epochs are passes over the training rows; `lr` is the optimizer's step size; `weight_decay` is the L2 factor
    that is added to the gradient, as torch.optim.SGD and torch.optim.Adam do it, or the share that AdamW takes off
    the weights. `momentum` is that of SGD. With the schedule "cosine" the step size falls from `lr` to 0 over the
    epochs (Loshchilov and Hutter, 2017). `patience` is how many epochs the validation loss may go without a new lowest
    value before the run stops early; 0 never stops it. `seed` fixes the initial weights and the order of the batches,
    `split_seed` the rows of each split. `hidden` is the function between the layers. `activation` is the last step
    inside the network; "auto" is the one that gives the loss what it expects.

    A field comes after those that decide what it may be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    dataset: Annotated[str, Setting("Data", group="data")] = "digit"
    dataset_params: Annotated[
        Params, Setting("Parameters of the data", group="data", link="data.", wanted="values by name")
    ] = ()
    model: Annotated[str, Setting("Model", group="model")] = "linear"
    widths: Annotated[
        Widths,
        Field(max_length=4),
        Setting(
            "Hidden layers",
            "How many in each hidden layer, from the input on. Type your own, such as 32-16.",
            group="model",
            write=lambda widths: "-".join(map(str, widths)),
            wanted="one to four whole numbers from 1 to 1024 with dashes",
            needs="hidden layers",
        ),
    ] = ()
    hidden: Annotated[str, Setting("Hidden activation", group="model", options=HIDDEN, needs="hidden layers")] = "relu"
    batch_norm: Annotated[
        bool,
        Setting(
            "Batch norm",
            "Standardises what each hidden layer gives, over the rows of a batch.",
            group="model",
            wanted="True or False",
            needs="hidden layers",
        ),
    ] = False
    head: Annotated[str, Setting("Head", group="loss", varies=True, stack_key=False)] = "sigmoid"
    loss: Annotated[str, Setting("Loss", group="loss", varies=True, stack_key=False)] = "bce"
    loss_params: Annotated[
        Params,
        Setting(
            "Parameters of the loss", group="loss", link="loss.", wanted="values by name", varies=True, stack_key=False
        ),
    ] = ()
    activation: Annotated[
        str,
        Setting(
            "Final activation",
            "The last step inside the network, before the loss. One other than the loss expects can be trained too: "
            "that is how a softmax before cross-entropy or a double sigmoid comes about.",
            group="loss",
            varies=True,
            stack_key=False,
        ),
    ] = "auto"
    optimizer: Annotated[str, Setting("Optimizer", options=OPTIMIZERS, varies=True)] = "adam"
    lr: Annotated[
        float,
        Field(ge=1e-6, le=1e6),
        Setting(
            "Learning rate",
            "Size of a step. Too large a one makes the loss diverge.",
            step=0.001,
            log=True,
            varies=True,
            sweeps=True,
            stack_key=False,
        ),
    ] = 0.003
    epochs: Annotated[int, Field(ge=1, le=2000), Setting("Epochs", "Passes over the training rows.", step=10)] = 200
    batch_size: Annotated[int, Field(ge=1, le=65536), Setting("Batch size", "Rows in a step.", rare=True, step=16)] = 64
    momentum: Annotated[
        float,
        Field(ge=0, le=0.999),
        Setting(
            "Momentum",
            "Share of the last step that is added to the next.",
            rare=True,
            step=0.1,
            varies=True,
            sweeps=True,
            stack_key=False,
            needs="SGD",
        ),
    ] = 0.0
    schedule: Annotated[
        str,
        Setting(
            "Learning-rate schedule",
            "How the learning rate changes over the epochs.",
            rare=True,
            options=SCHEDULES,
        ),
    ] = "constant"
    patience: Annotated[
        int,
        Field(ge=0, le=2000),
        Setting(
            "Patience",
            "Epochs without a new lowest validation loss after which a run stops. 0: never.",
            rare=True,
            step=5,
            stack_key=False,
        ),
    ] = 0
    weight_decay: Annotated[
        float,
        Field(ge=0, le=10),
        Setting(
            "Weight decay",
            "L2 factor added to the gradient; with AdamW the share taken off the weights.",
            rare=True,
            step=0.001,
            log=True,
            varies=True,
            sweeps=True,
            stack_key=False,
        ),
    ] = 0.0
    seed: Annotated[
        Seed, Setting("Seed", "Initial weights and order of batches.", rare=True, step=1, stack_key=False)
    ] = 0
    split_seed: Annotated[Seed, Setting("Split seed", "Which rows are in which split.", rare=True, step=1)] = 0

    def stack_key(self) -> tuple[object, ...]:
        """What runs must share to be trained in one stack; all else may differ from run to run."""
        return tuple(getattr(self, name) for name in _STACK_KEY)


def _declared(name: str) -> Setting:
    return next(item for item in RunConfig.model_fields[name].metadata if isinstance(item, Setting))


def _number(name: str) -> Param:
    """A number among the fields, with its range."""
    info, setting = RunConfig.model_fields[name], SETTINGS[name]
    low, high = (next(getattr(one, end) for one in info.metadata if hasattr(one, end)) for end in ("ge", "le"))
    return Param(
        name,
        setting.label,
        info.default,
        low,
        high,
        setting.step,
        help=setting.help,
        log=setting.log,
        integer=info.annotation is int,
    )


SETTINGS: dict[str, Setting] = {name: _declared(name) for name in RunConfig.model_fields}
NUMBERS: dict[str, Param] = {
    name: _number(name) for name, info in RunConfig.model_fields.items() if info.annotation in (int, float)
}
_STACK_KEY = tuple(name for name, setting in SETTINGS.items() if setting.stack_key)


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
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)

    def runs(self) -> tuple[RunConfig, ...]:
        """Every variant with every seed, variants outermost; raises CutoffError above MAX_RUNS."""
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise CutoffError(f"Two variants are called {twice!r}. Give each its own name.")
        total = len(self.variants) * len(self.seeds)
        if total > MAX_RUNS:
            raise CutoffError(
                f"The limit is {MAX_RUNS} runs; this experiment has {total}. Use fewer variants or seeds."
            )
        return tuple(v.config.model_copy(update={"seed": seed}) for v in self.variants for seed in self.seeds)


def make_config(**choices: Any) -> RunConfig:
    """A RunConfig from plain choices, or from their texts in a link.

    Raises CutoffError with one sentence for the first bad one.
    """
    try:
        return RunConfig(**choices)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if name not in SETTINGS:
            raise CutoffError(f"Expected one of {', '.join(SETTINGS)}, but got `{name}`.") from None
        wanted = NUMBERS[name].range_text if name in NUMBERS else SETTINGS[name].wanted
        raise CutoffError(f"Expected `{name}` to be {wanted}, but got {choices[name]!r}.") from None
