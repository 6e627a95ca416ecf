"""How the variants of a job rank: every metric of every run, and the table of means over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from core.jobs import Job, Run
from core.plots.race import Line
from core.thresholds import summaries
from pages.shared import focus

LOWER_IS_BETTER = ("Loss", "Hamming loss", "MAE", "RMSE")
LOSS = "Loss"
HEIGHT = 38 * 11  # ten rows and the head


def measure(job: Job) -> pd.DataFrame | None:
    """A row a run that has outputs: its variant, its epoch, and its metrics on the validation rows by the default
    decision. None as long as no run has any."""
    scored = [(at, run) for at, run in enumerate(job.runs) if run.outputs]
    if not scored:
        return None
    seeds = len(job.experiment.seeds)
    runs = [run for _, run in scored]
    table = pd.DataFrame({"variant": [at // seeds for at, _ in scored], "epoch": [run.epoch for run in runs]})
    for name, values in _metrics(runs).items():
        table[name] = values
    table[LOSS] = [run.history.validation[-1] for run in runs]
    return table


def _metrics(runs: Sequence[Run]) -> dict[str, np.ndarray]:
    if runs[0].task == "regression":
        pairs = [run.predictions("validation") for run in runs]
        errors = {"MAE": mean_absolute_error, "RMSE": root_mean_squared_error, "R²": r2_score}
        return {name: np.array([error(*pair) for pair in pairs]) for name, error in errors.items()}
    rows = runs[0].scores("validation")
    return summaries(rows, np.stack([run.outputs["validation"] for run in runs]), [0.5] * rows.n_columns)


def choose_metric(table: pd.DataFrame) -> str:
    """The metric that variants are ranked by."""
    names = [name for name in table.columns if name not in ("variant", "epoch")]
    preferred = next((name for name in ("F1", "Macro F1", "MAE") if name in names), names[0])
    if st.session_state.get("ranked_by") not in names:
        st.session_state.ranked_by = preferred
    return str(st.selectbox("Rank by", names, key="ranked_by", persist_state="session", width=260))


def show(job: Job, table: pd.DataFrame, metric: str, lines: Sequence[Line]) -> None:
    """Means over seeds, with half their range, a row a variant; a click on a row puts it in focus.

    While runs train, variants keep their order; then the best comes first.
    """
    means = table.groupby("variant").mean(numeric_only=True)
    spread = (table.groupby("variant").max(numeric_only=True) - table.groupby("variant").min(numeric_only=True)) / 2
    if job.status in ("running", "queued"):
        order = list(means.index)
    else:
        order = list(means.sort_values(metric, ascending=metric in LOWER_IS_BETTER, kind="stable").index)
    st.session_state["ranked.order"] = (job.id, order)
    names = [metric, *(name for name in means.columns if name not in (metric, "epoch"))]
    shown = pd.DataFrame({"Variant": [lines[v].name for v in order], "State": [_state(job, v) for v in order]})
    for name in names:
        shown[name] = means[name].loc[order].to_numpy()
        if len(job.experiment.seeds) > 1:
            shown[f"± {name}"] = spread[name].loc[order].to_numpy()
    st.dataframe(
        shown.style.apply(lambda column: [f"color: {lines[v].colour}" for v in order], subset=["Variant"]),
        key="ranked",
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="%.3f") for name in shown.columns[2:]},
        on_select=_focus,
        selection_mode="single-row",
        height=min(HEIGHT, 38 * (len(shown) + 1)),
    )
    seeds = len(job.experiment.seeds)
    st.caption(
        "On the validation rows, by the default decision."
        + (f" Mean over {seeds} seeds; ± is half the range." if seeds > 1 else "")
        + " Click a row to look at that variant."
    )


def _state(job: Job, at: int) -> str:
    """Where a variant stands: the states of its runs, and how far those came that did not finish."""
    runs = job.of_variant(at)
    states = dict.fromkeys(run.status for run in runs)
    return ", ".join(
        status if status in ("finished", "queued") else
        f"{status} at epoch {min(run.epoch for run in runs if run.status == status)}"
        for status in states
    )  # fmt: skip


def _focus() -> None:
    job, order = st.session_state["ranked.order"]
    rows = st.session_state.ranked["selection"]["rows"]
    if rows and rows[0] < len(order):
        focus.put(job, order[rows[0]])
