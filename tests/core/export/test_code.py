"""Thresholds as JSON and as source: read back they are the same, and executed they decide as Cutoff does, ties too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn import metrics as sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from core.data import DATASETS, load_split
from core.evaluation import DECISIONS, METRICS, NO_CLASS, decide, summary
from core.evaluation.source import new_id
from core.evaluation.threshold import Domain, Threshold
from core.experiment.config import RunConfig, make_config
from core.export import ThresholdRecord, pytorch_code, scikit_learn_code, threshold_record
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS, probabilities
from core.losses.objective import resolved
from core.training.runs import History, Run
from tests.support.exported_code import decisions, executed, pytorch_decisions, scikit_learn_decisions

TASKS = {
    "binary": {"dataset": "digit"},
    "multiclass": {"dataset": "wine", "head": "softmax", "loss": "cross_entropy"},
    "multilabel": {"dataset": "multilabel_synthetic", "head": "sigmoids"},
}
NASTY = (
    'say "8"',
    "it's\nnew\r\x0c\x85\u2028line",
    "back\\slash",
    "{braces} {0}",
    "# no comment",
    '"""',
    "Größe 数",
    "\x00",
)
TIED = (0.0, 0.1, 0.25, 0.5, 0.7, 0.75, 1.0)


def run_of(config: RunConfig, seed: int = 0, run_id: str = "") -> Run:
    """A run with made-up scores, half of them of a few values that thresholds meet."""
    rng = np.random.default_rng(seed)
    split = load_split(config.dataset, config.dataset_params, config.split_seed)
    columns = 1 if DATASETS[config.dataset].task == "binary" else len(Run("", config).class_names)
    outputs = {}
    for part in ("validation", "test"):
        p = rng.random((len(split.y[part]), columns), np.float32)
        tied = rng.random(p.shape) < 0.5
        outputs[part] = np.where(tied, rng.choice(np.float32(TIED), p.shape), p).astype(np.float32)
    return Run(run_id or new_id(), config, "finished", History(np.zeros(8), np.zeros(8), np.zeros(8)), outputs)


