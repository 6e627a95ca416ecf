"""The Losses page without a browser: every section, every loss, and every parameter of every loss moves a figure."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from streamlit.testing.v1 import AppTest

from core.experiment import compatibility
from core.losses import LOSSES
from core.parameters import Param, Value
from core.theory.binary_loss import binary_loss, class_heads
from core.theory.optimal_scores import searched_scores
from tests.conftest import button, choose, control, figure_of, open_page, press, sent, sentences

FIGURES = {"values_1", "values_0", "optimal", "formats", "twice"}
KINDS = [("classes", name) for name, spec in LOSSES.items() if spec.tasks != ("regression",)]
KINDS += [("values", name) for name, spec in LOSSES.items() if "regression" in spec.tasks]
# On probabilities a squared error is never above 1, so a limit of 1 leaves the factor without effect.
BEFORE = {("classes", "loss_gated_mse"): {"tau": 0.3}}


def drawn(at: AppTest) -> set[str]:
    return {element.key for element in at.get("bidi_component")} - {"upload"}  # which takes dropped files


def open_one(at: AppTest, kind: str, loss: str) -> AppTest:
    """The page with a single loss."""
    state = at.session_state
    state["losses.kind"] = kind
    state[f"losses.{kind}.slots"] = [0]
    state[f"losses.{kind}.0.loss"] = loss
    for name, value in BEFORE.get((kind, loss), {}).items():
        state[f"losses.{kind}.0.{loss}.{name}"] = value
    return open_page(at, "losses")


def curves(at: AppTest) -> str:
    """Everything drawn of the chosen losses, as text."""
    keys = sorted(drawn(at) & {"values_1", "values_0", "values_target"})
    return "".join(json.dumps(sent(at, key)["figure"]) for key in keys)


def another(param: Param, now: Any) -> Value:
    """A value that is not the present one, for a text two weights."""
    if param.options:
        return "1, 4" if param.free else next(option for option in param.options if option != now)
    step = param.step or 0.1
    moved = now + 3 * step if not param.integer else now + 1
    return moved if moved <= (param.high or np.inf) else now - 3 * step


def typed(at: AppTest, key: str, value: Value) -> AppTest:
    """Set the control of this key, to text that its list does not hold as well, which AppTest does not know of."""
    control(at, key).set_value(value)
    for box in at.selectbox:
        if isinstance(box.value, str) and "," in box.value:
            box.options.append(box.value)
    return at.run()


def traces(at: AppTest, key: str, what: str) -> list[dict[str, Any]]:
    return [trace for trace in figure_of(at, key)["data"] if trace.get("meta") == what]


def heads_of(kind: str, loss: str) -> list[str]:
    return ["identity"] if kind == "values" else class_heads(loss)


def table(at: AppTest, number: int) -> Any:
    return at.table[number].value


# --- the page as it opens


def test_every_section_is_drawn_with_nothing_chosen(app_test: AppTest):
    at = open_page(app_test, "losses")
    assert not sentences(at)
    assert drawn(at) == FIGURES
    assert [tab.label for tab in at.tabs] == [
        "Value and gradient",
        "Optimal score",
        "Numerical limits",
        "Softmax twice",
        "Decision",
    ]
    names = [trace["name"] for trace in traces(at, "values_1", "value")]
    assert names == ["A. BCE with logits", "B. BCE with logits, pos_weight 9", "C. Focal"]


def test_value_and_gradient_are_those_of_bce(app_test: AppTest):
    at = open_page(app_test, "losses")
    for y, key in ((1, "values_1"), (0, "values_0")):
        value, gradient = traces(at, key, "value")[1], traces(at, key, "gradient")[1]
        p = expit(value["x"])
        np.testing.assert_allclose(value["y"], -9 * y * np.log(p) - (1 - y) * np.log1p(-p), atol=1e-9)
        np.testing.assert_allclose(gradient["y"], (9 if y else 1) * (p - y), atol=1e-9)


def test_figures_are_over_the_probability_when_asked(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.scale", "probability")
    value = traces(at, "values_1", "value")[0]
    np.testing.assert_allclose(value["y"], -np.log(value["x"]), atol=1e-9)
    assert figure_of(at, "values_1")["layout"]["xaxis"]["title"]["text"] == "sigmoid(z)"


# --- choosing losses


@pytest.mark.parametrize(("kind", "loss"), KINDS)
def test_every_parameter_of_every_loss_is_live(app_test: AppTest, kind: str, loss: str):
    at = open_one(app_test, kind, loss)
    assert not sentences(at)
    assert len(traces(at, "values_target" if kind == "values" else "values_1", "value")) == 1
    moved = set()
    for head in heads_of(kind, loss):
        if head != heads_of(kind, loss)[0]:
            typed(at, f"losses.{kind}.0.{loss}.head", head)
            assert compatibility.HEADS[head].label in traces(at, "values_1", "value")[0]["name"]
        for param in compatibility.params_for(head, loss):
            if param in moved:
                continue
            before, key = curves(at), f"losses.{kind}.0.{loss}.{param.name}"
            typed(at, key, another(param, control(at, key).value))
            assert not sentences(at)
            assert curves(at) != before, param.name
            moved.add(param)
    assert moved == {
        param for head in LOSSES[loss].heads if serves(kind, head) for param in compatibility.params_for(head, loss)
    }


def serves(kind: str, head: str) -> bool:
    return (head == "identity") == (kind == "values")


def test_a_loss_can_be_chosen_in_the_page(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.classes.0.loss", "hinge")
    value = traces(at, "values_1", "value")[0]
    assert value["name"] == "A. Hinge"
    np.testing.assert_allclose(value["y"], np.maximum(0, 1 - value["x"]))


def test_four_losses_are_the_limit_and_one_stays(app_test: AppTest):
    at = press(open_page(app_test, "losses"), "Add a loss")
    assert button(at, "Add a loss").disabled
    assert len(traces(at, "values_1", "value")) == 4
    looks = {(trace["line"]["color"], trace["line"]["dash"]) for trace in traces(at, "values_1", "value")}
    assert len(looks) == 4
    for slot in (0, 3, 1):
        at.button(f"losses.classes.{slot}.remove").click().run()
    (left,) = traces(at, "values_1", "value")
    assert left["name"].startswith("C.")
    assert at.button("losses.classes.2.remove").disabled
    assert not button(at, "Add a loss").disabled


def test_a_mistake_is_marked(app_test: AppTest):
    at = open_one(app_test, "classes", "cross_entropy_float")
    assert any("A mistake:" in caption.value for caption in at.caption)
    assert any("The gradient is 0, at every logit" in line.value for line in at.markdown)


def test_multi_hot_targets_are_a_mistake_more(app_test: AppTest):
    at = open_one(app_test, "classes", "cross_entropy_multihot")
    assert not any("2.197" in caption.value for caption in at.caption)
    choose(at, "losses.classes.0.cross_entropy_multihot.targets", "multi-hot")
    assert any("A mistake:" in one.value and "2.197" in one.value.replace("\\", "") for one in at.caption)


def test_text_that_can_not_be_read_takes_one_sentence_and_nothing_else(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.classes.2.loss", "cross_entropy")
    key = "losses.classes.2.cross_entropy.class_weight"
    typed(at, key, "one, two")
    (said,) = sentences(at)
    assert said.startswith("Expected `class_weight` to be")
    assert [trace["name"][0] for trace in traces(at, "values_1", "value")] == ["A", "B"]
    assert drawn(at) == FIGURES
    typed(at, key, "1, 9")
    assert not sentences(at)
    assert [trace["name"][0] for trace in traces(at, "values_1", "value")] == ["A", "B", "C"]


def test_only_a_loss_that_can_not_be_used_leaves_its_controls(app_test: AppTest):
    at = open_one(app_test, "classes", "nll")
    typed(at, "losses.classes.0.nll.class_weight", "-1, 2")
    assert len(sentences(at)) == 1
    assert drawn(at) == {"twice"}
    choose(at, "losses.classes.0.nll.class_weight", "balanced")
    assert drawn(at) == FIGURES


def test_balanced_weights_follow_the_share_of_positives(app_test: AppTest):
    at = open_one(app_test, "classes", "nll")
    choose(at, "losses.classes.0.nll.class_weight", "balanced")
    assert table(at, 0)["threshold on the score"][0] == "0.9000"
    choose(at, "losses.positives", 0.2)
    assert table(at, 0)["threshold on the score"][0] == "0.8000"


def test_a_double_sigmoid_can_be_looked_at(app_test: AppTest):
    at = open_one(app_test, "classes", "bce")
    choose(at, "losses.classes.0.bce.activation", "sigmoid")
    (value,) = traces(at, "values_1", "value")
    assert value["name"].endswith("after sigmoid")
    np.testing.assert_allclose(value["y"], -np.log(expit(expit(value["x"]))), atol=1e-9)
    assert not traces(at, "optimal", "closed form")
    (solved,) = traces(at, "optimal", "solved")
    np.testing.assert_allclose(solved["y"], np.clip(solved["x"], 0.5, expit(1)), atol=1e-5)


def test_two_outputs_are_averaged_or_summed_as_training_does(app_test: AppTest):
    at = open_one(app_test, "classes", "brier")
    (one,) = traces(at, "values_1", "value")
    choose(at, "losses.classes.0.brier.head", "softmax2")
    (mean,) = traces(at, "values_1", "value")
    assert mean["name"] == "A. Brier, Two logits, softmax"
    np.testing.assert_allclose(mean["y"], one["y"])
    choose(at, "losses.classes.0.brier.over_outputs", "sum")
    (total,) = traces(at, "values_1", "value")
    np.testing.assert_allclose(total["y"], 2 * np.array(one["y"]))


def test_weights_of_single_outputs_are_taken_from_the_share_of_positives(app_test: AppTest):
    at = open_one(app_test, "classes", "bce")
    choose(at, "losses.classes.0.bce.head", "one_vs_rest")
    choose(at, "losses.classes.0.bce.output_weight", "balanced")
    choose(at, "losses.positives", 0.2)
    (closed,) = traces(at, "optimal", "closed form")
    q = np.array(closed["x"])
    np.testing.assert_allclose(closed["y"], 4 * q / (4 * q + 1 - q))


def test_a_card_says_proper_only_where_it_is_with_these_parameters(app_test: AppTest):
    at = open_page(app_test, "losses")

    def said() -> list[str]:
        return [caption.value.partition("Expects ")[2] for caption in at.caption if "Expects " in caption.value]

    proper = "a proper scoring rule: minimised by the true probability."
    not_proper = "not proper: its optimal score is not the true probability."
    assert said() == [
        f"logits. A{proper[1:]}",
        f"logits. With these parameters it is {not_proper}",
        f"logits. N{not_proper[1:]}",
    ]
    choose(at, "losses.classes.2.focal.gamma", 0.0)
    assert said()[2] == f"logits. N{not_proper[1:]}"  # alpha is still a weight
    choose(at, "losses.classes.2.focal.alpha", 0.5)
    assert said()[2] == f"logits. With these parameters it is {proper}"


# --- the sections


def test_thresholds_on_the_score_stand_for_one_on_the_true_probability(app_test: AppTest):
    at = open_page(app_test, "losses")
    found = table(at, 0)
    for column in ("threshold on the score", "by search"):
        assert list(found[column]) == ["0.5000", "0.9000", "0.3988"]
    assert list(found["logit"])[:2] == ["0.000", "2.197"]
    assert list(found["q at a score of 0.5"]) == ["0.5000", "0.1000", "0.7500"]
    choose(at, "losses.threshold", 0.1)
    assert list(table(at, 0)["threshold on the score"])[:2] == ["0.1000", "0.5000"]
    assert figure_of(at, "optimal")["layout"]["shapes"][0]["x0"] == 0.1
    assert any("With pos_weight 9, a score of 0.5 means" in caption.value.replace("\\", "") for caption in at.caption)


def test_no_threshold_stands_for_one_that_scores_do_not_tell(app_test: AppTest):
    at = open_one(app_test, "classes", "hinge")
    choose(at, "losses.threshold", 0.8)
    assert table(at, 0)["threshold on the score"][0] == "none: the score is 0.7311 for all q from 0.51 to 1.00"
    assert table(at, 0)["by search"][0] == ""


def test_a_band_has_thresholds_between_its_two_optimal_scores(app_test: AppTest):
    at = open_one(app_test, "classes", "band_mse")
    assert table(at, 0)["threshold on the score"][0] == "above 0.3000 up to 0.7000, both optimal for q = 0.5"
    assert any("two optimal scores, 0.300 and 0.700" in caption.value for caption in at.caption)


def test_a_threshold_without_a_closed_form_is_solved_for(app_test: AppTest):
    at = open_one(app_test, "classes", "cross_entropy_multihot")
    found = table(at, 0).loc[0]
    assert found["threshold on the score"] == "no closed form"
    solved = searched_scores(binary_loss("cross_entropy_multihot", "softmax", {}), np.array([0.5]))[0]
    assert found["by search"] == f"{solved:.4f}"
    assert found["logit"] == f"{logit(solved):.3f}"


def test_a_half_that_every_row_or_none_reaches_is_said_in_a_word(app_test: AppTest):
    at = open_one(app_test, "classes", "bce")
    choose(at, "losses.classes.0.bce.activation", "sigmoid")
    assert table(at, 0)["q at a score of 0.5"][0] == "always"
    at = choose(choose(at, "losses.classes.0.loss", "focal"), "losses.classes.0.focal.alpha", 0.0)
    assert table(at, 0)["q at a score of 0.5"][0] == "never"


def test_closed_forms_lie_on_the_searched_scores(app_test: AppTest):
    at = open_page(app_test, "losses")
    closed, solved = traces(at, "optimal", "closed form"), traces(at, "optimal", "solved")
    assert len(closed) == len(solved) == 3
    for line, points in zip(closed, solved, strict=True):
        np.testing.assert_allclose(np.interp(points["x"], line["x"], line["y"]), points["y"], atol=1e-5)


def test_numbers_name_what_goes_wrong(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.numerical", "hand")
    lines = "\n".join(line.value for line in at.markdown)
    assert "The loss is infinite, from z = 16.636 on up." in lines
    assert "The loss is infinite, from z = 8.3203 on up." in lines
    names = [trace["name"] for trace in traces(at, "formats", "value")]
    assert names == ["float64", "float32", "float16", "bfloat16"]
    choose(at, "losses.numerical.y", 1)
    assert "The loss is infinite, from z = -88.723 on down." in "\n".join(line.value for line in at.markdown)


def test_softmax_twice_follows_the_number_of_classes(app_test: AppTest):
    at = open_page(app_test, "losses")
    assert [metric.value for metric in at.metric] == ["0.2320", "1.4612", "0.5 to 0.731"]
    choose(at, "losses.twice", 2)
    assert [metric.value for metric in at.metric][:2] == ["0.7311", "0.3133"]


def test_decisions_follow_the_typed_logit(app_test: AppTest):
    at = open_page(app_test, "losses")
    single = table(at, 1)["float32"]
    assert single["sigmoid(z)"] == "0.5"
    assert (single["z >= 0"], single["torch.round(sigmoid(z))"]) == ("1", "0")
    assert table(at, 1)["float64"]["torch.round(sigmoid(z))"] == "1"
    choose(at, "losses.logit", 3.0)
    for name in ("float64", "float32", "float16", "bfloat16"):
        found = table(at, 1)[name]
        assert (found["torch.round(sigmoid(z))"], found["argmax over the column"]) == ("1", "0")


# --- losses of values


def test_losses_of_values_are_drawn_for_a_target(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.kind", "values")
    assert not sentences(at)
    assert drawn(at) == {"values_target", "formats", "twice"}
    choose(at, "losses.target", 0.25)
    value, gradient = traces(at, "values_target", "value")[0], traces(at, "values_target", "gradient")[0]
    np.testing.assert_allclose(value["y"], (value["x"] - 0.25) ** 2, atol=1e-12)
    np.testing.assert_allclose(gradient["y"], 2 * (value["x"] - 0.25), atol=1e-12)
    assert figure_of(at, "values_target")["layout"]["shapes"][0]["x0"] == 0.25


def test_the_trap_of_the_band_is_named(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.kind", "values")
    (said,) = [line.value for line in at.markdown if "converges to" in line.value and "Band" in line.value]
    assert said.endswith("converges to 0.00, 0.70")


@pytest.mark.parametrize("loss", [name for name, spec in LOSSES.items() if "identity" in spec.heads])
def test_regression_losses_have_numerical_limits_too(app_test: AppTest, loss: str):
    at = open_one(app_test, "values", loss)
    value = {trace["name"]: np.array(trace["y"], float) for trace in traces(at, "formats", "value")}
    assert list(value) == ["float64", "float32", "float16", "bfloat16"]
    assert figure_of(at, "formats")["layout"]["xaxis"]["title"]["text"] == "prediction"
    assert control(at, "losses.numerical").options == ["**A** ━━━"]  # naive BCE is no regression loss
    lines = "\n".join(line.value for line in at.markdown)
    # A square is beyond float16's largest number, 65,504, from an error of 256 on; twice a square from 181 on.
    edge = {"mse": 256, "band_mse": 256, "loss_gated_mse": 181}.get(loss)
    assert ("The loss is infinite" in lines) == (edge is not None)
    if edge:
        assert f"The loss is infinite, from ŷ = {edge} on up." in lines
        assert f"The loss is infinite, from ŷ = -{edge} on down." in lines
        assert np.isnan(value["float16"]).any()
    assert np.isfinite(value["float64"]).all()


def test_both_kinds_keep_their_losses(app_test: AppTest):
    at = choose(open_page(app_test, "losses"), "losses.classes.2.focal.gamma", 3.0)
    choose(at, "losses.kind", "values")
    choose(at, "losses.kind", "classes")
    assert control(at, "losses.classes.2.focal.gamma").value == 3.0
