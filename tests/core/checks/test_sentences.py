"""The numbers in the sentences of the checks before a run: by hand, by torch's autograd, and by descent itself."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import expit
from scipy.stats import hypergeom

from core.checks import CHECKS, Finding, of_config
from core.data import load_dataset, load_split
from core.experiment.compatibility import heads_for, losses_for
from core.experiment.config import make_config
from core.losses import LOSSES
from tests.support.check_cases import BALANCED, CASES, LABELS, RARE, REST, TEN, TWO, VALUES, sentences


def found(code: str, **choices: object) -> Finding:
    return sentences(make_config(**choices))[code]


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
    assert sentence.endswith("The loss of a negative is at least the margin, 2.5.")
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
    assert f"the loss is {multi_hot:.3f} instead of {normalised:.4f}" in counted.sentence
    assert "the loss is 2.197 instead of 1.0986" in counted.sentence
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


def test_smoothing_with_weights_names_the_shift_and_the_range():
    """The optimal p of class 1 is 9 (0.9 q + 0.05) over that plus 0.9 (1 - q) + 0.05."""
    sentence = found("C205", **TWO, loss_params={"class_weight": "1, 9", "label_smoothing": 0.1}).sentence
    low, high = (9 * a / (9 * a + 1 - a) for a in (0.05, 0.95))
    assert f"shift the optimal logit by {np.log(9):+.3g}" in sentence
    assert f"in [{low:.3g}, {high:.3g}]" in sentence
    ten = TEN | {"loss_params": {"class_weight": "1" + ", 1" * 8 + ", 9", "label_smoothing": 0.1}}
    assert "optimal scores in" not in found("C205", **ten).sentence
    equal = {"class_weight": "3, 3", "label_smoothing": 0.1}
    assert "C205" not in sentences(make_config(**TWO, loss_params=equal))


def test_weight_on_balanced_data_names_what_a_half_then_means():
    sentence = found("C202", **BALANCED, loss_params={"pos_weight": 9.0}).sentence
    assert "a score of 0.5 stands for a true P(positive) of 0.1, as with a pos_weight of 9, far above" in sentence


def test_few_positives_are_counted():
    config = make_config(dataset="breast_cancer", dataset_params={"prevalence": "5%"})
    split = load_split(config.dataset, config.dataset_params)
    fewest = min(int(split.y[part].sum()) for part in ("validation", "test"))
    assert f"Only {fewest} rows" in sentences(config)["C207"].sentence
    assert f"changes recall by {1 / fewest:.3f}" in sentences(config)["C207"].sentence


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
        ({"loss": "focal", "loss_params": {"gamma": 2.0, "alpha": 0.95}}, 0.833),
    ],
)
def test_loss_that_is_not_proper_names_its_optimal_score(choices, score):
    assert f"For a true probability of 0.8 the optimal score is {score:.3f}." in found("C210", **choices).sentence


@pytest.mark.parametrize(
    ("loss", "params"),
    [
        ("focal", {"gamma": 0.0, "alpha": 0.5}),
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
    found = of_config(make_config(dataset=dataset, head=head, loss=loss))
    assert [f for f in found if CHECKS[f.code].place.partition(".")[0] == "loss"]


def test_gate_of_a_probability_that_never_opens_is_said_to():
    assert "has no effect" in found("C213", loss="loss_gated_mse").sentence
    assert "unlike with Huber" in found("C213", loss="loss_gated_mse", loss_params={"tau": 0.5}).sentence


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
    assert "a standard error of 0.50 standard deviations" in found("C305", **choices, batch_size=4).sentence
    assert "C305" not in sentences(make_config(**choices, batch_size=8))
