"""Labels and scores, whatever model they come from. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CutoffError

Task = Literal["binary", "multiclass", "multilabel"]


class ClassView(NamedTuple):
    """One class (one-vs-rest): y (N,) bool, score (N,), and the names of both sides."""

    y: NDArray[np.bool_]
    score: NDArray[np.floating]
    label: str
    rest: str


@dataclass(frozen=True, eq=False)
class Scores:
    """Actual labels and scores of a model, checked once and then read-only.

    y_score: (N, C), finite, in its own floating dtype (integers become float64), inside [0, 1] or not.
    y_true, y_score and class_names by task:
      binary      (N,) in {0, 1};             C = 1, the score of class 1; names (negative, positive)
      multiclass  (N,) class index in [0, C); C >= 2;                      C names
      multilabel  (N, C) in {0, 1};           C >= 1;                      C names
    N may be 0. Raises CutoffError for any other input.
    """

    y_true: NDArray[np.int64]
    y_score: NDArray[np.floating]
    task: Task
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise CutoffError(f"Expected `task` to be one of {', '.join(get_args(Task))}, but got {self.task!r}.")
        y_score = as_scores(self.y_score)
        if self.task == "binary" and y_score.ndim == 1:
            y_score = y_score[:, None]
        columns = {"binary": 1, "multiclass": 2, "multilabel": 1}[self.task]
        if y_score.ndim != 2 or y_score.shape[1] < columns or (self.task == "binary" and y_score.shape[1] > 1):
            expected = "(N, 1)" if self.task == "binary" else f"(N, C) with C >= {columns}"
            raise CutoffError(
                f"Expected `y_score` of a {self.task} task to have shape {expected}, but got {y_score.shape}."
            )
        n_rows, n_columns = y_score.shape
        n_labels = n_columns if self.task == "multiclass" else 2
        shape = (n_rows, n_columns) if self.task == "multilabel" else (n_rows,)
        y_true = as_labels(self.y_true, n_labels)
        if y_true.shape != shape:
            raise CutoffError(f"Expected `y_true` to have shape {shape}, but got {y_true.shape}.")
        names = tuple(self.class_names)
        n_names = 2 if self.task == "binary" else n_columns
        if len(names) != n_names or len(set(names)) != n_names:
            raise CutoffError(f"Expected `class_names` to be {n_names} different names, but got {names!r}.")
        for field, value in (("y_true", y_true), ("y_score", y_score), ("class_names", names)):
            object.__setattr__(self, field, _read_only(value) if isinstance(value, np.ndarray) else value)

    @property
    def n_rows(self) -> int:
        return self.y_score.shape[0]

    @property
    def n_columns(self) -> int:
        """Number C of score columns, each with its own threshold."""
        return self.y_score.shape[1]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The class of each score column, (C,)."""
        return self.class_names[1:] if self.task == "binary" else self.class_names

    @cached_property
    def positives(self) -> NDArray[np.int64]:
        """Number of rows in each column's class, (C,)."""
        if self.task == "multiclass":
            return np.bincount(self.y_true, minlength=self.n_columns)
        return np.atleast_1d(self.y_true.sum(axis=0))

    @cached_property
    def are_probabilities(self) -> bool:
        """Whether every score is in [0, 1]; logits and margins usually are not."""
        return self.n_rows == 0 or bool(self.y_score.min() >= 0 and self.y_score.max() <= 1)

    def view(self, column: int = 0) -> ClassView:
        """One score column in [0, C) (one-vs-rest); raises CutoffError for any other."""
        if not 0 <= column < self.n_columns:
            raise CutoffError(f"Expected `column` to be in [0, {self.n_columns}), but got {column}.")
        label, score = self.column_names[column], self.y_score[:, column]
        if self.task == "binary":
            return ClassView(self.y_true == 1, score, label, self.class_names[0])
        if self.task == "multiclass":
            return ClassView(self.y_true == column, score, label, "rest")
        return ClassView(self.y_true[:, column] == 1, score, label, f"not {label}")


def as_scores(y_score: ArrayLike) -> NDArray[np.floating]:
    """Scores (...) in their own floating dtype, integers as float64; raises CutoffError unless all are finite."""
    score = np.asarray(y_score)
    if score.dtype.kind in "iub":
        score = score.astype(np.float64)
    if score.dtype not in (np.float16, np.float32, np.float64):
        raise CutoffError(
            f"Expected `y_score` to be float16, float32, float64 or whole numbers, but got {score.dtype}."
        )
    # min and max are NaN if any score is, and need no second array of that size.
    if score.size and not (np.isfinite(score.min()) and np.isfinite(score.max())):
        n_nan = int(np.count_nonzero(np.isnan(score)))
        found = f"{n_nan} NaN" if n_nan else f"{int(np.count_nonzero(np.isinf(score)))} infinite"
        raise CutoffError(f"Expected every `y_score` to be a finite number, but got {found} among {score.size:,}.")
    return score


def as_labels(y_true: ArrayLike, n_labels: int) -> NDArray[np.int64]:
    """Labels (...) of any numeric dtype as int64; raises CutoffError unless they are integers in [0, n_labels)."""
    given = np.asarray(y_true)
    if given.dtype.kind not in "iubf":
        raise CutoffError(f"Expected `y_true` to be whole numbers, but got dtype {given.dtype}.")
    if given.dtype.kind == "f":
        whole = np.isfinite(given) & (given == np.floor(given))
        if not whole.all():
            raise CutoffError(f"Expected `y_true` to be whole numbers, but got {given[~whole].flat[0]}.")
    if given.size and (given.min() < 0 or given.max() >= n_labels):
        outside = (given < 0) | (given >= n_labels)
        raise CutoffError(f"Expected `y_true` to lie in {{0, ..., {n_labels - 1}}}, but got {given[outside].flat[0]}.")
    return given.astype(np.int64, copy=False)


def as_weights(sample_weight: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Weights as float64; raises CutoffError unless they have this shape, are finite and >= 0."""
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != shape:
        raise CutoffError(f"Expected `sample_weight` to have shape {shape}, but got {weight.shape}.")
    wrong = ~(np.isfinite(weight) & (weight >= 0))
    if wrong.any():
        raise CutoffError(f"Expected every `sample_weight` to be finite and >= 0, but got {weight[wrong][0]}.")
    return weight


def _read_only(array: NDArray) -> NDArray:
    """The array itself if it is read-only, otherwise a read-only copy."""
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array
