"""The kept epochs of a run one by one, and the class or label that they are shown for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.plots.epochs import EpochFrames, epoch_frames
from core.plots.style import Scale
from core.training.progress import KEPT_BYTES_A_JOB
from core.training.runs import Run
from pages.components.epoch_scrubber import epoch_scrubber
from pages.shared import state, theory


def choose_class(run: Run) -> int:
    """The class or label that figures of one are of, the same for all figures and runs of a job."""
    names = run.class_names
    return st.selectbox(
        "Class" if run.task == "multiclass" else "Label",
        range(len(names)),
        format_func=names.__getitem__,
        key=state.CLASS.of(run.job).name,
        persist_state="session",
        width=260,
    )


def show(run: Run, threshold: float, choose: bool = False) -> None:
    """Every kept epoch of a run, to be dragged through; while it trains only if asked for. Of several classes that is
    shown which was chosen elsewhere on the page, or is to `choose` here."""
    views = run.scores("validation")
    st.markdown("**Epoch by epoch**, validation rows")
    if (
        not run.ended
        and run.status != "paused"
        and not st.toggle("Look back while it trains", key=state.LOOK_BACK.name, persist_state="session")
    ):
        st.caption("Pause, or wait for the end, to drag through the epochs.")
        return
    column = 0
    if views.n_columns > 1:
        column = choose_class(run) if choose else state.CLASS.of(run.job).get()
    view = views.view(column)
    now, scale = (run.id, run.epoch, len(run.kept)), state.SCALE.get()
    frames = _frames(now, threshold, scale, column, theory.shows_converted(run), run)
    epoch_scrubber(
        frames,
        run.history.validation[frames.epochs],
        label=view.label,
        rest=view.rest,
        threshold=threshold,
        key=f"epochs.{run.id}.{column}",
        alt=f"Histogram of the validation rows' probabilities by actual class, one epoch at a time, of {view.label}.",
    )
    every = run.kept[1].epoch - run.kept[0].epoch if len(run.kept) > 1 else 0
    known = {0: "the last epoch", 1: "every epoch", 2: "every second epoch and the last"}
    kept = known.get(every, f"every {every} epochs and the last")
    st.caption(f"Kept: {kept}. The limit is {KEPT_BYTES_A_JOB >> 20} MB of scores per experiment.")


@st.cache_data(max_entries=32, show_spinner=False)
def _frames(
    of: tuple[str, int, int], threshold: float, scale: Scale, column: int, convert: bool, _run: Run
) -> EpochFrames:
    scores = np.stack([kept.outputs["validation"][:, column] for kept in _run.kept])
    if convert:
        scores = theory.converted(_run.config, scores)
    y = _run.scores("validation").view(column).y
    return epoch_frames([kept.epoch for kept in _run.kept], y, scores, threshold, scale)
