"""Scores and predictions as CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.data.tables import escaped
from core.evaluation.scores import Scores


def scores_csv(scores: Scores, rows: np.ndarray) -> str:
    """Scores as CSV, with numbers that read back exactly in the dtype of the scores.

    Parameters
    ----------
    scores : the scores.
    rows : indices (N,) of the rows in the data set.

    Returns
    -------
    csv : columns `row`, `y_true` (the class index, or one column per label), and a score column per class or label.
    """
    columns = {"row": rows, "y_true": scores.y_true} if scores.y_true.ndim == 1 else {"row": rows}
    if scores.y_true.ndim == 2:
        columns |= {f"y_true {name}": scores.y_true[:, at] for at, name in enumerate(scores.column_names)}
    columns |= {f"score {name}": scores.y_score[:, at] for at, name in enumerate(scores.column_names)}
    return table_csv(pd.DataFrame(columns))


def predictions_csv(y_true: np.ndarray, y_pred: np.ndarray, rows: np.ndarray) -> str:
    """Actual and predicted values (N,) as CSV, with the indices `row` (N,) of the rows in the data set."""
    return table_csv(pd.DataFrame({"row": rows, "y_true": y_true, "y_pred": y_pred}))


def table_csv(table: pd.DataFrame) -> str:
    """A table as CSV (RFC 4180), without its index.

    Names and text that a spreadsheet would run as a formula are escaped, which `core.data.tables.read_table` undoes.
    """
    columns = {at: _escaped(table.iloc[:, at]) for at in range(table.shape[1])}
    names = [escaped(str(name)) for name in table.columns]
    return pd.DataFrame(columns).to_csv(index=False, header=names, lineterminator="\r\n")  # which also quotes a lone \r


def _escaped(column: pd.Series) -> pd.Series:
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return column
    return column.map(lambda value: escaped(value) if isinstance(value, str) else value)
