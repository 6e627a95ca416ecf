"""Several variants on the Train page, without a browser: made, trained, ranked, held against theory, in each task."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn import metrics as sklearn
from streamlit.testing.v1 import AppTest

from core import checks
from core.data import load_split
from core.errors import CutoffError
from core.evaluation.calibration import log_loss
from core.experiment import compatibility
from core.experiment.config import SETTINGS, RunConfig
from core.experiment.presets import PRESETS
from core.theory.measured import measured_threshold
from core.training.engine import Epoch, train_in_turns
from core.training.runs import Job
from pages.shared import services, theory
from tests.conftest import act, button, choose, control, figure_of, open_page, press, sent, sentences, tell, until
from tests.support.compare_page import shown
from tests.support.findings import codes
from tests.support.race_page import edited, link
from tests.support.shown_sources import current_threshold, put_thresholds, values_of

PAIR = [{"loss.pos_weight": "9"}]
TASKS = {
    "binary": {"epochs": "5"},
    "plane": {"dataset": "gaussians", "epochs": "3"},
    "multiclass": {"dataset": "wine", "head": "softmax", "loss": "cross_entropy", "epochs": "3"},
    "multilabel": {"dataset": "multilabel_synthetic", "head": "sigmoids", "epochs": "3"},
    "regression": {"dataset": "diabetes", "head": "identity", "loss": "mse", "epochs": "3"},
}
OTHERS = {"multiclass": [{"loss": "nll"}], "regression": [{"loss": "mae"}]}


def job(at: AppTest) -> Job:
    return services.runner().job(at.session_state["job"])


def raced(at: AppTest) -> Job:
    """Start, wait for the end, and run the page once more."""
    press(at, "Start")
    until(lambda: job(at).ended)
    at.run()
    assert not at.exception
    return job(at)


def opened(at: AppTest, others: list[dict[str, str]], seeds: int = 1, **query: str) -> AppTest:
    """A link to a first variant and others, which share with it what `others` can't choose for themselves."""
    own = [key for key in query if key.startswith("loss.") or (key in SETTINGS and SETTINGS[key].varies)]
    columns = {
        key: [other.get(key) for other in others] for key in dict.fromkeys([*own, *(k for o in others for k in o)])
    }
    at.query_params.update(query | {"variants": json.dumps(columns), "seeds": str(seeds)})
    return open_page(at, "compare")


def table(at: AppTest) -> pd.DataFrame:
    return at.dataframe[-1].value


@pytest.mark.parametrize("task", TASKS)
def test_variants_of_every_task_train_together_and_are_ranked(app_test: AppTest, task: str):
    at = opened(app_test, OTHERS.get(task, PAIR), seeds=2, **TASKS[task])
    assert not sentences(at)
    done = raced(at)
    assert [run.status for run in done.runs] == ["finished"] * 4
    assert "race_losses" in shown(at)
    assert ("race_scores" in shown(at)) == (task != "regression")
    assert ("race_thresholds" in shown(at)) == (task in ("binary", "plane"))
    assert ("plane_figure" in shown(at)) == (task == "plane")
    assert set(table(at)["Variant"]) == {variant.name for variant in done.experiment.variants}


def test_ranking_is_that_of_scikit_learn_over_seeds(app_test: AppTest):
    done = raced(opened(app_test, PAIR, seeds=3, **TASKS["binary"]))
    found = table(app_test).set_index("Variant")
    for at, variant in enumerate(done.experiment.variants):
        f1 = []
        for run in done.of_variant(at):
            scores = run.scores("validation")
            f1.append(sklearn.f1_score(scores.y_true, scores.y_score[:, 0] >= np.float32(0.5)))
        assert found.loc[variant.name, "F1"] == pytest.approx(np.mean(f1))
        assert found.loc[variant.name, "± F1"] == pytest.approx((max(f1) - min(f1)) / 2)
    assert found["F1"].is_monotonic_decreasing


