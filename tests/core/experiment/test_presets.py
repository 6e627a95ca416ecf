"""Presets: each can be trained and linked to, and shows what its sentence says it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_score, recall_score

from core.data import load_dataset, load_split
from core.experiment.compatibility import check_experiment
from core.experiment.links import experiment_from_query, experiment_to_query
from core.experiment.presets import PRESETS, Preset
from core.experiment.variants import swept
from core.training.engine import train

PASSES = 3_000_000  # rows that all runs see in all epochs; a core does about a million a second
CPU = torch.device("cpu")
presets = pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))


@presets
def test_every_preset_can_be_trained(preset: Preset):
    assert check_experiment(preset.experiment) is preset.experiment
    assert len(preset.experiment.runs()) > 1


@presets
def test_every_preset_is_one_stack_and_ends_within_seconds(preset: Preset):
    runs = preset.experiment.runs()
    assert len({run.stack_key() for run in runs}) == 1
    rows = len(load_split(runs[0].dataset, runs[0].dataset_params, runs[0].split_seed).y["train"])
    assert len(runs) * runs[0].epochs * rows <= PASSES


@presets
def test_every_preset_fits_a_link(preset: Preset):
    query = experiment_to_query(preset.experiment)
    assert experiment_from_query(query) == (preset.experiment, [])
    assert sum(len(name) + len(text) for name, text in query.items()) < 1500


@presets
def test_variants_differ_in_name_and_in_what_they_are(preset: Preset):
    variants = preset.experiment.variants
    assert len({variant.name for variant in variants}) == len(variants)
    assert len({variant.config for variant in variants}) == len(variants)


@presets
def test_what_a_preset_says_is_short_and_plain(preset: Preset):
    assert preset.question.endswith("?")
    assert len(preset.question) <= 60
    assert len(preset.label) <= 30
    assert preset.look_for.endswith(".")
    assert preset.look_for.count(". ") == 0
    assert len(preset.look_for) <= 300
    for text in (preset.label, preset.question, preset.look_for, *(v.name for v in preset.experiment.variants)):
        assert not set(text) & {"—", "–", "\n"}
        assert text == " ".join(text.split())


@presets
def test_a_preset_says_no_number_that_a_run_could_contradict(preset: Preset):
    said = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", f"{preset.question} {preset.look_for}")}
    # The default threshold, sigmoid(1), a recall of 1 where all is predicted positive, a loss of 0 by definition.
    assert said <= {0.5, 0.731, 1.0, 0.0}


def test_labels_and_questions_are_distinct():
    assert len({preset.label for preset in PRESETS.values()}) == len(PRESETS)
    assert len({preset.question for preset in PRESETS.values()}) == len(PRESETS)


def test_the_pos_weight_preset_is_a_sweep():
    found = swept(PRESETS["pos_weight"].experiment)
    assert found is not None
    key, values = found
    assert key == "loss.pos_weight"
    np.testing.assert_allclose(values, np.geomspace(1, 100, 9), rtol=1e-3)


# --- what the figures show


@dataclass(frozen=True)
class Outcome:
    """What became of one variant: losses (S, E), validation scores (S, N, C) before and after training, the first
    epoch (S,) that was not finite or E, and the validation labels."""

    train: np.ndarray
    validation: np.ndarray
    first: np.ndarray
    last: np.ndarray
    broke: np.ndarray
    y: np.ndarray

    @property
    def accuracy(self) -> float:
        called = self.last.argmax(2) if self.last.shape[2] > 1 else self.last[..., 0] >= 0.5
        return float((called == self.y).mean())

    @property
    def recall(self) -> float:
        return float(np.mean([recall_score(self.y, p[:, 0] >= 0.5) for p in self.last]))

    @property
    def precision(self) -> float:
        return float(np.mean([precision_score(self.y, p[:, 0] >= 0.5) for p in self.last]))

    @property
    def average_precision(self) -> float:
        return float(np.mean([average_precision_score(self.y, p[:, 0]) for p in self.last]))

    @property
    def mae(self) -> float:
        """In standard deviations of the training labels."""
        return float(np.abs(self.last[..., 0] - self.y).mean())


@cache
def outcomes(name: str) -> list[Outcome]:
    """The outcome of each variant of a preset."""
    experiment = PRESETS[name].experiment
    config = experiment.variants[0].config
    epochs = list(train(experiment.runs(), CPU))
    y = load_split(config.dataset, config.dataset_params, config.split_seed).y["validation"]
    train_loss = np.stack([epoch.train_loss for epoch in epochs], 1)
    validation_loss = np.stack([epoch.validation_loss for epoch in epochs], 1)
    broke = np.stack([epoch.finite for epoch in epochs], 1).sum(1)
    seeds = len(experiment.seeds)
    return [
        Outcome(
            train=train_loss[runs],
            validation=validation_loss[runs],
            first=np.stack(epochs[0].validation[runs]),
            last=np.stack(epochs[-1].validation[runs]),
            broke=broke[runs],
            y=y,
        )
        for runs in (slice(at * seeds, (at + 1) * seeds) for at in range(len(experiment.variants)))
    ]


@pytest.mark.slow
def test_imbalance_is_cured_three_ways_and_not_by_the_usual_focal():
    plain, *cures, usual = outcomes("imbalance")
    assert plain.recall == pytest.approx(0.4, abs=0.05)
    assert plain.precision == pytest.approx(0.67, abs=0.05)
    for cure in cures:
        assert cure.recall > 0.8
        assert cure.precision < 0.3
    assert usual.recall < plain.recall - 0.1
    assert np.ptp([one.average_precision for one in (plain, *cures, usual)]) < 0.05


def test_the_pos_weight_of_the_imbalance_preset_is_negatives_to_a_positive():
    config = PRESETS["imbalance"].experiment.variants[1].config
    negatives, positives = load_dataset(config.dataset, config.dataset_params).counts
    assert dict(config.loss_params) == {"pos_weight": negatives / positives}


@pytest.mark.slow
def test_softmax_twice_has_a_ceiling_and_a_floor():
    once, twice, log = outcomes("softmax_twice")
    assert twice.last.max() <= np.e / (np.e + 9) + 1e-6 < 0.2321
    assert twice.train.min() > np.log(1 + 9 / np.e) > 1.461
    assert once.last.max() > 0.999
    assert twice.accuracy == pytest.approx(once.accuracy, abs=0.02)
    np.testing.assert_allclose(log.last, once.last, atol=1e-3)
    np.testing.assert_allclose(log.validation, once.validation, atol=1e-3)


def test_cross_entropy_beats_bce_only_where_bce_is_a_mean():
    cross_entropy, mean, total = outcomes("ten_digits")
    assert cross_entropy.accuracy > mean.accuracy + 0.1
    assert abs(cross_entropy.accuracy - total.accuracy) < 0.03


def test_pos_weight_trades_precision_for_recall_and_keeps_the_order():
    found = outcomes("pos_weight")
    recalls, precisions = [one.recall for one in found], [one.precision for one in found]
    assert recalls == sorted(recalls)
    assert recalls[-1] > recalls[0] + 0.15
    assert precisions == sorted(precisions, reverse=True)
    assert precisions[-1] < precisions[0] - 0.4
    assert np.ptp([one.average_precision for one in found]) < 0.03
    plain = found[0]
    for one in found[1:]:
        called = (one.last[..., 0] >= 0.5).sum(1)
        sorted_scores = np.sort(plain.last[..., 0], axis=1)[:, ::-1]
        moved = [p[:, 0] >= s[n - 1] for p, s, n in zip(plain.last, sorted_scores, called, strict=True)]
        assert np.mean([recall_score(one.y, hat) for hat in moved]) == pytest.approx(one.recall, abs=0.05)


def test_a_gate_moves_no_decision_and_a_band_holds_some_seeds_at_its_edge():
    bce, gated, brier, band = outcomes("threshold_losses")
    assert ((gated.last >= 0.5) == (bce.last >= 0.5)).mean(axis=(1, 2)).min() > 0.97
    stuck = np.ptp(band.last, axis=(1, 2)) < 0.15
    assert 0 < stuck.sum() < len(stuck)
    edges = np.where(band.last[stuck].mean((1, 2)) < 0.5, 0.3, 0.7)
    assert stuck[0]
    assert edges[0] == 0.3
    assert set(edges) == {0.3, 0.7}
    assert np.abs(band.last[stuck] - edges[:, None, None]).max() < 0.1
    for scores, edge in zip(band.last[stuck], edges, strict=True):
        assert ((scores >= 0.5) == (edge == 0.7)).all()
    for free in (bce.last, gated.last, brier.last, band.last[~stuck]):
        assert np.ptp(free, axis=(1, 2)).min() > 0.9


def test_loss_gated_mse_runs_after_outliers_and_huber_does_not():
    mse, gated, huber = outcomes("outliers")
    assert gated.mae > mse.mae + 0.05
    assert huber.mae < mse.mae - 0.02
    assert gated.last.mean() > mse.last.mean() > huber.last.mean()


def test_a_double_sigmoid_calls_everything_positive():
    in_loss, in_network, both = outcomes("double_sigmoid")
    assert both.last.min() >= 0.5
    assert both.last.max() <= 0.7311
    assert both.recall == 1
    assert both.precision == pytest.approx(both.y.mean())
    assert in_loss.accuracy > 0.94
    np.testing.assert_allclose(in_network.last, in_loss.last, atol=0.01)


def test_a_learning_rate_can_be_too_low_right_and_too_high():
    slow, next_to_slow, right, high = outcomes("learning_rate")
    assert high.broke.max() <= 5
    assert right.accuracy > 0.95
    assert right.accuracy > next_to_slow.accuracy > slow.accuracy
    assert slow.accuracy < 0.5
    assert (np.diff(slow.validation[:, -5:]) < 0).all()
    for one in (slow, right):
        assert (one.broke == one.train.shape[1]).all()


def test_one_logit_is_two_at_half_the_rate_and_one_column_learns_nothing():
    one, two, column = outcomes("one_or_two")
    np.testing.assert_allclose(two.validation[:, -1], one.validation[:, -1], atol=0.01)
    assert two.average_precision == pytest.approx(one.average_precision, abs=0.01)
    assert not column.train.any()
    assert not column.validation.any()
    np.testing.assert_array_equal(column.last, column.first)
