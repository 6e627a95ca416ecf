"""Configurations of runs and experiments: plain, hashable, serialisable to JSON and short enough for a URL.

Each field of a `RunConfig` is declared here only, with its default, its range and a `Setting` that says how it is
shown, linked, varied and swept. Forms, links, sweeps, names and messages use that, so a new field needs no other list.
Names are not validated here, but in `core.experiment.compatibility`.
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
EARLY_STOPPING = {
    "loss": "validation loss",
    "average_precision": "average precision",
    "f1": "maximum F1",
    "net_value": "maximum net value per row",
}  # all but the loss are of core.evaluation.best_epoch
LIMIT = 1e9  # of a payoff, positive or negative
# What a decision is worth, the defaults of core.evaluation.value.payoffs.
PAYOFFS = tuple(
    Param(name, label, default, -LIMIT, LIMIT)
    for name, label, default in (
        ("benefit_tp", "Benefit of a true positive", 0.0),
        ("cost_fp", "Cost of a false positive", 1.0),
        ("cost_fn", "Cost of a false negative", 5.0),
        ("benefit_tn", "Benefit of a true negative", 0.0),
    )
)
HIDDEN = {"relu": "ReLU", "tanh": "tanh"}


@dataclass(frozen=True)
class Setting:
    """The properties of a field of `RunConfig` besides its type, default and range.

    Parameters
    ----------
    label, help : label and tooltip of its control.
    group : its section of the form; "payoffs" are typed in the panel Value.
    rare : whether the form hides it in an expander.
    options : its allowed values and their labels, unless they are in a registry.
    step, log : step of a number's control, and whether it is logarithmic.
    link : its key in a link, by default the name of the field; if it ends with a dot, a prefix of parameter names.
    write : converts a value to text in a link, which `make_config` reads back.
    valid : description of valid values for error messages; numbers use their range instead.
    varies : whether the variants of an experiment may differ in it.
    sweeps : whether a sweep may vary it; only for numbers that vary.
    stack_key : whether it must be equal for runs in one stack.
    needs : what it needs to have an effect: "hidden layers", "SGD", "scores" (no regression), "net value" (early
        stopping by it) or "" (nothing).
    """

    label: str
    help: str = ""
    group: Literal["data", "model", "loss", "training", "payoffs"] = "training"
    rare: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    step: float | None = None
    log: bool = False
    link: str = ""
    write: Callable[[Any], str] = str
    valid: str = "text"
    varies: bool = False
    sweeps: bool = False
    stack_key: bool = True
    needs: Literal["hidden layers", "SGD", "scores", "net value", ""] = ""

    @property
    def words(self) -> str:
        """The label in the form used within a sentence."""
        return self.label[0].lower() + self.label[1:]


def _split_widths(value: object) -> object:
    return tuple(map(int, value.split("-"))) if isinstance(value, str) else value


Params = Annotated[
    tuple[tuple[str, Value], ...],
    BeforeValidator(lambda value: tuple(value.items()) if isinstance(value, Mapping) else value),
    AfterValidator(lambda pairs: tuple(sorted(dict(pairs).items()))),  # so that the order of parameters does not matter
    PlainSerializer(lambda pairs: dict(pairs)),
]
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], BeforeValidator(_split_widths)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class RunConfig(BaseModel):
    """The configuration of a run. Each field comes after the fields that restrict its values.

    Parameters
    ----------
    dataset, dataset_params : the data set and its parameters, by name.
    model, widths, hidden, batch_norm : the model, its hidden widths from the input on, its hidden activation ("relu" or
        "tanh"), and whether it has batch norm.
    head, loss, loss_params : the head, the loss, and the parameters of the loss, by name.
    activation : final activation in the network; "auto" is the one that the loss expects.
    optimizer : "adam", "adamw" or "sgd".
    lr : learning rate.
    epochs : passes over the training rows.
    batch_size : rows per step.
    momentum : momentum of SGD.
    schedule : "constant", or "cosine", which lowers the learning rate to 0 (Loshchilov and Hutter, 2017).
    patience : epochs without a new best of `best_by` after which the run stops; 0 means never.
    best_by : what early stopping goes by, on the validation rows: "loss", "average_precision", "f1" or "net_value", the
        last two at their best threshold; the mean over classes or labels.
    payoffs : what net value consists of, by the names of `PAYOFFS`.
    weight_decay : L2 factor added to the gradient, as in torch.optim.SGD and Adam; decoupled with AdamW.
    seed : seed of the initial weights and of the order of batches.
    split_seed : seed of the split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    dataset: Annotated[str, Setting("Data", group="data")] = "digit"
    dataset_params: Annotated[
        Params, Setting("Parameters of the data", group="data", link="data.", valid="values by name")
    ] = ()
    model: Annotated[str, Setting("Model", group="model")] = "linear"
    widths: Annotated[
        Widths,
        Field(max_length=4),
        Setting(
            "Hidden layers",
            "Units of each hidden layer, from the input on. Type your own, such as 32-16.",
            group="model",
            write=lambda widths: "-".join(map(str, widths)),
            valid="one to four whole numbers from 1 to 1024, separated by dashes",
            needs="hidden layers",
        ),
    ] = ()
    hidden: Annotated[str, Setting("Hidden activation", group="model", options=HIDDEN, needs="hidden layers")] = "relu"
    batch_norm: Annotated[
        bool,
        Setting(
            "Batch norm",
            "Standardises the outputs of each hidden layer over the rows of a batch.",
            group="model",
            valid="True or False",
            needs="hidden layers",
        ),
    ] = False
    head: Annotated[str, Setting("Head", group="loss", varies=True, stack_key=False)] = "sigmoid"
    loss: Annotated[str, Setting("Loss", group="loss", varies=True, stack_key=False)] = "bce"
    loss_params: Annotated[
        Params,
        Setting(
            "Parameters of the loss", group="loss", link="loss.", valid="values by name", varies=True, stack_key=False
        ),
    ] = ()
    activation: Annotated[
        str,
        Setting(
            "Final activation",
            "The last step in the network, before the loss. Wrong choices can be trained too, such as a softmax before "
            "cross-entropy or a double sigmoid.",
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
            "Step size. If it is too large, the loss diverges.",
            step=0.001,
            log=True,
            varies=True,
            sweeps=True,
            stack_key=False,
        ),
    ] = 0.003
    epochs: Annotated[int, Field(ge=1, le=2000), Setting("Epochs", "Passes over the training rows.", step=10)] = 200
    batch_size: Annotated[int, Field(ge=1, le=65536), Setting("Batch size", "Rows per step.", rare=True, step=16)] = 64
    momentum: Annotated[
        float,
        Field(ge=0, le=0.999),
        Setting(
            "Momentum",
            "Fraction of the previous step that is added to the next.",
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
            "Epochs without a new best of the early stopping metric after which a run stops. 0: never.",
            rare=True,
            step=5,
            stack_key=False,
        ),
    ] = 0
    best_by: Annotated[
        str,
        Setting(
            "Early stopping metric",
            "What patience goes by, on the validation rows. F1 and net value are those of the best threshold; of "
            "several classes or labels they are the mean. Net value has the payoffs of the panel Value.",
            rare=True,
            options=EARLY_STOPPING,
            stack_key=False,
            needs="scores",
        ),
    ] = "loss"
    payoffs: Annotated[
        Params,
        Setting("Payoffs", group="payoffs", link="payoff.", valid="values by name", stack_key=False, needs="net value"),
    ] = ()
    weight_decay: Annotated[
        float,
        Field(ge=0, le=10),
        Setting(
            "Weight decay",
            "L2 factor added to the gradient; decoupled from it with AdamW.",
            rare=True,
            step=0.001,
            log=True,
            varies=True,
            sweeps=True,
            stack_key=False,
        ),
    ] = 0.0
    seed: Annotated[
        Seed,
        Setting("Seed", "Seed of the initial weights and of the order of batches.", rare=True, step=1, stack_key=False),
    ] = 0
    split_seed: Annotated[
        Seed, Setting("Split seed", "Seed of the training, validation and test split.", rare=True, step=1)
    ] = 0

    def stack_key(self) -> tuple[object, ...]:
        """The values that must be equal for runs to be trained in one stack."""
        return tuple(getattr(self, name) for name in _STACK_KEY)


