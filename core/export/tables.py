"""Scores and predictions as CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.evaluation.scores import Scores


def scores_csv(scores: Scores, rows: np.ndarray) -> str:
    """Scores as CSV: `row` (N,) is the place in the data set, `y_true` the class index, then a score column a class.

    Numbers are written so that reading them in the scores' own dtype gives the same number back.
    """
    columns = {"row": rows, "y_true": scores.y_true} if scores.y_true.ndim == 1 else {"row": rows}
    if scores.y_true.ndim == 2:
        columns |= {f"y_true {name}": scores.y_true[:, at] for at, name in enumerate(scores.column_names)}
    columns |= {f"score {name}": scores.y_score[:, at] for at, name in enumerate(scores.column_names)}
    return pd.DataFrame(columns).to_csv(index=False)


def predictions_csv(y_true: np.ndarray, y_pred: np.ndarray, rows: np.ndarray) -> str:
    """True and predicted values (N,) as CSV; `row` (N,) is the place in the data set."""
    return pd.DataFrame({"row": rows, "y_true": y_true, "y_pred": y_pred}).to_csv(index=False)
