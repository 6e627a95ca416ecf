"""Everything at a threshold: counts, the metrics and curves that come from them, decision rules."""

from core.thresholds.counts import ScoreIndex, ThresholdCounts, class_counts, index_scores
from core.thresholds.curves import Curve, metric_curve, pr_curve, roc_curve
from core.thresholds.decisions import (
    DECISIONS,
    NO_CLASS,
    DecisionSpec,
    called_positive,
    confusion_matrix,
    decide,
    normalised,
)
from core.thresholds.metrics import METRICS, MetricSpec
from core.thresholds.ranking import Rankings
from core.thresholds.summary import (
    Changes,
    ClassTotals,
    LabelTotals,
    called_per_row,
    changes,
    class_totals,
    decided_counts,
    default_accuracies,
    default_accuracy,
    label_totals,
    summaries,
    summary,
)

__all__ = [
    "DECISIONS",
    "METRICS",
    "NO_CLASS",
    "Changes",
    "ClassTotals",
    "Curve",
    "DecisionSpec",
    "LabelTotals",
    "MetricSpec",
    "Rankings",
    "ScoreIndex",
    "ThresholdCounts",
    "called_per_row",
    "called_positive",
    "changes",
    "class_counts",
    "class_totals",
    "confusion_matrix",
    "decide",
    "decided_counts",
    "default_accuracies",
    "default_accuracy",
    "index_scores",
    "label_totals",
    "metric_curve",
    "normalised",
    "pr_curve",
    "roc_curve",
    "summaries",
    "summary",
]
