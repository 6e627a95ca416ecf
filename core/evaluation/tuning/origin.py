"""The provenance of a threshold in words."""

from __future__ import annotations

from core.evaluation.threshold import Provenance
from core.evaluation.tuning.labels import LABEL_RULES
from core.evaluation.tuning.rules import rules


def rule_label(rule: str) -> str:
    """The label of a rule, for one threshold or for those of several labels."""
    known = rules()
    return known[rule].label if rule in known else LABEL_RULES[rule].label


def provenance_label(provenance: Provenance) -> str:
    """Describe a provenance, as in "typed while test rows were shown" or "Maximum F1, tuned on validation rows"."""
    if provenance.how == "default":
        return "default"
    if provenance.how == "rule":
        of = " with the scores of an earlier run" if provenance.earlier else ""
        return f"{rule_label(provenance.rule)}, tuned on {provenance.rows} rows{of}"
    return f"{provenance.how} while {provenance.rows} rows were shown" if provenance.rows else provenance.how
