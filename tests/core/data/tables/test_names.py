"""Names of columns in families, and what tells the members of one apart."""

from __future__ import annotations

import pytest

from core.data.tables.names import SCORE, TRUE, endings, family, plain, suffixes


@pytest.mark.parametrize("name", ["y_true", "Y True", "y-true", " Y_TRUE ", "y  true"])
def test_plain_names(name: str):
    assert plain(name) == "y_true"


@pytest.mark.parametrize(
    ("names", "stems", "found"),
    [
        (["a", "y_true", "label"], TRUE, ("y_true",)),
        (["label", "a"], TRUE, ("label",)),
        (["Y True"], TRUE, ("Y True",)),
        (["y_true cat", "y_true dog", "x"], TRUE, ("y_true cat", "y_true dog")),
        (["score[cat]", "score[dog]"], SCORE, ("score[cat]", "score[dog]")),
        (["proba_0", "proba_1"], SCORE, ("proba_0", "proba_1")),
        (["year", "yield", "youth"], TRUE, ()),
        (["scores_of_all"], ["score"], ()),
        ([], SCORE, ()),
    ],
)
def test_families(names: list[str], stems: list[str], found: tuple[str, ...]):
    assert family(names, stems) == found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["score cat", "score dog"], ["cat", "dog"]),
        (["p_a", "p_b"], ["a", "b"]),
        (["a", "ab"], ["a", "ab"]),
        (["score 1", "score 1"], ["score 1", "score 1"]),
        (["only"], ["only"]),
        (["score", "score 2"], ["score", "score 2"]),
    ],
)
def test_what_tells_names_apart(names: list[str], found: list[str]):
    assert suffixes(names) == found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["score class a", "score class b"], ["class a", "class b"]),
        (["score (other)", "score cat"], ["(other)", "cat"]),
        (["score[a]", "score[b]"], ["a", "b"]),
        (["my a", "my b"], ["a", "b"]),
        (["cat", "dog"], ["cat", "dog"]),
    ],
)
def test_the_likeliest_ending_leaves_out_the_stem_alone(names: list[str], found: list[str]):
    assert endings(names)[0] == found
    assert endings(names)[-1] == names or endings(names) == [names]
