"""The Workbench without a browser: what it opens on, the recipe, training, the verdict's buttons, links."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core.data import DATASETS, load_split
from core.errors import CutoffError
from core.experiment.config import RunConfig, make_config
from core.experiment.presets import DEMONSTRATED, PRESETS, QUESTIONS
from core.losses import LOSSES
from core.losses.heads import HEADS
from pages.shared import services, state
from tests.conftest import (
    act,
    button,
    choose,
    control,
    current_run,
    drawn,
    experiment,
    new_session,
    open_page,
    sentences,
    tell,
    unescaped,
    until,
)
from tests.support.shown_sources import choose_source
from tests.support.workbench_page import choose_in, filmed, marks, opened, shown_run, trained_again


def said(at: AppTest) -> str:
    return unescaped(" ".join(one.value for one in at.markdown))


def test_it_opens_on_a_trained_run_with_nothing_to_fill_in(app_test: AppTest):
    at = app_test.run()
    assert not sentences(at)
    run = services.demonstration().runs[-1]
    assert drawn(at)["of"].startswith(run.id)
    assert drawn(at)["replay"] == run.job
    assert not drawn(at)["outline"]  # no run before it
    assert marks(at)["current"]["threshold"] == 0.5
    assert not at.query_params
    scores = run.scores("validation")
    (_, fp), (_, tp) = sklearn.confusion_matrix(scores.y_true, scores.y_score[:, 0] >= 0.5)
    assert (marks(at)["current"]["tp"], marks(at)["current"]["fp"]) == (tp, fp)


def test_every_preset_is_offered_and_trains_on_the_compare_page(app_test: AppTest):
    at = app_test.run()
    offered = drawn(at, "gallery")
    assert {one["name"]: one["question"] for one in offered} == {name: one.question for name, one in QUESTIONS.items()}
    assert all(one["chart"].startswith("<svg") for one in offered)
    tell(at, "gallery", "chosen", "one_or_two")
    assert [one.value for one in at.title] == ["Compare"]
    job = services.runner().job(current_run(at).job)
    assert job.experiment == PRESETS["one_or_two"].experiment
    assert PRESETS["one_or_two"].question in [unescaped(one.value) for one in at.subheader]


@pytest.mark.parametrize("name", DEMONSTRATED)
def test_a_question_about_the_demonstration_is_answered_on_this_page(app_test: AppTest, name: str):
    at = app_test.run()
    act(at, "drag", 0.95)
    tell(at, "gallery", "chosen", name)
    assert not at.title
    question = DEMONSTRATED[name]
    answers = {
        "predicts_zero": (0, "Predicts almost no fraud", "Tune", ""),
        "ship": (1, "Maximum net value, tuned on validation rows", "Value", ""),
        "weight": (1, "With pos_weight 20, a score of 0.952, not 0.5, means", "Theory", "pos_weight 1"),
    }
    at_run, words, panel, outline = answers[name]
    run = services.demonstration().runs[at_run]
    assert shown_run(at) == run
    assert at.session_state[state.RECIPE.name] == run.config
    assert marks(at)["current"]["threshold"] == (marks(at)["best"]["threshold"] if name == "ship" else 0.5)
    assert words in said(at)
    assert at.session_state[state.PANEL.name] == panel
    assert (drawn(at)["outline"] or {"text": ""})["text"] == outline
    assert f"**{question.question}** {question.answer}" in said(at)
    button(at, ":material/close:").click().run()
    assert question.question not in said(at)
    assert words in said(at)


def test_a_release_of_the_slider_trains_again_and_keeps_the_run_before(app_test: AppTest):
    at = app_test.run()
    at.select_slider[0].set_value(99.0).run()
    run = trained_again(at)
    assert dict(run.config.loss_params) == {"pos_weight": 99.0}
    assert drawn(at)["of"].startswith(run.id)
    outline, scores = drawn(at)["outline"], services.demonstration().runs[-1].scores("validation")
    assert "pos_weight 20" in outline["text"]
    (_, fp), (_, tp) = sklearn.confusion_matrix(scores.y_true, scores.y_score[:, 0] >= 0.5)
    assert (outline["threshold"], outline["tp"], outline["fp"]) == (0.5, tp, fp)
    assert not drawn(at)["replay"]  # the final state at once
    edges = [film["axes"]["logit"] for film in (filmed(at), filmed(at, outline["address"]))]
    assert edges[0] == edges[1]
    logits = [logit(one.scores("validation").y_score) for one in (run, services.demonstration().runs[-1])]
    assert edges[0]["start"] <= np.min(np.quantile(logits, 0.001, axis=1))
    assert edges[0]["end"] >= np.max(np.quantile(logits, 0.999, axis=1))
    assert at.query_params["run"] in ([run.job], run.job)


def test_the_compare_page_shows_the_settings_of_the_run_that_was_trained_here(app_test: AppTest):
    at = app_test.run()
    at.select_slider[0].set_value(99.0).run()
    run = trained_again(at)
    open_page(at, "compare")
    assert not [one.value for one in at.caption if "Settings changed" in one.value]
    choose(at, "epochs", 7)
    assert [one.value for one in at.caption if "Settings changed" in one.value]
    button(at, "Undo").click().run()
    assert control(at, "epochs").value == run.config.epochs
    assert not [one.value for one in at.caption if "Settings changed" in one.value]
    assert current_run(at).id == run.id


def test_a_run_of_the_compare_page_brings_its_settings_and_one_that_is_chosen_again_too(app_test: AppTest):
    at = app_test.run()
    at.select_slider[0].set_value(99.0).run()
    here = trained_again(at)
    open_page(at, "compare")
    choose(at, "epochs", 3)
    button(at, "Start").click().run()
    there = trained_again(at)
    open_page(at, "workbench")
    assert shown_run(at) == there != here
    assert at.session_state[state.RECIPE.name] == there.config != here.config
    assert "Settings changed" not in said(at)
    assert at.select_slider[0].value == 99.0
    choose_source(at, here.id)
    assert at.session_state[state.RECIPE.name] == here.config
    choose_in(at, "training", "Epochs", 4)
    assert "Settings changed" in said(at)


def test_a_link_keeps_settings_that_its_run_does_not_have(app_test: AppTest):
    name = services.runner().submit(experiment(RunConfig(dataset="gaussians", epochs=2)))
    services.runner().wait(name)
    app_test.query_params.update({"dataset": "gaussians", "epochs": "3", "run": name})
    at = app_test.run()
    assert shown_run(at).config.epochs == 2
    assert at.session_state[state.RECIPE.name].epochs == 3
    assert "Settings changed" in said(at)
    at.run()
    assert at.session_state[state.RECIPE.name].epochs == 3


def test_on_a_phone_the_recipe_has_a_tab_for_each_part(app_test: AppTest):
    at = app_test.run()
    with opened(at, "part.all"):
        for name, key in (("Data", "dataset"), ("Model", "model"), ("Head", "head"), ("Loss", "loss")):
            at.session_state[state.RECIPE_TAB.name] = name
            at.run()
            assert not at.exception
            assert [one.key for one in at.selectbox if one.key == f"recipe.{key}"]


def is_kept(job: str) -> bool:
    try:
        services.runner().job(job)
    except CutoffError:
        return False
    return True


def test_a_slider_that_moves_on_leaves_no_run_behind(app_test: AppTest):
    app_test.query_params.update({"dataset": "gaussians", "data.samples": "50000", "model": "mlp", "epochs": "2000"})
    at = app_test.run()
    button(at, "Train").click().run()
    first = current_run(at)
    until(lambda: current_run(at).parts)
    at.run()
    act(at, "drag", 0.25)
    passed = []
    for weight in (10.0, 20.0, 50.0):
        at.select_slider[0].set_value(weight).run()
        passed.append(current_run(at).job)
    until(lambda: not any(map(is_kept, passed[:-1])))
    until(lambda: services.runner().job(first.job).status == "stopped")  # which Train started
    until(lambda: current_run(at).parts)
    at.run()
    assert not sentences(at)
    assert drawn(at)["of"].startswith(passed[-1])
    assert "pos_weight 1" in drawn(at)["outline"]["text"]
    assert marks(at)["current"]["threshold"] == 0.25


def test_the_balancing_weight_is_negatives_over_positives_of_the_training_rows(app_test: AppTest):
    at = app_test.run()
    config = services.demonstration().runs[-1].config
    y = load_split(config.dataset, config.dataset_params, config.split_seed).y["train"]
    balance = np.sum(y == 0) / np.sum(y == 1)
    button(at, f"n₀/n₁ = {balance:.3g}").click().run()
    assert dict(trained_again(at).config.loss_params) == {"pos_weight": pytest.approx(balance, rel=0.01)}


def test_train_replays_what_was_too_short_to_watch(app_test: AppTest):
    at = app_test.run()
    button(at, "Train").click().run()
    run = trained_again(at)
    assert drawn(at)["replay"] == run.job


@pytest.mark.parametrize("dataset", DATASETS)
def test_all_data_can_be_chosen_and_trained(app_test: AppTest, dataset: str):
    at = app_test.run()
    choose_in(at, "training", "Epochs", 1)
    choose_in(at, "data", "Data", dataset)
    if dataset == services.demonstration().runs[-1].config.dataset:
        button(at, "Train").click().run()
    run = trained_again(at)
    assert run.config.dataset == dataset
    assert run.status == "finished"
    assert not LOSSES[run.config.loss].mistake
    assert not at.exception


def test_other_data_trains_at_once_says_what_did_not_fit_and_undo_brings_the_run_back(app_test: AppTest):
    at = app_test.run()
    before, run = at.session_state[state.RECIPE.name], shown_run(at)
    choose_in(at, "data", "Data", "digits")
    assert trained_again(at).config.dataset == "digits"
    assert drawn(at)["of"].startswith(current_run(at).id)
    assert "Data: Digits: ten classes instead of Fraud-like." in said(at)
    assert " instead of " in said(at)
    button(at, "Undo").click().run()
    assert at.session_state[state.RECIPE.name] == before
    assert shown_run(at) == run
    assert " instead of " not in said(at)
    assert "Settings changed" not in said(at)


def test_undo_of_other_data_brings_the_outline_of_the_previous_run_back(app_test: AppTest):
    at = app_test.run()
    button(at, "Train").click().run()
    trained_again(at)
    outline = drawn(at)["outline"]
    choose_in(at, "data", "Data", "digits")
    trained_again(at)
    assert drawn(at).get("outline") is None
    button(at, "Undo").click().run()
    assert drawn(at)["outline"] == outline
    assert outline is not None


def test_a_parameter_of_the_data_trains_at_once(app_test: AppTest):
    at = app_test.run()
    choose_in(at, "data", "Prevalence", 0.05)
    assert dict(trained_again(at).config.dataset_params)["prevalence"] == 0.05
    assert "Prevalence: 0.05 instead of 0.01." in said(at)
    button(at, "Train").click().run()
    trained_again(at)
    assert "Prevalence: 0.05" not in said(at)


def test_other_choices_wait_for_train_which_then_stands_out(app_test: AppTest):
    at = app_test.run()
    run = shown_run(at)
    assert button(at, "Train").proto.type == "secondary"
    choose_in(at, "loss", "Loss", "focal")
    assert shown_run(at) == run
    assert "Settings changed: results are from the previous run." in said(at).replace("*", "")
    assert button(at, "Train").proto.type == "primary"
    button(at, "Train").click().run()
    assert trained_again(at).config.loss == "focal"
    assert button(at, "Train").proto.type == "secondary"
    choose_in(at, "loss", "Loss", "bce")
    button(at, "Undo").click().run()
    assert at.session_state[state.RECIPE.name].loss == "focal"
    assert button(at, "Train").proto.type == "secondary"


def test_a_loss_that_needs_another_head_is_listed_with_the_switch(app_test: AppTest):
    at = app_test.run()
    with opened(at, "part.loss"):
        button(at, f"{LOSSES['cross_entropy'].label}: switch to {HEADS['softmax2'].label}").click().run()
    assert (at.session_state[state.RECIPE.name].head, at.session_state[state.RECIPE.name].loss) == (
        "softmax2",
        "cross_entropy",
    )


def test_every_loss_is_listed_whatever_the_data(app_test: AppTest):
    at = app_test.run()
    with opened(at, "part.loss"):
        texts = [*at.selectbox(key="recipe.loss").options, *(one.label for one in at.button)]
        texts += [caption.value.replace("\\", "") for caption in at.caption]
    for spec in LOSSES.values():
        assert any(text.startswith(spec.label) for text in texts), spec.label


def test_a_choice_that_cannot_be_trained_changes_nothing(app_test: AppTest):
    at = app_test.run()
    before = at.session_state[state.RECIPE.name]
    choose_in(at, "training", "Batch size", 60_000)
    assert at.session_state[state.RECIPE.name] == before
    assert any("batch_size" in error.value for error in at.error)


def test_a_link_with_choices_trains_them(app_test: AppTest):
    app_test.query_params.update({"dataset": "gaussians", "epochs": "3", "loss.pos_weight": "9"})
    at = app_test.run()
    run = trained_again(at)
    assert run.config == make_config(dataset="gaussians", epochs=3, loss_params={"pos_weight": 9.0})


def test_a_link_to_a_run_opens_it_with_its_thresholds(app_test: AppTest):
    config = RunConfig(dataset="gaussians", epochs=2)
    name = services.runner().submit(experiment(config))
    until(lambda: services.runner().job(name).ended)
    app_test.query_params.update({"run": name, "current": "0.25", "saved": "0.75"})
    at = app_test.run()
    assert shown_run(at) == current_run(at)
    assert at.session_state[state.RECIPE.name] == config
    assert marks(at)["current"]["threshold"] == 0.25
    assert marks(at)["saved"]["threshold"] == 0.75
    assert at.query_params["run"] in ([name], name)


def test_a_link_to_several_variants_opens_on_the_compare_page_unless_it_names_a_run(app_test: AppTest):
    configs = [RunConfig(dataset="gaussians", epochs=1, lr=lr) for lr in (0.01, 0.1)]
    name = services.runner().submit(experiment(*configs))
    until(lambda: services.runner().job(name).ended)
    app_test.query_params["run"] = name
    at = app_test.run()
    assert at.title
    assert open_page(at, "workbench").session_state[state.RECIPE.name] == configs[0]
    assert shown_run(at).id == f"{name}-0"

    other = new_session()
    other.query_params.update({"run": name, "shown": f"{name}-1", "current": "0.25"})
    other.run()
    assert not sentences(other)
    assert shown_run(other).id == f"{name}-1"
    assert other.session_state[state.RECIPE.name] == configs[1]
    assert marks(other)["current"]["threshold"] == 0.25


def test_a_run_that_is_gone_can_be_trained_again_from_its_link(app_test: AppTest):
    app_test.query_params.update({"dataset": "gaussians", "epochs": "2", "run": "0" * 32, "current": "0.25"})
    at = app_test.run()
    until(lambda: current_run(at).ended)
    at.run()
    gone, again = sentences(at)
    assert "is no longer kept" in gone
    assert again == "It is trained again with the same settings, which gives the same numbers."
    assert current_run(at).config == RunConfig(dataset="gaussians", epochs=2)
    assert marks(at)["current"]["threshold"] == 0.25
    assert state.SHOWN_BEFORE.name not in at.session_state or not at.session_state[state.SHOWN_BEFORE.name]


def test_the_first_picture_of_a_session_is_drawn_before_the_rest(app_test: AppTest):
    app_test.session_state[state.PAINTED.name] = False
    at = app_test.run()
    first = marks(at)
    assert first["current"]
    assert not at.button
    assert not at.tabs
    at.run()
    assert marks(at) == first
    assert at.button
    assert at.tabs


def test_calibrate_opens_calibration_with_a_method(app_test: AppTest):
    at = app_test.run()
    next(one for one in at.button if one.label.startswith("Use 0")).click().run()
    next(one for one in at.button if one.label == "Calibrate").click().run()
    assert at.session_state["panel"] == "Calibration"
    assert at.session_state[state.CALIBRATION.name] == "convert"


def test_the_button_of_the_verdict_moves_the_threshold(app_test: AppTest):
    at = app_test.run()
    use = next(one for one in at.button if one.label.startswith("Use 0"))
    use.click().run()
    now = marks(at)["current"]
    assert f"{now['threshold']:.3f}" in use.label
    scores = services.demonstration().runs[-1].scores("validation")
    f1 = [sklearn.f1_score(scores.y_true, scores.y_score[:, 0] >= t) for t in np.unique(scores.y_score)[-400:]]
    assert sklearn.f1_score(scores.y_true, scores.y_score[:, 0] >= now["threshold"]) == pytest.approx(max(f1))
    assert at.query_params["current_from"] in (["f1@validation"], "f1@validation")


def test_the_next_run_on_the_same_data_keeps_the_threshold_and_where_it_came_from(app_test: AppTest):
    at = app_test.run()
    next(one for one in at.button if one.label.startswith("Use 0")).click().run()
    tuned = marks(at)["current"]["threshold"]
    at.select_slider[0].set_value(99.0).run()
    trained_again(at)
    assert marks(at)["current"]["threshold"] == tuned
    assert at.query_params["current_from"] in (["f1@validation@earlier"], "f1@validation@earlier")
    assert "tuned on validation rows" not in said(at)  # with these scores
    act(at, "undo")
    assert marks(at)["current"]["threshold"] == 0.5
    act(at, "drag", 0.25)
    choose_in(at, "data", "Data", "gaussians")
    trained_again(at)
    assert marks(at)["current"]["threshold"] == 0.5


def test_what_is_wrong_with_a_link_is_said_though_it_trains(app_test: AppTest):
    app_test.query_params.update({"dataset": "gaussians", "epochs": "2", "loss.pos_weight": "1e9", "lr": "fast"})
    at = app_test.run()
    until(lambda: current_run(at).ended)
    at.run()
    assert len(sentences(at)) == 2
    button(at, "Train").click().run()
    assert not sentences(at)


def test_an_earlier_epoch_is_in_the_link_with_its_threshold_and_opens_again(app_test: AppTest):
    name = services.runner().submit(experiment(RunConfig(dataset="gaussians", epochs=4)))
    services.runner().wait(name)
    app_test.query_params.update({"run": name, "shown": f"{name}-0@2"})
    at = app_test.run()
    assert drawn(at)["of"].startswith(f"{name}-0@2 ")
    act(at, "drag", 0.25)
    query = {key: at.query_params[key] for key in ("run", "shown", "current")}
    query = {key: value[0] if isinstance(value, list) else value for key, value in query.items()}
    assert query == {"run": name, "shown": f"{name}-0@2", "current": "0.25"}
    other = new_session()
    other.query_params.update(query)
    open_page(other, "workbench")
    assert not sentences(other)
    assert drawn(other)["of"] == drawn(at)["of"]
    assert marks(other)["current"]["threshold"] == 0.25


@pytest.mark.parametrize("epoch", ["999", "x", "", "-1", "1e400"])
def test_an_epoch_that_is_not_kept_shows_the_run(app_test: AppTest, epoch: str):
    name = services.runner().submit(experiment(RunConfig(dataset="gaussians", epochs=2)))
    services.runner().wait(name)
    app_test.query_params.update({"run": name, "shown": f"{name}-0@{epoch}"})
    at = app_test.run()
    assert not at.exception
    assert drawn(at)["of"].startswith(f"{name}-0 ")
