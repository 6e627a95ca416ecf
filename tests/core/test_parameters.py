from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CutoffError
from core.parameters import Param, defaults

NUMBER = Param("w", "Weight", 1.0, 0.5, 8.0)
WHOLE = Param("n", "Rows", 40, 1, 100, integer=True)
SWITCH = Param("on", "Switch", False)
CHOICE = Param("kind", "Kind", "a", options=("a", "b"))
FREE = Param("kind", "Kind", "a", options=("a", "b"), free=True)
EVERY = (NUMBER, WHOLE, SWITCH, CHOICE, FREE)


def result(read: Callable[[], object]) -> object:
    """What `read` returns, or the CutoffError that it raises; anything else that it raises fails the test."""
    try:
        return read()
    except CutoffError as error:
        return error


def refusal(param: Param, value: object) -> str:
    with pytest.raises(CutoffError) as caught:
        param.check(value)
    return str(caught.value)


@pytest.mark.parametrize("param", EVERY, ids=lambda p: p.name)
def test_default_passes_its_own_check_unchanged(param):
    assert param.check(param.default) == param.default
    assert type(param.check(param.default)) is type(param.default)


@pytest.mark.parametrize("param", EVERY, ids=lambda p: p.name)
@given(text=st.text())
def test_parse_of_any_text_gives_a_checked_value_or_a_sentence(param, text):
    value = result(lambda: param.parse(text))
    if isinstance(value, CutoffError):
        assert str(value).startswith(f"Expected `{param.name}` to be ")
    else:
        assert param.check(value) == value


@pytest.mark.parametrize("param", EVERY, ids=lambda p: p.name)
@given(value=st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.booleans(), st.lists(st.integers())))
def test_check_is_idempotent_and_raises_nothing_but_a_sentence(param, value):
    checked = result(lambda: param.check(value))
    if isinstance(checked, CutoffError):
        assert ", but got " in str(checked)
    else:
        assert param.check(checked) == checked


@given(st.floats(0.5, 8.0))
def test_parse_reads_back_what_str_wrote(value):
    assert NUMBER.parse(str(value)) == value


def test_both_ends_of_a_range_belong_to_it():
    assert [NUMBER.check(0.5), NUMBER.check(8)] == [0.5, 8.0]


@pytest.mark.parametrize("value", [0.49, 8.1, float("nan"), float("inf"), -float("inf"), 10**400, True, "1", None])
def test_number_outside_its_range_is_refused_with_the_range(value):
    assert refusal(NUMBER, value) == f"Expected `w` to be a number from 0.5 to 8, but got {value!r}."


def test_number_without_a_range_still_has_to_be_finite():
    unbounded = Param("x", "X", 0.0)
    assert unbounded.check(-1e300) == -1e300
    assert refusal(unbounded, float("inf")) == "Expected `x` to be a number, but got inf."


def test_whole_number_takes_whole_floats_and_refuses_fractions():
    assert WHOLE.check(3.0) == 3
    assert isinstance(WHOLE.check(3.0), int)
    assert refusal(WHOLE, 2.5) == "Expected `n` to be a whole number from 1 to 100, but got 2.5."


def test_switch_reads_true_and_false_and_nothing_else():
    assert (SWITCH.parse("True"), SWITCH.parse("false")) == (True, False)
    assert refusal(SWITCH, 1) == "Expected `on` to be true or false, but got 1."
    with pytest.raises(CutoffError, match="but got 'yes'"):
        SWITCH.parse("yes")


def test_choice_is_one_of_its_options_unless_it_is_free():
    assert refusal(CHOICE, "c") == "Expected `kind` to be one of a, b, but got 'c'."
    assert FREE.check("c") == "c"
    assert refusal(FREE, 3) == "Expected `kind` to be one of a, b, but got 3."


def test_defaults_are_listed_by_name():
    assert defaults((NUMBER, WHOLE)) == {"w": 1.0, "n": 40}


def test_stops_of_a_slider_are_evenly_spaced_or_some_per_decade_and_hold_what_is_given():
    even = Param("margin", "Margin", 0.0, 0.0, 0.5, 0.1)
    assert even.stops(0.25) == [0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5]
    log = Param("weight", "Weight", 1.0, 0.01, 1000.0, 1.0, log=True)
    found = log.stops(9.3)
    assert (found[0], found[-1]) == (0.01, 1000.0)
    assert 9.3 in found
    assert found == sorted(set(found))
    assert all(later / earlier <= 2 for earlier, later in pairwise(found))
