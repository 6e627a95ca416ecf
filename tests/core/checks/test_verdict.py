"""The verdict: each case with an example and a near one where it is not said, and numbers against scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    precision_recall_curve,
    r2_score,
    roc_auc_score,
)

from core.checks import CHECKS
from core.checks.verdict import CASES, CONVERT, OpenPanel, RestoreEpoch, SetChoices, UseThreshold, Verdict, verdict
from core.data import load_dataset, load_split
from core.errors import CutoffError
from core.evaluation.scores import Scores
from core.evaluation.source import ArraySource, Predictions, RowColumns, ScoreSource, new_id
from core.evaluation.tuning import RULES, bind, bootstrap_of
from core.experiment.compatibility import check
from core.experiment.config import RunConfig, make_config
from core.training.runs import History, Kept, Run

Judged = tuple[ScoreSource, list[float]] | tuple[ScoreSource, list[float], str]  # with the rule that tuned them
FALLING = ([0.7, 0.4, 0.2], [0.7, 0.4, 0.3], [0.5, 0.8, 0.9])
RISING = ([0.7, 0.4, 0.2], [0.7, 0.4, 0.6], [0.5, 0.8, 0.9])
BOTH_RISING = ([0.4, 0.3, 0.5], [0.4, 0.3, 0.6], [0.5, 0.8, 0.9])


def drawn(n: int = 4000, intercept: float = -2.5, slope: float = 2.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,), and logits (N,) of their true probabilities."""
    rng = np.random.default_rng(seed)
    z = intercept + slope * rng.standard_normal(n)
    return (rng.random(n) < expit(z)).astype(int), z


Y, Z = drawn()


def best_threshold(y: np.ndarray, score: np.ndarray) -> float:
    """The threshold of maximum F1, by scikit-learn."""
    precision, recall, thresholds = precision_recall_curve(y, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])


def binary(y: np.ndarray = Y, z: np.ndarray = Z, threshold: float | None = None) -> Judged:
    """These logits as probabilities that nobody trained, by default at the threshold of maximum F1."""
    score = expit(z)
    return ArraySource({"validation": Scores(y, score, "binary", ("honest", "fraud"))}), [
        best_threshold(y, score) if threshold is None else threshold
    ]


def saturated(wrong: bool) -> Judged:
    score = expit(Z)
    top = np.flatnonzero(Y == 1)[np.argsort(-score[Y == 1])[:60]]
    score[top] = 1.0
    if wrong:
        score[np.flatnonzero(Y == 0)[np.argsort(score[Y == 0])[:3]]] = 1.0
    return ArraySource({"validation": Scores(Y, score, "binary", ("honest", "fraud"))}), [best_threshold(Y, score)]


def test_a_few_certain_mistakes_do_not_hide_the_threshold():
    score = np.where(np.quantile(Z, 0.3) > Z, 0, expit(Z))
    wrong = np.count_nonzero((score == 0) & (Y == 1))
    source = ArraySource({"validation": Scores(Y, score, "binary", ("honest", "fraud"))})
    said = verdict(source, [0.9], "validation", None).text
    assert wrong
    assert "Saturated" not in said
    assert "0.9" in said


def fraud_run(
    pos_weight: float = 1, losses: tuple[list[float], list[float], list[float]] = FALLING, **fields: object
) -> Judged:
    """A run on the fraud data whose scores are optimal for its loss, at the threshold of maximum F1."""
    params = (("prevalence", 0.1),)
    weight = {"pos_weight": pos_weight} if pos_weight != 1 else {}
    config = make_config(dataset="fraud", dataset_params=params, loss_params=weight)
    data, split = load_dataset("fraud", params), load_split("fraud", params)
    outputs = {
        part: expit(logit(data.posterior(data.x[split.rows[part]])) + np.log(pos_weight)).astype(np.float32)[:, None]
        for part in ("validation", "test")
    }
    kept = tuple(Kept(epoch, outputs) for epoch in range(3))
    run = Run(f"{new_id()}-0", config, "finished", History(*map(np.array, losses)), outputs, kept=kept)
    return replace(run, **fields), [best_threshold(split.y["validation"], outputs["validation"][:, 0])]


def few(positives: int) -> Judged:
    """Some positives among 200 rows, well ranked; F1 changes little with the threshold."""
    rng = np.random.default_rng(1)
    y = np.arange(200) < positives
    score = np.where(y, rng.beta(6, 3, 200), rng.beta(2, 6, 200))
    return ArraySource({"validation": Scores(y, score, "binary", ("honest", "fraud"))}), [best_threshold(y, score)]


