"""A threshold: what is admitted, what is refused, and that the shortest text gives back the same decisions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from core.errors import CutoffError
from core.evaluation import predicted_positive
from core.evaluation.scores import Scores
from core.evaluation.threshold import (
    ABOVE_ALL,
    Domain,
    Provenance,
    provenances_to_text,
    read_thresholds,
    thresholds_to_text,
)
from core.evaluation.tuning import RULES

PARTS = ("validation", "test")
TYPED = Provenance("typed", "test")
DTYPES = ("float16", "float32", "float64")
domains = st.builds(Domain, st.sampled_from(DTYPES), st.booleans())
provenances = st.one_of(
    st.just(Provenance()),
    st.builds(Provenance, st.sampled_from(["typed", "dragged"]), st.sampled_from([*PARTS, ""])),
    st.builds(Provenance, st.just("rule"), st.sampled_from(PARTS), st.sampled_from(list(RULES))),
)


def numbers(domain: Domain) -> st.SearchStrategy[float]:
    """Numbers that scores of a domain can have, in their dtype."""
    width = np.dtype(domain.dtype).itemsize * 8
    low, high = (0, 1) if domain.probabilities else (None, None)
    return st.floats(low, high, width=width, allow_nan=False, allow_infinity=False)


@st.composite
def some_thresholds(draw: st.DrawFn):
    domain = draw(domains)
    found = draw(st.lists(st.one_of(numbers(domain), st.just(ABOVE_ALL)), min_size=1, max_size=4))
    return domain, tuple(domain.admit(value, draw(provenances)) for value in found)


@given(domains.flatmap(lambda domain: st.tuples(st.just(domain), numbers(domain))))
def test_a_number_of_the_scores_is_admitted_as_it_is_and_its_text_gives_it_back(case):
    domain, number = case
    threshold = domain.admit(number, TYPED)
    assert threshold.value == number
    assert domain.admit(threshold.text, TYPED) == threshold
    assert domain.admit(threshold.number, TYPED) == threshold
    assert len(threshold.text) <= len(repr(float(number)))


@given(some_thresholds())
def test_a_link_gives_back_the_same_thresholds_and_where_they_came_from(case):
    domain, thresholds = case
    text, origins = thresholds_to_text(thresholds), provenances_to_text(thresholds)
    assert "inf" not in text
    assert read_thresholds(text, origins, domain, len(thresholds), RULES, PARTS) == thresholds


@given(st.floats(0, 1), st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_a_threshold_decides_as_the_number_it_was_made_from(number: float, scores: list[float]):
    y_score = np.array([*scores, number], np.float32)
    threshold = Domain("float32", True).admit(number, TYPED)
    expected = y_score >= np.float32(number)
    np.testing.assert_array_equal(predicted_positive(y_score, threshold.value), expected)
    np.testing.assert_array_equal(predicted_positive(y_score, threshold.number), expected)


def test_the_link_keeps_a_row_at_its_own_score():
    score = 0.039161900052816126
    threshold = Domain("float64", True).admit(score, TYPED)
    assert score >= float(thresholds_to_text([threshold]))


@pytest.mark.parametrize(
    "given_", [2, -1, "2", "-1", 1.0000001, "nan", "inf", "-inf", "1e400", "", "x", float("nan"), 10**400, None]
)
def test_what_probabilities_cannot_be_compared_with_is_refused_in_a_sentence(given_):
    with pytest.raises(CutoffError, match=r"^(A threshold|These scores).*\.$") as refused:
        Domain("float64", True).admit(given_, TYPED)
    assert len(str(refused.value)) < 150


@pytest.mark.parametrize(("number", "dtype"), [(70_000, "float16"), (1e39, "float32"), (-1e39, "float32")])
def test_what_the_dtype_cannot_hold_is_refused(number: float, dtype: str):
    with pytest.raises(CutoffError, match="can't be as large"):
        Domain(dtype, False).admit(number, TYPED)
    assert Domain("float64", False).admit(number, TYPED).value == number


@pytest.mark.parametrize("domain", [Domain("float32", True), Domain("float64", False)])
def test_above_every_score_is_a_state_and_no_number(domain: Domain):
    threshold = domain.admit(ABOVE_ALL, TYPED)
    assert threshold.above_all
    assert (threshold.text, threshold.number, threshold.logit) == (ABOVE_ALL, None, None)
    assert not predicted_positive(np.array([1.0, 3e38], domain.dtype), threshold.value).any()
    assert domain.found(float("inf"), "f1", "validation").above_all


@given(st.floats(0.001, 0.999))
def test_a_threshold_on_probabilities_has_a_logit(p: float):
    assert Domain("float64", True).admit(p, TYPED).logit == pytest.approx(logit(p))
    assert Domain("float64", False).admit(p, TYPED).logit is None


def test_zero_is_the_default_of_scores_that_are_no_probabilities():
    half, zero = Domain("float32", True).default(), Domain("float32", False).default()
    assert (half.value, zero.value) == (0.5, 0.0)
    assert half.provenance == zero.provenance == Provenance()


def test_the_domain_holds_for_every_split():
    def scores(*values: float) -> Scores:
        return Scores(np.array([0, 1]), np.array(values, np.float32), "binary", ("no", "yes"))

    inside, beyond = scores(0.1, 0.9), scores(-2.0, 0.5)
    assert Domain.of(inside) == Domain("float32", True)
    assert Domain.of(inside, beyond) == Domain("float32", False)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("0.5,0.6", ""),
        ("", ""),
        ("2", ""),
        ("0.5", "typed@train"),
        ("0.5", "typed@validation@earlier"),
        ("0.5", "f1@validation@later"),
        ("0.5", "guessed"),
        ("0.5", "f1"),
        ("0.5", "default@test"),
        ("0.5", "typed,typed"),
    ],
)
def test_a_link_that_fits_no_threshold_is_refused(text: str, origins: str):
    with pytest.raises(CutoffError):
        read_thresholds(text, origins, Domain("float32", True), 1, RULES, PARTS)


def test_a_link_that_does_not_say_where_a_threshold_came_from_counts_as_typed():
    (threshold,) = read_thresholds("0.25", "", Domain("float32", True), 1, RULES, PARTS)
    assert threshold.provenance == Provenance("typed")


@pytest.mark.parametrize(
    ("provenance", "text"),
    [
        (Provenance(), "default"),
        (Provenance("typed", "test"), "typed@test"),
        (Provenance("dragged"), "dragged"),
        (Provenance("rule", "validation", "f1"), "f1@validation"),
        (Provenance("rule", "validation", "f1", earlier=True), "f1@validation@earlier"),
    ],
)
def test_provenance_is_written_in_a_word(provenance: Provenance, text: str):
    assert provenance.text == text
    assert Provenance.parse(text, RULES, PARTS) == provenance