def test_moving_the_threshold_trains_nothing_anew(app_test: AppTest):
    at = opened(app_test, PAIR, **TASKS["binary"])
    done, f1 = raced(at), list(table(at)["F1"])
    losses = figure_of(at, "race_losses")["data"]
    choose(at, "race.threshold", 0.9)
    assert job(at) is done
    assert list(table(at)["F1"]) != f1
    np.testing.assert_equal(figure_of(at, "race_losses")["data"], losses)


def test_the_threshold_is_that_of_every_run_on_the_workbench_too(app_test: AppTest):
    at = opened(app_test, PAIR, **TASKS["binary"])
    done = raced(at)
    choose(at, "race.threshold", 0.9)
    assert [values_of(at, run) for run in done.runs] == [[pytest.approx(0.9)]] * len(done.runs)
    open_page(at, "workbench")
    assert current_threshold(at) == np.float32(0.9)
    act(at, "drag", 0.7)
    open_page(at, "compare")
    assert control(at, "race.threshold").value == 0.9  # runs differ now: it shows what was chosen here
    for run in done.runs:
        put_thresholds(at, run, [0.25])
    assert control(at.run(), "race.threshold").value == 0.25


def test_converting_back_brings_log_loss_down_again(app_test: AppTest):
    at = opened(app_test, [{"loss.pos_weight": "20"}], seeds=2, dataset="gaussians", epochs="30")
    done = raced(at)
    control(at, "convert").set_value(True).run()
    found = at.dataframe[0].value.set_index("Variant")
    assert found.loc["pos_weight 20", "log-loss after"] < 0.6 * found.loc["pos_weight 20", "log-loss before"]
    assert np.isnan(found.loc["pos_weight 1", "log-loss after"])
    of_seeds = [
        log_loss(scores.y_true == 1, scores.y_score[:, 0])
        for scores in (run.scores("validation") for run in done.of_variant(1))
    ]
    assert found.loc["pos_weight 20", "log-loss before"] == pytest.approx(np.mean(of_seeds))


def test_converting_back_changes_everything_that_is_drawn_and_counted(app_test: AppTest):
    at = opened(app_test, [{"loss.pos_weight": "20"}], dataset="gaussians", epochs="30")
    done = raced(at)
    choose(at, "scale", "probability")
    before = {key: figure_of(at, key) for key in ("race_scores", "race_curves", "plane_figure")}
    control(at, "convert").set_value(True).run()
    heavy = done.of_variant(1)[0]
    scores = heavy.scores("validation")
    score = expit(logit(scores.y_score[:, 0].astype(float)) - np.log(20))
    called = score >= 0.5
    found = table(at).set_index("Variant").loc["pos_weight 20"]
    assert found["F1"] == pytest.approx(sklearn.f1_score(scores.y_true, called))
    ring = figure_of(at, "race_curves")["data"][2]
    assert ring["x"][1] == pytest.approx(sklearn.recall_score(scores.y_true, called))
    assert ring["y"][1] == pytest.approx(sklearn.precision_score(scores.y_true, called))
    drawn = figure_of(at, "race_scores")
    panel = [trace for trace in drawn["data"] if trace["xaxis"] == "x2"]
    counts = np.histogram(score[scores.y_true == 1], 24, (0, 1))[0]
    np.testing.assert_array_equal(panel[0]["customdata"], counts)
    outline = next(trace for trace in panel if trace["name"] == "before")
    old = [trace for trace in before["race_scores"]["data"] if trace["xaxis"] == "x2"]
    np.testing.assert_array_equal(outline["y"], old[0]["y"])
    dashed = [shape["x0"] for shape in drawn["layout"]["shapes"] if shape["line"].get("dash")]
    assert dashed == pytest.approx([0.5, 0.5])
    lines = [[trace["z"] for trace in figure["data"] if trace["type"] == "contour"]
             for figure in (before["plane_figure"], figure_of(at, "plane_figure"))]  # fmt: skip
    np.testing.assert_array_equal(lines[0][0], lines[1][0])
    assert not np.array_equal(lines[0][1], lines[1][1])


