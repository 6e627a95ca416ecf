"""Everything at a threshold: counts, the metrics and curves that come from them, decision rules."""

from core.thresholds.counts import ScoreIndex, ThresholdCounts, class_counts, index_scores
from core.thresholds.curves import Curve, metric_curve, pr_curve, roc_curve
from core.thresholds.decisions import called_positive, confusion_matrix, decide, normalised
from core.thresholds.metrics import METRICS, MetricSpec
from core.thresholds.ranking import Rankings
from core.thresholds.summary import (
    called_per_row,
    decided_counts,
    default_accuracies,
    default_accuracy,
    summaries,
    summary,
)

__all__ = [
    "METRICS",
    "Curve",
    "MetricSpec",
    "Rankings",
    "ScoreIndex",
    "ThresholdCounts",
    "called_per_row",
    "called_positive",
    "class_counts",
    "confusion_matrix",
    "decide",
    "decided_counts",
    "default_accuracies",
    "default_accuracy",
    "index_scores",
    "metric_curve",
    "normalised",
    "pr_curve",
    "roc_curve",
    "summaries",
    "summary",
]
