"""Thresholds as scikit-learn source: a FixedThresholdClassifier for two classes, else a short function."""

from __future__ import annotations

from core.evaluation import NO_CLASS
from core.export.record import ThresholdRecord
from core.export.source import class_names, header, imports, in_words, number, rule_source, thresholds

TWO = """{header}
from sklearn.model_selection import FixedThresholdClassifier

{class_names}

# estimator: a fitted classifier of the classes 0 and 1 with {method}
classifier = FixedThresholdClassifier(
    estimator,
    threshold={threshold},  # {said}; a score of at least this is class 1
    pos_label=1,
    response_method="{method}",
)
# classifier.predict(X) gives the class of each row, (N,), an index of CLASS_NAMES
"""

LABELS = '''{header}
import numpy as np

{class_names}
{thresholds}


def decide(p):
    """Whether each row has each label, (N, {columns}) bool, from its scores (N, {columns})."""
    return p >= THRESHOLDS


def predict(X):
    """The decisions about rows X. estimator: a fitted classifier of these labels."""
    p = estimator.{method}(X)
    if isinstance(p, list):  # one (N, 2) a label, as from a random forest
        p = np.column_stack([label[:, 1] for label in p])
    return decide(p)
'''

CLASSES = '''{header}
{imports}import numpy as np

{class_names}
{thresholds}


def decide(p):
    """The class of each row, (N,), an index of CLASS_NAMES{none}, from its scores (N, {columns})."""
{rule}


def predict(X):
    """The decisions about rows X. estimator: a fitted classifier of these classes in this order."""
    return decide(estimator.{method}(X))
'''

# The rules of core.evaluation.DECISIONS.
RULES = {
    "ratio": """    p, t = np.asarray(p, float), np.maximum(THRESHOLDS, 5e-324)  # 0 takes every row whose p is not 0
    with np.errstate(over="ignore"):
        ratios = p / t
    best, most = ratios.argmax(axis=1), ratios.max(axis=1, keepdims=True)
    for row in np.flatnonzero((ratios >= most * (1 - 1e-15)).sum(axis=1) > 1):  # too close for floats: exactly
        best[row] = max(range(len(t)), key=lambda c: Fraction(float(p[row, c])) / Fraction(float(t[c])))
    return best  # the first of equal ones""",
    "difference": """    p, t = np.asarray(p, float), THRESHOLDS
    best, most = (p - t).argmax(axis=1), (p - t).max(axis=1, keepdims=True)
    for row in np.flatnonzero((p - t >= most - 1e-15).sum(axis=1) > 1):  # too close for floats: exactly
        best[row] = max(range(len(t)), key=lambda c: Fraction(float(p[row, c])) - Fraction(float(t[c])))
    return best  # the first of equal ones""",
    "masked": """    reached = p >= THRESHOLDS
    best = np.argmax(np.where(reached, p, -np.inf), axis=1)
    return np.where(reached.any(axis=1), best, {fallback})""",
    "argmax": "    return np.argmax(p, axis=1)  # whatever the thresholds",
}


LEAVE_OUT = """    reachable = np.isfinite(THRESHOLDS)  # a class above every score gets no row
    p, finite = np.where(reachable, np.asarray(p, float), -1e300), np.where(reachable, THRESHOLDS, 1)"""


def scikit_learn_code(record: ThresholdRecord) -> str:
    """Source with the same decisions as Cutoff, for a fitted classifier `estimator`.

    For two classes it defines `classifier`, whose predict compares score >= threshold. Otherwise it defines decide(p)
    of scores (N, C), and predict(X).
    """
    method = "predict_proba" if record.probabilities else "decision_function"
    parts = {"header": header(record), "class_names": class_names(record), "columns": len(record.thresholds)}
    parts["method"] = method
    if record.task == "binary":
        return TWO.format(**parts, threshold=number(record.compared()[0]), said=in_words(record.thresholds[0]))
    parts["thresholds"] = thresholds(record, "np.array(", ")")
    if record.task == "multilabel":
        return LABELS.format(**parts)
    none = f" or {NO_CLASS} for none" if record.params.get("fallback") == NO_CLASS else ""
    return CLASSES.format(**parts, imports=imports(record), none=none, rule=rule_source(record, RULES, LEAVE_OUT))
