"""Names of columns: their plain form, families of them, and what tells the members of a family apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SIGNS = " _.-[](){}:"  # between the words of a name

# Plain names of columns, the most telling first.
TRUE = ["y_true", "y", "true", "truth", "target", "label", "labels", "actual", "class", "outcome", "ground_truth"]
SCORE = [
    "y_score",
    "score",
    "scores",
    "probability",
    "proba",
    "prob",
    "p",
    "y_prob",
    "y_proba",
    "pred_proba",
    "y_pred_proba",
    "predict_proba",
    "logit",
    "logits",
    "margin",
    "decision_function",
    "prediction",
    "y_pred",
]
GROUP = ["group", "segment", "region", "country", "sex", "gender", "age_group", "channel", "site"]
POSITIVE = [
    "1",
    "true",
    "yes",
    "y",
    "t",
    "positive",
    "pos",
    "fraud",
    "spam",
    "default",
    "churn",
    "malignant",
]  # values of labels


def plain(name: str) -> str:
    """A name in small letters, with one underscore for spaces and hyphens."""
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())


def family(names: Sequence[str], stems: Sequence[str]) -> tuple[str, ...]:
    """The column named by the first stem that occurs, or the columns whose names begin with it, as in "score cat"."""
    for stem in stems:
        if exact := [name for name in names if plain(name) == stem]:
            return (exact[0],)
        if longer := [name for name in names if _begins(plain(name), stem)]:
            return tuple(longer)
    return ()


def _begins(name: str, stem: str) -> bool:
    """Whether a name is the stem and more words; the stem "y" begins too many names."""
    return stem != "y" and re.match(rf"{re.escape(stem)}[_.\[(:]+\S", name) is not None


def endings(names: Sequence[str]) -> list[list[str]]:
    """Ways to tell names apart, the likeliest first: without the stem that all begin with, as "score" in "score cat";
    without all that they have in common; and as they are."""
    ways = [suffixes(names), list(names)]
    if stem := next((stem for stem in (*TRUE, *SCORE) if all(_begins(plain(name), stem) for name in names)), ""):
        after = [name.strip()[len(stem) :] for name in names]
        whole = [name[1:] for name in after if name[0] in " _.-:"]  # a class may be called "(other)"
        ways = [*([whole] if _tell_apart(whole, names) else []), _cut(names, len(stem)), *ways]
    return [way for at, way in enumerate(ways) if way not in ways[:at]]


def suffixes(names: Sequence[str]) -> list[str]:
    """What tells names apart: without the beginning that all share, as far as it ends at a sign between words."""
    if len(names) < 2:
        return list(names)
    shared = _common(names)
    return _cut(names, max((shared.rfind(sign) for sign in " _.-[(:"), default=-1) + 1)


def _cut(names: Sequence[str], length: int) -> list[str]:
    """The names without so many signs at their beginning; as they are if that leaves nothing or equal ones."""
    cut = [name.strip()[length:].strip(SIGNS) for name in names]
    return cut if _tell_apart(cut, names) else list(names)


def _tell_apart(cut: Sequence[str], names: Sequence[str]) -> bool:
    return all(cut) and len(set(cut)) == len(names)


def _common(names: Iterable[str]) -> str:
    shortest, longest = min(names), max(names)
    length = next((at for at, sign in enumerate(shortest) if at >= len(longest) or sign != longest[at]), len(shortest))
    return shortest[:length]
