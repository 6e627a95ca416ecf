"""Evaluation at thresholds: counts, metrics and curves computed from them, and decision rules."""

from core.evaluation.counts import ScoreIndex, ThresholdCounts, class_counts, index_scores
from core.evaluation.curves import Curve, metric_curve, pr_curve, roc_curve
from core.evaluation.decisions import (
    DECISIONS,
    NO_CLASS,
    DecisionSpec,
    confusion_matrix,
    decide,
    predicted_positive,
)
from core.evaluation.metrics import METRICS, MetricSpec
from core.evaluation.ranking import Rankings
from core.evaluation.summary import (
    Changes,
    changes,
    class_totals,
    decided_counts,
    default_accuracies,
    default_accuracy,
    higher_is_better,
    label_counts,
    label_totals,
    number_label,
    predicted_per_row,
    summaries,
    summary,
)

__all__ = [
    "DECISIONS",
    "METRICS",
    "NO_CLASS",
    "Changes",
    "Curve",
    "DecisionSpec",
    "MetricSpec",
    "Rankings",
    "ScoreIndex",
    "ThresholdCounts",
    "changes",
    "class_counts",
    "class_totals",
    "confusion_matrix",
    "decide",
    "decided_counts",
    "default_accuracies",
    "default_accuracy",
    "higher_is_better",
    "index_scores",
    "label_counts",
    "label_totals",
    "metric_curve",
    "number_label",
    "pr_curve",
    "predicted_per_row",
    "predicted_positive",
    "roc_curve",
    "summaries",
    "summary",
]
