"""Every check with a case that triggers it and one that does not, and the numbers in its sentences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import hypergeom

from core.checks import BEFORE, CHECKS, Finding, after, before
from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset, load_split
from core.errors import CutoffError
from core.heads import ACTIVATIONS
from core.losses import LOSSES
from core.objective import resolved
from core.runner import History, Run
from core.wiring import check, heads_for, losses_for, params_for

FAST = [name for name in DATASETS if name not in ("mnist_5k", "shuttle")]
BALANCED = {"dataset": "moons"}
RARE = {"dataset": "gaussians", "dataset_params": {"prevalence": 0.1}}
TWO = {"head": "softmax2", "loss": "cross_entropy"}
TEN = {"dataset": "digits", "head": "softmax", "loss": "cross_entropy"}
REST = {"dataset": "digits", "head": "one_vs_rest"}
VALUES = {"dataset": "line", "head": "identity"}
LABELS = {"dataset": "yeast", "head": "sigmoids"}

# code: a configuration that it speaks of, and one like it that it does not.
CASES: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "C101": (TEN | {"activation": "softmax"}, TEN),
    "C102": ({"activation": "sigmoid"}, {"loss": "bce_probabilities"}),
    "C103": ({"activation": "softmax"}, TEN | {"activation": "softmax"}),
    "C104": (TEN | {"activation": "log_softmax"}, TEN | {"loss": "nll"}),
    "C105": (TEN | {"loss": "nll", "activation": "softmax"}, TEN | {"loss": "nll"}),
    "C106": (TEN | {"loss": "nll", "activation": "none"}, TEN | {"loss": "nll"}),
    "C107": (REST | {"activation": "softmax"}, REST | {"activation": "sigmoid"}),
    "C108": ({"loss": "brier", "activation": "none"}, {"loss": "brier"}),
    "C109": ({"loss": "cross_entropy_float"}, TWO),
    "C110": (LABELS | {"head": "softmax", "loss": "cross_entropy_multihot"}, LABELS),
    "C201": (RARE | {"loss_params": {"pos_weight": 0.11}}, RARE | {"loss_params": {"pos_weight": 9.0}}),
    "C202": (BALANCED | {"loss_params": {"pos_weight": 9.0}}, RARE | {"loss_params": {"pos_weight": 9.0}}),
    "C203": (
        RARE | TWO | {"loss_params": {"class_weight": "9, 1"}},
        RARE | TWO | {"loss_params": {"class_weight": "1, 9"}},
    ),
    "C204": (TWO | {"loss_params": {"class_weight": "1, 9"}, "batch_size": 1}, TWO | {"batch_size": 1}),
    "C205": (
        TWO | {"loss_params": {"class_weight": "1, 9", "label_smoothing": 0.1}},
        TWO | {"loss_params": {"label_smoothing": 0.1}},
    ),
    "C206": (RARE | {"loss": "focal"}, RARE | {"loss": "focal", "loss_params": {"alpha": 0.75}}),
    "C207": ({"dataset": "breast_cancer", "dataset_params": {"prevalence": "5%"}}, {"dataset": "breast_cancer"}),
    "C208": (REST | {"optimizer": "sgd"}, REST | {"optimizer": "sgd", "loss_params": {"over_outputs": "sum"}}),
    "C209": (RARE | {"loss": "soft_f1", "batch_size": 16}, RARE | {"loss": "soft_f1", "batch_size": 256}),
    "C210": ({"loss": "hinge"}, {"loss": "brier"}),
    "C211": ({"loss": "gated_bce"}, {"loss": "gated_bce", "loss_params": {"above": 0.5, "below": 0.5}}),
    "C212": (VALUES | {"loss": "band_mse"}, VALUES | {"loss": "band_mse", "loss_params": {"penalty": 0.0}}),
    "C213": (VALUES | {"loss": "loss_gated_mse"}, VALUES | {"loss": "huber"}),
    "C301": ({"optimizer": "sgd", "lr": 10.0}, {"optimizer": "sgd", "lr": 0.01}),
}


def sentences(config: RunConfig) -> dict[str, Finding]:
    return {finding.code: finding for finding in before(config)}


def found(code: str, **choices: object) -> Finding:
    return sentences(make_config(**choices))[code]


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
    return {finding.code for finding in after(run)}


# --- before a run


def test_every_check_before_a_run_has_its_two_cases():
    assert set(CASES) == set(BEFORE)


@pytest.mark.parametrize("code", CASES)
def test_check_speaks_of_its_case_and_is_silent_beside_it(code):
    case, beside = CASES[code]
    check(make_config(**case))
    check(make_config(**beside))
    assert code in sentences(make_config(**case))
    assert code not in sentences(make_config(**beside))


@pytest.mark.parametrize("code", CASES)
def test_remedy_can_be_trained_and_cures(code):
    config = make_config(**CASES[code][0])
    remedy = sentences(config)[code].remedy
    if remedy is not None:
        cured = config.model_copy(update=remedy)
        assert check(make_config(**cured.model_dump())) == cured
        assert code not in sentences(cured)


def test_usual_configurations_raise_nothing_graver_than_a_note():
    usual = (
        {},
        {"dataset": "breast_cancer"},
        TEN,
        {"dataset": "wine", "head": "softmax", "loss": "cross_entropy"},
        {"dataset": "diabetes", "head": "identity", "loss": "mse"},
        {"dataset": "multilabel_synthetic", "head": "sigmoids"},
        {"loss_params": {"pos_weight": 9.0}},
        {"optimizer": "sgd", "lr": 0.05},
    )
    for choices in usual:
        assert all(CHECKS[f.code].severity == "note" for f in before(make_config(**choices))), choices


@pytest.mark.parametrize("dataset", FAST)
def test_sensible_combinations_are_no_mistakes_unless_the_loss_itself_is_one(dataset):
    for head in heads_for(dataset):
        for loss in losses_for(dataset, head):
            graves = [CHECKS[f.code].severity for f in before(make_config(dataset=dataset, head=head, loss=loss))]
            assert ("mistake" in graves) == bool(LOSSES[loss].mistake), (head, loss)
            assert graves == sorted(graves, key=("mistake", "caution", "note").index)


@pytest.mark.parametrize("dataset", ["digit", "wine", "multilabel_synthetic"])
def test_every_other_activation_is_spoken_of(dataset):
    for head in heads_for(dataset):
        for loss in losses_for(dataset, head):
            for activation in ACTIVATIONS:
                config = make_config(dataset=dataset, head=head, loss=loss, activation=activation)
                try:
                    check(config)
                except CutoffError:
                    continue
                if activation != resolved(head, "auto", loss):
                    assert [f for f in before(config) if CHECKS[f.code].place == "activation"], (head, loss, activation)


# --- the numbers in the sentences


@pytest.mark.parametrize(
    ("dataset", "ceiling", "floor"), [("wine", "0.5761", "0.5514"), ("digits", "0.2320", "1.4612")]
)
def test_softmax_twice_names_its_ceiling_and_its_floor(dataset, ceiling, floor):
    sentence = found("C101", dataset=dataset, head="softmax", loss="cross_entropy", activation="softmax").sentence
    assert ceiling in sentence
    assert floor in sentence


def test_double_sigmoid_names_where_p_lies_and_what_a_half_stands_for():
    sentence = found("C102", activation="sigmoid").sentence
    assert "between 0.5 and 0.731" in sentence
    assert f"{expit(0.5):.4f}" in sentence
    assert "0.6225" in sentence


def test_inverted_ratio_names_both_counts_and_offers_negatives_to_a_positive():
    finding = found("C201", **RARE, loss_params={"pos_weight": 0.11})
    assert "3,600 / 400 = 9.00" in finding.sentence
    assert dict(finding.remedy["loss_params"]) == {"pos_weight": 9.0}


def test_weight_on_balanced_data_names_what_a_half_then_means():
    assert "0.100" in found("C202", **BALANCED, loss_params={"pos_weight": 9.0}).sentence


def test_few_positives_are_counted():
    config = make_config(dataset="breast_cancer", dataset_params={"prevalence": "5%"})
    split = load_split(config.dataset, config.dataset_params)
    fewest = min(int(split.y[part].sum()) for part in ("validation", "test"))
    assert f"Only {fewest} rows" in sentences(config)["C207"].sentence


def test_share_of_batches_without_positives_is_hypergeometric():
    config = make_config(**RARE, loss="soft_f1", batch_size=16)
    y = load_split(config.dataset, config.dataset_params).y["train"]
    chance = hypergeom.pmf(0, len(y), y.sum(), 16)
    assert sentences(config)["C209"].sentence.startswith(f"{chance:.0%} of the batches of 16 rows")
    rng = np.random.default_rng(0)
    drawn = [not y[rng.permutation(len(y))[:16]].any() for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(chance, abs=0.04)


def test_band_trap_is_where_facts_puts_it():
    params = {"threshold": 0.5, "radius": 0.2, "penalty": 1.2}
    sentence = found("C212", **VALUES, loss="band_mse", loss_params=params).sentence
    assert "stops at 0.7 for targets below 0.367" in sentence
    assert "from below at 0.3 for targets above 0.633" in sentence


def test_gate_of_a_probability_that_never_opens_is_said_to():
    assert "never opens" in found("C213", loss="loss_gated_mse").sentence
    assert "opposite of Huber" in found("C213", loss="loss_gated_mse", loss_params={"tau": 0.5}).sentence


def test_rate_limit_is_two_over_the_largest_curvature_of_the_loss():
    config = make_config(dataset="diabetes", head="identity", loss="mse", optimizer="sgd", lr=5.0)
    x = load_split("diabetes").x["train"].astype(np.float64)
    x = np.column_stack([x, np.ones(len(x))])
    limit = 2 / np.linalg.eigvalsh(2 * x.T @ x / len(x))[-1]
    assert f"{limit:.3g}" in sentences(config)["C301"].sentence
    assert "C301" not in sentences(config.model_copy(update={"lr": 0.99 * limit}))
    weights = np.zeros(x.shape[1])
    y = load_split("diabetes").y["train"]
    for rate, ends in ((0.95 * limit, True), (1.1 * limit, False)):
        weights[:] = 0.1
        for _ in range(3000):
            weights -= rate * 2 * x.T @ (x @ weights - y) / len(x)
        assert (np.abs(weights).max() < 1e3) == ends


# --- after a run


def test_divergence_is_said_with_its_epoch_and_a_tenth_of_the_rate():
    run = a_run(status="diverged", lr=0.5)
    (finding,) = [f for f in after(run) if f.code == "C302"]
    assert "epoch 2" in finding.sentence
    assert finding.remedy == {"lr": 0.05}
    assert "C302" not in codes(a_run())


def test_training_loss_above_its_start_is_said():
    assert "C303" in codes(a_run(losses=([0.5, 0.9], [0.5, 0.6], [0.5, 0.5])))
    assert "C303" not in codes(a_run())


def test_rising_validation_loss_under_a_holding_accuracy_is_said_with_the_epoch_to_stop_at():
    losses = ([0.7, 0.4, 0.2, 0.1], [0.7, 0.4, 0.45, 0.6], [0.5, 0.8, 0.85, 0.86])
    (finding,) = [f for f in after(a_run(losses=losses)) if f.code == "C304"]
    assert "Since epoch 1 the validation loss rose from 0.400 to 0.600" in finding.sentence
    assert finding.remedy == {"epochs": 1}
    falling = ([0.7, 0.4, 0.2], [0.7, 0.4, 0.6], [0.5, 0.8, 0.7])
    assert "C304" not in codes(a_run(losses=falling))
    assert "C304" not in codes(a_run())


def test_saturated_scores_are_said_with_their_share():
    p = np.full((len(labels("digit")), 1), 0.3)
    assert "C401" not in codes(a_run(p))
    p[: len(p) // 4] = 1
    (finding,) = [f for f in after(a_run(p)) if f.code == "C401"]
    assert finding.sentence.startswith("25% of the validation scores")


def test_no_to_everything_is_said_and_that_accuracy_does_not_show_it():
    y = labels("digit")
    low = np.where(y == 1, 0.4, 0.1)[:, None]
    run = a_run(low)
    assert {"C402", "C403"} <= codes(run)
    accuracy = next(f for f in after(run) if f.code == "C402").sentence
    assert f"Accuracy is {1 - y.mean():.3f}; calling every row rest has {1 - y.mean():.3f}" in accuracy
    assert "the highest score is 0.400" in next(f for f in after(run) if f.code == "C403").sentence
    assert not codes(a_run(np.where(y == 1, 0.9, 0.1)[:, None])) & {"C402", "C403"}


def test_confidence_above_accuracy_is_said_with_both():
    y = labels("digit")
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.3
    p = np.where((y == 1) ^ wrong, 0.99, 0.01)[:, None]
    (finding,) = [f for f in after(a_run(p)) if f.code == "C404"]
    assert (
        f"{len(y)} validation rows the mean confidence is 0.990, the accuracy {1 - wrong.mean():.3f}"
        in finding.sentence
    )
    assert "C404" not in codes(a_run(np.where((y == 1) ^ wrong, 0.7, 0.3)[:, None]))


def test_rows_without_any_label_are_counted():
    y = labels("yeast")
    low = np.where(y == 1, 0.4, 0.1)
    (finding,) = [f for f in after(a_run(low, **LABELS)) if f.code == "C405"]
    assert f"{len(y)} of {len(y)} validation rows get no label at 0.5" in finding.sentence
    assert "C405" not in codes(a_run(np.where(y == 1, 0.9, 0.1), **LABELS))


def test_run_without_scores_yet_and_a_regression_are_taken():
    nothing = a_run(losses=([], [], []), status="queued")
    assert codes(nothing) == set()
    values = np.zeros((len(load_split("diabetes").y["validation"]), 1))
    undefined = ([1.0, 0.5], [1.0, 0.5], [math.nan, math.nan])
    assert codes(a_run(values, losses=undefined, dataset="diabetes", head="identity", loss="mse")) == set()


# --- every entry


@pytest.mark.parametrize("code", CHECKS)
def test_check_explains_itself_and_stands_beside_a_control_that_there_is(code):
    entry = CHECKS[code]
    assert all(text.endswith(".") for text in (entry.what, entry.why, entry.remedy))
    assert any(character.isdigit() for character in entry.reference)
    places = {"data", "model", "head", "activation", "loss", "lr", "batch_size", "run", "scores"}
    places |= {
        f"loss.{param.name}" for name, spec in LOSSES.items() for h in spec.heads for param in params_for(h, name)
    }
    assert entry.place in places
    assert len({other.name for other in CHECKS.values()}) == len(CHECKS)


def test_checks_see_the_data_of_the_configuration():
    assert load_dataset("moons").counts.tolist() == [1000, 1000]
    assert "C202" in sentences(make_config(**BALANCED, loss_params={"pos_weight": 9.0}))
