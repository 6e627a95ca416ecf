"""Columns of a table as features: numbers, dates and categories, and the scikit-learn transformer that encodes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from core.data.tables import Table
from core.data.tables.values import categories, numbers, times

Kind = Literal["number", "date", "category"]
MOST_CATEGORIES = 20  # features of a column of categories; the last one is for all that are less frequent
SAMPLE = 1_000  # values of text that tell whether it is read as numbers or dates
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Feature:
    """A column as numbers, NaN where there is no value.

    values : (N,), float64. Numbers as they are, with NaN for infinite ones; dates as days since 1970-01-01; categories
        as indices of `categories`.
    """

    name: str
    kind: Kind
    values: NDArray[np.float64]
    categories: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Number of rows without a value."""
        return int(np.isnan(self.values).sum())

    @property
    def width(self) -> int:
        """The largest number of features that it is encoded as."""
        missing = int(self.missing > 0)
        if self.kind == "category":
            return min(len(self.categories) + missing, MOST_CATEGORIES)
        return 1 + missing


def feature(table: Table, name: str) -> Feature:
    """A column as a feature. Text is read as numbers or dates where all of it can be."""
    column = table.columns[name]
    if pa.types.is_timestamp(column.type):
        return Feature(name, "date", _days(times(column)))
    if not pa.types.is_dictionary(column.type):
        return Feature(name, "number", _finite(numbers(column, name).values))
    if (found := _numbers_of(column, name)) is not None:
        return Feature(name, "number", found)
    if (found := _dates_of(column)) is not None:
        return Feature(name, "date", found)
    given = categories(column)
    return Feature(name, "category", np.where(given.codes < 0, np.nan, given.codes), given.values)


def encoder(features: Sequence[Feature]) -> ColumnTransformer:
    """The transformer of a matrix with these columns, to be fitted on training rows.

    Numbers and dates: the median where a value is missing, a feature that says where, then standardised. Categories:
    one feature each for the most frequent, one for all others; a missing value is a category.
    """
    of_numbers = [at for at, one in enumerate(features) if one.kind != "category"]
    of_categories = [at for at, one in enumerate(features) if one.kind == "category"]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MOST_CATEGORIES, sparse_output=False, dtype=np.float32
    )
    return ColumnTransformer(
        [("numbers", make_pipeline(imputer, StandardScaler()), of_numbers), ("categories", one_hot, of_categories)],
        sparse_threshold=0,
    )


def _finite(values: NDArray[np.floating]) -> NDArray[np.float64]:
    found = values.astype(np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def _days(moments: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return np.asarray((moments - np.datetime64(0, "us")) / DAY, np.float64)


def _numbers_of(column: pa.ChunkedArray, name: str) -> NDArray[np.float64] | None:
    """Text as numbers; None if any of it is none."""
    first = numbers(column.slice(0, SAMPLE), name)
    if first.unread or not np.isfinite(first.values).any():
        return None
    found = numbers(column, name)
    return None if found.unread else _finite(found.values)


def _dates_of(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """Text as dates; None if any of it is none."""
    if not _are_dates(column.slice(0, SAMPLE)):
        return None
    return _days(times(column)) if _are_dates(column) else None


def _are_dates(column: pa.ChunkedArray) -> bool:
    known = ~np.isnat(times(column))
    return bool(known.any()) and int(known.sum()) == len(column) - column.null_count
