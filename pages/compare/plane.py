"""A map of the scores over the two features of a run's data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.data import load_dataset, load_split
from core.data.plane import SIDE, has_plane, plane, points
from core.plots.plane import boundary
from core.plots.race import Line
from core.training.runs import Run
from pages.components.live_figure import live_figure
from pages.shared import text, theory

HEIGHT = 420


def applies(run: Run) -> bool:
    """Whether the data of a run has two features."""
    return has_plane(load_dataset(run.config.dataset, run.config.dataset_params))


def show(runs: Sequence[Run | None], lines: Sequence[Line], threshold: float, at: int) -> None:
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
