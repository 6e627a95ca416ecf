"""Every check with a case that triggers it and one that does not, and the numbers in its sentences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import hypergeom

from core.calibration import METHODS, Line, fit_line
from core.checks import BEFORE, CHECKS, Finding, after, before, using
from core.config import RunConfig, make_config
from core.datasets import DATASETS, load_dataset, load_split
from core.engine import train
from core.errors import CutoffError
from core.heads import ACTIVATIONS
from core.jobs import History, Run
from core.losses import LOSSES
from core.objective import resolved
from core.specs import Param, Value
from core.tuning import RULES
from core.wiring import activations_for, check, heads_for, losses_for, params_for

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
    "C111": (REST | {"loss": "brier", "activation": "softmax"}, REST | {"loss": "brier"}),
    "C113": (
        LABELS | {"head": "softmax", "loss": "cross_entropy_multihot", "loss_params": {"targets": "multi-hot"}},
        LABELS | {"head": "softmax", "loss": "cross_entropy_multihot"},
    ),
    "C112": (LABELS | {"head": "softmax", "loss": "brier"}, LABELS | {"loss": "brier"}),
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
    "C214": (
        REST | {"loss_params": {"output_weight": ", ".join(["0.1"] * 10)}},
        REST | {"loss_params": {"output_weight": "balanced"}},
    ),
    "C305": (
        {"model": "mlp", "widths": (8,), "batch_norm": True, "batch_size": 4},
        {"model": "mlp", "widths": (8,), "batch_size": 4},
    ),
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


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize(
    ("dataset", "head", "ceiling", "floor"),
    [
        ("moons", "softmax2", "0.7311", "0.3133"),
        ("wine", "softmax", "0.5761", "0.5514"),
        ("blobs", "softmax", "0.4754", "0.7437"),
        ("digits", "softmax", "0.2320", "1.4612"),
    ],
)
def test_squeezed_outputs_before_a_softmax_are_said_with_their_ceiling_and_their_floor(
    dataset, head, ceiling, floor, activation
):
    code = {"softmax": "C101", "sigmoid": "C107"}[activation]
    sentence = found(code, dataset=dataset, head=head, loss="cross_entropy", activation=activation).sentence
    assert f"no probability above {ceiling}" in sentence
    assert f"stays above {floor}" in sentence


@pytest.mark.parametrize(("activation", "score"), [("softmax", expit(1)), ("log_softmax", expit(0))])
def test_softmax_of_one_output_names_the_only_score(activation, score):
    assert f"every score is {score:.3g} " in found("C103", activation=activation).sentence
    assert "every score is 1 " in found("C103", loss="brier", activation=activation).sentence


def test_hinge_behind_a_sigmoid_charges_negatives_at_least_the_margin():
    sentence = found("C102", loss="hinge", activation="sigmoid", loss_params={"margin": 2.5}).sentence
    assert sentence.endswith("A negative then never costs less than the margin, 2.5.")
    assert "margin" not in found("C102", activation="sigmoid").sentence


def test_labels_that_compete_are_counted():
    y = load_dataset("yeast").y
    assert f"{(y.sum(1) > 1).mean():.0%} of the rows" in found("C112", **CASES["C112"][0]).sentence
    competing = found("C107", **LABELS, loss="bce_probabilities", activation="softmax").sentence
    assert f"{y.sum(1).mean():.2f} labels on average" in competing
    assert "4.24" in competing


def test_multi_hot_targets_are_a_mistake_of_their_own_with_what_two_labels_cost():
    config = make_config(**CASES["C113"][0])
    competing, counted = (sentences(config)[code] for code in ("C110", "C113"))
    assert competing.sentence != counted.sentence
    z, y = torch.zeros(1, 3), torch.tensor([[1.0, 1.0, 0.0]])
    multi_hot, normalised = (F.cross_entropy(z, targets).item() for targets in (y, y / 2))
    assert f"cost {multi_hot:.3f} instead of {normalised:.4f}" in counted.sentence
    assert "cost 2.197 instead of 1.0986" in counted.sentence
    assert counted.sentence.endswith(f"{load_dataset('yeast').y.sum(1).mean():.2f} labels on average.")
    assert dict(counted.remedy["loss_params"]) == {"targets": "normalised"}


@pytest.mark.parametrize(("activation", "code"), [("sigmoid", "C111"), ("none", "C108"), ("log_softmax", "C107")])
def test_remedy_on_a_softmax_head_with_labels_is_a_head_where_they_do_not_compete(activation, code):
    config = make_config(**LABELS | {"head": "softmax", "loss": "brier", "activation": activation})
    cured = config.model_copy(update=sentences(config)[code].remedy)
    assert (cured.head, cured.activation) == ("sigmoids", "auto")


def test_double_sigmoid_names_where_p_lies_and_what_a_half_stands_for():
    sentence = found("C102", activation="sigmoid").sentence
    assert f"p from 0.5 to {expit(1):.3f}" in sentence
    assert "from 0.5 to 0.731" in sentence
    assert f"{expit(0.5):.4f}" in sentence
    assert "0.6225" in sentence


def test_inverted_ratio_names_both_counts_and_offers_negatives_to_a_positive():
    finding = found("C201", **RARE, loss_params={"pos_weight": 0.11})
    assert "3,600 / 400 = 9.00" in finding.sentence
    assert dict(finding.remedy["loss_params"]) == {"pos_weight": 9.0}


def test_inverted_ratio_of_several_outputs_counts_their_labels_together():
    positives = len(load_dataset("digits").y)
    finding = found("C201", **REST, loss_params={"pos_weight": 0.1})
    assert f"{9 * positives:,} / {positives:,} = 9.00" in finding.sentence


def test_whole_numbers_are_read_like_others():
    assert "C201" not in sentences(make_config(**RARE, loss_params={"pos_weight": 9}))
    assert "C202" in sentences(make_config(**BALANCED, loss_params={"pos_weight": 9}))


def test_weights_on_one_row_do_something_where_labels_are_smoothed():
    params = {"class_weight": "1, 9", "label_smoothing": 0.1}
    assert "C204" not in sentences(make_config(**TWO, batch_size=1, loss_params=params))


def test_weight_on_balanced_data_names_what_a_half_then_means():
    assert "0.100" in found("C202", **BALANCED, loss_params={"pos_weight": 9.0}).sentence


def test_few_positives_are_counted():
    config = make_config(dataset="breast_cancer", dataset_params={"prevalence": "5%"})
    split = load_split(config.dataset, config.dataset_params)
    fewest = min(int(split.y[part].sum()) for part in ("validation", "test"))
    assert f"Only {fewest} rows" in sentences(config)["C207"].sentence
    assert f"moves recall by {1 / fewest:.3f}" in sentences(config)["C207"].sentence


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
    assert "from above stops at 0.7 for a target below 0.367" in sentence
    assert "from below stops at 0.3 for a target above 0.633" in sentence


def test_band_has_a_trap_for_far_targets_even_under_a_small_penalty():
    # Just inside the edge at .7 the slope 2e - e^2 c/r points up once e > 2r/c = .8, so for targets below -.1.
    small = VALUES | {"loss": "band_mse", "loss_params": {"threshold": 0.5, "radius": 0.2, "penalty": 0.5}}
    assert "a target below -0.1 " in found("C212", **small).sentence


def test_largest_harmless_penalty_leaves_no_trap_and_a_larger_one_does():
    config = make_config(**VALUES, loss="band_mse")
    harmless = dict(sentences(config)["C212"].remedy["loss_params"])["penalty"]
    assert harmless > 0
    larger = config.model_copy(update={"loss_params": (("penalty", harmless + 0.02),)})
    assert "C212" in sentences(larger)


def test_band_edge_that_no_probability_reaches_is_no_trap():
    high = {"loss": "band_mse", "loss_params": {"threshold": 0.9, "radius": 0.2, "penalty": 10.0}}
    assert "from above" not in found("C212", **high).sentence
    assert "from below stops at 0.7" in found("C212", **high).sentence
    assert "from above stops at 1.1" in found("C212", **high, activation="none").sentence


@pytest.mark.parametrize(
    ("choices", "score"),
    [
        ({"loss": "focal", "loss_params": {"gamma": 2.0, "alpha": 0.5}}, 0.627),
        ({"loss": "hinge"}, expit(1)),
        ({"loss": "squared_hinge"}, expit(0.6)),
        ({"loss": "dead_zone"}, 0.7),
        (RARE | {"head": "softmax2", "loss": "logit_adjusted"}, expit(math.log(4) + math.log(9))),
    ],
)
def test_loss_that_is_not_proper_names_its_best_score(choices, score):
    assert f"For a true probability of 0.8 its best score is {score:.3f}." in found("C210", **choices).sentence


@pytest.mark.parametrize(
    ("loss", "params"),
    [
        ("focal", {"gamma": 0.0}),
        ("dead_zone", {"accept": 1.0}),
        ("asymmetric", {"gamma_pos": 0.0, "gamma_neg": 0.0, "margin": 0.0}),
        ("logit_adjusted", {"tau": 0.0}),
    ],
)
def test_loss_that_is_cross_entropy_after_all_is_proper(loss, params):
    choices = {"head": LOSSES[loss].heads[0], "loss": loss}
    assert "C210" in sentences(make_config(**choices))
    assert "C210" not in sentences(make_config(**choices, loss_params=params))


@pytest.mark.parametrize("loss", [name for name, spec in LOSSES.items() if spec.proper is False])
def test_every_loss_that_is_not_proper_is_spoken_of(loss):
    dataset = "yeast" if LOSSES[loss].tasks == ("multilabel",) else "digit"
    head = next(name for name in heads_for(dataset) if loss in losses_for(dataset, name))
    found = before(make_config(dataset=dataset, head=head, loss=loss))
    assert [f for f in found if CHECKS[f.code].place.partition(".")[0] == "loss"]


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


BCE, CE, MSE = (partial(f, reduction="mean") for f in (F.binary_cross_entropy_with_logits, F.cross_entropy, F.mse_loss))


@pytest.mark.parametrize(
    ("choices", "loss"),
    [
        ({"dataset": "breast_cancer"}, BCE),
        ({"dataset": "breast_cancer", **TWO}, CE),
        ({"dataset": "breast_cancer", **TWO, "activation": "log_softmax"}, CE),
        ({"dataset": "wine", "head": "one_vs_rest"}, BCE),
        ({"dataset": "diabetes", "head": "identity", "loss": "mse", "weight_decay": 3.0}, MSE),
    ],
)
def test_rate_limit_is_that_of_the_hessian_of_torch_where_the_loss_is_steepest(choices, loss):
    config = make_config(**choices, optimizer="sgd", lr=100.0)
    split = load_split(config.dataset)
    x, y = torch.tensor(split.x["train"]).double(), torch.tensor(split.y["train"])
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    outputs = {"softmax2": 2, "one_vs_rest": 3}.get(config.head, 1)
    if config.head == "one_vs_rest":
        y = F.one_hot(y)
    if config.head != "softmax2":
        y = y.double().reshape(-1, outputs)
    # At weights of 0 every p is a half, where sigmoid and a softmax of two are steepest.
    weights = torch.zeros(x.shape[1] * outputs, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda w: loss(x @ w.view(-1, outputs), y), weights)
    limit = 2 / (float(torch.linalg.eigvalsh(hessian)[-1]) + config.weight_decay)
    assert f"only below a learning rate of {limit:.3g};" in sentences(config)["C301"].sentence


def test_noise_of_a_batch_mean_is_one_over_the_root_of_its_rows():
    choices = {"model": "mlp", "widths": (8,), "batch_norm": True}
    assert "off by 0.50 standard deviations" in found("C305", **choices, batch_size=4).sentence
    assert "C305" not in sentences(make_config(**choices, batch_size=8))


@given(st.data())
@settings(max_examples=80)
def test_nothing_that_can_be_trained_breaks_the_checks_and_every_remedy_can_be_trained(data):
    pick = lambda values: data.draw(st.sampled_from(list(values)))  # noqa: E731
    dataset = pick(["digit", "wine", "multilabel_synthetic", "line"])
    head = pick(heads_for(dataset))
    loss = pick(losses_for(dataset, head))
    params = {param.name: pick(_values(param)) for param in params_for(head, loss)}
    config = make_config(
        dataset=dataset,
        head=head,
        loss=loss,
        activation=pick(activations_for(head, loss)),
        loss_params=params,
        optimizer=pick(["adam", "sgd"]),
        lr=pick([1e-6, 0.01, 1e6]),
        batch_size=pick([1, 7, 64]),
    )
    check(config)
    for finding in before(config):
        if finding.remedy is not None:
            cured = config.model_copy(update=finding.remedy)
            assert check(cured) != config
            assert finding.code not in sentences(cured)


def _values(param: Param) -> tuple[Value, ...]:
    return param.options or (param.low, param.default, param.high)


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
    sentence = next(f for f in after(run) if f.code == "C406").sentence
    assert f"All {len(labels('digit'))} rows reach 0.5" in sentence
    assert f"{labels('digit').mean():.1%} of them are positive" in sentence


def test_equal_scores_are_not_said_to_have_an_order():
    for code, score in (("C403", 0.2), ("C406", 0.7)):
        finding = next(f for f in after(a_run(score_of("digit", score, score))) if f.code == code)
        assert finding.sentence.endswith("All scores are equal, so no threshold helps.")


def test_loss_that_stays_where_it_is_neither_rises_nor_ends_above_its_start():
    for flat in ([0.0] * 4, [1e-9, 0.0, 2e-9, 1e-9], [0.693, 0.694, 0.692, 0.695], [-0.5, -0.6, -0.7, -0.7]):
        assert not codes(a_run(losses=(flat, flat, [0.9] * 4))) & {"C303", "C304"}


def test_loss_that_rises_on_training_rows_too_is_no_overconfidence():
    rising = [0.5, 0.7, 0.9]
    assert codes(a_run(losses=(rising, rising, [0.5, 0.6, 0.7]))) == {"C303"}


def test_loss_without_a_lower_bound_is_no_matter_of_the_rate():
    choices = TEN | {"loss": "nll", "activation": "none"}
    (finding,) = [f for f in after(a_run(status="diverged", **choices)) if f.code == "C302"]
    assert "no lower bound" in finding.sentence
    assert finding.remedy == {"activation": "auto"}


def test_divergence_is_said_with_its_epoch_and_a_tenth_of_the_rate():
    run = a_run(status="diverged", lr=0.5)
    (finding,) = [f for f in after(run) if f.code == "C302"]
    assert "epoch 2" in finding.sentence
    assert finding.remedy == {"lr": 0.05}
    assert "C302" not in codes(a_run())
    (smallest,) = [f for f in after(a_run(status="diverged", lr=1e-6)) if f.code == "C302"]
    assert smallest.remedy is None


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
    assert finding.sentence.startswith(f"{(p == 1).mean():.1%} of the validation scores are exactly 0 (0.0%)")


def test_no_to_everything_is_said_and_that_accuracy_does_not_show_it():
    y = labels("digit")
    low = np.where(y == 1, 0.4, 0.1)[:, None]
    run = a_run(low)
    assert {"C402", "C403"} <= codes(run)
    accuracy = next(f for f in after(run) if f.code == "C402").sentence
    plain = f"{1 - y.mean():.3f}"
    assert accuracy == f"Accuracy is {plain}, no better than the {plain} of calling every row rest."
    assert (
        f"none of the {y.sum()} positives is found, the highest score among them is 0.4"
        in next(f for f in after(run) if f.code == "C403").sentence
    )
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


def found_in(run: Run, column: int, use: str) -> dict[str, str]:
    return {finding.code: finding.sentence for finding in using(run, column, use)}


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
def test_uses_bear_one_class(monkeypatch, use, truth):
    split = load_split("digit")
    y = np.full_like(split.y["validation"], truth)
    monkeypatch.setattr("core.jobs.load_split", lambda *given: replace(split, y=split.y | {"validation": y}))
    assert all(finding.sentence for finding in using(uniform(), 0, use))


# --- every entry


@pytest.mark.parametrize("code", CHECKS)
def test_check_explains_itself_and_stands_beside_a_control_that_there_is(code):
    entry = CHECKS[code]
    assert all(text.endswith(".") for text in (entry.what, entry.why, entry.remedy))
    assert any(character.isdigit() for character in entry.reference)
    places = {"data", "model", "head", "activation", "loss", "lr", "batch_size", "run", "scores", "rule", "calibration"}
    places |= {
        f"loss.{param.name}" for name, spec in LOSSES.items() for h in spec.heads for param in params_for(h, name)
    }
    assert entry.place in places
    assert len({other.name for other in CHECKS.values()}) == len(CHECKS)


def test_checks_see_the_data_of_the_configuration():
    assert load_dataset("moons").counts.tolist() == [1000, 1000]
    assert "C202" in sentences(make_config(**BALANCED, loss_params={"pos_weight": 9.0}))