def miswired(activation: str) -> Judged:
    """Digits, classified well, with a softmax before the loss or without."""
    config = make_config(dataset="digits", head="softmax", loss="cross_entropy", activation=activation)
    return digits(0.95, config=config)


def digits(sure: float = 0.95, error: float = 0.05, config: RunConfig | None = None, **fields: object) -> Judged:
    """The digits, a share of them misclassified, with the same probability of the predicted class in all rows."""
    split, rng = load_split("digits"), np.random.default_rng(0)
    outputs = {}
    for part in ("validation", "test"):
        y = split.y[part]
        predicted = np.where(rng.random(len(y)) < error, (y + rng.integers(1, 10, len(y))) % 10, y)
        outputs[part] = np.full((len(y), 10), (1 - sure) / 9, np.float32)
        outputs[part][np.arange(len(y)), predicted] = sure
    config = config or make_config(dataset="digits", head="softmax", loss="cross_entropy")
    run = Run(f"{new_id()}-0", config, "finished", History(*map(np.array, FALLING)), outputs)
    return replace(run, **fields), [0.5] * 10


def without_nines() -> Judged:
    run, thresholds = digits()
    scores = run.outputs["validation"].copy()
    scores[:, 9] = 0
    return replace(run, id=f"{new_id()}-0", outputs={"validation": scores}), thresholds


def majority(share: float, found: float) -> Judged:
    """Three classes, the first with this share; a share of the others is found."""
    rng = np.random.default_rng(0)
    y = rng.choice(3, 1000, p=[share, (1 - share) / 2, (1 - share) / 2])
    predicted = np.where(rng.random(1000) < found, y, 0)
    predicted[:2] = 1, 2
    score = np.full((1000, 3), 0.05)
    score[np.arange(1000), predicted] = 0.9
    return ArraySource({"validation": Scores(y, score, "multiclass", ("a", "b", "c"))}), [0.5] * 3


def labels(intercepts: tuple[float, ...], threshold: float | None = 0.2, noise: bool = False, n: int = 2000) -> Judged:
    """Labels with calibrated scores, or with scores that say nothing."""
    pairs = [drawn(n, intercept, 2, seed) for seed, intercept in enumerate(intercepts)]
    y = np.column_stack([pair[0] for pair in pairs])
    z = np.column_stack([pair[1] for pair in pairs])
    score = np.random.default_rng(9).random(z.shape) if noise else expit(z)
    names = tuple("abcdefgh"[: len(intercepts)])
    best = [best_threshold(*pair) for pair in zip(y.T, score.T, strict=True)]
    given = best if threshold is None else [threshold] * len(intercepts)
    return ArraySource({"validation": Scores(y, score, "multilabel", names)}), given


def yeast_run(loss: str) -> Judged:
    head = "softmax" if loss == "cross_entropy_multihot" else "sigmoids"
    config = make_config(dataset="yeast", head=head, loss=loss)
    split = load_split("yeast")
    outputs = {part: np.where(split.y[part] == 1, 0.8, 0.1).astype(np.float32) for part in ("validation", "test")}
    outputs["validation"][::7] = 0.3
    return Run(f"{new_id()}-0", config, "finished", History(*map(np.array, FALLING)), outputs), [0.5] * split.y[
        "test"
    ].shape[1]


def values(noise: float = 0.3, shift: float = 0.0, outliers: int = 0, **_: object) -> Judged:
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    error = noise * rng.standard_normal(400) + shift
    error[:outliers] += 4
    return ArraySource({"validation": Predictions(y, y + error)}), []


def useless_values() -> Judged:
    rng = np.random.default_rng(0)
    return ArraySource({"validation": Predictions(rng.normal(size=400), 0.1 * rng.normal(size=400))}), []


def line_run(losses: tuple[list[float], list[float], list[float]] = FALLING, **fields: object) -> Judged:
    config = make_config(dataset="line", head="identity", loss="mse", dataset_params={"outliers": 0.0})
    split = load_split("line", (("outliers", 0.0),))
    outputs = {part: (split.y[part] + 0.1 * np.sin(np.arange(len(split.y[part]))))[:, None] for part in ("validation",)}
    return replace(Run(f"{new_id()}-0", config, "finished", History(*map(np.array, losses)), outputs), **fields), []


def restored() -> Judged:
    run, thresholds = fraud_run(losses=RISING)
    return run.at(1), thresholds


