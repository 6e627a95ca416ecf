"""Training with the losses of the Losses page, a variant each, which opens on the Compare page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.data import dataset_spec
from core.errors import CutoffError
from core.experiment import compatibility
from core.experiment.config import Experiment, RunConfig, Variant
from core.experiment.fitting import head_for, with_choices
from core.experiment.presets import DEMONSTRATION
from core.experiment.variants import names_of
from pages.losses.cards import Chosen
from pages.shared import choices

# What is trained where the data of the session is not for the losses.
BINARY = DEMONSTRATION.variants[0].config
REGRESSION, _ = with_choices(RunConfig(), dataset="line")


def experiment_of(chosen: Sequence[Chosen], base: RunConfig) -> tuple[Experiment, list[str]]:
    """A variant for each loss, otherwise as `base`, or as BINARY or REGRESSION where its data is not for all of them.

    Returns the experiment, and a sentence on each loss that can't be trained.

    Raises
    ------
    CutoffError
        If none can.
    """
    predicts = chosen[0].head == "identity"
    fits = (dataset_spec(base.dataset).task == "regression") == predicts
    if not fits or any(head_for(base, one.loss) is None for one in chosen):
        base = REGRESSION if predicts else BINARY
    configs, complaints = [], []
    for one in chosen:
        try:
            config = _with_loss(base, one)
        except CutoffError as error:
            complaints.append(f"{one.name} is left out. {error}")
        else:
            if config not in configs:
                configs.append(config)
    if not configs:
        raise CutoffError(" ".join(complaints))
    variants = tuple(Variant(name=name, config=one) for name, one in zip(names_of(configs), configs, strict=True))
    return Experiment(variants=variants, seeds=(base.seed,)), complaints


def _with_loss(base: RunConfig, one: Chosen) -> RunConfig:
    """A configuration with this loss; raises CutoffError where the data is not for it, or for its parameters."""
    head = one.head if one.head in compatibility.heads_for(base.dataset) else head_for(base, one.loss)
    if head is None:
        raise CutoffError(compatibility.losses_not_offered(base.dataset, base.head)[one.loss])
    config, _ = with_choices(base, head=head, loss=one.loss, activation=one.activation, loss_params=())
    known = {param.name for param in compatibility.params_for(head, one.loss)}
    values = tuple(pair for pair in one.values if pair[0] in known)
    return compatibility.check(config.model_copy(update={"loss_params": values}))


def train(chosen: Sequence[Chosen]) -> None:
    """Train with these losses on the data of the session, and go to the Compare page; a sentence where none can be."""
    try:
        experiment, complaints = experiment_of(chosen, choices.variants()[0].config)
    except CutoffError as error:
        st.error(str(error), icon=":material/error:")
        return
    choices.race(experiment, complaints)
