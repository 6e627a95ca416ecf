"""On every preset, and on the demonstration, whatever the verdict says is true: its numbers are computed again."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    precision_recall_curve,
    r2_score,
    roc_auc_score,
)

from core.checks.verdict import RestoreEpoch, UseThreshold, Verdict, verdict
from core.experiment.config import RunConfig
from core.experiment.presets import DEMONSTRATION, PRESETS
from core.training.runner import Runner
from core.training.runs import Run

pytestmark = pytest.mark.slow
EXPERIMENTS = {"demonstration": DEMONSTRATION} | {name: preset.experiment for name, preset in PRESETS.items()}
NUMBER = r"([-+]?[\d,]*\.?\d+)"
CHECKED: list[str] = []  # patterns found since it was cleared


def found(pattern: str, text: str) -> list[float] | None:
    """The numbers that stand where the pattern has NUMBER; None where the text says no such thing."""
    match = re.search(pattern, text)
    if match is None:
        return None
    CHECKED.append(pattern)
    return [float(number.replace(",", "")) for number in match.groups()]


def of_ranking(said: Verdict, run: Run, t: float) -> None:
    scores = run.scores("validation")
    if numbers := found(rf"ROC-AUC {NUMBER}", said.text):
        area = roc_auc_score(scores.y_true, scores.y_score[:, 0])
        assert numbers == [pytest.approx(area, abs=5.1e-4)]
        assert ("Ranks well" in said.text) == (area >= 0.8)


def of_decisions(said: Verdict, run: Run, t: float) -> None:
    y, score = run.scores("validation").y_true, run.scores("validation").y_score[:, 0]
    (_, fp), (_, tp) = confusion_matrix(y, score >= np.float32(t))
    if numbers := found(rf"it predicts [\w ]+ for (?:only )?{NUMBER} of {NUMBER} rows", said.text):
        assert numbers == [fp + tp, len(y)]
    if numbers := found(rf"rows and finds {NUMBER} of {NUMBER}", said.text):
        assert numbers == [tp, y.sum()]
    if numbers := found(
        rf"it finds {NUMBER} of {NUMBER} positives with {NUMBER} false positives? \(F1 {NUMBER}\)", said.text
    ):
        assert numbers == [tp, y.sum(), fp, pytest.approx(f1_score(y, score >= np.float32(t)), abs=5.1e-4)]
    if numbers := found(rf"every row at {NUMBER}: {NUMBER} of {NUMBER}, of which {NUMBER}", said.text):
        assert numbers == [t, fp + tp, len(y), y.sum()]
        assert fp + tp == len(y)
    precision, recall, _ = precision_recall_curve(y, score)
    best = float((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max())
    if "near its maximum" in said.text or "near the maximum F1" in said.text:
        assert f1_score(y, score >= np.float32(t)) > best - 0.02
    for action in said.actions:
        if isinstance(action, UseThreshold):
            (tuned,) = action.thresholds
            assert f1_score(y, score >= np.float32(tuned)) == pytest.approx(best)
            (_, fewer), (_, caught) = confusion_matrix(y, score >= np.float32(tuned))
            would = found(
                rf"t {NUMBER} it would find {NUMBER}(?: of [\d,]+ positives)? with {NUMBER} false positives? "
                rf"\(F1 {NUMBER}\)",
                said.text,
            )
            assert would == [pytest.approx(tuned, abs=5.1e-4), caught, fewer, pytest.approx(best, abs=5.1e-4)]


def of_few_rows(said: Verdict, run: Run, t: float) -> None:
    y, score = run.scores("validation").y_true, run.scores("validation").y_score[:, 0]
    if numbers := found(
        rf"With {NUMBER} validation rows? of .*: on new rows F1 would change by {NUMBER} "
        rf"\(90% interval {NUMBER} to {NUMBER}\)",
        said.text,
    ):
        positives, gain, low, high = numbers
        precision, recall, _ = precision_recall_curve(y, score)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
        assert positives == y.sum()
        assert gain <= f1.max() - f1_score(y, score >= np.float32(t))  # in-sample, which is optimistic
        assert low < min(0, gain)
        assert max(0, gain) < high


def of_the_loss(said: Verdict, run: Run, t: float) -> None:
    if numbers := found(rf"a score of {NUMBER}, not 0.5, means a probability of 50%", said.text):
        assert numbers == [pytest.approx(half_score(run.config), abs=1e-3)]


def half_score(config: RunConfig) -> float:
    """The score of minimum expected loss where both labels are equally likely, by a search."""
    params = dict(config.loss_params)
    weight = float(params.get("pos_weight", 1))

    def focal(z: float) -> float:
        p, alpha = expit(z), float(params.get("alpha", 0.25))
        return -alpha * (1 - p) ** 2 * np.log(p) - (1 - alpha) * p**2 * np.log(1 - p)

    losses: dict[str, Callable[[float], float]] = {
        "bce": lambda z: -weight * np.log(expit(z)) - np.log(expit(-z)),
        "focal": focal,
        # the prior of fraud is .05, so its logit is lowered by log 19 during training
        "logit_adjusted": lambda z: -np.log(expit(z - np.log(19))) - np.log(expit(np.log(19) - z)),
    }
    return float(expit(minimize_scalar(losses[config.loss], bounds=(-15, 15), method="bounded").x))


def of_calibration(said: Verdict, run: Run, t: float) -> None:
    y, p = run.scores("validation").y_true, run.scores("validation").y_score[:, 0].astype(float)
    if numbers := found(rf"a score of {NUMBER} means a probability of {NUMBER} \(slope {NUMBER}", said.text):
        z = np.log(p / (1 - p))
        line = LogisticRegression(C=np.inf, tol=1e-8).fit(z[:, None], y)
        shown, probability, slope = numbers
        assert slope == pytest.approx(line.coef_[0, 0], abs=0.02)
        assert probability == pytest.approx(line.predict_proba([[np.log(shown / (1 - shown))]])[0, 1], abs=0.011)
        assert (slope < 1) == said.text.startswith("Overconfident")
    if numbers := found(rf"ECE {NUMBER}", said.text):
        edges = np.minimum((p * 15).astype(int), 14)
        error = sum(abs((p - y)[edges == one].sum()) for one in range(15)) / len(y)
        assert numbers == [pytest.approx(error, abs=2e-3)]


def of_epochs(said: Verdict, run: Run) -> None:
    if numbers := found(rf"since epoch {NUMBER}: the validation loss rose from {NUMBER} to {NUMBER}", said.text):
        losses = run.history.validation
        assert numbers == [losses.argmin(), pytest.approx(losses.min(), rel=5e-3), pytest.approx(losses[-1], rel=5e-3)]
        assert run.history.train[-1] < run.history.train[losses.argmin()]
        assert said.actions[0] == RestoreEpoch(f"Restore epoch {losses.argmin()}", losses.argmin())
    if numbers := found(rf"Diverged: at epoch {NUMBER}.*those of epoch {NUMBER}", said.text):
        assert numbers == [len(run.history.train), len(run.history.train) - 1]
        assert run.status == "diverged"


def of_classes(said: Verdict, run: Run) -> None:
    scores = run.scores("validation")
    y, predicted = scores.y_true, scores.y_score.argmax(1)
    accuracy = accuracy_score(y, predicted)
    if numbers := found(rf"ccuracy is {NUMBER} \(90% interval {NUMBER} to {NUMBER}\) where .* has {NUMBER}", said.text):
        interval = binomtest((y == predicted).sum(), len(y)).proportion_ci(0.9, "wilson")
        assert numbers == pytest.approx([accuracy, *interval, np.bincount(y).max() / len(y)], abs=5.1e-4)
    if numbers := found(rf"by {NUMBER}: the mean confidence is {NUMBER}, the accuracy {NUMBER}", said.text):
        confidence = scores.y_score.max(1).mean()
        assert numbers == pytest.approx([abs(confidence - accuracy), confidence, accuracy], abs=1.1e-3)
        assert (confidence > accuracy) == said.text.startswith("Overconfident")
    if match := re.search(r"Never predicts ([\w ,]+), though (\d+)", said.text):
        missed = [name for at, name in enumerate(scores.class_names) if at not in predicted]
        assert [name for name in missed if name in re.split(r"\W+", match[1])] == missed
        assert int(match[2]) == sum((y == scores.class_names.index(name)).sum() for name in missed)
    if match := re.search(r"weakest class is (\w+) \(F1 ([\d.]+)", said.text):
        f1 = f1_score(y, predicted, average=None)
        assert scores.class_names[f1.argmin()] == match[1]
        assert float(match[2]) == pytest.approx(f1.min(), abs=5.1e-4)
    if numbers := found(rf"no probability above {NUMBER}; -log p of the true class stays above {NUMBER}", said.text):
        assert scores.y_score.max() <= numbers[0] + 5e-5
        assert -np.log(scores.y_score[np.arange(len(y)), y]).min() >= numbers[1] - 5e-5


def of_values(said: Verdict, run: Run) -> None:
    y, predicted = run.predictions("validation")
    squares = np.sort((y - predicted) ** 2)[::-1]
    if numbers := found(rf"the {NUMBER} rows with the largest errors make {NUMBER}%", said.text):
        assert numbers[1] == pytest.approx(100 * squares[: int(numbers[0])].sum() / squares.sum(), abs=0.51)
    if numbers := found(rf"R² is {NUMBER}", said.text):
        assert numbers == [pytest.approx(r2_score(y, predicted), abs=5.1e-4)]
    if numbers := found(rf"the mean absolute error(?: is)? {NUMBER}", said.text):
        assert numbers == [pytest.approx(mean_absolute_error(y, predicted), rel=6e-3)]


@cache
def trained(name: str) -> tuple[Run, ...]:
    """The runs of an experiment with its first seed."""
    experiment, runner = EXPERIMENTS[name], Runner()
    try:
        return runner.wait(runner.submit(experiment.model_copy(update={"seeds": experiment.seeds[:1]}))).runs
    finally:
        runner.close()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_verdict_on_every_variant_is_true(name):
    for run in trained(name):
        columns = 0 if run.task == "regression" else run.scores("validation").n_columns
        said = verdict(run, [0.5] * columns)
        CHECKED.clear()
        of_epochs(said, run)
        if run.task == "binary":
            for check in (of_ranking, of_decisions, of_few_rows, of_the_loss, of_calibration):
                check(said, run, 0.5)
            for action in said.actions:
                if isinstance(action, UseThreshold):
                    after = verdict(run, action.thresholds, rule=action.rule)
                    assert after.tone == "good" or after.kind == "miswired"
                    for check in (of_ranking, of_decisions, of_calibration):
                        check(after, run, action.thresholds[0])
        elif run.task == "multiclass":
            of_classes(said, run)
        else:
            of_values(said, run)
        assert CHECKED or said.kind == "miswired", said.text


# kind of the verdict at 0.5 of variants whose faults are known.
KNOWN = {
    ("demonstration", "pos_weight 1"): "predicts_none",
    ("demonstration", "pos_weight 20"): "wrong_threshold",
    ("imbalance", "pos_weight 19"): "wrong_threshold",
    ("softmax_twice", "Softmax before it"): "miswired",
    ("double_sigmoid", "Sigmoid in both"): "predicts_all",
    ("learning_rate", "learning rate 3"): "diverged",
    ("outliers", "MSE"): "few_rows_dominate",
    ("one_or_two", "One column, cross-entropy"): "miswired",
}


@pytest.mark.parametrize("name", sorted({name for name, _ in KNOWN}))
def test_known_faults_are_found(name):
    for variant, run in zip(EXPERIMENTS[name].variants, trained(name), strict=True):
        if (name, variant.name) in KNOWN:
            columns = 0 if run.task == "regression" else run.scores("validation").n_columns
            assert verdict(run, [0.5] * columns).kind == KNOWN[name, variant.name]
