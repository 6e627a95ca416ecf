"""Groups of rows, by a column with few different values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.counts import ScoreIndex
from core.evaluation.scores import ClassView
from core.evaluation.source import RowColumns

MOST = 12  # groups


@dataclass(frozen=True, eq=False)
class Grouping:
    """Rows parted by the values of a column.

    column: its name. names (G,): its values as text, in ascending order of the values, all different. codes (N,): the
    group of each row, an index of names, -1 where the value is missing.
    """

    column: str
    names: tuple[str, ...]
    codes: NDArray[np.intp]

    def rows(self, name: str) -> NDArray[np.bool_]:
        """Which rows are of a group, (N,); none for a name that there is not."""
        return self.codes == (self.names.index(name) if name in self.names else len(self.names))


def grouping(columns: RowColumns, most: int = MOST) -> Grouping | None:
    """The groups of the first column of `columns.groups` with 2 to `most` different values; None if there is none."""
    for column, values in columns.groups.items():
        codes, found = pd.factorize(values[np.arange(len(values))], sort=True)
        if 2 <= len(found) <= most:
            return Grouping(column, tuple(map(_name, found)), codes)
    return None


def _name(value: object) -> str:
    """A value as text, whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def indexes_by(
    view: ClassView, codes: NDArray[np.integer], count: int, weight: NDArray[np.floating] | None = None
) -> tuple[ScoreIndex, ...]:
    """The index of the rows of each code in [0, count); rows of any other code (N,) are in none."""
    rows = [codes == code for code in range(count)]
    return tuple(ScoreIndex.of(view.y[at], view.score[at], None if weight is None else weight[at]) for at in rows)
