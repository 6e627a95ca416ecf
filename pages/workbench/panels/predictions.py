"""The rows of a regression: actual and predicted values, the largest errors first, and all of them as a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.source import ScoreSource, rows_label
from core.export import predictions_csv
from pages.shared import regression

MOST = 100  # rows in the table


def show(source: ScoreSource, part: str, _column: int) -> None:
    """A table of the rows with the largest errors of a split, and a button to download all rows."""
    y_true, y_pred = source.predictions(part)
    error = y_pred - y_true
    largest = np.argsort(-np.abs(error), kind="stable")[:MOST]
    columns = {"row": source.rows(part), "actual": y_true, "predicted": y_pred, "error": error}
    st.markdown(f"**{regression.target(source)}** of {rows_label(part, the=True)}, the largest errors first")
    st.dataframe(
        pd.DataFrame({name: values[largest] for name, values in columns.items()}),
        hide_index=True,
        column_config=dict.fromkeys(("predicted", "error"), st.column_config.NumberColumn(format="%.4g")),
    )
    st.download_button(
        "Predictions as CSV",
        predictions_csv(y_true, y_pred, source.rows(part)),
        f"predictions-{source.id}-{part}.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
