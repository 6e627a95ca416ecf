"""Numbers as people write them: either read as what they are or refused, never read as another number."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.tables import checked, notation, read_table
from core.data.tables.values import numbers
from core.errors import CutoffError
from core.evaluation.source import GIVEN
from core.predictions import CannotOpen, Roles, guess, open_predictions
from tests.support.files import written

ENGLISH, GERMAN, SWISS, FRENCH = (",", "."), (".", ","), ("'", "."), ("\u202f", ",")
STYLES = [ENGLISH, GERMAN, SWISS, FRENCH, ("", "."), ("", ",")]


def write(number: float, style: tuple[str, str], decimals: int) -> str:
    """A number with these signs for thousands and decimals."""
    thousands, decimal = style
    return f"{number:,.{decimals}f}".translate({ord(","): thousands, ord("."): decimal})


NUMBERS = st.lists(st.integers(-9_999_999, 9_999_999), min_size=1, max_size=12)


@settings(max_examples=500)
@given(whole=NUMBERS, style=st.sampled_from(STYLES), decimals=st.integers(0, 6))
def test_a_column_in_one_notation_is_read_rightly_or_not_at_all(whole, style, decimals):
    wanted = [number / 10**decimals for number in whole]
    texts = [write(number, style, decimals) for number in wanted]
    found = notation.read(texts)
    if found.unclear:
        assert "," in found.unclear
        assert found.unclear in texts
        assert np.isnan(found.values).all()
    elif style[0] != "." or any("," in text or text.count(".") > 1 for text in texts):
        np.testing.assert_allclose(found.values, wanted, rtol=1e-12)
    else:  # 1.234 alone is what programs write
        assert found.decimal in ("", ".")


@settings(max_examples=500)
@given(whole=NUMBERS, style=st.sampled_from(STYLES), decimals=st.integers(0, 6))
def test_with_the_decimal_sign_known_all_is_read(whole, style, decimals):
    wanted = [number / 10**decimals for number in whole]
    found = notation.read([write(number, style, decimals) for number in wanted], style[1])
    assert not found.unclear
    np.testing.assert_allclose(found.values, wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("texts", "values", "decimal", "thousands"),
    [
        (["1,234.5", "12"], [1234.5, 12], ".", ","),
        (["1.234,5", "12"], [1234.5, 12], ",", "."),
        (["1,234,567"], [1234567], "", ","),
        (["1.234.567"], [1234567], "", "."),
        (["0,123", "1,234"], [0.123, 1.234], ",", ""),
        (["0.123", "1.234"], [0.123, 1.234], ".", ""),
        (["1.234"], [1.234], ".", ""),
        (["1 234,5"], [1234.5], ",", ""),
        (["1'234.5"], [1234.5], ".", ""),
        (["12,5", "1,234"], [12.5, 1.234], ",", ""),
        (["12.5", "1,234"], [12.5, 1234], ".", ","),
        (["-1,234.5e-3", ".5", "5."], [-1.2345, 0.5, 5], ".", ","),
        (["1,23,456.5", "2.5"], [np.nan, 2.5], ".", ""),
        (["1'234 567.5", "2.5"], [np.nan, 2.5], ".", ""),
        (["nan", "inf", "-Infinity", "1_000", "x"], [np.nan, np.inf, -np.inf, np.nan, np.nan], "", ""),
    ],
)
def test_notations(texts, values, decimal, thousands):
    found = notation.read(texts)
    np.testing.assert_array_equal(found.values, values)
    assert (found.decimal, found.thousands, found.unclear) == (decimal, thousands, "")


def table(*header: str, rows: list[list[object]], delimiter: str, folder):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows([header, *rows])
    return read_table(written(folder, buffer.getvalue().encode()))


@settings(max_examples=200, deadline=None)
@given(
    amounts=st.lists(st.integers(0, 9_999_999), min_size=2, max_size=30),
    style=st.sampled_from([ENGLISH, GERMAN]),
    delimiter=st.sampled_from(",;\t"),
    cents=st.booleans(),
)
def test_a_file_with_scores_tells_what_the_signs_of_its_amounts_are(
    amounts, style, delimiter, cents, tmp_path_factory: pytest.TempPathFactory
):
    wanted = [amount / 100 if cents else amount for amount in amounts]
    rows = [[at % 2, f"0{style[1]}{at + 1}5", write(one, style, 2 * cents)] for at, one in enumerate(wanted)]
    read = table("y_true", "y_score", "amount", rows=rows, delimiter=delimiter, folder=tmp_path_factory.getbasetemp())
    found = numbers(read.columns["amount"], "amount")
    assert not found.unclear
    np.testing.assert_allclose(found.values, wanted)
    scores = numbers(read.columns["y_score"], "y_score").values
    np.testing.assert_allclose(scores, [float(f"0.{at + 1}5") for at in range(len(wanted))])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_may_be_either_of_two_numbers_is_refused_by_a_sentence(delimiter: str, tmp_path):
    rows = [[at % 2, f"{at + 1},234"] for at in range(20)]
    read = table("y_true", "y_score", rows=rows, delimiter=delimiter, folder=tmp_path)
    sentence = (
        "In y_score 1,234 may be 1234 or 1.234. Write numbers without thousands separators and with decimal points."
    )
    with pytest.raises(CannotOpen, match=sentence):
        open_predictions(read, Roles("binary", ("y_true",), ("y_score",)), GIVEN)
    assert guess(read).roles.y_score == ("y_score",)


BODY = "y_true,y_score\n1,0.9\n0,0.2\n1,0.7\n"


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        (f"# a model\n{BODY}", 1),
        (f"# a model, trained\n#\n# twice, or so\n{BODY}", 3),
        (f"\n# a model\n\n{BODY}", 1),
        (f'# a "quoted, model\n{BODY}', 1),
        (f"sep=,\n# a model\n{BODY}", 1),
        (f"#{BODY}", 0),
        (f"# {BODY}", 0),
        (f"# a model\n# {BODY}", 1),
    ],
)
def test_comments_before_the_columns_are_skipped_and_said(text: str, comments: int, tmp_path):
    found = read_table(written(tmp_path, text.encode()))
    assert found.names == ("y_true", "y_score")
    np.testing.assert_array_equal(found.columns["y_score"], [0.9, 0.2, 0.7])
    said = [note for note in found.notes if "comment" in note]
    count = {1: "1 comment line was", 3: "3 comment lines were"}.get(comments)
    assert said == ([f"{count} skipped before the columns."] if count else [])


COMMENT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85"), max_size=30)


@settings(max_examples=200, deadline=None)
@given(comments=st.lists(COMMENT, min_size=1, max_size=5))
def test_any_comment_leaves_the_table_as_it_is(comments: list[str], tmp_path_factory: pytest.TempPathFactory):
    text = "".join(f"# {comment}\n" for comment in comments) + BODY
    try:
        found = read_table(written(tmp_path_factory.getbasetemp(), text.encode()))
    except CutoffError:
        return
    assert found.names == ("y_true", "y_score")
    np.testing.assert_array_equal(found.columns["y_true"], [1, 0, 1])


def test_a_file_of_comments_only_is_empty(tmp_path):
    with pytest.raises(CutoffError, match="The file is empty"):
        read_table(written(tmp_path, b"# nothing\n# here\n"))


def test_a_column_without_any_value_is_no_thousands():
    assert numbers(checked(pa.table({"a": ["x", "y"]})).columns["a"], "a").unread == 2
