"""What is to be seen of single rows: a map of the scores over two features, and images that were called wrongly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.datasets import load_dataset, load_split
from core.datasets.plane import SIDE, has_plane, plane, points
from core.jobs import Run
from core.plots.images import worst_mistakes
from core.plots.plane import boundary
from core.plots.race import Line
from core.thresholds import called_positive, decide
from pages.components.live_figure import live_figure
from pages.shared import text

MISTAKES, COLUMNS = 12, 6
HEIGHT, ROW_HEIGHT = 420, 175


def shows_plane(run: Run) -> bool:
    """Whether the data of a run has two features."""
    return has_plane(load_dataset(run.config.dataset, run.config.dataset_params))


def show_plane(runs: Sequence[Run | None], lines: Sequence[Line], threshold: float, at: int) -> None:
    """Where the score of each variant crosses the threshold, over the training rows; the ground is that of variant
    `at`."""
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
            [run.surface.reshape(SIDE, SIDE) for _, run in shown if run.surface is not None],
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
        alt=f"Rows in the plane of {first} and {second}, and where each score crosses {threshold:g}.",
        height=HEIGHT,
        revision=shown[0][1].job,
    )
    known = f" Dashed: where the true probability is {threshold:g}." if posterior is not None else ""
    st.caption(f"Lines: score {threshold:g}. The ground is the score of {text.plain(shown[focus][0].name)}.{known}")


def shows_images(run: Run) -> bool:
    """Whether the rows of a run's data are images with classes."""
    data = load_dataset(run.config.dataset, run.config.dataset_params)
    return data.image is not None and data.task in ("binary", "multiclass")


def show_mistakes(run: Run, threshold: float) -> None:
    """The validation images that were called wrongly with the highest scores for it."""
    data = load_dataset(run.config.dataset, run.config.dataset_params)
    assert data.image is not None
    scores = run.scores("validation")
    if scores.task == "binary":
        called = called_positive(scores.y_score[:, 0], threshold).astype(int)
        sure = np.where(called == 1, scores.y_score[:, 0], 1 - scores.y_score[:, 0])
    else:
        called = decide(scores.y_score, [1.0] * scores.n_columns)
        sure = scores.y_score[np.arange(scores.n_rows), called]
    wrong = np.flatnonzero(called != scores.y_true)
    st.markdown(f"**Worst mistakes**: {len(wrong):,} of {scores.n_rows:,} validation rows are called wrongly")
    if not len(wrong):
        st.caption("None.")
        return
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    names = data.class_names
    live_figure(
        worst_mistakes(
            data.x[run.rows("validation")[worst]].reshape(-1, *data.image),
            [f"is {names[scores.y_true[i]]}<br>called {names[called[i]]}<br>p {sure[i]:.3f}" for i in worst],
            COLUMNS,
        ),
        key="mistakes_figure",
        alt=f"The {len(worst)} validation images that were called wrongly with the highest scores.",
        height=ROW_HEIGHT * -(-len(worst) // COLUMNS),
        revision=run.id,
    )
