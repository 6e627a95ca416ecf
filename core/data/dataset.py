"""Data sets: their registry entries, the loaded data and its splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from core.parameters import Param

if TYPE_CHECKING:
    from sklearn.base import TransformerMixin

    from core.data.tables import Table

Task = Literal["binary", "multiclass", "multilabel", "regression"]


@dataclass(frozen=True)
class Dataset:
    """The raw features and labels of a data set.

    Parameters
    ----------
    name : identifier, as `dataset_spec` takes it.
    task : "binary", "multiclass", "multilabel" or "regression".
    x : features (N, F), float32; with an encoder float64, NaN where a value is missing.
    y : labels. Binary and multiclass: class indices (N,) in 0 .. C - 1, int64, where class 1 of a binary task is the
        positive one. Multilabel: (N, C) in {0, 1}, int64. Regression: values (N,), float32, in the unit of `target`.
    class_names : (C,); (negative, positive) in a binary task, empty in a regression.
    feature_names : (F,), or empty.
    posterior : maps features (M, F) to the true P(y=1|x) (M,); None if it is unknown.
    image : height and width if the rows are images, stored row by row; None otherwise.
    target : name of the target of a regression, and of one column of a table.
    encoder : turns `x` into what models are trained on, fitted on the training rows of each split; None for a
        StandardScaler.
    table : the columns that rows are shown with, if the data comes from a table; one row for each of `x`.
    """

    name: str
    task: Task
    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] = ()
    posterior: Callable[[np.ndarray], np.ndarray] | None = None
    image: tuple[int, int] | None = None
    target: str = ""
    encoder: TransformerMixin | None = None
    table: Table | None = None

    @property
    def counts(self) -> np.ndarray:
        """Number of rows of each class or with each label, (C,); empty in a regression."""
        if self.task == "regression":
            return np.zeros(0, np.int64)
        return self.y.sum(0) if self.task == "multilabel" else np.bincount(self.y, minlength=len(self.class_names))

    def taken(self, rows: np.ndarray) -> Dataset:
        """The data set of these rows (M,)."""
        return replace(self, x=self.x[rows], y=self.y[rows], table=self.table and self.table.taken(rows))


@dataclass(frozen=True)
class DatasetSpec:
    """A registry entry: the description of a data set, and the function that loads it with `params`."""

    label: str
    task: Task
    about: str
    source: str
    licence: str
    load: Callable[..., Dataset]
    params: tuple[Param, ...] = ()
    image: bool = False


@dataclass(frozen=True)
class Split:
    """Standardised features and labels of the "train", "validation" and "test" rows.

    Parameters
    ----------
    x : standardised features (N, F) by part, float32; with an encoder those that it gives.
    y : labels by part, as in `Dataset`; in a regression standardised values.
    rows : indices of the rows (N,) in the data set, by part.
    center, scale : y * scale + center is the target of a regression in its own unit.
    mean, deviation : mean and standard deviation of the training rows' features, (F,) or one number for all; 0 and 1
        with an encoder.
    """

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    center: float = 0.0
    scale: float = 1.0
    mean: np.ndarray | float = 0.0
    deviation: np.ndarray | float = 1.0


def examples(data: Dataset, count: int) -> np.ndarray:
    """Indices of up to `count` rows: the first row of each class, then the second of each class, and so on."""
    if data.task in ("regression", "multilabel"):
        return np.arange(min(count, len(data.x)))
    turn = np.empty(len(data.y), np.int64)
    for label in range(len(data.class_names)):
        members = np.flatnonzero(data.y == label)
        turn[members] = np.arange(len(members))
    return np.lexsort((data.y, turn))[:count]


def preview(data: Dataset, rows: int = 6, columns: int = 8) -> pd.DataFrame:
    """A table of a few rows of different classes: the label first, then up to `columns` features."""
    chosen = examples(data, rows)
    names = list(data.feature_names[:columns])
    if data.table:
        table = data.table.columns.select(names).take(pa.array(chosen)).to_pandas().set_axis(chosen)
    else:
        table = pd.DataFrame(data.x[chosen, :columns], index=chosen, columns=names)
    target = data.target or ("labels" if data.task == "multilabel" else "class")
    table.insert(0, f"target {target}" if target in names else target, row_labels(data, chosen))
    return table


def row_labels(data: Dataset, rows: np.ndarray) -> list[str] | np.ndarray:
    """Each row's class name, its label names separated by commas, or its value."""
    if data.task == "regression":
        return data.y[rows]
    names = np.array(data.class_names)
    if data.task == "multilabel":
        return [", ".join(names[row == 1]) or "none" for row in data.y[rows]]
    return names[data.y[rows]]
