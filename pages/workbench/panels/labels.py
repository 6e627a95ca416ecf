"""Several labels: a threshold each, what they come to together, and rules that choose all of them at once."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.evaluation import class_counts, label_totals, predicted_positive
from core.evaluation.source import ScoreSource
from pages.components.threshold_column import Total, threshold_column
from pages.shared import controls, state, thresholds
from pages.workbench.panels import label_rules

MEAN = "undefined ones (no actual and no predicted positive) are left out, where scikit-learn counts them as 0."
TOTALS = (
    Total("micro_f1", "Micro F1", "F1 of the decisions about all labels, pooled.", better=1),
    Total("macro_f1", "Macro F1", f"Mean of F1 over labels; {MEAN}", better=1),
    Total("weighted_f1", "Weighted F1", "Mean of F1 over labels, weighted by their numbers of positives.", better=1),
    Total("samples_f1", "Samples F1", f"Mean over rows of F1 among their labels; {MEAN}", better=1),
    Total("subset", "Subset accuracy", "Share of rows with every label correct.", better=1),
    Total("hamming", "Hamming loss", "Share of all decisions that are wrong.", better=-1),
    Total("cardinality", "Label cardinality", "Labels per row: predicted, and actual.", "mean", 0, "true"),
    Total("without", "No label", "Rows in which no label reaches its threshold.", "count"),
    Total("several", "Several labels", "Rows in which more than one label reaches its threshold.", "count"),
)


def show(source: ScoreSource, part: str, column: int) -> None:
    """The thresholds of all labels, what they decide about the "validation" or "test" rows, and rules for them."""
    scores = source.scores(part)
    current, saved = thresholds.current(source), thresholds.saved(source)
    indexes = [source.index(part, label) for label in range(scores.n_columns)]
    st.header("All labels")
    st.caption(
        "Each label has its own threshold: drag its line, or type a number. Dashed: saved threshold. ▲ ▼: difference "
        "to the saved thresholds. Click a name to see that label in the panel above."
    )
    weight = source.row_columns(part).weight
    now, before = (
        label_totals(scores.y_true, predicted_positive(scores.y_score, thresholds.values(at)), weight) if at else {}
        for at in (current, saved)
    )
    with st.container(border=True):
        threshold_column(
            scores,
            thresholds=current,
            saved=saved,
            counts=class_counts(indexes, np.reshape(thresholds.values(current), (-1, 1))),
            totals=TOTALS,
            now=now,
            before=before,
            chosen=column,
            scale=controls.scale_of(source),
            key="all_labels",
            revision=f"{source.id} {part} {source.version}",
            on_move=lambda moved, to, how: thresholds.move(source, moved, to, how, part),
            on_choose=state.COLUMN.set,
            sample_weight=weight,
        )
    with st.container(border=True):
        label_rules.show(source, TOTALS)
