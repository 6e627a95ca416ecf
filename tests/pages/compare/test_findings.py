"""What the checks find, as the Train page shows it: in its place, with its code, and cured by its remedy."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from core import checks
from core.checks import CHECKS, Finding
from core.experiment import compatibility, links
from tests.conftest import choose, control, open_page, press, sentences, trained
from tests.support.compare_page import submitted


def lines(at: AppTest) -> list[str]:
    """The findings on the page, each as severity and code."""
    said = [(re.search(r"\*\*(Mistake|Caution|Note)\.\*\*", one.value), one.help) for one in at.caption]
    return [f"{found.group(1)} {help.split()[-1]}" for found, help in said if found and help]


def remedies(at: AppTest) -> dict[str, str]:
    """The label of each remedy's button, by its key."""
    return {one.key: one.label for one in at.button if one.key and re.search(r"\.C\d+$", one.key)}


MISTAKES = {
    "C101": {"dataset": "digits", "activation": "softmax"},
    "C102": {"activation": "sigmoid"},
    "C105": {"head": "softmax2", "loss": "nll", "activation": "softmax"},
    "C109": {"loss": "cross_entropy_float"},
    "C110": {"dataset": "yeast", "head": "softmax", "loss": "cross_entropy_multihot"},
}


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_is_shown_with_its_code_trained_all_the_same_and_cured_by_its_remedy(
    app_test: AppTest, untrained: None, code: str
):
    app_test.query_params.update(MISTAKES[code])
    at = open_page(app_test, "compare")
    assert f"Mistake {code}" in lines(at)
    before = submitted(at)
    at.button(key=f"choices.{code}").click().run()
    assert not sentences(at)
    assert not [line for line in lines(at) if line.startswith("Mistake")]
    assert links.from_query(dict(at.query_params)) == (submitted(at), [])
    assert submitted(at) != before


def test_a_remedy_says_what_it_changes_and_changes_nothing_else(app_test: AppTest, untrained: None):
    app_test.query_params.update(
        {"dataset": "moons", "loss.pos_weight": "9", "lr": "0.02", "model": "mlp", "widths": "16", "epochs": "7"}
    )
    at = open_page(app_test, "compare")
    plain = submitted(at)
    assert remedies(at) == {"choices.C202": "Use pos_weight 1"}
    at.button(key="choices.C202").click().run()
    assert control(at, "loss.bce.pos_weight").value == 1
    assert submitted(at) == plain.model_copy(update={"loss_params": ()})
    assert not lines(at)


def test_the_defaults_are_nothing_to_complain_of(app_test: AppTest):
    assert not lines(open_page(app_test, "compare"))


@pytest.mark.parametrize("dataset", ["digit", "digits", "yeast", "line"])
def test_every_finding_has_a_place_and_a_long_list_is_folded(app_test: AppTest, untrained: None, dataset: str):
    app_test.query_params["dataset"] = dataset
    at = open_page(app_test, "compare")
    for head in compatibility.heads_for(dataset):
        choose(at, "head", head)
        for loss in compatibility.losses_for(dataset, head):
            choose(at, "loss", loss)
            config, _ = links.from_query(dict(at.query_params))
            expected = [f"{CHECKS[f.code].severity.capitalize()} {f.code}" for f in checks.of_config(config)]
            assert sorted(lines(at)) == sorted(expected)


def test_more_findings_than_two_in_a_place_are_behind_a_count(app_test: AppTest, monkeypatch: pytest.MonkeyPatch):
    three = tuple(Finding(code, f"sentence {code}") for code in ("C109", "C110", "C210"))
    monkeypatch.setattr(checks, "of_config", lambda config: three)
    at = open_page(app_test, "compare")
    (folded,) = [one for one in at.expander if one.label == "1 more"]
    assert ["sentence C210" in one.value for one in folded.caption] == [True]
    assert lines(at) == ["Mistake C109", "Mistake C110", "Note C210"]


def test_what_a_run_shows_stands_beside_it_and_its_remedy_changes_the_choices(app_test: AppTest):
    app_test.query_params.update(model="mlp", optimizer="sgd", lr="1e5", epochs="5")
    at = press(open_page(app_test, "compare"), "Start")
    assert trained(at).status == "diverged"
    assert lines(at).count("Mistake C302") == 1
    assert remedies(at)["run.C302"] == "Use learning rate 10000"
    at.button(key="run.C302").click().run()
    assert control(at, "lr").value == 1e4
    assert "Mistake C302" in lines(at)  # it is still what the run shows
    assert "run.C302" not in remedies(at)  # but the choices are others now
