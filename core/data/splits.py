"""The registry of data sets, loading with a cache, and splitting into training, validation and test rows."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from core.data.dataset import Dataset, DatasetSpec, Split
from core.data.own import KeptTables, Target, is_table, make_dataset, new_name, spec_of
from core.data.real import REAL
from core.data.synthetic import SYNTHETIC
from core.data.tables import Table, listed
from core.data.thinning import PREVALENCE, thinned
from core.errors import CutoffError
from core.parameters import Value, defaults

DATASETS: dict[str, DatasetSpec] = REAL | SYNTHETIC
FRACTIONS = {"train": 0.5, "validation": 0.25, "test": 0.25}
KEPT = 16  # data sets and splits in memory, shared by all visitors; the largest is 16 MB


def dataset_spec(name: str) -> DatasetSpec:
    """The entry of a data set: of DATASETS, or of a table that is kept, which counts as looking at it.

    Raises CutoffError for an unknown name, and for a table that is gone.
    """
    if is_table(name):
        return kept_tables().get(name)
    if name not in DATASETS:
        raise CutoffError(f"Expected `dataset` to be one of {', '.join(DATASETS)}, but got {name!r}.")
    return DATASETS[name]


@lru_cache(maxsize=KEPT)
def _load(name: str, params: tuple[tuple[str, Value], ...]) -> Dataset:
    given = dict(params)
    thin = given.pop("prevalence") if PREVALENCE in dataset_spec(name).params else None
    data = _read(name, given)
    if thin is not None:
        data = thinned(data, str(thin))
    for array in (data.x, data.y):
        array.setflags(write=False)
    return data


def _read(name: str, given: dict[str, Any]) -> Dataset:
    """Load the data set; raises CutoffError if that fails, as with a damaged file."""
    spec = dataset_spec(name)
    failed = f"The data set {spec.label!r} can't be read. Choose other data, or install the requirements again."
    try:
        data = spec.load(**given)
    except CutoffError:
        raise
    except Exception as error:  # each reader raises its own errors
        raise CutoffError(failed) from error
    if data.encoder is None and not np.isfinite(data.x).all():
        raise CutoffError(failed)
    return data


def load_dataset(name: str, params: tuple[tuple[str, Value], ...] = ()) -> Dataset:
    """Load a data set; it is cached for all visitors.

    Parameters
    ----------
    name : key in DATASETS, or name of a table that is kept.
    params : (name, value) pairs; parameters that are not given have their defaults.

    Returns
    -------
    dataset : the data set, with read-only arrays.

    Raises
    ------
    CutoffError
        If the name or a parameter is unknown, a value is out of range, or the data can't be read.
    """
    spec = dataset_spec(name)
    known = {param.name: param for param in spec.params}
    given: dict[str, Any] = defaults(spec.params)
    for key, value in params:
        if key not in known:
            raise CutoffError(f"Expected a parameter of {name} ({', '.join(known) or 'it has none'}), but got {key!r}.")
        given[key] = known[key].check(value)
    return _load(name, tuple(given.items()))


@lru_cache(maxsize=KEPT)
def load_split(name: str, params: tuple[tuple[str, Value], ...] = (), seed: int = 0) -> Split:
    """Split a data set into training, validation and test rows, stratified by class or by labels.

    The sizes are those in FRACTIONS. Features, and the target of a regression, are standardised by the mean and
    standard deviation of the training rows; a constant feature becomes 0. Data with an encoder is encoded instead by a
    copy that is fitted on the training rows.

    Parameters
    ----------
    name, params : as for `load_dataset`.
    seed : seed of the random split.

    Returns
    -------
    split : the standardised parts.

    Raises
    ------
    CutoffError
        As for `load_dataset`, and if a part would have no row of a class, or not both values of a label.
    """
    data = load_dataset(name, params)
    _check_counts(data)
    rows = np.arange(len(data.y))
    train, rest = _halves(data, rows, seed)  # halving twice gives FRACTIONS
    validation, test = _halves(data, rest, seed)
    parts = {"train": train, "validation": validation, "test": test}
    for part, chosen in parts.items():
        _check_part(data, part, chosen)
    encoder = StandardScaler() if data.encoder is None else clone(data.encoder)
    encoder.fit(data.x[train])
    scaled = isinstance(encoder, StandardScaler)
    center, scale = 0.0, 1.0
    if data.task == "regression":
        values = data.y[train].astype(np.float64)  # float32 sums overflow
        center, scale = float(values.mean()), float(values.std()) or 1.0
    return Split(
        x={part: encoder.transform(data.x[chosen]).astype(np.float32) for part, chosen in parts.items()},
        y={part: _standardised(data.y[chosen], center, scale) for part, chosen in parts.items()},
        rows=parts,
        center=center,
        scale=scale,
        mean=encoder.mean_ if scaled else 0.0,
        deviation=encoder.scale_ if scaled else 1.0,
    )


def _standardised(y: np.ndarray, center: float, scale: float) -> np.ndarray:
    return y if y.dtype.kind == "i" else ((y - center) / scale).astype(np.float32)


def _halves(data: Dataset, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random halves of these rows, stratified by class or by labels."""
    if data.task == "multilabel":
        from iterstrat.ml_stratifiers import (
            MultilabelStratifiedShuffleSplit,  # imported here because only multi-label data needs it
        )

        halves = MultilabelStratifiedShuffleSplit(n_splits=1, train_size=0.5, test_size=0.5, random_state=seed)
        first, second = next(halves.split(rows[:, None], data.y[rows]))
        return rows[first], rows[second]
    stratify = None if data.task == "regression" else data.y[rows]
    first, second = train_test_split(rows, train_size=0.5, stratify=stratify, random_state=seed)
    return first, second