def ways(task: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every rule by name, with params: where classes may get none, also with a fallback."""
    for name, spec in DECISIONS.items():
        yield name, {}
        if spec.params:
            yield name, {"fallback": NO_CLASS}
            yield name, {"fallback": 1}
        if task != "multiclass":
            return


def admitted(run: Run, thresholds: list[float]) -> list[Threshold]:
    """The thresholds as a rule that tuned them on validation rows gives them; inf is above every score."""
    domain = Domain.of(run.scores("validation"))
    return [domain.found(threshold, "f1", "validation") for threshold in thresholds]


def record(
    run: Run, thresholds: list[float], name: str = "ratio", params: dict[str, Any] | None = None
) -> ThresholdRecord:
    full = {param.name: param.default for param in DECISIONS[name].params} | (params or {})
    return threshold_record(run, admitted(run, thresholds), True, name, full)


some_thresholds = st.sampled_from((*TIED, np.inf)) | st.floats(0, 1, width=32)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Run, list[float], str, dict[str, Any]]:
    task = draw(st.sampled_from(list(TASKS)))
    run = run_of(make_config(**TASKS[task]), seed=draw(st.integers(0, 5)))
    columns = run.scores("validation").n_columns
    drawn = draw(st.lists(some_thresholds, min_size=columns, max_size=columns))
    thresholds = np.float32(drawn).astype(float).tolist()
    name, params = draw(st.sampled_from(list(ways(task))))
    return run, thresholds, name, params


# --- what is executed decides as core does


@settings(max_examples=60)
@given(cases())
def test_both_sources_decide_as_core_does(case):
    run, thresholds, name, params = case
    p, expected = run.scores("validation").y_score, decisions(*case)
    one = record(run, thresholds, name, params)
    for given_p in (p, p.astype(np.float64)):  # scikit-learn's own probabilities are float64
        np.testing.assert_array_equal(scikit_learn_decisions(scikit_learn_code(one), given_p), expected)
        np.testing.assert_array_equal(pytorch_decisions(pytorch_code(one), given_p), expected)


def test_ratios_that_tie_exactly_go_to_the_first_class():
    one = record(run_of(make_config(dataset="wine", head="softmax", loss="cross_entropy")), [0.05, 0.15, 0.95])
    for dtype in (np.float32, np.float64):
        p = np.array([[0.05, 0.15, 0.01]], np.float32).astype(dtype)
        assert scikit_learn_decisions(scikit_learn_code(one), p).tolist() == [0]
        assert pytorch_decisions(pytorch_code(one), p).tolist() == [0]


def test_a_threshold_of_seven_tenths_meets_scores_of_seven_tenths():
    run = run_of(make_config(**TASKS["binary"]))
    p = np.float32([[0.7], [np.nextafter(np.float32(0.7), np.float32(0))]])
    one = record(run, [0.7])
    for given_p in (p, p.astype(np.float64)):
        assert scikit_learn_decisions(scikit_learn_code(one), given_p).tolist() == [1, 0]
        assert pytorch_decisions(pytorch_code(one), given_p).tolist() == [1, 0]


@pytest.mark.parametrize("names", [NASTY])
def test_names_of_any_kind_come_through(names, monkeypatch: pytest.MonkeyPatch):
    run = run_of(make_config(dataset="wine", head="softmax", loss="cross_entropy"), run_id='a"""b\n-0')
    one = record(run, [0.2, 0.5, 0.9]).model_copy(update={"class_names": names})
    one = one.model_copy(
        update={
            "thresholds": tuple(t.model_copy(update={"name": n}) for t, n in zip(one.thresholds, names, strict=False))
        }
    )
    for source in (scikit_learn_code(one), pytorch_code(one)):
        assert tuple(executed(source)["CLASS_NAMES"]) == names
        assert executed(source)["THRESHOLDS"].tolist() == np.float32([0.2, 0.5, 0.9]).tolist()
    assert ThresholdRecord.model_validate_json(one.as_json()) == one


def test_thresholds_above_every_score_go_out_as_a_state():
    run = run_of(make_config(**TASKS["multilabel"]))
    thresholds = [np.inf, 0.25, 0.5, 0.0, 1.0]
    one = record(run, thresholds)
    first = json.loads(one.as_json())["thresholds"][0]
    assert (first["value"], first["above_all"], first["logit"]) == (None, True, None)
    assert "Infinity" not in one.as_json()
    p, expected = run.scores("validation").y_score, decisions(run, thresholds, "ratio", {})
    np.testing.assert_array_equal(scikit_learn_decisions(scikit_learn_code(one), p), expected)
    np.testing.assert_array_equal(pytorch_decisions(pytorch_code(one), p), expected)
    assert ThresholdRecord.model_validate_json(one.as_json()) == one


# --- scikit-learn's own estimators


def test_a_logistic_regression_gets_the_threshold():
    config = make_config(dataset="breast_cancer")
    split = load_split(config.dataset)
    estimator = LogisticRegression().fit(split.x["train"], split.y["train"])
    space = executed(scikit_learn_code(record(run_of(config), [0.8])), estimator=estimator)
    p = estimator.predict_proba(split.x["test"])[:, 1]
    np.testing.assert_array_equal(space["classifier"].predict(split.x["test"]), p >= np.float32(0.8))
    assert space["classifier"].fit(split.x["train"], split.y["train"]).score(split.x["test"], split.y["test"]) > 0.8


def test_classifiers_of_several_classes_or_labels_get_the_thresholds():
    config = make_config(**TASKS["multiclass"])
    split = load_split(config.dataset)
    estimator = LogisticRegression().fit(split.x["train"], split.y["train"])
    space = executed(scikit_learn_code(record(run_of(config), [0.2, 0.5, 0.9])), estimator=estimator)
    p = estimator.predict_proba(split.x["test"])
    np.testing.assert_array_equal(space["predict"](split.x["test"]), decide(p, [0.2, 0.5, 0.9]))

    config = make_config(**TASKS["multilabel"])
    split = load_split(config.dataset)
    source = scikit_learn_code(record(run_of(config), [0.2, 0.3, 0.5, 0.6, 0.7]))
    for estimator in (OneVsRestClassifier(LogisticRegression()), RandomForestClassifier(5, random_state=0)):
        estimator.fit(split.x["train"], split.y["train"])
        called = executed(source, estimator=estimator)["predict"](split.x["test"])
        assert called.shape == split.y["test"].shape
        assert called.dtype == bool


# --- from a head's outputs, whatever activation follows


def combinations() -> list[dict[str, Any]]:
    """Every head, output activation and loss that read outputs differently, on data of a task of the head's."""
    data = {"binary": "breast_cancer", "multiclass": "wine", "multilabel": "multilabel_synthetic"}
    found = {}
    for head, spec in HEADS.items():
        for loss, entry in LOSSES.items():
            for activation in ACTIVATIONS:
                for task in set(spec.tasks) & set(entry.tasks) & set(data):
                    if head in entry.heads:
                        key = head, activation, entry.expects, task
                        found.setdefault(
                            key, {"dataset": data[task], "head": head, "loss": loss, "activation": activation}
                        )
    return list(found.values())


@pytest.mark.parametrize("choices", combinations(), ids=lambda choices: " ".join(list(choices.values())[1:]))
def test_outputs_become_the_probabilities_that_cutoff_shows(choices):
    config = make_config(**choices)
    run = run_of(config)
    columns = run.scores("validation").n_columns
    space = executed(pytorch_code(record(run, [0.5] * columns)))
    outputs = HEADS[config.head].outputs(len(run.class_names))
    assert space["head"].out_features == outputs
    z = torch.randn(200, outputs, generator=torch.Generator().manual_seed(0)) * 3
    activation = ACTIVATIONS[resolved(config.head, config.activation, config.loss)]
    shown = probabilities(config.head, activation.function(z), activation.gives, LOSSES[config.loss].expects)
    p = space["probabilities"](z)
    torch.testing.assert_close(p.reshape(shown.shape), shown)
    assert p.shape == ((200,) if run.task == "binary" else (200, columns))
    np.testing.assert_array_equal(space["predict"](z), space["decide"](p))


def test_the_head_takes_what_comes_before_it():
    for choices, inputs in (
        ({"dataset": "digit"}, 64),
        ({"dataset": "digit", "model": "mlp", "widths": (32, 16)}, 16),
        ({"dataset": "digit", "model": "cnn", "widths": (8,)}, 8 * 4 * 4),
    ):
        head = executed(pytorch_code(record(run_of(make_config(**choices)), [0.5])))["head"]
        assert (head.in_features, head.out_features) == (inputs, 1)


# --- as JSON


@settings(max_examples=40)
@given(cases())
def test_json_comes_back_the_same(case):
    one = record(*case)
    assert ThresholdRecord.model_validate_json(one.as_json()) == one
    assert one.compared() == tuple(float(np.float32(t)) for t in case[1])


def test_json_says_what_the_thresholds_are_and_what_they_are_worth():
    run = run_of(make_config(**TASKS["binary"]))
    read = json.loads(record(run, [0.7]).as_json())
    assert read["format"] == "cutoff-thresholds"
    assert read["source"] == run.id
    assert (read["label"], read["origin"]) == (run.about.label, "finished, scores after epoch 7")
    assert RunConfig(**read["config"]) == run.config
    assert read["task"] == "binary"
    assert read["class_names"] == ["rest", "8"]
    assert read["score_dtype"] == "float32"
    assert read["comparison"] == "score >= threshold"
    assert read["decision"] == "each"
    origin = {"how": "rule", "rows": "validation", "rule": "f1", "earlier": False}
    at = {
        "name": "8",
        "value": 0.7,
        "above_all": False,
        "logit": float(logit(float(np.float32(0.7)))),
        "origin": origin,
    }
    assert read["thresholds"] == [at]
    for part in ("validation", "test"):
        view = run.scores(part).view(0)
        called = view.score >= np.float32(0.7)
        worth = read["worth"][part]
        tn, fp, fn, tp = sklearn.confusion_matrix(view.y, called).ravel().tolist()
        assert worth["rows"] == len(view.y)
        assert [worth["columns"][0][name] for name in ("tp", "fp", "fn", "tn")] == [tp, fp, fn, tn]
        assert worth["columns"][0]["metrics"]["f1"] == pytest.approx(sklearn.f1_score(view.y, called))
        assert worth["together"] == pytest.approx(summary(run.scores(part), [0.7]))


@pytest.mark.parametrize(("name", "params"), list(ways("multiclass")))
def test_json_counts_several_classes_as_the_rule_decides(name, params):
    run = run_of(make_config(**TASKS["multiclass"]))
    thresholds = [0.3, 0.7, 0.9]
    one = record(run, thresholds, name, params)
    assert one.decision == name
    for part in ("validation", "test"):
        y, decided = run.scores(part).y_true, decisions(run, thresholds, name, params, part)
        for at, column in enumerate(one.worth[part].columns):
            tn, fp, fn, tp = sklearn.confusion_matrix(y == at, decided == at).ravel()
            assert (column.tp, column.fp, column.fn, column.tn) == (tp, fp, fn, tn)
        assert one.worth[part].together["accuracy"] == pytest.approx((y == decided).mean())


def test_what_is_undefined_is_null():
    read = json.loads(record(run_of(make_config(**TASKS["binary"])), [np.inf]).as_json())
    column = read["worth"]["test"]["columns"][0]
    assert column["metrics"]["precision"] is None
    assert read["thresholds"][0]["value"] is None
    assert set(column["metrics"]) == {metric.name for metric in METRICS.values() if not metric.params}
