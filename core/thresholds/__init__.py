"""Everything at a threshold: counts, the metrics and curves that come from them, decision rules."""

from core.thresholds.counts import ScoreIndex, ThresholdCounts, class_counts, index_scores
from core.thresholds.curves import Curve, average_precision, metric_curve, pr_curve, roc_auc, roc_curve
from core.thresholds.decisions import called_positive, confusion_matrix, decide, normalised
from core.thresholds.metrics import METRICS, MetricSpec
from core.thresholds.summary import decided_counts, summary

__all__ = [
    "METRICS",
    "Curve",
    "MetricSpec",
    "ScoreIndex",
    "ThresholdCounts",
    "average_precision",
    "called_positive",
    "class_counts",
    "confusion_matrix",
    "decide",
    "decided_counts",
    "index_scores",
    "metric_curve",
    "normalised",
    "pr_curve",
    "roc_auc",
    "roc_curve",
    "summary",
]
