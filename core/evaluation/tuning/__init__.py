"""Tune thresholds: rules for one threshold and for several labels, and how well a tuned threshold performs."""

from core.evaluation.tuning.choice import Choice, Goal, Pick, candidates
from core.evaluation.tuning.labels import (
    LABEL_RULES,
    LabelChoice,
    LabelRows,
    LabelRuleSpec,
    LabelShares,
    LabelThresholds,
    TopLabels,
    cross_decided,
    cross_tuned,
    inner_folds,
)
from core.evaluation.tuning.optimism import PREVALENCE, Optimism, population_best, population_counts, simulate
from core.evaluation.tuning.origin import provenance_label, rule_label
from core.evaluation.tuning.rules import RULES, Rule, RuleSpec, bind, rules, threshold_by_payoffs
from core.evaluation.tuning.worth import (
    Bootstrap,
    Regret,
    Tuned,
    bootstrap,
    bootstrap_of,
    regret,
    tune,
    value_interval,
)

__all__ = [
    "LABEL_RULES",
    "PREVALENCE",
    "RULES",
    "Bootstrap",
    "Choice",
    "Goal",
    "LabelChoice",
    "LabelRows",
    "LabelRuleSpec",
    "LabelShares",
    "LabelThresholds",
    "Optimism",
    "Pick",
    "Regret",
    "Rule",
    "RuleSpec",
    "TopLabels",
    "Tuned",
    "bind",
    "bootstrap",
    "bootstrap_of",
    "candidates",
    "cross_decided",
    "cross_tuned",
    "inner_folds",
    "population_best",
    "population_counts",
    "provenance_label",
    "regret",
    "rule_label",
    "rules",
    "simulate",
    "threshold_by_payoffs",
    "tune",
    "value_interval",
]
