"""The data a model can be trained on: every entry loads without a network.

A `Dataset` is raw and whole; a `Split` is what the engine sees: stratified rows, features standardised with the
training rows' mean and deviation.
"""

from core.data.dataset import Dataset, DatasetSpec, Split, Task, examples, preview, told
from core.data.splits import DATASETS, FRACTIONS, load_dataset, load_split

__all__ = [
    "DATASETS",
    "FRACTIONS",
    "Dataset",
    "DatasetSpec",
    "Split",
    "Task",
    "examples",
    "load_dataset",
    "load_split",
    "preview",
    "told",
]
