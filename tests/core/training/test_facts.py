"""What practitioners claim of heads and losses, trained and measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit, logit
from sklearn.metrics import log_loss, recall_score

from core.data import load_dataset, load_split
from core.evaluation import predicted_positive
from core.experiment.config import RunConfig, make_config
from core.training.engine import train

pytestmark = pytest.mark.slow  # models are trained to the end
CPU = torch.device("cpu")
SEEDS = range(5)
WAYS = (
    {"head": "softmax", "loss": "cross_entropy"},
    {"head": "one_vs_rest", "loss": "bce"},
    {"head": "one_vs_rest", "loss": "bce", "loss_params": {"over_outputs": "sum"}},
)


def last_scores(runs: list[RunConfig]) -> list[np.ndarray]:
    """The test scores of each run after its last epoch."""
    *_, last = train(runs, CPU)
    return list(last.test)


def accuracies(dataset: str, **how: object) -> tuple[np.ndarray, list[np.ndarray]]:
    """Mean test accuracy over SEEDS of an MLP with 64 hidden units under each of WAYS, and the scores of the last."""
    shape = {"dataset": dataset, "model": "mlp", "widths": (64,), "batch_size": 32}
    runs = [make_config(**shape, **way, **how, seed=seed) for way in WAYS for seed in SEEDS]
    scores = last_scores(runs)
    y = load_split(dataset).y["test"]
    right = np.array([(p.argmax(1) == y).mean() for p in scores])
    return right.reshape(len(WAYS), len(SEEDS)).mean(1), scores[-len(SEEDS) :]


# The numbers claimed are of other rows: here half of them train, and features are standardised. On digits the mean then
# reaches .706 instead of .640; on MNIST SGD, with fewer steps, .903 / .824 / .908 instead of .919 / .874 / .925.
def test_cross_entropy_beats_bce_on_ten_digits_only_by_the_smaller_step_of_its_mean():
    found, _ = accuracies("digits", optimizer="sgd", lr=0.05, epochs=8)
    cross_entropy, mean, total = found
    assert cross_entropy - mean > 0.15
    assert total == pytest.approx(cross_entropy, abs=0.02)
    np.testing.assert_allclose(found, (0.926, 0.640, 0.926), atol=0.07)
    np.testing.assert_allclose(found[[0, 2]], 0.926, atol=0.02)


def test_on_mnist_the_gap_closes_with_the_sum_or_with_adam_and_time():
    found, scores = accuracies("mnist_5k", optimizer="sgd", lr=0.05, epochs=8)
    cross_entropy, mean, total = found
    assert cross_entropy - mean > 0.04
    assert total == pytest.approx(cross_entropy, abs=0.02)
    np.testing.assert_allclose(found, (0.919, 0.874, 0.925), atol=0.055)
    np.testing.assert_allclose(found[[0, 2]], (0.919, 0.925), atol=0.02)
    without = np.mean([(p.max(1) < 0.5).mean() for p in scores])
    several = np.mean([((p >= 0.5).sum(1) > 1).mean() for p in scores])
    assert without == pytest.approx(0.077, abs=0.02)
    assert several == pytest.approx(0.027, abs=0.01)
    patient, _ = accuracies("mnist_5k", optimizer="adam", lr=0.001, epochs=25)
    assert np.ptp(patient) < 0.01
    np.testing.assert_allclose(patient, (0.921, 0.918, 0.917), atol=0.01)


def test_undoing_pos_weight_gives_the_plain_scores_back():
    data = {"dataset": "gaussians", "dataset_params": {"samples": 20_000}, "epochs": 60, "lr": 0.01}
    plain, weighted = last_scores([make_config(**data), make_config(**data, loss_params={"pos_weight": 9.0})])
    undone = expit(logit(weighted.astype(np.float64)) - np.log(9))
    y = load_split("gaussians", make_config(**data).dataset_params).y["test"]
    before, after, again = (log_loss(y, p[:, 0]) for p in (plain, weighted, undone))
    assert after > before + 0.05
    assert again == pytest.approx(before, rel=0.01)
    decisions = (weighted >= 0.5) == (plain >= 1 / (1 + 9))
    assert decisions.mean() > 0.99


@pytest.mark.parametrize(
    ("data", "alike"),
    [
        ({"dataset": "shuttle", "batch_size": 256, "epochs": 30}, 0.99),
        ({"dataset": "phishing", "dataset_params": {"prevalence": "10%"}, "epochs": 200}, 0.95),
    ],
    ids=["shuttle", "phishing"],
)
def test_undoing_a_balancing_weight_on_real_data_brings_the_log_loss_and_the_decisions_back(data, alike):
    """On ISLR's Default log-loss goes .0786 -> .299 -> .0786 at w = 29.03, and 99.76% of the decisions agree. That data
    is not shipped; shuttle goes .0185 -> .0461 -> .0201 at w = 12.99 (99.64%), phishing .160 -> .289 -> .159 at w = 9.
    """
    plain = make_config(**data, lr=0.01)
    y = load_split(plain.dataset, plain.dataset_params).y
    w = float((y["train"] == 0).sum() / (y["train"] == 1).sum())
    alone, weighted = last_scores([plain, make_config(**data, lr=0.01, loss_params={"pos_weight": w})])
    undone = expit(logit(weighted.astype(np.float64)) - np.log(w))
    before, after, again = (log_loss(y["test"], p[:, 0].astype(np.float64)) for p in (alone, weighted, undone))
    assert after > 1.7 * before
    assert again == pytest.approx(before, rel=0.15)
    assert ((weighted >= 0.5) == (alone >= 1 / (1 + w))).mean() > alike


def test_an_inverted_ratio_suppresses_the_rare_class():
    data = {"dataset": "gaussians", "epochs": 40, "lr": 0.01}  # a tenth is positive
    runs = [make_config(**data, loss_params={"pos_weight": w}) for w in (1 / 9, 1.0, 9.0)]
    y = load_split("gaussians").y["test"]
    inverted, plain, right = (recall_score(y, scores[:, 0] >= 0.5) for scores in last_scores(runs))
    assert inverted < 0.1
    assert 0.3 < plain < 0.6
    assert right > 0.8


def test_a_threshold_changes_no_weight_and_no_loss_bit_for_bit():
    config = make_config(dataset="digit", epochs=5)
    untouched = list(train([config], CPU))
    decided = []
    for epoch in train([config], CPU):
        decided += [int(predicted_positive(epoch.validation[0][:, 0], t).sum()) for t in (0.1, 0.5, 0.9)]
        again = untouched[epoch.index]
        assert (epoch.train_loss == again.train_loss).all()
        assert (epoch.validation_loss == again.validation_loss).all()
        assert all(
            (a == b).all() for a, b in zip(epoch.validation + epoch.test, again.validation + again.test, strict=True)
        )
    assert len(set(decided)) > 3  # the decisions do change


def test_logit_adjustment_and_balanced_weights_put_a_half_at_the_prevalence():
    data = {"dataset": "gaussians", "dataset_params": {"samples": 20_000}, "epochs": 60, "lr": 0.01, "head": "softmax2"}
    balanced = make_config(**data, loss="cross_entropy", loss_params={"class_weight": "balanced"})
    adjusted = make_config(**data, loss="logit_adjusted")
    whole = load_dataset("gaussians", balanced.dataset_params)
    truth = whole.posterior(whole.x[load_split("gaussians", balanced.dataset_params).rows["test"]])
    for scores in last_scores([balanced, adjusted]):
        assert ((scores[:, 0] >= 0.5) == (truth >= 0.1)).mean() > 0.98


def test_focal_scores_lie_nearer_to_a_half_than_those_of_bce():
    data = {"dataset": "gaussians", "dataset_params": {"samples": 20_000, "prevalence": 0.5, "separation": 3.0}}
    data |= {"epochs": 60, "lr": 0.01}
    plain, focal = last_scores([make_config(**data), make_config(**data, loss="focal", loss_params={"alpha": 0.5})])
    sure = np.abs(plain - 0.5) > 0.2
    assert (np.abs(focal - 0.5) < np.abs(plain - 0.5))[sure].mean() > 0.99


def test_softmax_in_the_network_keeps_probabilities_below_its_ceiling_in_training_too():
    ten = {"dataset": "digits", "head": "softmax", "loss": "cross_entropy", "epochs": 100, "lr": 0.03}
    once, twice = last_scores([make_config(**ten), make_config(**ten, activation="softmax")])
    ceiling = np.e / (np.e + 9)
    assert twice.max() <= ceiling + 1e-6
    assert once.max() > 0.99


def test_gates_and_margins_are_trained_but_their_scores_are_no_probabilities():
    data = {"dataset": "gaussians", "dataset_params": {"samples": 20_000, "prevalence": 0.3}, "epochs": 40, "lr": 0.01}
    whole = load_dataset("gaussians", make_config(**data).dataset_params)
    truth = whole.posterior(whole.x[load_split("gaussians", make_config(**data).dataset_params).rows["test"]])
    bce, hinge, dead_zone = last_scores([make_config(**data, loss=loss) for loss in ("bce", "hinge", "dead_zone")])
    errors = [np.abs(scores[:, 0] - truth).mean() for scores in (bce, hinge, dead_zone)]
    assert errors[0] < 0.02
    assert min(errors[1:]) > 3 * errors[0]
