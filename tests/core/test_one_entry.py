"""A new metric, rule, loss, data set, head or check is one entry: core offers it everywhere without another line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import checks
from core.checks.output import OUTPUT
from core.data import DATASETS, load_dataset, load_split
from core.evaluation import (
    METRICS,
    MetricSpec,
    ScoreIndex,
    ThresholdCounts,
    class_totals,
    confusion_matrix,
    decided_counts,
    label_totals,
    metric_curve,
    number_label,
    summary,
)
from core.evaluation.comparison import compare, measures, numbers
from core.evaluation.metrics import ratio
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource
from core.evaluation.threshold import Domain
from core.evaluation.tuning import LABEL_RULES, RULES, Goal, LabelRows, bind, bootstrap, candidates, rules
from core.experiment.compatibility import check, describe, heads_for, losses_for, models_for
from core.experiment.config import make_config
from core.experiment.links import from_query, to_query
from core.export.record import threshold_record
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.theory.binary_loss import binary_loss
from core.theory.optimal_scores import optimal_scores
from core.training.engine import train

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
P = RNG.random((400, 3)).round(2)
TASKS = {
    "binary": Scores((P[:, 0] > RNG.random(400)).astype(int), P[:, :1], "binary", ("no", "yes")),
    "multiclass": Scores(RNG.integers(0, 3, 400), P, "multiclass", ("a", "b", "c")),
    "multilabel": Scores((RNG.random((400, 3)) < P).astype(int), P, "multilabel", ("a", "b", "c")),
}


def hits(counts: ThresholdCounts) -> np.ndarray:
    """True positives less half the false ones, a row: greatest somewhere in the middle."""
    return ratio(counts.tp - 0.5 * counts.fp, counts.total)


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> str:
    spec = MetricSpec(
        name="hits",
        label="Hits",
        function=hits,
        formula=r"\frac{TP - FP / 2}{N}",
        range=(-0.5, 1),
        higher_is_better=True,
        help="True positives less half the false ones, a row.",
        reference="None, 2000",
        undefined="there are no rows",
    )
    monkeypatch.setitem(METRICS, spec.name, spec)
    return spec.name


def test_a_metric_is_in_the_summary_of_every_task(metric: str):
    assert summary(TASKS["binary"], [0.5])[metric] == hits(ScoreIndex.of(TASKS["binary"].y_true, P[:, 0]).counts(0.5))
    for task in ("multiclass", "multilabel"):
        found = summary(TASKS[task], [0.5] * 3)
        assert -0.5 <= found[f"macro_{metric}"] <= 1
    assert (number_label(metric), number_label(f"macro_{metric}")) == ("Hits", "Macro hits")


def test_a_metric_is_in_the_totals_of_classes_and_labels(metric: str):
    classes, labels = TASKS["multiclass"], TASKS["multilabel"]
    matrix = confusion_matrix(classes.y_true, P.argmax(1), 3)
    assert class_totals(matrix)[metric] == pytest.approx(np.mean(hits(decided_counts(matrix))))
    y, predicted = labels.y_true == 1, P >= 0.5
    right, wrong = y & predicted, ~y & predicted
    each = (right - 0.5 * wrong).mean(0)
    found = label_totals(labels.y_true, predicted)
    assert found[f"micro_{metric}"] == found[f"macro_{metric}"] == pytest.approx(each.mean())
    assert found[f"weighted_{metric}"] == pytest.approx(np.average(each, weights=y.sum(0)))
    assert found[f"samples_{metric}"] == pytest.approx((right - 0.5 * wrong).mean(1).mean())


def test_sources_are_compared_by_a_metric(metric: str):
    y, p = TASKS["binary"].y_true, P[:, 0]
    assert metric in measures()
    found = compare(metric, y, [p, P[:, 1]], [0.5, 0.5], resamples=20)
    expected = [float(hits(ScoreIndex.of(y, score).counts(0.5))) for score in (p, P[:, 1])]
    np.testing.assert_allclose(found.values, expected)
    np.testing.assert_allclose(numbers(y, [p, P[:, 1]], [0.5, 0.5], 1, 5)[metric], expected)


def test_a_metric_has_a_rule_that_tunes_a_threshold_for_each_label_and_is_resampled(metric: str):
    y, p = TASKS["binary"].y_true, P[:, 0]
    counts = candidates(ScoreIndex.of(y, p))
    chosen = bind(metric)(counts)
    assert rules()[metric].label == "Maximum Hits"
    assert chosen.value == pytest.approx(hits(counts).max())
    assert LABEL_RULES["scut"](LabelRows.of(TASKS["multilabel"]), bind(metric)).thresholds.shape == (3,)
    found = bootstrap(bind(metric), y, p, resamples=20)
    assert found.choice == chosen


@pytest.mark.parametrize("task", TASKS)
def test_a_metric_is_in_the_record_of_thresholds(metric: str, task: str):
    scores = TASKS[task]
    config = make_config(dataset={"binary": "digit", "multiclass": "wine", "multilabel": "yeast"}[task])
    source = ArraySource({"validation": scores, "test": scores}, config=config)
    given = [Domain.of(scores).found(0.5, "f1", "validation")] * scores.n_columns
    worth = threshold_record(source, given, True, "argmax", {}).worth["validation"]
    assert all(metric in column.metrics for column in worth.columns)
    averages = {"binary": ("",), "multiclass": ("macro_",), "multilabel": ("micro_", "macro_", "weighted_", "samples_")}
    assert {f"{average}{metric}" for average in averages[task]} <= worth.together.keys()


def test_a_metric_has_a_curve(metric: str):
    index = ScoreIndex.of(TASKS["binary"].y_true, P[:, 0])
    curve = metric_curve(index, METRICS[metric])
    np.testing.assert_allclose(curve.y, hits(curve))


def test_a_rule_is_bound_tuned_and_resampled(monkeypatch: pytest.MonkeyPatch):
    spec = replace(RULES["f1"], name="twin", label="Twin", function=lambda counts: Goal(hits(counts)))
    monkeypatch.setitem(RULES, "twin", spec)
    y, p = TASKS["binary"].y_true, P[:, 0]
    counts = candidates(ScoreIndex.of(y, p))
    assert bind("twin")(counts).value == pytest.approx(hits(counts).max())
    assert LABEL_RULES["one_for_all"](LabelRows.of(TASKS["multilabel"]), bind("twin")).thresholds.shape == (3,)
    assert bootstrap(bind("twin"), y, p, resamples=20).choice == bind("twin")(counts)


def test_a_loss_is_offered_linked_described_trained_and_solved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(LOSSES, "twin", replace(LOSSES["bce"], label="Twin"))
    config = check(make_config(dataset="digit", head="sigmoid", loss="twin", epochs=1))
    assert "twin" in losses_for("digit", "sigmoid")
    assert from_query(to_query(config)) == (config, [])
    assert any("Twin" in part for part in describe(config))
    *_, twin = train([config], CPU)
    *_, bce = train([config.model_copy(update={"loss": "bce"})], CPU)
    np.testing.assert_array_equal(twin.validation[0], bce.validation[0])
    q = np.array([0.2, 0.7])
    np.testing.assert_allclose(optimal_scores(binary_loss("twin", "sigmoid", {"pos_weight": 1.0}), q), q)


def test_a_data_set_is_loaded_split_linked_and_trained(monkeypatch: pytest.MonkeyPatch):
    spec = DATASETS["breast_cancer"]
    monkeypatch.setitem(
        DATASETS, "twin", replace(spec, label="Twin", load=lambda **given: replace(spec.load(**given), name="twin"))
    )
    config = check(make_config(dataset="twin", epochs=1))
    assert load_dataset("twin").name == "twin"
    assert set(load_split("twin").x) == {"train", "validation", "test"}
    assert (heads_for("twin"), models_for("twin")) == (heads_for("breast_cancer"), models_for("breast_cancer"))
    assert from_query(to_query(config)) == (config, [])
    *_, last = train([config], CPU)
    assert np.isfinite(last.validation[0]).all()


def test_a_head_is_offered_for_its_tasks_with_its_losses_linked_and_described(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(HEADS, "twin", replace(HEADS["sigmoid"], label="Twin"))
    assert "twin" in heads_for("digit")
    assert losses_for("digit", "twin") == losses_for("digit", "sigmoid")
    config = check(make_config(dataset="digit", head="twin", loss="bce", epochs=1))
    assert from_query(to_query(config)) == (config, [])
    assert any("Twin" in part for part in describe(config))
    *_, last = train([config], CPU)
    assert last.validation[0].shape[1] == 1


def test_a_check_is_found_among_the_findings_of_a_configuration(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(OUTPUT, "C999", replace(OUTPUT["C101"], name="Twin", find=lambda _context: ("Found.", None)))
    found = checks.of_config(make_config(dataset="digit"))
    assert [finding.sentence for finding in found if finding.code == "C999"] == ["Found."]
    assert checks.CHECKS["C999"].name == "Twin"