def judged(source: ScoreSource, thresholds: list[float], rule: str = "") -> Verdict:
    return verdict(source, thresholds, rule=rule)


# task: kind: where it is said, and near it, where it is not.
SAID: dict[str, dict[str, tuple[Callable[[], Judged], ...]]] = {
    "binary": {
        "diverged": (lambda: fraud_run(status="diverged"), fraud_run),
        "one_class": (lambda: binary(0 * Y, threshold=0.5), binary),
        "constant": (lambda: binary(z=0 * Z, threshold=0.5), lambda: binary(z=0.01 * Z)),
        "reversed_order": (lambda: binary(z=-Z), binary),
        "no_better": (
            lambda: binary(z=np.random.default_rng(1).permutation(Z), threshold=0.5),
            lambda: binary(z=0.2 * Z + np.random.default_rng(1).permutation(Z)),
        ),
        "predicts_none": (lambda: binary(threshold=0.99), lambda: binary(threshold=0.7)),
        "predicts_all": (lambda: binary(threshold=1e-4), lambda: binary(threshold=0.05)),
        "miswired": (
            lambda: (
                replace(
                    fraud_run()[0],
                    config=make_config(dataset="fraud", dataset_params={"prevalence": 0.1}, activation="sigmoid"),
                ),
                [0.2],
            ),
            fraud_run,
        ),
        "overfits": (
            lambda: fraud_run(losses=RISING),
            fraud_run,
            lambda: fraud_run(losses=BOTH_RISING),
            restored,
        ),
        "saturated": (lambda: saturated(True), lambda: saturated(False)),
        "tuned": (lambda: (*binary(z=0.5 * Z), "f1"), lambda: binary(z=0.5 * Z)),
        "wrong_threshold": (lambda: binary(threshold=0.6), lambda: binary(threshold=0.35)),
        "few_positives": (lambda: few(8), lambda: few(80)),
        "overconfident": (lambda: binary(z=2 * Z), binary),
        "underconfident": (lambda: binary(z=0.5 * Z), binary),
        "biased": (lambda: binary(z=Z + 0.7), binary),
        "moved": (lambda: fraud_run(20), fraud_run, lambda: fraud_run(1.1)),
        "sound": (binary, lambda: binary(threshold=0.7)),
    },
    "multiclass": {
        "diverged": (lambda: digits(status="diverged"), digits),
        "no_rows": (
            lambda: (
                ArraySource({"validation": Scores([], np.zeros((0, 3)), "multiclass", ("a", "b", "c"))}),
                [0.5] * 3,
            ),
            digits,
        ),
        "no_better_than_majority": (lambda: majority(0.9, 0.05), lambda: majority(0.9, 0.5)),
        "misses_a_class": (without_nines, digits),
        "miswired": (lambda: miswired("softmax"), lambda: miswired("auto")),
        "overfits": (lambda: digits(history=History(*map(np.array, RISING))), digits),
        "overconfident": (lambda: digits(0.98, 0.2), lambda: digits(0.98, 0.05)),
        "underconfident": (lambda: digits(0.8, 0.05), lambda: digits(0.9, 0.05)),
        "sound": (digits, lambda: digits(0.98, 0.2)),
    },
    "multilabel": {
        "diverged": (lambda: (replace(yeast_run("bce")[0], status="diverged"), [0.5] * 14), lambda: yeast_run("bce")),
        "no_rows": (
            lambda: (
                ArraySource({"validation": Scores(np.zeros((0, 1)), np.zeros((0, 1)), "multilabel", ("a",))}),
                [0.5],
            ),
            lambda: labels((-1,)),
        ),
        "no_better": (lambda: labels((-1, -2), noise=True), lambda: labels((-1, -2))),
        "miswired": (lambda: yeast_run("cross_entropy_multihot"), lambda: yeast_run("bce")),
        "never_predicted": (lambda: labels((-1, -4), threshold=0.999), lambda: labels((-1, -4), threshold=0.6)),
        "predicts_too_many": (lambda: labels((-1, -4), threshold=0.03), lambda: labels((-1, -4), threshold=0.3)),
        "wrong_thresholds": (lambda: labels((-1, -4), threshold=0.6), lambda: labels((-1, -4), threshold=0.3)),
        "overfits": (
            lambda: (replace(yeast_run("bce")[0], history=History(*map(np.array, RISING))), [0.5] * 14),
            lambda: yeast_run("bce"),
        ),
        "few_rows": (lambda: labels((-1, -4), n=100, threshold=None), lambda: labels((-1, -4), threshold=None)),
        "sound": (lambda: labels((-1, -4), threshold=0.3), lambda: labels((-1, -4), threshold=0.6)),
    },
    "regression": {
        "diverged": (lambda: line_run(status="diverged"), line_run),
        "no_rows": (lambda: (ArraySource({"validation": Predictions(np.zeros(0), np.zeros(0))}), []), values),
        "constant_target": (
            lambda: (ArraySource({"validation": Predictions(np.ones(9), np.arange(9.0))}), []),
            values,
        ),
        "no_better_than_the_mean": (useless_values, lambda: values(noise=0.9)),
        "overfits": (lambda: line_run(losses=RISING), line_run),
        "few_rows_dominate": (lambda: values(outliers=10), values),
        "biased": (lambda: values(shift=0.3), values),
        "sound": (values, lambda: values(shift=0.3)),
    },
}
EXAMPLES = [
    pytest.param(task, kind, examples, id=f"{task}-{kind}")
    for task, cases in SAID.items()
    for kind, examples in cases.items()
]


