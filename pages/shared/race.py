"""What the Train page shows of several runs: their losses, scores and curves side by side, and how they rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.experiment import sweepable, swept
from core.jobs import Job, Run
from core.plots.race import Line, Sweep, histogram_grid, loss_bands, metric_sweep, precision_recall
from core.plots.style import variant_dash
from core.thresholds import ScoreIndex, called_positive, pr_curve
from pages.components.live_figure import live_figure
from pages.shared import focus, one_run, ranking, text
from pages.shared.variants import colour_of, dotted

PANELS = 6  # variants whose histograms are shown at once
HEIGHT = 360


def show(job: Job) -> None:
    """Everything about the runs of a job, the variant in focus last and in detail."""
    table = ranking.measure(job)
    if table is None:
        return
    lines, sweep = lines_of(job), sweep_of(job)
    at = focus.of(job)
    grid = st.grid(min_column_width=380)
    with grid.container(border=True, height="stretch"):
        _show_losses(job, lines, sweep, at)
    if job.runs[0].task != "regression":
        column = _choose_class(job)
        with grid.container(border=True, height="stretch"):
            _show_scores(job, lines, at, column)
        with grid.container(border=True, height="stretch"):
            _show_curves(job, lines, sweep, at, column)
    metric = ranking.choose_metric(table)
    if sweep:
        with grid.container(border=True, height="stretch"):
            _show_sweep(table, metric, sweep, lines)
    ranking.show(job, table, metric, lines)
    st.subheader(f"In focus: {text.plain(lines[at].name)}", anchor=False)
    focus.show(job, at)


def lines_of(job: Job) -> list[Line]:
    """How each variant looks on every figure."""
    count = len(job.experiment.variants)
    return [
        Line(variant.name, colour_of(at, count, variant.colour), variant_dash(at, count))
        for at, variant in enumerate(job.experiment.variants)
    ]


def sweep_of(job: Job) -> Sweep | None:
    """The number that tells the variants apart, if it is one."""
    found = swept(job.experiment)
    if found is None:
        return None
    param = sweepable(job.experiment.variants[0].config)[found[0]]
    ratios = min(found[1]) > 0 and max(found[1]) / min(found[1]) > 10
    return Sweep(param.label, found[1], ratios)


def first_scored(job: Job, at: int) -> Run | None:
    """The run of a variant's first seed that has scores."""
    return next((run for run in job.of_variant(at) if run.outputs), None)


def _show_losses(job: Job, lines: Sequence[Line], sweep: Sweep | None, at: int) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Mean loss** of training and validation rows", width="content")
        log = st.toggle("Log axis", key="log_loss", persist_state="session")
    seeds = [job.of_variant(v) for v in range(len(lines))]
    live_figure(
        loss_bands(
            lines,
            [[run.history.train for run in runs] for runs in seeds],
            [[run.history.validation for run in runs] for runs in seeds],
            job.runs[0].config.epochs,
            log,
            diverged=[[run.status == "diverged" for run in runs] for runs in seeds],
            sweep=sweep,
            focus=at,
            height=HEIGHT,
        ),
        key="race_losses",
        alt=text.of_race(job),
        height=HEIGHT,
        revision=f"{job.id} {log}",
    )
    if len(job.experiment.seeds) > 1:
        st.caption("Lines are means over seeds, bands reach from the least to the greatest.")


def _choose_class(job: Job) -> int:
    """The class that histograms and curves are of."""
    names = job.runs[0].class_names
    if len(names) == 2 and job.runs[0].task == "binary":
        return 0
    return st.selectbox(
        "Class", range(len(names)), format_func=names.__getitem__, key=f"class.{job.id}", persist_state="session"
    )


def _show_scores(job: Job, lines: Sequence[Line], at: int, column: int) -> None:
    scale = one_run.choose_scale()
    chosen = [v for v in _panels(len(lines), at) if first_scored(job, v)]
    views = [run.scores("validation").view(column) for v in chosen if (run := first_scored(job, v))]
    live_figure(
        histogram_grid(
            [lines[v] for v in chosen],
            [view.score for view in views],
            views[0].y,
            [0.5] * len(chosen),
            [None] * len(chosen),
            scale,
            (views[0].label, views[0].rest),
            columns=2 if len(chosen) > 1 else 1,
        ),
        key="race_scores",
        alt=f"Histograms of the validation rows' probabilities by true class, for {len(chosen)} variants.",
        height=HEIGHT,
        revision=f"{job.id} {scale} {column}",
    )
    if len(chosen) < len(lines):
        st.caption(f"{len(chosen)} of the {len(lines)} variants; click a row of the table for another.")


def _panels(count: int, at: int) -> list[int]:
    """The variants whose histograms are shown: all, or evenly chosen ones with the one in focus among them."""
    if count <= PANELS:
        return list(range(count))
    even = np.unique(np.linspace(0, count - 1, PANELS).round().astype(int))
    if at not in even:
        even[np.abs(even - at).argmin()] = at
    return [int(v) for v in even]


def _show_curves(job: Job, lines: Sequence[Line], sweep: Sweep | None, at: int, column: int) -> None:
    st.markdown("**Precision against recall**, validation rows")
    curves: list[tuple[np.ndarray, np.ndarray]] = []
    points: list[tuple[float, float] | None] = []
    prevalence = 0.0
    for v in range(len(lines)):
        run = first_scored(job, v)
        if run is None:
            curves.append((np.empty(0), np.empty(0)))
            points.append(None)
            continue
        view = run.scores("validation").view(column)
        curve = pr_curve(ScoreIndex.of(view.y, view.score))
        curves.append((curve.x, curve.y))
        called = called_positive(view.score, 0.5)
        found = int((called & view.y).sum())
        prevalence = float(view.y.mean())
        points.append((found / max(int(view.y.sum()), 1), found / int(called.sum())) if called.any() else None)
    live_figure(
        precision_recall(lines, curves, points, prevalence, sweep, at),
        key="race_curves",
        alt=f"Precision against recall on the validation rows, {len(lines)} variants; rings at a threshold of 0.5.",
        height=HEIGHT,
        revision=f"{job.id} {column}",
    )


def _show_sweep(table: pd.DataFrame, metric: str, sweep: Sweep, lines: Sequence[Line]) -> None:
    st.markdown(f"**{metric}** against {text.plain(sweep.label)}")
    found = table.groupby("variant")[metric].agg(["mean", "min", "max"]).reindex(range(len(lines)))
    live_figure(
        metric_sweep(sweep, metric, found["mean"], found["min"], found["max"], lines),
        key="race_sweep",
        alt=f"{metric} on the validation rows against {sweep.label}, mean over seeds with least and greatest.",
        height=HEIGHT,
        revision=metric,
    )


def named(job: Job, at: int) -> str:
    """A variant with the dot of its colour, as in the side panel."""
    variant = job.experiment.variants[at]
    return dotted(variant.name, colour_of(at, len(job.experiment.variants), variant.colour))
