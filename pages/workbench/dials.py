"""The main parameter of a loss as a slider in the recipe bar; on release the model trains again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.data import DATASETS, load_split
from core.experiment import compatibility
from core.experiment.config import RunConfig
from core.parameters import Param, defaults
from pages.shared import dom, state

MANTISSAS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
WEIGHT = "pos_weight"


def main_parameter(config: RunConfig) -> Param | None:
    """The first parameter of the loss that is a number; None if there is none."""
    params = compatibility.params_for(config.head, config.loss)
    return next((param for param in params if not isinstance(param.default, str | bool)), None)


def stops(param: Param, *others: float) -> list[float]:
    """The values at which the slider of a parameter stops, ascending: evenly spaced, or some per decade on a
    logarithmic scale, and `others`."""
    assert param.low is not None
    assert param.high is not None
    assert param.step is not None
    if param.log:
        first, last = int(np.floor(np.log10(param.low))), int(np.ceil(np.log10(param.high)))
        found = [float(f"{mantissa}e{power}") for power in range(first, last + 1) for mantissa in MANTISSAS]
        found = [value for value in found if param.low <= value <= param.high]
    else:
        steps = round((param.high - param.low) / param.step)
        found = [round(param.low + step * param.step, 10) for step in range(steps + 1)]
    return sorted({*found, *others})


def balancing_weight(config: RunConfig) -> float | None:
    """n0 / n1 of the training rows of two classes, the pos_weight that balances them; None for other data."""
    if DATASETS[config.dataset].task != "binary":
        return None
    negatives, positives = np.bincount(
        load_split(config.dataset, config.dataset_params, config.split_seed).y["train"].astype(int), minlength=2
    )
    return float(f"{negatives / positives:.3g}") if positives else None


def show(config: RunConfig, choose: Callable[..., None]) -> None:
    """The slider and, for pos_weight, a button that sets n0 / n1; nothing for a loss without such a parameter.

    `choose` is called with the new choice, and trains.
    """
    param = main_parameter(config)
    if param is None:
        return
    values = defaults(compatibility.params_for(config.head, config.loss)) | dict(config.loss_params)
    value = float(values[param.name])
    control = state.RECIPE_CONTROL.of(f"dial.{param.name}")

    def use(new: float) -> None:
        pairs = dict(config.loss_params) | {param.name: new}
        choose(loss_params=tuple(pairs.items()))

    balance = balancing_weight(config) if param.name == WEIGHT else None
    control.set(value)
    with st.container(key=dom.RECIPE_DIAL, horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        st.markdown(f":gray[{param.label}]", width="content")
        st.select_slider(
            param.label,
            stops(param, value, *([balance] if balance else [])),
            format_func=lambda number: f"{number:g}",
            key=control.name,
            help=param.help or None,
            label_visibility="collapsed",
            width=170,
            on_change=lambda: use(control.get()),
        )
        if balance is not None:
            st.button(
                f"n₀/n₁ = {balance:g}",
                key="recipe.balance",
                help="Training rows of the negative class divided by those of the positive class.",
                disabled=value == balance,
                on_click=use,
                args=(balance,),
            )
