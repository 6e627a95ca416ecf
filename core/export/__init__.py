"""Exports: files made in memory and never written to the server's disk."""

from core.export.pytorch import pytorch_code
from core.export.record import ThresholdRecord, threshold_record
from core.export.scikit_learn import scikit_learn_code
from core.export.tables import predictions_csv, scores_csv, table_csv

__all__ = [
    "ThresholdRecord",
    "predictions_csv",
    "pytorch_code",
    "scikit_learn_code",
    "scores_csv",
    "table_csv",
    "threshold_record",
]
