"""What the Train page shows of several runs: their losses, scores and curves side by side, and how they rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from core.evaluation import METRICS, Rankings
from core.evaluation.thinning import evenly_spaced
from core.experiment.variants import sweepable, swept
from core.plots.race import PANELS, Line, Sweep, grid_height, histogram_grid, loss_bands, metric_sweep, precision_recall
from core.text import counted
from core.training.runs import Job, Run
from pages.compare import epochs, focus, one_run, plane, ranking
from pages.components.live_figure import live_figure
from pages.shared import state, text, theory
from pages.shared.variant_looks import lines_of

CURVES = 16  # variants whose curves are shown at once
HEIGHT = 360


def show(job: Job) -> None:
    """Everything about the runs of a job, the variant in focus last and in detail."""
    task = job.runs[0].task
    lines, sweep = lines_of(job), sweep_of(job)
    threshold = one_run.choose_threshold([job.of_variant(v) for v in range(len(lines))], lines)
    shown = replace(job, runs=tuple(map(theory.as_shown, job.runs))) if theory.shows_converted(job.runs[0]) else job
    metrics = ranking.measure(shown, threshold)
    _show_errors(job)
    if metrics is None:
        if any(run.ended for run in job.runs):
            ranking.show_states(job, lines)
        return
    at = focus.of(job)
    column = 0 if task in ("binary", "regression") else epochs.choose_class(job.runs[0])
    seeds = [shown.of_variant(v) for v in range(len(lines))]
    metric = ranking.best_metric(metrics)
    cards = [partial(_show_losses, job, lines, sweep, at)]
    if task != "regression":
        cards.append(partial(_show_scores, job, shown, lines, at, column, threshold))
        cards.append(partial(_show_curves, shown, lines, sweep, at, column, threshold))
    if task == "binary":
        cards.append(partial(theory.show, seeds, lines, at, sweep))
    if sweep:
        cards.append(partial(_show_sweep, metrics, metric, sweep, lines))
    if plane.applies(job.runs[0]):
        first = [first_scored(job, v) for v in range(len(lines))]
        cards.append(partial(plane.show, first, lines, threshold, at))
    _lay_out(cards)
    if task == "binary":
        theory.show_gaps(seeds, lines, at)
    ranking.show(job, metrics, lines)
    st.header(f"In focus: {text.plain(lines[at].name)}", anchor=False)
    focus.show(job, at, threshold, metrics)


def _lay_out(cards: Sequence[Callable[[], None]]) -> None:
    """Two cards per row where there is room; the last of an odd number has a row of its own."""
    paired = len(cards) // 2 * 2
    if paired:
        grid = st.grid(2, min_column_width=380)
        for show_card in cards[:paired]:
            with grid.container(border=True, height="stretch"):
                show_card()
    for show_card in cards[paired:]:
        with st.container(border=True):
            show_card()


def _show_errors(job: Job) -> None:
    """Why runs failed, and where there are no scores at all why not, each reason once."""
    scored = any(run.outputs for run in job.runs)
    for error in dict.fromkeys(run.error for run in job.runs if run.status == "failed" or not scored):
        if error:
            st.error(text.plain(error))


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
    log = one_run.choose_log()
    tall = HEIGHT if job.runs[0].task == "regression" else grid_height(len(lines), HEIGHT)  # as the card beside it
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
            height=tall,
        ),
        key="race_losses",
        alt=text.of_race(job),
        height=tall,
        revision=f"{job.id} {log}",
    )
    if len(job.experiment.seeds) > 1:
        st.caption("Lines: mean over seeds. Bands: minimum to maximum over seeds.")


def _show_scores(job: Job, shown: Job, lines: Sequence[Line], at: int, column: int, threshold: float) -> None:
    """Histograms of the scores as shown; those of the job itself as an outline where they are others."""
    scale = one_run.choose_scale()
    convert = theory.shows_converted(job.runs[0])
    chosen, runs = _scored(shown, PANELS, at)
    tall = grid_height(len(chosen), HEIGHT)
    view = runs[0].scores("validation").view(column)
    predicted: list[float | None] = [None] * len(chosen)
    if job.runs[0].task == "binary":
        q = state.TRUE_PROBABILITY.get()
        predicted = theory.predicted([run.config for run in runs], q, convert)
    live_figure(
        histogram_grid(
            [lines[v] for v in chosen],
            [run.outputs["validation"][:, column] for run in runs],
            view.y,
            [threshold if one_run.has_threshold(run) else None for run in runs],
            predicted,
            scale,
            (view.label, view.rest),
            former=[run.outputs["validation"][:, column] for run in _scored(job, PANELS, at)[1]] if convert else (),
            height=tall,
        ),
        key="race_scores",
        alt=f"Histograms of the validation rows' probabilities by actual class, for {counted(len(chosen), 'variant')}.",
        height=tall,
        revision=f"{job.id} {scale} {column} {convert}",
    )
    if convert:
        st.caption("Filled: converted back to probabilities. Outlined: uncalibrated.")
    if len(chosen) < len(lines):
        st.caption(f"Shown: {len(chosen)} of {len(lines)} variants. Click a row of the table to see another.")


def _scored(job: Job, most: int, at: int) -> tuple[list[int], list[Run]]:
    """The variants that are shown, at most so many, and the run of each; without those that have no scores yet."""
    found = {v: run for v in _some(len(job.experiment.variants), most, at) if (run := first_scored(job, v))}
    return list(found), list(found.values())


def _some(count: int, most: int, at: int) -> list[int]:
    """All variants, or as many evenly chosen ones, with the one in focus among them."""
    even = evenly_spaced(count, most)
    if at not in even:
        even[np.abs(even - at).argmin()] = at
    return [int(v) for v in even]


def _show_curves(job: Job, lines: Sequence[Line], sweep: Sweep | None, at: int, column: int, threshold: float) -> None:
    st.markdown("**Precision-recall curves**, validation rows")
    chosen, runs = _scored(job, CURVES, at)
    y = runs[0].scores("validation").view(column).y
    scores = np.stack([run.outputs["validation"][:, column] for run in runs])
    ranked = Rankings.of(y, scores)
    live_figure(
        precision_recall(
            [lines[v] for v in chosen],
            [ranked.curve(row) for row in range(len(chosen))],
            [_operating_point(run, column, threshold) if one_run.has_threshold(run) else None for run in runs],
            float(y.mean()),
            sweep and Sweep(sweep.label, [sweep.values[v] for v in chosen], sweep.log),
            chosen.index(at) if at in chosen else None,
        ),
        key="race_curves",
        alt=f"Precision-recall curves on the validation rows, {counted(len(chosen), 'variant')}"
        + (f"; rings at {text.threshold(threshold)}." if any(map(one_run.has_threshold, runs)) else "."),
        height=HEIGHT,
        revision=f"{job.id} {column}",
    )
    if len(chosen) < len(lines):
        st.caption(f"Shown: {len(chosen)} of {len(lines)} variants.")


def _operating_point(run: Run, column: int, threshold: float) -> tuple[float, float] | None:
    """Recall and precision of a run on its validation rows at the threshold; None where either is undefined."""
    counts = run.index("validation", column).counts(threshold)
    recall, precision = (float(METRICS[name](counts)) for name in ("recall", "precision"))
    return None if math.isnan(recall + precision) else (recall, precision)


def _show_sweep(metrics: ranking.Metrics, metric: str, sweep: Sweep, lines: Sequence[Line]) -> None:
    label = text.metric_label(metric)
    st.markdown(f"**{label}** against {text.plain(sweep.label)}")
    live_figure(
        metric_sweep(sweep, label, *ranking.over_seeds(metrics[metric]), lines),
        key="race_sweep",
        alt=f"{label} on the validation rows against {sweep.label}, mean over seeds with minimum and maximum.",
        height=HEIGHT,
        revision=metric,
    )
