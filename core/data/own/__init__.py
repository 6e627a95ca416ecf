"""A table of one's own as a data set: its target, its features, and what becomes of each column."""

from core.data.own.kept import KeptTables, is_table, new_name
from core.data.own.making import make_dataset, spec_of
from core.data.own.report import ColumnReport, report
from core.data.own.target import Target, class_values, likely_target, target_of, with_task

__all__ = [
    "ColumnReport",
    "KeptTables",
    "Target",
    "class_values",
    "is_table",
    "likely_target",
    "make_dataset",
    "new_name",
    "report",
    "spec_of",
    "target_of",
    "with_task",
]
