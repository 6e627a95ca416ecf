"""A data set of a table, to be trained on like those that ship."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from core.data.dataset import Dataset, DatasetSpec
from core.data.own.features import encoder, feature
from core.data.own.target import Target, labels
from core.data.tables import Table, listed, name_label
from core.data.thinning import PREVALENCE
from core.errors import CutoffError

MOST_VALUES = 20_000_000  # rows x features after encoding
LICENCE = "your own"


def make_dataset(table: Table, target: Target, left_out: Collection[str] = (), name: str = "table") -> Dataset:
    """The data set of a table with this target; every other column but those left out is a feature.

    Rows without a target are left out. `x` has the columns as numbers, NaN where they have no value, and `encoder`
    turns them into what models are trained on.

    Raises
    ------
    CutoffError as `labels` does, without a feature, for a column that does not exist, and if rows x features after
    encoding are more than MOST_VALUES.
    """
    if unknown := [one for one in (*target.columns, *left_out) if one not in table.names]:
        raise CutoffError(f"The table has no column {name_label(unknown[0])}; it has {listed(table.names, 8)}.")
    names = [one for one in table.names if one not in target.columns and one not in left_out]
    if not names:
        raise CutoffError("No column is left to learn from.")
    found = labels(table, target)
    features = [feature(table, one) for one in names]
    width = sum(one.width for one in features)
    if len(found.y) * width > MOST_VALUES:
        raise CutoffError(
            f"Encoded, the table has {len(found.y):,} rows x {width:,} features; the limit is {MOST_VALUES:,} values. "
            "Leave columns out, or use fewer rows."
        )
    rows = np.flatnonzero(found.kept)
    return Dataset(
        name,
        target.task,
        np.stack([one.values[rows] for one in features], axis=1),
        found.y,
        found.class_names,
        tuple(names),
        target="" if target.task == "multilabel" else target.columns[0],
        encoder=encoder(features),
        table=table if found.kept.all() else table.taken(rows),
    )


def spec_of(data: Dataset, label: str, about: str) -> DatasetSpec:
    """The entry of a data set made of a table."""
    return DatasetSpec(
        label=label,
        task=data.task,
        about=about,
        source="Your own table",
        licence=LICENCE,
        load=lambda: data,
        params=(PREVALENCE,) if data.task == "binary" else (),
    )
