"""What pages show of a regression: its errors, and figures of predictions and residuals."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import streamlit as st

from core.data import load_dataset, load_split
from core.evaluation.errors import ERRORS
from core.evaluation.source import ScoreSource, rows_label
from core.losses import LOSSES
from core.parameters import defaults
from core.plots.regression import POINTS, predicted_vs_actual, residual_histogram
from pages.components.live_figure import live_figure
from pages.shared import text


def show_errors(source: ScoreSource, part: str) -> None:
    """The errors of a split as tiles."""
    with st.container(horizontal=True):
        for error in ERRORS.values():
            st.metric(error.label, f"{error(source.predictions(part)):.4g}", help=error.help, border=True)


def target(source: ScoreSource) -> str:
    """The name of what is predicted."""
    config = source.config
    return load_dataset(config.dataset, config.dataset_params).target if config else "value"


def show_predictions(source: ScoreSource, part: str) -> None:
    """Predicted vs. actual values."""
    y_true, y_pred = source.predictions(part)
    band = band_of(source)
    st.markdown(f"**Predicted vs. actual**, {rows_label(part)}")
    live_figure(
        predicted_vs_actual(y_true, y_pred, target(source), band),
        key="predictions_figure",
        alt=text.of_predictions(source, part),
        height=360,
        revision=f"{source.id} {part}",
    )
    if len(y_true) > POINTS:
        st.caption(f"{POINTS:,} of the {len(y_true):,} rows are drawn; the errors are of all rows.")
    if band:
        st.caption(f"Shaded: predictions from {band[0]:.4g} to {band[1]:.4g}, where the loss is higher.")


def show_residuals(source: ScoreSource, part: str) -> None:
    """A histogram of the residuals, predicted minus actual."""
    y_true, y_pred = source.predictions(part)
    limit = limit_of(source)
    st.markdown(f"**Residuals**, {rows_label(part)}")
    live_figure(
        residual_histogram(y_true, y_pred, limit and limit.size),
        key="residuals_figure",
        alt=f"Histogram of predicted minus actual values on {rows_label(part, the=True)}.",
        height=360,
        revision=f"{source.id} {part}",
    )
    if limit:
        beyond = np.mean(np.abs(y_pred - y_true) > limit.size)
        st.caption(f"Shaded: residuals beyond ± {limit.size:.4g}, {limit.name}; {beyond:.1%} of the rows.")


class Limit(NamedTuple):
    """The absolute residual, in the target's unit, above which a loss has another form, and its name."""

    size: float
    name: str


def limit_of(source: ScoreSource) -> Limit | None:
    """Where Huber becomes linear and the loss-gated MSE higher; None for other losses."""
    config = source.config
    if config is None:
        return None
    chosen = defaults(LOSSES[config.loss].params) | dict(config.loss_params)
    split = load_split(config.dataset, config.dataset_params, config.split_seed)
    if config.loss == "huber":
        return Limit(float(chosen["delta"]) * split.scale, "delta, where the loss is linear")
    if config.loss == "loss_gated_mse":
        return Limit(math.sqrt(float(chosen["tau"])) * split.scale, "the root of tau, where the loss is higher")
    return None


def band_of(source: ScoreSource) -> tuple[float, float] | None:
    """The predictions, in the target's unit, between which the band-penalised MSE is higher; None for other losses."""
    config = source.config
    if config is None or config.loss != "band_mse":
        return None
    chosen = defaults(LOSSES[config.loss].params) | dict(config.loss_params)
    middle, radius = float(chosen["threshold"]), float(chosen["radius"])
    split = load_split(config.dataset, config.dataset_params, config.split_seed)
    return (middle - radius) * split.scale + split.center, (middle + radius) * split.scale + split.center