def _check_counts(data: Dataset) -> None:
    """Raise CutoffError if a class has too few rows to be in every part."""
    needed = round(1 / min(FRACTIONS.values()))
    for label, count in zip(data.class_names, data.counts, strict=True):
        if count < needed:
            raise CutoffError(
                f"Expected every class to have at least {needed} rows, so that none is missing from a split, "
                f"but got {count} of class {label!r}. Use more rows or a larger prevalence."
            )


def _check_part(data: Dataset, part: str, rows: np.ndarray) -> None:
    """Raise CutoffError if a part lacks a class, or has not both values of a label."""
    if data.task == "regression":
        return
    if data.task == "multilabel":
        shares = data.y[rows].mean(0)
        present = (shares > 0) & (shares < 1)
    else:
        present = np.bincount(data.y[rows], minlength=len(data.class_names)) > 0
    if not present.all():
        missing = data.class_names[int(np.argmin(present))]
        raise CutoffError(f"Expected every class in the {part} split, but got none of class {missing!r}.")


# --- tables of one's own


@cache
def kept_tables() -> KeptTables:
    """The one store of tables to train on."""
    from core.settings import read_settings  # training needs none of it

    settings = read_settings()
    return KeptTables(60 * settings.upload_minutes, settings.uploads_mb << 20)


def keep_table(table: Table, target: Target, left_out: Collection[str], label: str) -> str:
    """Keep a table as a data set; returns the name that `load_dataset` and `load_split` take.

    Raises CutoffError as `make_dataset` and `load_split` do; it is not kept then.
    """
    data = make_dataset(table, target, left_out, new_name())
    about = f"Your own table. The target is {listed(target.columns)}."
    kept_tables().add(spec_of(data, label, about), data)
    try:
        load_split(data.name)
    except CutoffError:
        drop_table(data.name)
        raise
    return data.name


def drop_table(name: str) -> None:
    """Delete a table, if it is kept, and what was made of it."""
    kept_tables().drop(name)
    _forget()


def sweep_tables() -> None:
    """Delete the tables that nobody has looked at for CUTOFF_UPLOAD_MINUTES."""
    if kept_tables().sweep():
        _forget()


def _forget() -> None:
    _load.cache_clear()
    load_split.cache_clear()