def test_every_case_of_every_task_has_examples():
    assert {task: list(cases) for task, (_, cases) in CASES.items()} == {
        task: list(said) for task, said in SAID.items()
    }


@pytest.mark.parametrize(("task", "kind", "examples"), EXAMPLES)
def test_a_case_is_said_where_it_applies_and_not_near_it(task, kind, examples):
    there, *others = (judged(*example()) for example in examples)
    assert there.kind == kind
    assert others
    for other in others:
        assert other.kind != kind


@pytest.mark.parametrize(("task", "kind", "examples"), EXAMPLES)
def test_a_verdict_is_short_plain_and_repairable(task, kind, examples):
    source, thresholds, *rule = examples[0]()
    said = judged(source, thresholds, *rule)
    assert len(said.text) <= 420
    assert said.text[0] == said.text[0].upper() or said.text.startswith("pos_weight")
    assert said.text.endswith(".")
    assert not set(said.text) & {"—", "–", "\n"}
    assert "nan" not in re.split(r"\W+", said.text)
    assert len(said.actions) <= 2
    assert set(said.codes) <= set(CHECKS)
    assert said.tone == ("good" if kind in ("sound", "moved", "tuned") else said.tone)
    assert said.why
    for action in said.actions:
        assert 0 < len(action.label) <= 40
        match action:
            case UseThreshold(thresholds=given, rule=rule, rows=rows):
                assert len(given) == len(thresholds)
                assert rule in (RULES if task == "binary" else ("scut",))
                assert rows in source.parts
            case RestoreEpoch(epoch=epoch):
                assert source.at(epoch).version == epoch
            case SetChoices(changes=changes):
                assert check(source.config.model_copy(update=changes)) != source.config
            case OpenPanel(panel=panel):
                assert panel in ("tune", "calibration", "theory", "rows", "classes", "labels")


# --- numbers


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?", text)]


def test_a_wrong_threshold_is_said_with_the_numbers_of_scikit_learn():
    source, thresholds = binary(threshold=0.6)
    said, score = verdict(source, thresholds), expit(Z)
    best = best_threshold(Y, score)
    (_, fp), (_, tp) = confusion_matrix(Y, score >= 0.6)
    (_, best_fp), (_, best_tp) = confusion_matrix(Y, score >= best)
    f1, best_f1 = f1_score(Y, score >= 0.6), f1_score(Y, score >= best)
    low, high = bootstrap_of(source, 0, bind("f1")).threshold_spread
    assert said.text == (
        f"Ranks well (ROC-AUC {roc_auc_score(Y, score):.3f}), but at 0.600 it finds {tp:,} of {Y.sum():,} positives "
        f"with {fp:,} false positives (F1 {f1:.3f}); at {best:.3f} it would find {best_tp:,} with {best_fp:,} "
        f"false positives (F1 {best_f1:.3f})."
    )
    assert f"90% of the thresholds are from {low:.3f} to {high:.3f}." in said.why
    (use, _) = said.actions
    assert use == UseThreshold(f"Use {best:.3f}", (best,), "f1", "validation")


def test_using_the_threshold_settles_the_matter():
    source, thresholds = binary(threshold=0.6)
    (use, _) = verdict(source, thresholds).actions
    after = verdict(source, use.thresholds, rule=use.rule)
    assert (after.kind, after.tone) == ("tuned", "good")
    assert after.text.startswith(f"Maximum F1, tuned on validation rows: at {use.thresholds[0]:.3f} it finds ")


