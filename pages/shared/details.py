"""Details of one run: its epochs one by one, a map of the scores over two features, and misclassified images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.data import load_dataset, load_split
from core.data.plane import SIDE, has_plane, plane, points
from core.evaluation import decide, predicted_positive
from core.evaluation.rows import misclassified
from core.plots.epochs import EpochFrames, epoch_frames
from core.plots.images import figure_height, image_grid
from core.plots.plane import boundary
from core.plots.race import Line
from core.plots.style import Scale
from core.training.runner import KEPT_BYTES_A_JOB
from core.training.runs import Run
from pages.components.epoch_scrubber import epoch_scrubber
from pages.components.live_figure import live_figure
from pages.shared import text, theory

MISTAKES, HEIGHT = 12, 420


def choose_class(run: Run) -> int:
    """The class or label that figures of one are of, the same for all figures and runs of a job."""
    names = run.class_names
    return st.selectbox(
        "Class" if run.task == "multiclass" else "Label",
        range(len(names)),
        format_func=names.__getitem__,
        key=f"class.{run.job}",
        persist_state="session",
        width=260,
    )


def show_epochs(run: Run, threshold: float, choose: bool = False) -> None:
    """Every kept epoch of a run, to be dragged through; while it trains only if asked for. Of several classes that is
    shown which was chosen elsewhere on the page, or is to `choose` here."""
    views = run.scores("validation")
    st.markdown("**Epoch by epoch**, validation rows")
    if (
        not run.ended
        and run.status != "paused"
        and not st.toggle("Look back while it trains", key="look_back", persist_state="session")
    ):
        st.caption("Pause, or wait for the end, to drag through the epochs.")
        return
    column = 0
    if views.n_columns > 1:
        column = choose_class(run) if choose else st.session_state.get(f"class.{run.job}", 0)
    view = views.view(column)
    now, scale = (run.id, run.epoch, len(run.kept)), st.session_state.get("scale", "logit")
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
    every = run.kept[1][0] - run.kept[0][0] if len(run.kept) > 1 else 0
    known = {0: "the last epoch", 1: "every epoch", 2: "every second epoch and the last"}
    kept = known.get(every, f"every {every} epochs and the last")
    st.caption(f"Kept: {kept}. The limit is {KEPT_BYTES_A_JOB >> 20} MB of scores per experiment.")


@st.cache_data(max_entries=32, show_spinner=False)
def _frames(
    of: tuple[str, int, int], threshold: float, scale: Scale, column: int, convert: bool, _run: Run
) -> EpochFrames:
    scores = np.stack([outputs[:, column] for _, outputs in _run.kept])
    if convert:
        scores = theory.converted(_run.config, scores)
    y = _run.scores("validation").view(column).y
    return epoch_frames([epoch for epoch, _ in _run.kept], y, scores, threshold, scale)


def shows_plane(run: Run) -> bool:
    """Whether the data of a run has two features."""
    return has_plane(load_dataset(run.config.dataset, run.config.dataset_params))


def show_plane(runs: Sequence[Run | None], lines: Sequence[Line], threshold: float, at: int) -> None:
    """Where the score of each variant crosses the threshold, over the training rows; the background is the score of
    variant `at`."""
    shown = [(line, run) for line, run in zip(lines, runs, strict=True) if run and run.surface is not None]
    if not shown:
        return
    config = shown[0][1].config
    data = load_dataset(config.dataset, config.dataset_params)
    split = load_split(config.dataset, config.dataset_params, config.split_seed)
    xs, ys = plane(data)
    posterior = None if data.posterior is None else data.posterior(points(data)).reshape(SIDE, SIDE)
    focus = next((i for i, (line, _) in enumerate(shown) if line is lines[at]), 0)
    st.markdown("**Decision boundary** over the training rows")
    first, second = data.feature_names
    live_figure(
        boundary(
            xs,
            ys,
            [_surface(run) for _, run in shown],
            [line for line, _ in shown],
            [threshold] * len(shown),
            data.x[split.rows["train"]],
            split.y["train"] == 1,
            posterior,
            threshold,
            focus,
            (first, second),
            (data.class_names[1], data.class_names[0]),
        ),
        key="plane_figure",
        alt=f"Rows in the plane of {first} and {second}, and where each score crosses {text.threshold(threshold)}.",
        height=HEIGHT,
        revision=shown[0][1].job,
    )
    known = f" Dashed: where the true probability is {text.threshold(threshold)}." if posterior is not None else ""
    st.caption(
        f"Lines: score {text.threshold(threshold)}. Background: the score of {text.plain(shown[focus][0].name)}.{known}"
    )


def _surface(run: Run) -> NDArray[np.floating]:
    """The scores over the plane (SIDE, SIDE), converted back to probabilities if that was chosen."""
    assert run.surface is not None
    scores = theory.converted(run.config, run.surface) if theory.shows_converted(run) else run.surface
    return scores.reshape(SIDE, SIDE)


def shows_images(run: Run) -> bool:
    """Whether the rows of a run's data are images with classes."""
    data = load_dataset(run.config.dataset, run.config.dataset_params)
    return data.image is not None and data.task in ("binary", "multiclass")


def show_mistakes(run: Run, threshold: float) -> None:
    """The validation images that are misclassified, those whose predicted class scores highest first."""
    data = load_dataset(run.config.dataset, run.config.dataset_params)
    assert data.image is not None
    scores = theory.as_shown(run).scores("validation")
    if scores.task == "binary":
        decided = predicted_positive(scores.y_score[:, 0], threshold).astype(int)
    else:
        decided = decide(scores.y_score, [1.0] * scores.n_columns)
    wrong = misclassified(scores, decided)
    st.markdown(f"**Worst mistakes**: {len(wrong):,} of {scores.n_rows:,} validation rows are misclassified")
    if wrong.empty:
        st.caption("None.")
        return
    worst = wrong[:MISTAKES]
    live_figure(
        image_grid(
            data.x[run.rows("validation")[worst.index]].reshape(-1, *data.image),
            [
                f"actual {row.actual}<br>predicted {row.predicted}<br>p({row.of}) = {row.score:.3f}"
                for row in worst.itertuples()
            ],
        ),
        key="mistakes_figure",
        alt=f"The {len(worst)} misclassified validation images whose predicted class scores highest.",
        height=figure_height(len(worst), data.image),
        revision=run.id,
    )
