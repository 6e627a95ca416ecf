"""Heads and output activations: probabilities, their identities, and what each makes of the scores with a loss."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.data import DATASETS
from core.evaluation import default_accuracy
from core.evaluation.scores import Scores
from core.experiment.compatibility import heads_for
from core.experiment.config import make_config
from core.losses.heads import ACTIVATIONS, HEADS, probabilities, right_activation
from core.training.runs import Run
from pages.shared import text

LOGIT = st.floats(-50, 50)
untimed = settings(deadline=None, max_examples=50)


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def shown(head: str, z: Tensor, activation: str = "none", expects: str = "logits") -> Tensor:
    """p for raw outputs z, as a loss that expects logits, probabilities, ... reads them."""
    spec = ACTIVATIONS[activation]
    return probabilities(head, spec.function(z), spec.gives, expects)


@untimed
@given(LOGIT, LOGIT)
def test_two_logits_give_the_sigmoid_of_their_difference(z0, z1):
    torch.testing.assert_close(shown("softmax2", tensor(z0, z1)), shown("sigmoid", tensor(z1 - z0)))


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6), LOGIT)
def test_softmax_sums_to_one_and_ignores_a_common_shift(z, shift):
    p = shown("softmax", tensor(*z))
    assert p.sum() == pytest.approx(1)
    torch.testing.assert_close(shown("softmax", tensor(*z) + shift), p, rtol=1e-9, atol=1e-12)


@untimed
@given(LOGIT, LOGIT)
def test_softmax_of_two_classes_has_the_positive_head_as_its_last_column(z0, z1):
    torch.testing.assert_close(shown("softmax", tensor(z0, z1))[1:], shown("softmax2", tensor(z0, z1)))


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6))
def test_one_against_the_rest_and_labels_are_sigmoids_of_their_own(z):
    each = torch.cat([shown("sigmoid", tensor(value)) for value in z])
    torch.testing.assert_close(shown("one_vs_rest", tensor(*z)), each)
    torch.testing.assert_close(shown("sigmoids", tensor(*z)), each)


@untimed
@given(LOGIT)
def test_default_decision_of_one_logit_is_its_sign(z):
    p = shown("sigmoid", tensor(z))
    assert (p >= 0.5).item() == (z >= 0 or p.item() == 0.5)


@pytest.mark.parametrize("dataset", ["digit", "wine", "multilabel_synthetic", "diabetes"])
def test_default_decision_is_that_of_head_and_task_before_a_run_and_in_it(dataset):
    task = DATASETS[dataset].task
    for name in heads_for(dataset):
        run = Run("a-0", make_config(dataset=dataset, head=name))
        assert text.of_decision(run) == HEADS[name].decision[task]
        if task != "regression":
            assert text.of_head(HEADS[name], task).endswith(f"Default decision: {text.of_decision(run)}.")


def test_softmax_decides_by_the_largest_p_among_classes_and_by_a_half_for_each_label():
    p = shown("softmax", tensor(0.2, 0.1, 0.3)).numpy()[None]
    assert HEADS["softmax"].decision["multiclass"] == "the class with the largest p"
    assert HEADS["softmax"].decision["multilabel"].startswith("every label with p >= 0.5")
    names = ("a", "b", "c")
    classes = Scores(np.array([2]), p, "multiclass", names)
    labels = Scores(np.array([[0, 0, 1]]), p, "multilabel", names)
    assert default_accuracy(classes) == 1
    assert default_accuracy(labels) == pytest.approx(2 / 3)  # no p reaches a half, so no label is called


@untimed
@given(LOGIT, st.sampled_from(list(ACTIVATIONS)))
def test_value_of_a_regression_is_the_output_itself(z, activation):
    outputs = ACTIVATIONS[activation].function(tensor(z))
    assert torch.equal(probabilities("identity", outputs, ACTIVATIONS[activation].gives, "values"), outputs)


def test_half_is_reached_exactly_at_logit_zero():
    assert shown("sigmoid", torch.zeros(1)).item() == 0.5
    assert shown("softmax2", torch.full((2,), 3.0)).item() == 0.5


@untimed
@given(st.lists(LOGIT, min_size=3, max_size=3))
def test_right_activation_shows_the_same_probabilities_whatever_the_loss_expects(z):
    for head, spec in HEADS.items():
        if spec.link == "none":
            continue
        raw = tensor(*z)[: spec.outputs(3)]
        wanted = shown(head, raw)
        for expects in ("probabilities", "values"):
            torch.testing.assert_close(shown(head, raw, right_activation(head, expects), expects), wanted)
        if spec.link == "softmax":
            torch.testing.assert_close(
                shown(head, raw, right_activation(head, "log-probabilities"), "log-probabilities"), wanted
            )


@untimed
@given(LOGIT)
def test_double_sigmoid_lies_between_a_half_and_sigmoid_of_one_and_calls_everything_positive(z):
    p = shown("sigmoid", tensor(z), "sigmoid").item()
    assert 0.5 <= p <= 1 / (1 + math.exp(-1)) + 1e-12
    assert 1 / (1 + math.exp(-1)) == pytest.approx(0.731, abs=5e-4)


@pytest.mark.parametrize(("classes", "ceiling"), [(2, 0.7311), (3, 0.5761), (4, 0.4754), (10, 0.2320)])
def test_softmax_twice_reaches_at_most_e_over_e_plus_k_minus_1(classes, ceiling):
    z = torch.zeros(classes, dtype=torch.float64)
    z[0] = 1e4
    p = shown("softmax", z, "softmax")[0].item()
    assert p == pytest.approx(math.e / (math.e + classes - 1))
    assert p == pytest.approx(ceiling, abs=5e-5)


@untimed
@given(LOGIT, LOGIT)
def test_softmax_twice_leaves_the_boundary_of_two_classes_where_it_is(z0, z1):
    assume(z0 == z1 or abs(z0 - z1) > 1e-6)  # closer ones are equal once they are squeezed into 0 to 1
    once, twice = shown("softmax2", tensor(z0, z1)), shown("softmax2", tensor(z0, z1), "softmax")
    assert (once >= 0.5).item() == (twice >= 0.5).item()


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6))
def test_log_softmax_before_a_softmax_changes_nothing(z):
    torch.testing.assert_close(shown("softmax", tensor(*z), "log_softmax"), shown("softmax", tensor(*z)))


def test_softmax_over_one_column_is_always_one():
    assert shown("sigmoid", tensor(-40.0), "softmax").item() == pytest.approx(1 / (1 + math.exp(-1)))
    assert shown("sigmoid", tensor(-40.0), "softmax", "probabilities").item() == 1


def test_what_is_no_probability_is_cut_to_the_unit_interval():
    assert shown("sigmoid", tensor(-3.0), "none", "probabilities").item() == 0
    assert shown("sigmoid", tensor(0.25), "none", "values").item() == 0.25
    assert shown("sigmoid", tensor(7.0), "none", "values").item() == 1


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("expects", ["logits", "probabilities", "log-probabilities", "values"])
@pytest.mark.parametrize("head", [name for name, head in HEADS.items() if head.link != "none"])
def test_every_combination_shows_finite_probabilities_at_extreme_logits(head, expects, activation):
    for size in (-1e4, -100.0, 100.0, 1e4):
        z = torch.zeros(HEADS[head].outputs(3))
        z[-1] = size
        p = shown(head, z, activation, expects)
        assert ((p >= 0) & (p <= 1 + 1e-6)).all()
        if activation == "none" and expects == "logits":
            assert p[-1] == pytest.approx(float(size > 0), abs=1e-6)
