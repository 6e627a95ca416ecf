"""The main parameter of a loss as a slider in the recipe bar; on release the model trains again."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.experiment.compatibility import params_for
from core.experiment.config import RunConfig
from core.experiment.variants import balancing_weight, main_parameter
from core.parameters import defaults
from pages.shared import dom, state

WEIGHT = "pos_weight"


def show(config: RunConfig, choose: Callable[..., None]) -> None:
    """The slider and, for pos_weight, a button that sets n0 / n1; nothing for a loss without such a parameter.

    `choose` is called with the new choice, and trains.
    """
    param = main_parameter(config)
    if param is None:
        return
    values = defaults(params_for(config.head, config.loss)) | dict(config.loss_params)
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
            param.stops(value, *([balance] if balance else [])),
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
                help=f"Sets pos_weight to {balance:g}, so that both classes weigh the same: the training rows have "
                f"{balance:g} negatives (n₀) per positive (n₁).",
                disabled=value == balance,
                on_click=use,
                args=(balance,),
            )
