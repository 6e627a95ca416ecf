"""The editor of variants, without a browser: which is edited whatever the variants are called."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from tests.conftest import button, choose, open_page, press, sentences, unescaped
from tests.support.race_page import edited, link


def options(at: AppTest) -> list[str]:
    """The names that the list of variants shows, without the dots of their colours."""
    return [unescaped(option.split("} ")[-1]) for option in edited(at).options]


def test_names_in_the_list_follow_the_choices_at_once(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Add a variant")
    for weight in ("2", "3", "4"):
        choose(at, "loss.bce.pos_weight", float(weight))
        assert not at.exception
        assert options(at) == ["pos_weight 1", f"pos_weight {weight}"]
        assert edited(at).value == 1


def test_variants_of_the_same_name_can_both_be_chosen(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Add a variant")
    for variant in (0, 1):
        edited(at).set_value(variant).run()
        at.text_input[0].set_value("one").run()
        (colours,) = [one for one in at.button_group if one.label == "Colour"]
        colours.set_value(0).run()
    assert options(at) == ["one", "one (2)"]
    assert button(at, "Start").disabled
    for variant in (0, 1):
        edited(at).set_value(variant).run()
        assert edited(at).value == variant
        assert at.text_input[0].value == "one"
    at.text_input[0].set_value("two").run()
    assert json.loads(link(at)) == {"name": ["two"]}


def test_a_sweep_says_that_it_takes_the_place_of_several_variants(app_test: AppTest):
    at = open_page(app_test, "compare")
    said = "They replace the 2 current variants."
    assert said not in [caption.value for caption in at.caption]
    press(at, "Add a variant")
    assert said in [caption.value for caption in at.caption]


def test_other_data_puts_all_variants_on_it_and_says_what_did_not_fit(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Make these variants")
    choose(at, "dataset", "diabetes")
    assert not button(at, "Start").disabled
    assert not sentences(at)
    said = [unescaped(caption.value) for caption in at.caption]
    assert "15 variants were removed, because on this data they would equal other variants." in said
    assert "variants" not in at.query_params


def test_a_sweep_stays_on_other_data_that_takes_it(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Make these variants")
    edited(at).set_value(5).run()
    before = link(at, "sweep")
    choose(at, "dataset", "moons")
    assert link(at, "sweep") == before
    assert edited(at).value == 5
    assert not button(at, "Start").disabled
