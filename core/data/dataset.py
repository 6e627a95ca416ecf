"""What a data set is, before and after it is loaded and split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from core.parameters import Param

Task = Literal["binary", "multiclass", "multilabel", "regression"]


@dataclass(frozen=True)
class Dataset:
    """Features x (N, F) float32 and labels y, raw and whole.

    y by task: binary and multiclass (N,) int64 in 0 .. C-1, in a binary task 1 is the positive class; multilabel
    (N, C) int64 in {0, 1}; regression (N,) float32 in the unit that `target` names. `class_names` (C,) are
    (negative, positive) in a binary task and empty in a regression. `posterior` gives the true P(y=1|x) of rows
    (M, F) -> (M,) where it is known, as for synthetic data. `image` is the height and width of rows that are images,
    pixels row by row.
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

    @property
    def counts(self) -> np.ndarray:
        """Rows of each class, or with each label, (C,); empty in a regression."""
        if self.task == "regression":
            return np.zeros(0, np.int64)
        return self.y.sum(0) if self.task == "multilabel" else np.bincount(self.y, minlength=len(self.class_names))


@dataclass(frozen=True)
class DatasetSpec:
    """What a page says of a data set before it is loaded, and the function that loads it."""

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
    """Standardised features x and labels y of the three parts, and `rows`: where each row stands in the data set.

    In a regression y is standardised as well: y * scale + center is in the target's own unit. So is x by the
    training rows' `mean` and `deviation`, (F,) or one number for all features.
    """

    x: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    center: float = 0.0
    scale: float = 1.0
    mean: np.ndarray | float = 0.0
    deviation: np.ndarray | float = 1.0


def examples(data: Dataset, count: int) -> np.ndarray:
    """Up to `count` row numbers, the first of each class in turn, then the second of each, and so on."""
    if data.task in ("regression", "multilabel"):
        return np.arange(min(count, len(data.x)))
    turn = np.empty(len(data.y), np.int64)
    for label in range(len(data.class_names)):
        members = np.flatnonzero(data.y == label)
        turn[members] = np.arange(len(members))
    return np.lexsort((data.y, turn))[:count]


def preview(data: Dataset, rows: int = 6, columns: int = 8) -> pd.DataFrame:
    """A few rows of different classes: what is to be told first, then up to `columns` features."""
    chosen = examples(data, rows)
    table = pd.DataFrame(data.x[chosen, :columns], index=chosen, columns=list(data.feature_names[:columns]))
    table.insert(0, data.target or ("labels" if data.task == "multilabel" else "class"), told(data, chosen))
    return table


def told(data: Dataset, rows: np.ndarray) -> list[str] | np.ndarray:
    """The label of each row by name, its labels with commas, or its value."""
    if data.task == "regression":
        return data.y[rows]
    names = np.array(data.class_names)
    if data.task == "multilabel":
        return [", ".join(names[row == 1]) or "none" for row in data.y[rows]]
    return names[data.y[rows]]
