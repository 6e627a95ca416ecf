"""How the variants of a job rank: every metric of every run, and the table of means over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from core.evaluation import higher_is_better, summaries
from core.evaluation.errors import ERRORS
from core.plots.race import Line
from core.training.runs import Job, Run
from pages.compare import focus
from pages.shared import state, tables, text

Metrics = dict[str, NDArray[np.float64]]  # by name, (V, S): one row per variant, one column per seed, NaN for none
PREFERRED = ("f1", "macro_f1", "mae")
COLUMNS = tables.COLUMNS | {"State": st.column_config.TextColumn(width="medium")}
SIGNED = "mean_residual"  # ranked by its size


def measure(job: Job, threshold: float) -> Metrics | None:
    """The metrics of every run on the validation rows, with two classes or labels at the threshold and else by the
    default decision; None as long as no run has outputs."""
    scored = [at for at, run in enumerate(job.runs) if run.outputs]
    if not scored:
        return None
    runs = [job.runs[at] for at in scored]
    found = _metrics(runs, threshold) | {"loss": np.array([run.history.validation[-1] for run in runs])}
    shape = len(job.experiment.variants), len(job.experiment.seeds)
    metrics = {}
    for name, values in found.items():
        placed = np.full(len(job.runs), np.nan)
        placed[scored] = values
        metrics[name] = placed.reshape(shape)
    return metrics


def _metrics(runs: Sequence[Run], threshold: float) -> Metrics:
    if runs[0].task == "regression":
        values = [run.predictions("validation") for run in runs]
        return {name: np.array([error(one) for one in values]) for name, error in ERRORS.items()}
    rows = runs[0].scores("validation")
    return summaries(rows, np.stack([run.outputs["validation"] for run in runs]), [threshold] * rows.n_columns)


def over_seeds(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean, minimum and maximum of values (..., S) over the seeds that have one, (...) each; NaN where none has."""
    known = np.isfinite(values)
    some = known.any(-1)
    mean = np.where(known, values, 0).sum(-1) / np.maximum(known.sum(-1), 1)
    low, high = np.where(known, values, np.inf).min(-1), np.where(known, values, -np.inf).max(-1)
    return np.where(some, mean, np.nan), np.where(some, low, np.nan), np.where(some, high, np.nan)


def best_metric(metrics: Metrics) -> str:
    """The metric that variants are ranked by, as chosen last."""
    if state.RANKED_BY.get() not in metrics:
        state.RANKED_BY.set(next((name for name in PREFERRED if name in metrics), next(iter(metrics))))
    return state.RANKED_BY.get()


def show(job: Job, metrics: Metrics, lines: Sequence[Line]) -> None:
    """Means over seeds, with half their range, one row per variant; a click on a row puts it in focus.

    While runs train, variants keep their order; then the best comes first.
    """
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.header("Ranking", anchor=False, width="content")
        by = str(
            st.selectbox(
                "Rank by",
                list(metrics),
                key=state.RANKED_BY.name,
                format_func=text.metric_label,
                label_visibility="collapsed",
                width=220,
            )
        )
    seeds = len(job.experiment.seeds)
    order = _order(job, over_seeds(metrics[by])[0], by)
    state.RANKED_ORDER.set((job.id, order))
    names = [by, *(other for other in metrics if other != by)]
    numbers = {}
    for name, mean, low, high in zip(names, *over_seeds(np.stack([metrics[name] for name in names])), strict=True):
        numbers[text.metric_label(name)] = pa.array(mean[order], from_pandas=True)  # NaN as nothing
        if seeds > 1:
            numbers[f"± {text.metric_label(name)}"] = pa.array(((high - low) / 2)[order], from_pandas=True)
    three = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        pa.table(_states(job, lines, order) | numbers),  # a DataFrame would be turned into this, at ten times the cost
        key=state.RANKED.name,
        hide_index=True,
        column_config=COLUMNS | dict.fromkeys(numbers, three),
        placeholder="undefined",
        on_select=_focus,
        selection_mode="single-row",
        height=tables.height(len(order)),
    )
    decided = "at the threshold" if job.runs[0].task in ("binary", "multilabel") else "by the default decision"
    rows = f"On the validation rows, {decided}."
    if job.runs[0].task == "regression":
        rows = "On the validation rows. Mean residual: predicted minus actual; the nearest to 0 ranks first."
    spread = f" Mean over {seeds} seeds; ± is half the range." if seeds > 1 else ""
    cure = " Where a run diverged, try a smaller learning rate." if any(_diverged(job)) else ""
    st.caption(f"{rows}{spread}{cure} Click a row to look at that variant.")


def show_states(job: Job, lines: Sequence[Line]) -> None:
    """Where each variant stands, as long as there is nothing to rank."""
    st.dataframe(
        pa.table(_states(job, lines, range(len(lines)))),
        key="states",
        hide_index=True,
        column_config=COLUMNS,
        height=tables.height(len(lines)),
    )


def _states(job: Job, lines: Sequence[Line], order: Sequence[int]) -> dict[str, list[str]]:
    """The columns that say which variant a row is of and where it stands."""
    return tables.named([lines[v] for v in order]) | {"State": [_state(job, v) for v in order]}


def _order(job: Job, means: NDArray[np.float64], by: str) -> list[int]:
    """The variants, the best first once nothing trains; those without a value last, and after them those of which a
    run diverged."""
    if job.status in ("running", "queued"):
        return list(range(len(means)))
    badness = np.abs(means) if by == SIGNED else -means if _higher_is_better(by) else means
    worst_last = np.where(np.isnan(badness), np.inf, badness)
    return [int(v) for v in np.lexsort((worst_last, np.array(_diverged(job))))]


def _higher_is_better(name: str) -> bool:
    if name == "loss":
        return False
    return ERRORS[name].higher_is_better if name in ERRORS else higher_is_better(name)


def _diverged(job: Job) -> list[bool]:
    """Of which variants a run diverged."""
    variants = range(len(job.experiment.variants))
    return [any(run.status == "diverged" for run in job.of_variant(v)) for v in variants]


def _state(job: Job, at: int) -> str:
    """Where a variant stands: the states of its runs, and how far those came that did not finish; of those that
    diverged the first epoch whose loss was not finite."""
    runs = job.of_variant(at)
    states = []
    for status in dict.fromkeys(run.status for run in runs):
        came = min(run.epoch for run in runs if run.status == status) + (status == "diverged")
        plain = status in ("finished", "queued", "running", "paused")
        states.append(str(status) if plain else f"{status} at epoch {max(came, 0)}")
    return ", ".join(states)


def _focus() -> None:
    job, order = state.RANKED_ORDER.get()
    rows = state.RANKED.get()["selection"]["rows"]
    if rows and rows[0] < len(order):
        focus.put(job, order[rows[0]])