def test_the_probability_that_the_threshold_means_is_said():
    said = verdict(*binary(z=0.5 * Z + 0.5, threshold=0.55))
    assert said.kind == "underconfident"
    means = float(re.search(r"but 0.550 means a probability of (0\.\d+)", said.text)[1])
    assert means == pytest.approx(expit(2 * (logit(0.55) - 0.5)), abs=0.02)
    assert "threshold are not affected" not in said.text


@pytest.mark.parametrize(("shift", "method"), [(0, "temperature"), (0.7, "sigmoid")])
def test_calibration_opens_with_a_method_that_can_move_one_half_where_that_is_off(shift, method):
    y, z = drawn(intercept=0)
    actions = verdict(*binary(y, 0.5 * z + shift)).actions
    assert actions == (OpenPanel("Calibrate", "calibration", method),)


def test_scores_that_the_loss_has_moved_are_converted_back():
    assert verdict(*fraud_run(20)).actions == (OpenPanel("Calibrate", "calibration", CONVERT),)


def test_classes_without_names_are_positive_and_negative():
    source = ArraySource({"all": Scores(Y, expit(Z), "binary", ("0", "1"))})
    said = verdict(source, [0.99], "all")
    assert said.text.startswith("Predicts almost no positive: at 0.990 it predicts positive for only ")
    assert "Maximum F1 on all rows, " in said.why


def test_labels_per_row_are_counted_where_there_are_too_many():
    source, thresholds = labels((-1, -4), threshold=0.03)
    said, scores = verdict(source, thresholds), source.scores("validation")
    predicted = scores.y_score >= 0.03
    assert said.text.startswith(
        f"Predicts {predicted.sum(1).mean():.2f} labels per row where rows have {scores.y_true.sum(1).mean():.2f}: "
    )
    assert f"(Hamming loss {(predicted != scores.y_true).mean():.3f})" in said.text


def test_scores_that_are_no_probabilities_are_only_noted_once_the_threshold_is_tuned():
    source, thresholds = binary(z=0.5 * Z)
    assert verdict(source, thresholds).tone == "warning"
    said = verdict(source, thresholds, rule="f1")
    assert said.tone == "good"
    assert re.search(r"As probabilities scores are off: 0.9 means 0.9\d\.$", said.text)


@pytest.mark.parametrize("weight", [1, 20])
def test_a_green_verdict_is_not_far_from_the_maximum_f1(weight):
    run, _ = fraud_run(weight)
    y, score = run.scores("validation").y_true, run.scores("validation").y_score[:, 0]
    best = f1_score(y, score >= best_threshold(y, score))
    tones = [verdict(run, [t]).tone for t in np.linspace(0.02, 0.98, 25)]
    lost = [best - f1_score(y, score >= np.float32(t)) for t in np.linspace(0.02, 0.98, 25)]
    assert {"good", "warning"} <= set(tones)
    assert max(loss for tone, loss in zip(tones, lost, strict=True) if tone == "good") < 0.02


def weighted(dataset: str, head: str, weight: float) -> Judged:
    """Scores that know the class or labels of each row, of a run with this pos_weight."""
    config = make_config(dataset=dataset, head=head, loss="bce", loss_params={"pos_weight": weight})
    y = load_split(dataset).y["validation"]
    known = y if y.ndim == 2 else np.eye(10)[y]
    scores = {"validation": np.where(known == 1, 0.9, 0.1).astype(np.float32)}
    run = Run(f"{new_id()}-0", config, "finished", History(*map(np.array, FALLING)), scores)
    return run, [0.5] * known.shape[1]


@pytest.mark.parametrize(("dataset", "head"), [("digits", "one_vs_rest"), ("yeast", "sigmoids")])
def test_the_weight_is_said_to_move_the_scores_of_classes_and_labels(dataset, head):
    sentence = f"With pos_weight 20, a score of {20 / 21:.3f}, not 0.5, means a probability of 50%."
    assert sentence in verdict(*weighted(dataset, head, 20)).text
    assert "means a probability of 50%" not in verdict(*weighted(dataset, head, 1)).text


def test_counts_are_of_the_rows_shown_and_the_threshold_is_tuned_on_validation():
    y, z = drawn(seed=1)
    both = {
        part: Scores(labels, expit(logits), "binary", ("honest", "fraud"))
        for part, labels, logits in (("validation", Y, Z), ("test", y, z))
    }
    said = verdict(ArraySource(both), [0.6], "test")
    (_, fp), (_, tp) = confusion_matrix(y, expit(z) >= 0.6)
    assert f"finds {tp} of {y.sum()} positives with {fp} false positives" in said.text
    assert said.actions[0].thresholds == (best_threshold(Y, expit(Z)),)


