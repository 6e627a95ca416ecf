"""Train: choose data, model, head and loss, press Start, and watch the losses and the scores move."""

from __future__ import annotations

import streamlit as st

from core import checks
from core.config import RunConfig
from core.errors import CutoffError
from core.plots.scores import score_histograms
from core.plots.training import loss_curves
from core.runner import Run
from core.thresholds import decide, summary
from pages.components.live_figure import live_figure
from pages.shared import choices, controls, findings, session, text, values
from pages.shared.services import device, runner

TICK_SECONDS = 0.4
MANY_PANELS, FEW_COLUMNS, PANEL_HEIGHT = 10, 4, 120
# Start and Stop stay in sight while the page scrolls under them; formulas are as wide as the side panel.
STYLE = """
<style>
  .st-key-formula .katex { font-size: 0.82em }
  :has(> .st-key-actions) { position: sticky; top: 3.75rem; z-index: 10; background: var(--st-background-color) }
</style>
"""


def start(config: RunConfig) -> None:
    """Train these choices; what this session started before and still trains is stopped."""
    st.session_state.complaints = []
    runner().cancel(st.session_state.get("started", ""))
    try:
        st.session_state.started = runner().submit([config])
        session.look_at(st.session_state.started)
    except CutoffError as error:
        session.complain(str(error))


def show_first_steps() -> None:
    """What to do when nothing is trained yet."""
    steps = (
        (
            ":material/tune:",
            "Choose",
            "Data, head, loss and pos_weight are set in the side panel. Change what you like.",
        ),
        (":material/play_arrow:", "Start", "The model trains here. Losses and score histograms move as it learns."),
        (":material/vertical_align_center:", "Move the threshold", "See which rows change sides, and what it costs."),
    )
    st.markdown("See what a loss does to the scores of a model, and where the best threshold then lies.")
    for column, (icon, title, sentence) in zip(st.columns(3), steps, strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(f"{icon} **{title}**")
            st.caption(sentence)


def show(job_id: str) -> None:
    """The job as it is now; once it has ended the whole script runs again, which takes the timer away."""
    try:
        job = runner().job(job_id)
    except CutoffError:  # forgotten meanwhile: the whole script says so
        st.rerun()
    if job.ended and st.session_state.get("watching") == job_id:
        st.session_state.watching = None
        st.rerun()
    run = job.runs[0]
    st.progress(job.progress, text=text.of_progress(job, text.of_device(device())))
    if run.error:
        st.error(text.plain(run.error))
    found = checks.after(run) if run.ended else ()
    own = run.config if run.config == config else None  # a remedy changes the choices, so only where they are the run's
    if not run.outputs:
        findings.show(found, "run", own)
        return
    if run.task == "regression":
        st.caption(f"On {len(run.predictions('validation')[0]):,} validation rows.")
        values.show_errors(run, "validation")
    else:
        show_metrics(run)
    of_scores = findings.at(found, "scores")
    findings.show([finding for finding in found if finding not in of_scores], "run", own)
    grid = st.grid(min_column_width=290 if run.task == "regression" else 380)
    with grid.container(border=True, height="stretch"):
        st.markdown("**Mean loss** of training and validation rows")
        live_figure(
            loss_curves(run.history.train, run.history.validation, run.config.epochs),
            key="loss_figure",
            alt=text.of_losses(run),
            height=360,
            revision=job.id,
        )
    if run.task == "regression":
        with grid.container(border=True, height="stretch"):
            values.show_predictions(run, "validation")
        with grid.container(border=True, height="stretch"):
            values.show_residuals(run, "validation")
    else:
        with grid.container(border=True, height="stretch"):
            show_scores(run)
            findings.show(of_scores, "run", own)


def show_metrics(run: Run) -> None:
    scores = run.scores("validation")
    half = [0.5] * scores.n_columns
    said = f"On {scores.n_rows:,} validation rows, by the default decision: {text.of_decision(run)}."
    if run.task == "multilabel" or run.config.head == "one_vs_rest":
        said += f" At 0.5, {text.of_rows_called(scores, half)}"
    st.caption(said)
    with st.container(horizontal=True):
        for name, value in summary(scores, half).items():
            st.metric(name, text.rate(value), border=True)


def show_scores(run: Run) -> None:
    """Histograms, one for each class or label, parted by the decision of the run."""
    scores = run.scores("validation")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("**Validation scores**", width="content")
        scale = controls.score_scale()
    views = [scores.view(column) for column in range(scores.n_columns)]
    called = None
    if run.task == "multiclass":
        called = decide(scores.y_score, [1.0] * len(views))[:, None] == range(len(views))
    columns = FEW_COLUMNS if len(views) > MANY_PANELS else 5
    live_figure(
        score_histograms(views, [0.5] * len(views), scale, columns, called),
        key="scores_figure",
        alt=text.of_histograms(run, "validation"),
        height=360 if len(views) <= MANY_PANELS else PANEL_HEIGHT * -(-len(views) // columns),
        revision=f"{run.id} {scale}",
    )
    if len(views) > 1:
        st.caption(text.of_panels(run.task))


choices.open_link()
with st.sidebar:
    config, problem = choices.edit()
job = session.current_job()
if config:
    session.write_link(config)

st.title("Train")
if shown := job.runs[0].config if job else config:
    st.caption(text.of_config(shown))
if job and config and job.runs[0].config != config:
    st.caption("The choices have changed since this run; Start trains them.")
session.show_complaints()
st.html(STYLE)
with st.container(key="actions", horizontal=True, vertical_alignment="center"):
    training = job is not None and not job.ended
    if st.button("Start", type="primary", icon=":material/play_arrow:", disabled=config is None) and config:
        start(config)  # not in a callback, which would know the choices of the script run before
        st.rerun()
    st.button(
        "Stop",
        icon=":material/stop:",
        disabled=not training,
        on_click=runner().cancel,
        args=(job.id if job else "",),
    )
    if job and job.runs[0].outputs:
        onward = "See the residuals" if job.runs[0].task == "regression" else "Move the threshold"
        st.page_link("thresholds.py", label=onward, icon=":material/arrow_forward:")

if problem:
    st.error(text.plain(problem))
if job is None:
    show_first_steps()
else:
    if not job.ended:
        st.session_state.watching = job.id
    st.fragment(show, run_every=None if job.ended else TICK_SECONDS)(job.id)
