"""Data sets to train on; all of them load without network access.

A `Dataset` holds the raw data. A `Split` holds what models are trained on: stratified training, validation and test
rows, with features standardised by the mean and standard deviation of the training rows.
"""

from core.data.dataset import Dataset, DatasetSpec, Split, Task, examples, preview, row_labels
from core.data.own import is_table
from core.data.splits import (
    DATASETS,
    FRACTIONS,
    dataset_spec,
    drop_table,
    keep_table,
    load_dataset,
    load_split,
    sweep_tables,
)

__all__ = [
    "DATASETS",
    "FRACTIONS",
    "Dataset",
    "DatasetSpec",
    "Split",
    "Task",
    "dataset_spec",
    "drop_table",
    "examples",
    "is_table",
    "keep_table",
    "load_dataset",
    "load_split",
    "preview",
    "row_labels",
    "sweep_tables",
]
