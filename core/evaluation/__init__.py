"""Everything at a threshold: counts, the metrics and curves that come from them, decision rules."""

from core.evaluation.counts import ScoreIndex, ThresholdCounts, class_counts, index_scores
from core.evaluation.curves import Curve, metric_curve, pr_curve, roc_curve
from core.evaluation.decisions import (
    DECISIONS,
    NO_CLASS,
    DecisionSpec,
    called_positive,
    confusion_matrix,
    decide,
    normalised,
)
from core.evaluation.metrics import METRICS, MetricSpec
from core.evaluation.ranking import Rankings
from core.evaluation.summary import (
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
