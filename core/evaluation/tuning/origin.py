"""The provenance of a threshold in words."""

from __future__ import annotations

from core.evaluation.threshold import Provenance
from core.evaluation.tuning.labels import LABEL_RULES
from core.evaluation.tuning.rules import rules


def provenance_label(provenance: Provenance) -> str:
    """Describe a provenance, as in "typed while test rows were shown" or "Maximum F1, tuned on validation rows"."""
    if provenance.how == "default":
        return "default"
    if provenance.how == "rule":
        name, known = provenance.rule, rules()
        label = known[name].label if name in known else LABEL_RULES[name].label
        return f"{label}, tuned on {provenance.rows} rows"
    return f"{provenance.how} while {provenance.rows} rows were shown" if provenance.rows else provenance.how
