"""The variant of a job that is looked at in detail, one of its seeds at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core import checks
from core.experiment.config import RunConfig
from core.training.runs import Job, Run
from pages.compare import epochs, misclassified, one_run
from pages.shared import findings, regression, state, text


def of(job: Job) -> int:
    """The variant in focus, the first to begin with."""
    at = state.FOCUS.of(job.id).get()
    return min(at, len(job.experiment.variants) - 1)


def put(job: str, at: int) -> None:
    """Put a variant into focus."""
    state.FOCUS.of(job).set(at)


def show(job: Job, at: int, threshold: float, metrics: Mapping[str, NDArray[np.float64]]) -> None:
    """One run of the variant, of a seed to be chosen, with what the checks find in it once it has ended; `metrics` by
    label are those of all variants and seeds (V, S)."""
    runs = job.of_variant(at)
    seed = 0
    if len(runs) > 1:
        seed = st.segmented_control(
            "Seed",
            range(len(runs)),
            default=0,
            format_func=lambda i: f"seed {job.experiment.seeds[i]}",
            required=True,
            key=state.SEED.of(job.id).name,
            label_visibility="collapsed",
        )
    run = runs[seed]
    if run.error and run.status != "failed":  # why runs failed stands above the figures
        st.error(text.plain(run.error))
    if run.ended:
        findings.show(checks.of_run(run), "run", _choices_of(run))
    if not run.outputs:
        return
    if run.task == "regression":
        grid = st.grid(min_column_width=380)
        with grid.container(border=True, height="stretch"):
            regression.show_predictions(run, "validation")
        with grid.container(border=True, height="stretch"):
            regression.show_residuals(run, "validation")
        return
    one_run.show_metrics(run, {name: float(of[at, seed]) for name, of in metrics.items() if name != "loss"}, threshold)
    if run.task != "binary":
        with st.container(border=True):
            st.markdown("**Validation scores** by class")
            one_run.show_scores(run, state.SCALE.get())
    with st.container(border=True):
        epochs.show(run, threshold)
    if misclassified.applies(run):
        with st.container(border=True):
            misclassified.show(run, threshold)


def _choices_of(run: Run) -> RunConfig | None:
    """The choices that the controls edit, if they are those of this run but for the seed: what a remedy may change."""
    edited = RunConfig(**state.VARIANTS.get()[state.EDITED.get()]["config"])
    return edited if edited.model_copy(update={"seed": run.config.seed}) == run.config else None