def test_weights_count():
    weight = np.where(Y == 1, 3.0, 1.0)
    scores = Scores(Y, expit(Z), "binary", ("honest", "fraud"))
    source = ArraySource({"validation": scores}, {"validation": RowColumns(weight=weight)})
    said = verdict(source, [0.6])
    assert f"of {3 * Y.sum():,}" in said.text
    assert f"ROC-AUC {roc_auc_score(Y, expit(Z), sample_weight=weight):.3f}" in said.text


def test_the_weight_is_said_to_move_the_score_that_means_one_half():
    run, _ = fraud_run(20)
    said = verdict(run, [0.5])
    assert said.kind == "wrong_threshold"
    assert f"With pos_weight 20, a score of {20 / 21:.3f}, not 0.5, means a probability of 50%." in said.text


def test_no_better_than_chance_is_said_with_both_measures():
    score = expit(np.random.default_rng(1).permutation(Z))
    said = verdict(*binary(z=logit(score), threshold=0.5))
    assert f"average precision is {average_precision_score(Y, score):.3f} where {Y.mean():.1%}" in said.text


def test_above_every_score_is_said_in_words():
    said = verdict(*binary(threshold=np.inf))
    assert said.kind == "predicts_none"
    assert said.text.startswith(
        "Predicts no fraud: with the threshold above every score none of 4,000 rows reaches the threshold"
    )


def test_margins_have_verdicts_too():
    source = ArraySource({"validation": Scores(Y, 3 * Z, "binary", ("honest", "fraud"))})
    said = verdict(source, [3.0])
    assert said.kind == "wrong_threshold"
    assert said.actions[0].thresholds == (best_threshold(Y, 3 * Z),)


def test_never_predicted_labels_are_tuned_together():
    source, thresholds = labels((-1, -4), threshold=0.999)
    said, scores = verdict(source, thresholds), source.scores("validation")
    (use, *_) = said.actions
    expected = [best_threshold(y, score) for y, score in zip(scores.y_true.T, scores.y_score.T, strict=True)]
    assert use.thresholds == pytest.approx(expected)
    tuned = f1_score(scores.y_true, scores.y_score >= np.array(use.thresholds), average="macro")
    assert f"macro F1 is {tuned:.3f} instead of 0.000" in said.text
    assert said.text.startswith("Never predicts 2 of 2 labels: a and b")


def test_a_regression_is_said_with_the_numbers_of_scikit_learn():
    source, _ = values()
    y, predicted = source.predictions("validation")
    said = verdict(source, [])
    r2, low, high, mae, of_mean = (numbers(said.text.replace("R²", "").replace("90%", ""))[at] for at in range(5))
    assert r2 == pytest.approx(r2_score(y, predicted), abs=5e-4)
    assert low < r2 < high
    assert mae == pytest.approx(mean_absolute_error(y, predicted), rel=5e-3)
    assert of_mean == pytest.approx(np.abs(y - y.mean()).mean(), rel=5e-3)


# --- its interface


def test_it_is_cached_by_source_threshold_part_and_progress():
    run, thresholds = fraud_run()
    said = verdict(run, thresholds)
    assert verdict(run, thresholds) is said
    assert verdict(run, [0.9]) is not said
    assert verdict(run, thresholds, "test") is not said
    assert verdict(replace(run, status="diverged"), thresholds).kind == "diverged"


def test_an_earlier_epoch_knows_the_run_behind_it():
    run, thresholds = fraud_run(losses=RISING)
    assert verdict(run, thresholds).actions == (RestoreEpoch("Restore epoch 1", 1),)
    assert verdict(run.at(1), thresholds, run=run).kind == "sound"


def test_bad_input_gets_a_sentence():
    source, _ = binary()
    with pytest.raises(CutoffError, match="Expected 1 `thresholds`, but got 2"):
        verdict(source, [0.5, 0.5])
    with pytest.raises(CutoffError, match="no scores for the test rows"):
        verdict(source, [0.5], "test")


def test_class_names_are_not_in_the_longer_explanation():
    name = "<img src=x>"
    for threshold in (0.001, 0.99):
        source = ArraySource({"validation": Scores(Y, expit(Z), "binary", ("honest", name))})
        said = verdict(source, [threshold])
        assert name in said.text
        assert name not in said.why
        assert isinstance(said, Verdict)
