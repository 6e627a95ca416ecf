"""Every check of a run and of what its scores are used for, with a case that triggers it and one that does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from core.checks import CHECKS, Finding, of_calibration, of_rule, of_run
from core.data import load_split
from core.evaluation.calibration import METHODS, Line, fit_line
from core.evaluation.source import ArraySource, ScoreSource
from core.evaluation.tuning import RULES
from core.experiment.config import make_config
from core.training.engine import train
from core.training.runs import History, Run
from tests.support.check_cases import CASES, LABELS, TEN


def a_run(
    scores: np.ndarray | None = None,
    losses: tuple[list[float], list[float], list[float]] = ([0.7, 0.5], [0.7, 0.5], [0.5, 0.9]),
    status: str = "finished",
    **choices: object,
) -> Run:
    """A run with these validation scores (N, C) and losses and accuracies by epoch."""
    outputs = {} if scores is None else {"validation": scores.astype(np.float32), "test": scores.astype(np.float32)}
    return Run("a-0", make_config(**choices), status, History(*map(np.array, losses)), outputs)


def labels(dataset: str) -> np.ndarray:
    return load_split(dataset).y["validation"]


def codes(run: Run) -> set[str]:
    return {finding.code for finding in of_run(run)}


# --- after a run


def score_of(dataset: str, positive: float, negative: float) -> np.ndarray:
    return np.where(labels(dataset) == 1, positive, negative).reshape(len(labels(dataset)), -1)


FALLING = ([0.7, 0.4, 0.2], [0.7, 0.4, 0.3], [0.5, 0.8, 0.9])
RISING = ([0.7, 0.4, 0.2], [0.7, 0.4, 0.6], [0.5, 0.8, 0.9])
# code: a run that it speaks of, and one like it that it does not.
RUNS: dict[str, tuple[Callable[[], Run], Callable[[], Run]]] = {
    "C302": (lambda: a_run(status="diverged"), lambda: a_run()),
    "C303": (lambda: a_run(losses=([0.5, 0.9], [0.5, 0.6], [0.5, 0.5])), lambda: a_run()),
    "C304": (lambda: a_run(losses=RISING), lambda: a_run(losses=FALLING)),
    "C401": (lambda: a_run(score_of("digit", 1, 0.1)), lambda: a_run(score_of("digit", 0.9, 0.1))),
    "C402": (lambda: a_run(score_of("digit", 0.4, 0.1)), lambda: a_run(score_of("digit", 0.9, 0.1))),
    "C403": (lambda: a_run(score_of("digit", 0.4, 0.6)), lambda: a_run(score_of("digit", 0.5, 0.1))),
    "C404": (lambda: a_run(score_of("digit", 0.01, 0.99)), lambda: a_run(score_of("digit", 0.99, 0.01))),
    "C405": (
        lambda: a_run(score_of("yeast", 0.4, 0.1), **LABELS),
        lambda: a_run(score_of("yeast", 0.9, 0.1), **LABELS),
    ),
    "C406": (lambda: a_run(score_of("digit", 0.7, 0.5)), lambda: a_run(score_of("digit", 0.7, 0.49))),
}


def test_every_check_after_a_run_has_its_two_runs():
    assert set(RUNS) | set(CASES) | set(USES) == set(CHECKS)


@pytest.mark.parametrize("code", RUNS)
def test_check_speaks_of_its_run_and_is_silent_beside_it(code):
    run, beside = RUNS[code]
    assert code in codes(run())
    assert code not in codes(beside())


def test_double_sigmoid_is_seen_in_what_it_gives():
    config = make_config(activation="sigmoid", epochs=3)
    *_, last = (epoch for epoch in train([config]) if epoch is not None)
    run = replace(a_run(last.validation[0]), config=config)
    sentence = next(f for f in of_run(run) if f.code == "C406").sentence
    assert f"All {len(labels('digit'))} rows reach 0.5" in sentence
    assert f"{labels('digit').mean():.1%} of them are positive" in sentence


def test_equal_scores_are_not_said_to_have_an_order():
    for code, score in (("C403", 0.2), ("C406", 0.7)):
        finding = next(f for f in of_run(a_run(score_of("digit", score, score))) if f.code == code)
        assert finding.sentence.endswith("All scores are equal, so no threshold helps.")


def test_loss_that_stays_where_it_is_neither_rises_nor_ends_above_its_start():
    for flat in ([0.0] * 4, [1e-9, 0.0, 2e-9, 1e-9], [0.693, 0.694, 0.692, 0.695], [-0.5, -0.6, -0.7, -0.7]):
        assert not codes(a_run(losses=(flat, flat, [0.9] * 4))) & {"C303", "C304"}


def test_loss_that_rises_on_training_rows_too_is_no_overconfidence():
    rising = [0.5, 0.7, 0.9]
    assert codes(a_run(losses=(rising, rising, [0.5, 0.6, 0.7]))) == {"C303"}


def test_loss_without_a_lower_bound_is_no_matter_of_the_rate():
    choices = TEN | {"loss": "nll", "activation": "none"}
    (finding,) = [f for f in of_run(a_run(status="diverged", **choices)) if f.code == "C302"]
    assert "no lower bound" in finding.sentence
    assert finding.remedy == {"activation": "auto"}


def test_divergence_is_said_with_its_epoch_and_a_tenth_of_the_rate():
    run = a_run(status="diverged", lr=0.5)
    (finding,) = [f for f in of_run(run) if f.code == "C302"]
    assert "epoch 2" in finding.sentence
    assert finding.remedy == {"lr": 0.05}
    assert "C302" not in codes(a_run())
    (smallest,) = [f for f in of_run(a_run(status="diverged", lr=1e-6)) if f.code == "C302"]
    assert smallest.remedy is None


def test_training_loss_above_its_start_is_said():
    assert "C303" in codes(a_run(losses=([0.5, 0.9], [0.5, 0.6], [0.5, 0.5])))
    assert "C303" not in codes(a_run())


def test_rising_validation_loss_under_a_holding_accuracy_is_said_with_the_epoch_to_stop_at():
    losses = ([0.7, 0.4, 0.2, 0.1], [0.7, 0.4, 0.45, 0.6], [0.5, 0.8, 0.85, 0.86])
    (finding,) = [f for f in of_run(a_run(losses=losses)) if f.code == "C304"]
    assert "Since epoch 1 the validation loss rose from 0.400 to 0.600" in finding.sentence
    assert finding.remedy == {"epochs": 1}
    falling = ([0.7, 0.4, 0.2], [0.7, 0.4, 0.6], [0.5, 0.8, 0.7])
    assert "C304" not in codes(a_run(losses=falling))
    assert "C304" not in codes(a_run())


def test_saturated_scores_are_said_with_their_share():
    p = np.full((len(labels("digit")), 1), 0.3)
    assert "C401" not in codes(a_run(p))
    p[: len(p) // 4] = 1
    (finding,) = [f for f in of_run(a_run(p)) if f.code == "C401"]
    assert finding.sentence.startswith(f"{(p == 1).mean():.1%} of the validation scores are exactly 0 (0.0%)")


def test_no_to_everything_is_said_and_that_accuracy_does_not_show_it():
    y = labels("digit")
    low = np.where(y == 1, 0.4, 0.1)[:, None]
    run = a_run(low)
    assert {"C402", "C403"} <= codes(run)
    accuracy = next(f for f in of_run(run) if f.code == "C402").sentence
    plain = f"{1 - y.mean():.3f}"
    assert accuracy == f"Accuracy is {plain}, no better than the {plain} of predicting rest for every row."
    assert (
        f"none of the {y.sum()} positives is predicted positive, the highest score among them is 0.4"
        in next(f for f in of_run(run) if f.code == "C403").sentence
    )
    assert not codes(a_run(np.where(y == 1, 0.9, 0.1)[:, None])) & {"C402", "C403"}


def test_confidence_above_accuracy_is_said_with_both():
    y = labels("digit")
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.3
    p = np.where((y == 1) ^ wrong, 0.99, 0.01)[:, None]
    (finding,) = [f for f in of_run(a_run(p)) if f.code == "C404"]
    assert (
        f"{len(y)} validation rows the mean confidence is 0.990, the accuracy {1 - wrong.mean():.3f}"
        in finding.sentence
    )
    assert "C404" not in codes(a_run(np.where((y == 1) ^ wrong, 0.7, 0.3)[:, None]))


def test_rows_without_any_label_are_counted():
    y = labels("yeast")
    low = np.where(y == 1, 0.4, 0.1)
    (finding,) = [f for f in of_run(a_run(low, **LABELS)) if f.code == "C405"]
    assert f"{len(y)} of {len(y)} validation rows (100.0%) get no label at 0.5" in finding.sentence
    assert "C405" not in codes(a_run(np.where(y == 1, 0.9, 0.1), **LABELS))


def test_run_without_scores_yet_and_a_regression_are_taken():
    nothing = a_run(losses=([], [], []), status="queued")
    assert codes(nothing) == set()
    values = np.zeros((len(load_split("diabetes").y["validation"]), 1))
    undefined = ([1.0, 0.5], [1.0, 0.5], [math.nan, math.nan])
    assert codes(a_run(values, losses=undefined, dataset="diabetes", head="identity", loss="mse")) == set()


# --- what scores are used for


def uniform(**choices: object) -> Run:
    """A run that scores every row the prevalence, which is calibrated."""
    y = labels(str(choices.get("dataset", "digit")))
    y = y.reshape(len(y), -1)
    return a_run(np.broadcast_to(y.mean(0), y.shape), **choices)


RARER = {"dataset": "breast_cancer", "dataset_params": {"prevalence": "5%"}}
# code: a use of a run that it speaks of, and one like it that it does not.
USES: dict[str, tuple[Callable[[], tuple[Run, int, str]], Callable[[], tuple[Run, int, str]]]] = {
    "C207": (lambda: (of_few(), 0, "f1"), lambda: (uniform(), 0, "f1")),
    "C407": (
        lambda: (uniform(loss_params={"pos_weight": 9.0}), 0, "half_f1"),
        lambda: (uniform(), 0, "half_f1"),
    ),
    "C408": (lambda: (of_few(), 0, "sigmoid"), lambda: (uniform(), 0, "sigmoid")),
}


def of_few() -> Run:
    """A run on validation rows of which fewer than ten are positive."""
    y = load_split("breast_cancer", make_config(**RARER).dataset_params).y["validation"]
    assert 0 < y.sum() < 10
    return a_run(np.where(y == 1, 0.7, 0.2)[:, None], **RARER)


def of_use(run: ScoreSource, column: int, use: str) -> tuple[Finding, ...]:
    return (of_calibration if use in METHODS else of_rule)(run, column, use)


def found_in(run: Run, column: int, use: str) -> dict[str, str]:
    return {finding.code: finding.sentence for finding in of_use(run, column, use)}


@pytest.mark.parametrize("code", USES)
def test_check_speaks_of_its_use_and_is_silent_beside_it(code):
    use, beside = USES[code]
    assert code in found_in(*use())
    assert code not in found_in(*beside())


@pytest.mark.parametrize("use", [*RULES, *METHODS])
def test_only_rules_that_read_probabilities_ask_for_them(use):
    found = found_in(uniform(loss_params={"pos_weight": 9.0}), 0, use)
    assert ("C407" in found) == (use in ("half_f1", "cost"))
    assert ("C408" in found) == (use == "isotonic")  # on fewer rows than are advised
    assert "C207" not in found
    if use == "half_f1":
        assert "0.100" in found["C407"]


def test_scores_measured_to_be_no_probabilities_are_said_with_what_a_half_stands_for():
    rng = np.random.default_rng(0)
    y = labels("digit")
    z = np.where(y == 1, 1.0, -2.0) + rng.normal(0, 1.5, len(y))
    run = a_run(expit(z + 3)[:, None])
    line = fit_line(y == 1, run.scores("validation").y_score[:, 0])
    said = found_in(run, 0, "cost")["C407"]
    assert f"a score of 0.5 stands for a true probability of {line.stands_for(0.5):.3f} (slope {line.slope:.2f}" in said
    assert "c_fp / (c_fp + c_fn)" in said
    assert "C407" not in found_in(a_run(line_of(line, expit(z + 3))), 0, "cost")


def line_of(line: Line, p: np.ndarray) -> np.ndarray:
    """Scores (N, 1) made calibrated by the line fitted to them."""
    return expit(line.slope * logit(p) + line.intercept)[:, None]


def test_few_positives_of_the_class_that_is_tuned_are_counted():
    y = labels("yeast")
    counts, run = y.sum(0), uniform(**LABELS)
    for column, count in enumerate(counts):
        said = found_in(run, column, "f1")
        assert ("C207" in said) == (count < 10)
        if count < 10:
            assert said["C207"].startswith(f"Only {count} validation rows are {run.class_names[column]}")


@pytest.mark.parametrize("use", ["f1", "cost", "half_f1", *METHODS])
@pytest.mark.parametrize("truth", [0, 1])
def test_uses_bear_one_class(use, truth):
    run = uniform()
    scores = run.scores("validation")
    one_class = ArraySource(
        {"validation": replace(scores, y_true=np.full_like(scores.y_true, truth))}, config=run.config
    )
    assert all(finding.sentence for finding in of_use(one_class, 0, use))
