"""What the Train page shows of one run: what the checks find, metrics, losses, and scores or predicted values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from core import checks
from core.evaluation import METRICS, decide, summary
from core.experiment.config import RunConfig
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.plots.race import Line
from core.plots.scores import score_histograms
from core.plots.style import Scale, variant_colour
from core.plots.training import loss_curves
from core.training.runs import Run
from pages.compare import epochs, misclassified, plane
from pages.components.live_figure import live_figure
from pages.shared import controls, findings, regression, state, text, theory, thresholds

HELP = {
    "binary": "Rows with score >= threshold are predicted positive.",
    "multilabel": "Labels with score >= threshold are predicted; one threshold for all labels.",
}
MANY_PANELS, FEW_COLUMNS, PANEL_HEIGHT = 10, 4, 120


def show(run: Run, config: RunConfig | None) -> None:
    """Everything about `run`. Remedies are offered if the choices, `config`, are still its own."""
    if run.error:
        st.error(text.plain(run.error))
    found = checks.of_run(run) if run.ended else ()
    own = run.config if run.config == config else None
    if not run.outputs:
        findings.show(found, "run", own)
        return
    line = Line(LOSSES[run.config.loss].label, variant_colour(0, 1))
    threshold = choose_threshold([[run]], [line])
    if run.task == "regression":
        st.caption(f"On {len(run.predictions('validation')[0]):,} validation rows.")
        regression.show_errors(run, "validation")
    else:
        scores = theory.as_shown(run).scores("validation")
        show_metrics(run, summary(scores, [threshold] * scores.n_columns), threshold)
    of_scores = findings.at(found, "scores")
    findings.show([finding for finding in found if finding not in of_scores], "run", own)
    grid = st.grid(min_column_width=290 if run.task == "regression" else 380)
    with grid.container(border=True, height="stretch"):
        log = choose_log()
        live_figure(
            loss_curves(run.history.train, run.history.validation, run.config.epochs, log),
            key="loss_figure",
            alt=text.of_losses(run),
            height=360,
            revision=f"{run.job} {log}",
        )
    if run.task == "regression":
        with grid.container(border=True, height="stretch"):
            regression.show_predictions(run, "validation")
        with grid.container(border=True, height="stretch"):
            regression.show_residuals(run, "validation")
    else:
        with grid.container(border=True, height="stretch"):
            show_scores(run, choose_scale())
            findings.show(of_scores, "run", own)
    if run.task == "binary" and run.ended:
        with st.container(border=True):
            theory.show([[theory.as_shown(run)]], [line], 0)
            theory.show_gaps([[theory.as_shown(run)]], [line], 0)
    if run.task != "regression":
        with st.container(border=True):
            epochs.show(run, threshold, choose=True)
    if plane.applies(run):
        with st.container(border=True):
            plane.show([run], [line], threshold, 0)
    if misclassified.applies(run):
        with st.container(border=True):
            misclassified.show(run, threshold)


def has_threshold(run: Run) -> bool:
    """Whether a threshold on each score can decide: not where the scores of a row sum to one among several classes."""
    return run.task in ("binary", "multilabel") or (
        run.task == "multiclass" and HEADS[run.config.head].link == "sigmoid"
    )


def choose_threshold(seeds: Sequence[Sequence[Run]], lines: Sequence[Line]) -> float:
    """The threshold that every figure and number of these variants (V, S) is at, one for all labels; .5 among classes,
    where the largest score decides. It is the current one of each of them, which other pages show too; where those
    differ, the one chosen here last. With two classes also whether scores are converted back to probabilities, and what
    that does to them."""
    task = seeds[0][0].task
    if task not in ("binary", "multilabel"):
        return 0.5
    runs = [run for of_variant in seeds for run in of_variant]
    current = thresholds.common(map(theory.shown_id, runs))
    state.TRAIN_THRESHOLD.setdefault()
    if current is not None:
        state.TRAIN_THRESHOLD.set(min(current, 1.0))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        threshold = st.slider(
            "Threshold on the score",
            0.0,
            1.0,
            step=0.01,
            key=state.TRAIN_THRESHOLD.name,
            on_change=_move_all,
            args=(runs,),
            persist_state="session",
            help=f"{HELP[task]} Moving it does not retrain.",
        )
        convert = task == "binary" and theory.choose_conversion()
    if convert:
        theory.show_conversion(seeds, lines)
    return threshold if current is None else current


def _move_all(runs: Sequence[Run]) -> None:
    """Make the slider's number the current threshold of every column of these runs."""
    for run in map(theory.as_shown, (run for run in runs if run.outputs)):
        for column in range(len(thresholds.current(run))):
            thresholds.move(run, column, state.TRAIN_THRESHOLD.get(), "dragged", "validation")


def show_metrics(run: Run, metrics: Mapping[str, float], threshold: float = 0.5) -> None:
    """Tiles of metrics on the validation rows: with two classes at the threshold, else by the default decision."""
    scores = theory.as_shown(run).scores("validation")
    said = f"On {scores.n_rows:,} validation rows, by the default decision: {text.of_decision(run)}."
    if threshold != 0.5:
        what = "with each label whose" if run.task == "multilabel" else "positive if"
        said = f"On {scores.n_rows:,} validation rows, {what} p ≥ {text.threshold(threshold)}."
        if math.isinf(threshold):
            said = f"On {scores.n_rows:,} validation rows; the threshold is above every score."
    if run.task == "multilabel" or run.config.head == "one_vs_rest":
        said += f" At {text.threshold(threshold)}, {text.of_rows_called(scores, [threshold] * scores.n_columns)}"
    st.caption(said)
    with st.container(horizontal=True):
        for name, value in metrics.items():
            details = METRICS[name].details if name in METRICS else None
            st.metric(text.metric_label(name), text.rate(value), border=True, help=details)


def choose_log() -> bool:
    """The heading of losses, and whether their axis is logarithmic."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Mean loss** of training and validation rows", width="content")
        return st.toggle("Log axis", key=state.LOG_LOSS.name, persist_state="session")


def choose_scale() -> Scale:
    """The heading of validation scores, and how their axis is spaced."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Validation scores**", width="content")
        return controls.score_scale()


def show_scores(run: Run, scale: Scale) -> None:
    """Histograms, one for each class or label, split at the threshold or, for several classes, by argmax."""
    threshold = state.TRAIN_THRESHOLD.get() if run.task != "multiclass" else 0.5
    scores = theory.as_shown(run).scores("validation")
    views = [scores.view(column) for column in range(scores.n_columns)]
    called = None
    if run.task == "multiclass":
        called = decide(scores.y_score, [1.0] * len(views))[:, None] == range(len(views))
    columns = FEW_COLUMNS if len(views) > MANY_PANELS else 5
    live_figure(
        score_histograms(views, [threshold] * len(views), scale, columns, called),
        key="scores_figure",
        alt=text.of_histograms(run, "validation"),
        height=360 if len(views) <= MANY_PANELS else PANEL_HEIGHT * -(-len(views) // columns),
        revision=f"{run.id} {scale}",
    )
    if len(views) > 1:
        st.caption(text.of_panels(run.task).replace("0.5", f"{text.threshold(threshold)}"))
