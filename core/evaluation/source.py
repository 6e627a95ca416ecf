"""Sources of scores: the interface that panels, plots, exports and caches use, wherever scores come from."""

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
KEPT_BYTES = 128 << 20  # of all indexes in memory, for all users together
ID_BYTES = 16
ALL = "all"  # the one part of scores without a split
Key = tuple[str, int | str]  # id and version of a source, the key of caches


class About(NamedTuple):
    """The label of a source in a list, the origin of its scores, and whether they are final (False during training)."""

    label: str
    origin: str
    final: bool = True


GIVEN = About("Scores", "given as arrays")


class Predictions(NamedTuple):
    """Actual and predicted values (N,) of a regression, in the target's own unit."""

    y_true: NDArray[np.floating]
    y_pred: NDArray[np.floating]


class Column(Protocol):
    """One value a row, (N,), of which rows can be taken: an array, or what reads it from a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: NDArray[np.integer], /) -> NDArray: ...


@dataclass(frozen=True, eq=False)
class RowColumns:
    """Other columns of the rows beside labels and scores; None or empty where there is none.

    weight: (N,), finite, >= 0. amount, time, id: (N,). groups: columns that part the rows, by name. others: any other
    columns, by name.
    features: (N, F), with feature_names (F,); for images, all pixels row by row, and `image` is (height, width).
    """

    weight: NDArray[np.floating] | None = None
    groups: Mapping[str, Column] = field(default_factory=dict)
    amount: NDArray[np.floating] | None = None
    time: NDArray | None = None
    id: Column | None = None
    others: Mapping[str, Column] = field(default_factory=dict)
    features: NDArray[np.floating] | None = None
    feature_names: tuple[str, ...] = ()
    image: tuple[int, int] | None = None


class ScoreSource(Protocol):
    """Labels and scores by part ("validation", "test"), identified by `id` and `version`.

    Sources differ only in what they lack: `config` is None unless a training run produced the scores, `parts` may have
    one part, and columns of the rows are optional.

    A regression has no scores, classes or thresholds: `task` is "regression", `class_names` is empty, `scores` and
    `index` raise CutoffError, and `predictions` returns its values. For other tasks `predictions` raises CutoffError.
    """

    @property
    def id(self) -> str:
        """Unique and not guessable."""
        ...

    @property
    def version(self) -> int | str:
        """Changes whenever scores, labels or rows change, so that id and version together identify them."""
        ...

    @property
    def task(self) -> Task: ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes or labels; in a binary task (negative, positive)."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that have scores or predictions now."""
        ...

    @property
    def about(self) -> About: ...

    @property
    def config(self) -> RunConfig | None:
        """The configuration of the training run; None if there is none."""
        ...

    def scores(self, part: str) -> Scores:
        """Labels and scores; raises CutoffError for a part that has none, and for a regression."""
        ...

    def predictions(self, part: str) -> Predictions:
        """Actual and predicted values of a regression; raises CutoffError for a part that has none, and for any other
        task."""
        ...

    def rows(self, part: str) -> NDArray[np.integer]:
        """Position of each row in the data that it comes from, from 0, (N,)."""
        ...

    def row_columns(self, part: str) -> RowColumns:
        """Other columns of the rows, in the order of `scores`."""
        ...

    def index(self, part: str, column: int) -> ScoreIndex:
        """The index of one score column (one-vs-rest), weighted if rows have weights, see `score_index`."""
        ...


@dataclass(frozen=True, eq=False)
class ArraySource:
    """A source of arrays: scores, or the predictions of a regression, by part.

    data: at least one part, all of one task with the same classes.
    columns: other columns of the rows, by part.
    places: positions of the rows in their data, (N,), by part; by default 0 to N - 1.
    id, version: by default a new id; the version must change when a source with the same id gets other arrays.

    Raises CutoffError without a part, for parts of different tasks or classes, and for columns of another length than
    the scores.
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
            named = {name: getattr(columns, name) for name in ("weight", "amount", "time", "id", "features")}
            for name, values in {**named, **columns.groups, **columns.others, "places": self.places.get(part)}.items():
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


def tuned_on(source: ScoreSource) -> str:
    """The part to tune thresholds and fit calibrations on: "validation", or the first where there is none."""
    return "validation" if "validation" in source.parts else source.parts[0]


def held_out(source: ScoreSource) -> str | None:
    """The part that nothing is tuned on, "test" where there is one; None if the source has one part."""
    others = [part for part in source.parts if part != tuned_on(source)]
    return "test" if "test" in others else others[0] if others else None


def rows_label(part: str, number: int | str = "", the: bool = False) -> str:
    """The rows of a part in words: "test rows", with a number or a word for it "500 test rows" or "no test rows", with
    `the` "the test rows". Those of scores without a split are "all rows", "500 rows" and "no rows"."""
    count = f"{number:,}" if isinstance(number, int) else number
    words = ["the"] if the and (count or part != ALL) else []
    words += [count] if count else ["all"] if part == ALL else []
    words += [] if part == ALL else [part]
    return " ".join([*words, "row" if count == "1" else "rows"])


def new_id() -> str:
    """128 random bits in hexadecimal."""
    return secrets.token_hex(ID_BYTES)


def _task(given: Scores | Predictions) -> Task:
    return given.task if isinstance(given, Scores) else "regression"


def _class_names(given: Scores | Predictions) -> tuple[str, ...]:
    return given.class_names if isinstance(given, Scores) else ()


def _n_rows(given: Scores | Predictions) -> int:
    return given.n_rows if isinstance(given, Scores) else len(given.y_true)


# --- cached indexes

_indexes: OrderedDict[tuple[Key, str, int], ScoreIndex] = OrderedDict()  # the most recently used last
_lock = threading.Lock()


def score_index(source: ScoreSource, part: str, column: int) -> ScoreIndex:
    """The index of one score column of a source, cached by its id and version.

    The least recently used indexes are dropped when all take more than KEPT_BYTES. Thread-safe: one thread builds at a
    time, so that no index is built twice. Raises CutoffError as `source.scores` and `Scores.view` do.
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