def test_the_scores_of_a_single_run_are_converted_as_well(app_test: AppTest):
    at = app_test
    at.query_params.update({"dataset": "gaussians", "loss.pos_weight": "20", "epochs": "30"})
    (run,) = raced(open_page(at, "compare")).runs
    control(at, "convert").set_value(True).run()
    scores = run.scores("validation")
    called = expit(logit(scores.y_score[:, 0].astype(float)) - np.log(20)) >= 0.5
    f1 = sklearn.f1_score(scores.y_true, called)
    assert {metric.label: metric.value for metric in at.metric}["F1"] == f"{f1:.3f}"
    assert len(at.dataframe[0].value) == 1


def test_variants_are_added_edited_and_removed(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Add a variant")
    choose(at, "loss.bce.pos_weight", 9.0)
    assert json.loads(link(at)) == {"loss.pos_weight": ["9.0"]}
    edited(at).set_value(0).run()
    assert control(at, "loss.bce.pos_weight").value == 1
    edited(at).set_value(1).run()
    assert control(at, "loss.bce.pos_weight").value == 9
    press(at, "Remove")
    assert "variants" not in at.query_params
    assert button(at, "Add a variant")
    assert control(at, "loss.bce.pos_weight").value == 1


def test_choices_that_are_shared_change_for_all(app_test: AppTest):
    at = opened(app_test, PAIR)
    choose(at, "epochs", 7)
    done = raced(at)
    assert {run.config.epochs for run in done.runs} == {7}
    assert [dict(run.config.loss_params).get("pos_weight", 1) for run in done.runs] == [1, 9]


def test_a_sweep_makes_its_variants(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Make these variants")
    assert link(at, "sweep") == "loss.pos_weight:1:100:16:log"
    assert edited(at).value == 0


def test_more_runs_than_the_limit_are_refused_before_start(app_test: AppTest):
    at = press(open_page(app_test, "compare"), "Make these variants")
    choose(at, "seeds", 20)
    (said,) = sentences(at)
    assert said == "The limit is 256 runs; this experiment has 320. Use fewer variants or seeds."
    assert button(at, "Start").disabled


def test_a_variant_that_diverges_ends_alone_and_says_where(app_test: AppTest):
    at = opened(app_test, [{"optimizer": "sgd", "lr": "100000.0"}], optimizer="sgd", model="mlp", epochs="10")
    done = raced(at)
    assert [run.status for run in done.runs] == ["finished", "diverged"]
    where = f"diverged at epoch {done.runs[1].epoch + 1}"
    states = table(at).set_index("Variant")["State"]
    assert states["learning rate 1e+05"] == where
    (cross,) = [trace for trace in figure_of(at, "race_losses")["data"] if trace["name"] == "diverged"]
    assert cross["hovertext"][0].endswith(where)
    assert any("try a smaller learning rate" in caption.value for caption in at.caption)


def in_focus(at: AppTest, variant: int) -> AppTest:
    """The page with another variant in focus, as a click on its row of the table puts it there."""
    at.session_state[f"focus.{job(at).id}"] = variant
    return at.run()


def test_the_variant_in_focus_shows_what_the_checks_find_in_it(app_test: AppTest):
    at = opened(app_test, [{"optimizer": "sgd", "lr": "100000.0"}], optimizer="sgd", model="mlp", epochs="10")
    raced(at)
    assert "C302" not in codes(at)
    assert "C302" in codes(in_focus(at, 1))
    keys = {button.key for button in at.button}
    assert "run.C302" not in keys  # the controls edit the other variant
    edited(at).set_value(1).run()
    at.button(key="run.C302").click().run()
    assert control(at, "lr").value == 10000
    assert "C302" in codes(at)  # it is still what the run shows
    assert "run.C302" not in {button.key for button in at.button}


def test_scores_of_the_variant_in_focus_are_checked_for_every_seed(app_test: AppTest):
    query = {"dataset": "gaussians", "data.prevalence": "0.02", "epochs": "1", "lr": "0.00001"}
    at = opened(app_test, [{"loss.pos_weight": "1000", "lr": "0.1"}], seeds=2, **query)
    done = raced(at)
    for variant in range(2):
        for seed in range(2):
            in_focus(at, variant)
            control(at, f"seed.{done.id}").set_value(seed).run()
            wanted = {finding.code for finding in checks.of_run(done.of_variant(variant)[seed])}
            assert wanted
            assert wanted <= codes(at)


@pytest.mark.parametrize("name", ["double_sigmoid", "learning_rate"])
def test_a_preset_is_started_with_what_to_look_for(app_test: AppTest, name: str):
    at = open_page(app_test, "compare")
    tell(at, "presets", "chosen", name)
    assert job(at).experiment == PRESETS[name].experiment
    assert PRESETS[name].look_for in [info.value for info in at.info]
    until(lambda: job(at).ended)
    assert not at.run().exception
    choose(at, "dataset", "iris")  # what was said is of the preset's own data
    assert PRESETS[name].look_for not in [info.value for info in at.info]
    assert not at.exception


def test_reset_puts_the_experiment_aside_and_keeps_the_choices(app_test: AppTest):
    at = opened(app_test, PAIR, epochs="3")
    raced(at)
    press(at, "Reset")
    assert "run" not in at.query_params
    assert not shown(at)
    assert json.loads(link(at)) == {"loss.pos_weight": ["9.0"]}


def patched(monkeypatch: pytest.MonkeyPatch, change: Callable[[Epoch], Epoch]) -> None:
    """Let every run end after its first epoch, as `change` makes it."""

    def trained(configs: Sequence[RunConfig], **options: Any) -> Iterator[Epoch]:
        yield change(next(filter(None, train_in_turns(configs, **options))))

    monkeypatch.setattr(services, "train_in_turns", trained)


def test_a_race_whose_runs_all_fail_says_why_once_and_where_each_stands(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None
):
    def refuse(_: Epoch) -> Epoch:
        raise CutoffError("Expected *one* thing, but got another.")

    patched(monkeypatch, refuse)
    at = opened(app_test, PAIR, seeds=2)
    done = raced(at)
    assert {run.status for run in done.runs} == {"failed"}
    assert sentences(at) == ["Expected *one* thing, but got another."]
    assert list(table(at)["Variant"]) == [variant.name for variant in done.experiment.variants]
    assert all(state.startswith("failed") for state in table(at)["State"])


def test_a_variant_that_fails_says_why_once_though_it_is_in_focus(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None
):
    def trained(configs: Sequence[RunConfig], **options: Any) -> Iterator[Epoch | None]:
        for epoch in train_in_turns(configs, **options):
            yield epoch
            if epoch and configs[0].loss == "focal":
                raise CutoffError("Expected one thing, but got another.")

    monkeypatch.setattr(services, "train_in_turns", trained)
    monkeypatch.setattr(compatibility, "STACK_WORK", 1)  # every run in a stack of its own
    at = opened(app_test, [{"loss": "focal"}], epochs="3")
    done = raced(at)
    assert [run.status for run in done.runs] == ["finished", "failed"]
    at.session_state[f"focus.{done.id}"] = 1
    at.run()
    assert at.session_state[f"focus.{done.id}"] == 1
    assert sentences(at) == ["Expected one thing, but got another."]


def test_a_race_that_is_not_finite_from_the_start_says_so(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch, own_services: None
):
    patched(monkeypatch, lambda epoch: replace(epoch, finite=np.zeros_like(epoch.finite)))
    at = opened(app_test, PAIR)
    done = raced(at)
    assert {run.status for run in done.runs} == {"diverged"}
    (said,) = sentences(at)
    assert said.startswith("The loss was not finite at epoch 0")
    assert all(state.startswith("diverged") for state in table(at)["State"])


def test_the_difference_between_prediction_and_measurement_is_a_number(app_test: AppTest):
    at = opened(app_test, [{"loss.pos_weight": "9"}, {"loss": "soft_f1"}], seeds=2, **TASKS["binary"])
    done = raced(at)
    found = at.dataframe[0].value.set_index("Variant")
    for v, variant in enumerate(done.experiment.variants[:2]):
        runs = [run.scores("validation") for run in done.of_variant(v)]
        measured = measured_threshold(runs[0].y_true == 1, np.stack([scores.y_score[:, 0] for scores in runs]))
        row = found.loc[variant.name]
        assert row["Predicted"] == pytest.approx([0.5, 0.9][v], abs=1e-3)
        assert row["Measured"] == pytest.approx(measured.middle)
        assert row["90% of resamples"] == f"{measured.least:.3f} to {measured.greatest:.3f}"
        assert row["Predicted - measured"] == pytest.approx(row["Predicted"] - row["Measured"])
        assert row["They agree"] == ("yes" if measured.holds(row["Predicted"]) else "no")
    assert found.loc[done.experiment.variants[2].name, ["Predicted", "Predicted - measured"]].isna().all()
    assert any("is computed on whole batches" in caption.value for caption in at.caption)


def test_of_many_scores_only_those_of_the_variant_in_focus_are_measured(
    app_test: AppTest, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(theory, "MEASURED", 10)
    at = opened(app_test, [{"loss.pos_weight": "9"}, {"loss.pos_weight": "3"}], **TASKS["binary"])
    done = raced(at)
    for focus in (0, 2):
        at.session_state[f"focus.{done.id}"] = focus
        at.run()
        found = at.dataframe[0].value
        assert np.flatnonzero(found["Measured"].notna()).tolist() == [focus]
        assert found["Predicted"].notna().all()
        assert any("only the variant in focus is measured" in caption.value for caption in at.caption)


def test_a_single_run_is_held_against_theory_at_a_threshold_of_its_own(app_test: AppTest):
    (run,) = raced(open_page(app_test, "compare")).runs
    assert "race_thresholds" in shown(app_test)
    assert app_test.dataframe[0].value["Predicted"][0] == pytest.approx(0.5)
    choose(app_test, "race.threshold", 0.9)
    scores = run.scores("validation")
    f1 = sklearn.f1_score(scores.y_true, scores.y_score[:, 0] >= np.float32(0.9))
    assert {metric.label: metric.value for metric in app_test.metric}["F1"] == f"{f1:.3f}"
    choose(app_test, "scale", "probability")
    assert figure_of(app_test, "scores_figure")["layout"]["shapes"][0]["x0"] == 0.9


def test_every_variant_of_a_sweep_has_its_histogram_and_its_curve(app_test: AppTest):
    others = [{"loss.pos_weight": str(weight)} for weight in range(2, 17)]
    at = opened(app_test, others, epochs="1")
    raced(at)
    panels = {trace.get("xaxis", "x") for trace in figure_of(at, "race_scores")["data"]}
    assert len(panels) == 16
    curves = [trace for trace in figure_of(at, "race_curves")["data"] if trace.get("mode") == "lines"]
    assert len(curves) == 16
    assert sent(at, "race_scores")["height"] > sent(at, "race_curves")["height"]


@pytest.mark.parametrize(("head", "loss", "drawn"), [("softmax", "cross_entropy", 0), ("one_vs_rest", "bce", 2)])
def test_where_argmax_decides_among_classes_no_threshold_is_drawn(app_test: AppTest, head: str, loss: str, drawn: int):
    at = opened(
        app_test, [{"lr": "0.02", "head": head, "loss": loss}], dataset="wine", head=head, loss=loss, epochs="3"
    )
    raced(at)
    assert len(figure_of(at, "race_scores")["layout"]["shapes"]) == drawn
    (rings,) = [trace for trace in figure_of(at, "race_curves")["data"] if trace["name"] == "at the threshold"]
    assert len(rings["x"]) == drawn
    assert "race.threshold" not in {slider.key for slider in at.slider}


def test_labels_share_a_threshold_that_can_be_moved(app_test: AppTest):
    at = opened(app_test, PAIR, **TASKS["multilabel"])
    done = raced(at)
    choose(at, "race.threshold", 0.3)
    choose(at, "scale", "probability")
    scores = done.runs[0].scores("validation")
    called = scores.y_score >= np.float32(0.3)
    loss = sklearn.hamming_loss(scores.y_true, called)
    name = done.experiment.variants[0].name
    assert table(at).set_index("Variant").loc[name, "Hamming loss"] == pytest.approx(loss)
    for key in ("race_scores", "scores_figure"):
        assert {shape["x0"] for shape in figure_of(at, key)["layout"]["shapes"]} == {0.3}
    assert any("Hatched: misclassified at the threshold, 0.3." in caption.value for caption in at.caption)


def test_variants_that_diverged_rank_last_whatever_they_scored(app_test: AppTest):
    others = [{"optimizer": "sgd", "lr": "0.0000011"}]
    at = opened(app_test, others, optimizer="sgd", model="mlp", epochs="10", lr="100000.0")
    done = raced(at)
    assert [run.status for run in done.runs] == ["diverged", "finished"]
    for by in control(at, "ranked_by").options:
        choose(at, "ranked_by", by)
        assert list(table(at)["Variant"]) == [done.experiment.variants[1].name, done.experiment.variants[0].name]


def test_a_metric_without_a_value_is_said_to_be_undefined(app_test: AppTest):
    at = opened(app_test, PAIR, epochs="1")
    raced(at)
    choose(at, "race.threshold", 1.0)
    assert table(at)["Precision"].isna().all()
    assert at.dataframe[-1].proto.placeholder == "undefined"


def test_variants_that_predict_values_are_ranked_by_the_size_of_their_mean_residual(app_test: AppTest):
    at = opened(app_test, OTHERS["regression"], seeds=2, **TASKS["regression"])
    done = raced(at)
    choose(at, "ranked_by", "Mean residual")
    found = table(at).set_index("Variant")["Mean residual"]
    for v, variant in enumerate(done.experiment.variants):
        pairs = [run.predictions("validation") for run in done.of_variant(v)]
        assert found[variant.name] == pytest.approx(np.mean([np.mean(y_pred - y_true) for y_true, y_pred in pairs]))
    assert found.abs().is_monotonic_increasing


@pytest.mark.parametrize(
    ("loss", "params", "size"),
    [("huber", {"loss.delta": "0.5"}, 0.5), ("loss_gated_mse", {"loss.tau": "0.64"}, 0.8), ("mse", {}, None)],
)
def test_the_limit_of_a_loss_of_values_is_marked_in_the_targets_unit(
    app_test: AppTest, loss: str, params: dict[str, str], size: float | None
):
    at = app_test
    at.query_params.update({"dataset": "diabetes", "head": "identity", "loss": loss, "epochs": "1"} | params)
    (run,) = raced(open_page(at, "compare")).runs
    shapes = figure_of(at, "residuals_figure")["layout"]["shapes"]
    marks = [shape["x0"] for shape in shapes if shape["type"] == "line" and shape["x0"]]
    scale = load_split("diabetes", (), run.config.split_seed).scale
    assert marks == pytest.approx([] if size is None else [-size * scale, size * scale])


def test_one_class_is_chosen_for_the_whole_page(app_test: AppTest):
    at = opened(app_test, OTHERS["multiclass"], **TASKS["multiclass"])
    done = raced(at)
    assert [box.label for box in at.selectbox].count("Class") == 1
    choose(at, f"class.{done.id}", 2)
    name = done.runs[0].class_names[2]
    assert figure_of(at, "race_scores")["data"][0]["name"] == name
    assert any(str(element.key).endswith(".2") for element in at.get("bidi_component"))  # the scrubber's


def test_the_log_axis_is_there_for_a_single_run(app_test: AppTest):
    at = app_test
    at.query_params.update(epochs="2")
    raced(open_page(at, "compare"))
    control(at, "log_loss").set_value(True).run()
    assert figure_of(at, "loss_figure")["layout"]["yaxis"]["type"] == "log"
