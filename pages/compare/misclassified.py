"""The images of a run that are misclassified."""

from __future__ import annotations

import streamlit as st

from core.data import load_dataset
from core.evaluation import decide, predicted_positive
from core.evaluation.rows import misclassified
from core.plots.images import figure_height, image_grid
from core.training.runs import Run
from pages.components.live_figure import live_figure
from pages.shared import theory

SHOWN = 12


def applies(run: Run) -> bool:
    """Whether the rows of a run's data are images with classes."""
    data = load_dataset(run.config.dataset, run.config.dataset_params)
    return data.image is not None and data.task in ("binary", "multiclass")


def show(run: Run, threshold: float) -> None:
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
    worst = wrong[:SHOWN]
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