def _declared(name: str) -> Setting:
    return next(item for item in RunConfig.model_fields[name].metadata if isinstance(item, Setting))


def _number(name: str) -> Param:
    """A numeric field as a Param, with its range."""
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
    """A named configuration of an experiment, trained once per seed. `colour` is one of eight colours for figures, 0 to
    7; None takes the next one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    config: RunConfig
    colour: int | None = Field(None, ge=0, lt=8)


class Experiment(BaseModel):
    """Several variants, each trained with several seeds.

    Variants with the same seed have the same initial weights and batches (common random numbers), so differences
    between them come from the variants themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    variants: tuple[Variant, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)

    def runs(self) -> tuple[RunConfig, ...]:
        """Every variant with every seed, grouped by variant.

        Raises CutoffError above MAX_RUNS, and if two variants have the same name.
        """
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise CutoffError(f"Two variants have the name {twice!r}. Give each a different name.")
        total = len(self.variants) * len(self.seeds)
        if total > MAX_RUNS:
            raise CutoffError(
                f"The limit is {MAX_RUNS} runs; this experiment has {total}. Use fewer variants or seeds."
            )
        return tuple(v.config.model_copy(update={"seed": seed}) for v in self.variants for seed in self.seeds)


def make_config(**choices: Any) -> RunConfig:
    """Build a RunConfig from values, or from their texts in a link.

    Raises CutoffError for the first invalid one.
    """
    try:
        return RunConfig(**choices)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if name not in SETTINGS:
            raise CutoffError(f"Expected one of {', '.join(SETTINGS)}, but got `{name}`.") from None
        valid = NUMBERS[name].range_text if name in NUMBERS else SETTINGS[name].valid
        raise CutoffError(f"Expected `{name}` to be {valid}, but got {choices[name]!r}.") from None
