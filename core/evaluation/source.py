"""Where scores come from: what every panel, plot, export and cache of scores takes, whoever made them."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import CutoffError
from core.evaluation.counts import ScoreIndex
from core.evaluation.scores import Scores

if TYPE_CHECKING:
    from core.experiment.config import RunConfig

Task = Literal["binary", "multiclass", "multilabel", "regression"]
KEPT_BYTES = 128 << 20  # of all indexes in memory, for all visitors together
ID_BYTES = 16
Key = tuple[str, int | str]  # id and version of a source, which what is computed of it is cached by


class About(NamedTuple):
    """What a source is called in a list, how its scores came to be, and whether they are final: False while a model
    still trains."""

    label: str
    origin: str
    final: bool = True


GIVEN = About("Scores", "given as arrays")


class Predictions(NamedTuple):
    """Actual and predicted values (N,) of a regression, in the target's own unit."""

    y_true: NDArray[np.floating]
    y_pred: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class RowColumns:
    """What is known of rows beside labels and scores; None where nothing is.

    weight: (N,) finite, >= 0, how often each row counts. group, amount, time, id: (N,).
    features: (N, F), called feature_names (F,); of images, all pixels row by row, with `image` their height and width.
    """

    weight: NDArray[np.floating] | None = None
    group: NDArray | None = None
    amount: NDArray[np.floating] | None = None
    time: NDArray | None = None
    id: NDArray | None = None
    features: NDArray[np.floating] | None = None
    feature_names: tuple[str, ...] = ()
    image: tuple[int, int] | None = None


class ScoreSource(Protocol):
    """Labels and scores by part ("validation", "test"), with a name that caches can rely on.

    A source is told from another one only by what it lacks: `config` is None unless a training run made the scores,
    `parts` may hold one part, columns of the rows are optional.

    A regression has no scores, no classes and no threshold: `task` is "regression", `class_names` is empty, `scores`
    and `index` raise CutoffError, and `predictions` gives its values. For any other task `predictions` raises it.
    """

    @property
    def id(self) -> str:
        """Unguessable, and of this source alone."""
        ...

    @property
    def version(self) -> int | str:
        """Another one whenever scores, labels or rows are others: id and version together name them."""
        ...

    @property
    def task(self) -> Task: ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes or labels; in a binary task (negative, positive)."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that have scores, or predictions, now."""
        ...

    @property
    def about(self) -> About: ...

    @property
    def config(self) -> RunConfig | None:
        """How the model was trained; None where this is not known."""
        ...

    def scores(self, part: str) -> Scores:
        """Labels and scores; raises CutoffError for a part that has none, and for a regression."""
        ...

    def predictions(self, part: str) -> Predictions:
        """Actual and predicted values of a regression; raises CutoffError for a part that has none, and for any other
        task."""
        ...

    def rows(self, part: str) -> NDArray[np.integer]:
        """Where each row stands in the data that it comes from, from 0, (N,)."""
        ...

    def row_columns(self, part: str) -> RowColumns:
        """What else is known of the rows, in the order of `scores`."""
        ...

    def index(self, part: str, column: int) -> ScoreIndex:
        """The index of one score column, its class one-vs-rest, weighted where rows have weights: `score_index`."""
        ...


@dataclass(frozen=True, eq=False)
class ArraySource:
    """A source of arrays: scores, or the predictions of a regression, by part.

    data: at least one part, all of one task with the same classes.
    columns: what else is known of the rows, by part. places: where they stand in their data, by part, (N,); one after
    the other where not given.
    version must change when a source with the same id gets other arrays; without an id each source has one of its own.

    Raises CutoffError for parts that do not fit together, and for columns of another length than the scores.
    """

    data: Mapping[str, Scores | Predictions]
    columns: Mapping[str, RowColumns] = field(default_factory=dict)
    places: Mapping[str, NDArray[np.integer]] = field(default_factory=dict)
    about: About = GIVEN
    config: RunConfig | None = None
    id: str = field(default_factory=lambda: new_id())
    version: int | str = 0

    def __post_init__(self) -> None:
        if not self.data:
            raise CutoffError("A source needs the scores of at least one part.")
        if len({(_task(given), _class_names(given)) for given in self.data.values()}) > 1:
            raise CutoffError("All parts of a source need the same task and the same classes.")
        for part in (*self.columns, *self.places):
            if part not in self.data:
                raise CutoffError(f"There are no scores for the {part} rows.")
        for part, given in self.data.items():
            columns = self.columns.get(part, RowColumns())
            named = {name: getattr(columns, name) for name in ("weight", "group", "amount", "time", "id", "features")}
            for name, values in (named | {"places": self.places.get(part)}).items():
                if values is not None and len(values) != _n_rows(given):
                    raise CutoffError(
                        f"Expected `{name}` of the {part} rows to have length {_n_rows(given)}, but got {len(values)}."
                    )

    @property
    def task(self) -> Task:
        return _task(next(iter(self.data.values())))

    @property
    def class_names(self) -> tuple[str, ...]:
        return _class_names(next(iter(self.data.values())))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.data)

    def scores(self, part: str) -> Scores:
        given = self._given(part)
        if not isinstance(given, Scores):
            raise CutoffError("A regression has no scores.")
        return given

    def predictions(self, part: str) -> Predictions:
        given = self._given(part)
        if isinstance(given, Scores):
            raise CutoffError("Only a regression has predictions.")
        return given

    def rows(self, part: str) -> NDArray[np.integer]:
        given = self._given(part)
        return self.places.get(part, np.arange(_n_rows(given)))

    def row_columns(self, part: str) -> RowColumns:
        self._given(part)
        return self.columns.get(part, RowColumns())

    def index(self, part: str, column: int) -> ScoreIndex:
        return score_index(self, part, column)

    def _given(self, part: str) -> Scores | Predictions:
        if part not in self.data:
            raise CutoffError(f"There are no scores for the {part} rows.")
        return self.data[part]


def new_id() -> str:
    """128 random bits in hexadecimal."""
    return secrets.token_hex(ID_BYTES)


def _task(given: Scores | Predictions) -> Task:
    return given.task if isinstance(given, Scores) else "regression"


def _class_names(given: Scores | Predictions) -> tuple[str, ...]:
    return given.class_names if isinstance(given, Scores) else ()


def _n_rows(given: Scores | Predictions) -> int:
    return given.n_rows if isinstance(given, Scores) else len(given.y_true)


# --- indexes, each built once

_indexes: OrderedDict[tuple[Key, str, int], ScoreIndex] = OrderedDict()  # the one used last at the end
_lock = threading.Lock()


def score_index(source: ScoreSource, part: str, column: int) -> ScoreIndex:
    """The index of one score column of a source, built once for its id and version.

    Indexes that were not asked for longest go when all together take more than KEPT_BYTES. Any thread may ask; one
    builds at a time, so that none is built twice. Raises CutoffError as `source.scores` does.
    """
    key = (source.id, source.version), part, column
    with _lock:
        if key not in _indexes:
            view = source.scores(part).view(column)
            _indexes[key] = ScoreIndex.of(view.y, view.score, source.row_columns(part).weight)
            while len(_indexes) > 1 and sum(index.nbytes for index in _indexes.values()) > KEPT_BYTES:
                _indexes.popitem(last=False)
        _indexes.move_to_end(key)
        return _indexes[key]
