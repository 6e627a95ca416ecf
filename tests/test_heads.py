from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.heads import HEADS, sigmoid_probability, softmax_classes, softmax_positive

LOGIT = st.floats(-50, 50)
untimed = settings(deadline=None, max_examples=50)


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@untimed
@given(LOGIT, LOGIT)
def test_two_logits_give_the_sigmoid_of_their_difference(z0, z1):
    torch.testing.assert_close(softmax_positive(tensor(z0, z1)), sigmoid_probability(tensor(z1 - z0)))


@untimed
@given(st.lists(LOGIT, min_size=2, max_size=6), LOGIT)
def test_softmax_sums_to_one_and_ignores_a_common_shift(z, shift):
    p = softmax_classes(tensor(*z))
    assert p.sum() == pytest.approx(1)
    torch.testing.assert_close(softmax_classes(tensor(*z) + shift), p, rtol=1e-9, atol=1e-12)


@untimed
@given(LOGIT, LOGIT)
def test_softmax_of_two_classes_has_the_positive_head_as_its_last_column(z0, z1):
    torch.testing.assert_close(softmax_classes(tensor(z0, z1))[1:], softmax_positive(tensor(z0, z1)))


@untimed
@given(LOGIT)
def test_default_decision_of_one_logit_is_its_sign(z):
    assert (sigmoid_probability(tensor(z)) >= 0.5).item() == (z >= 0 or sigmoid_probability(tensor(z)).item() == 0.5)


def test_half_is_reached_exactly_at_logit_zero():
    assert sigmoid_probability(torch.zeros(1)).item() == 0.5
    assert softmax_positive(torch.full((2,), 3.0)).item() == 0.5


@pytest.mark.parametrize("name", HEADS)
def test_probabilities_at_extreme_logits_are_finite_and_in_the_unit_interval(name):
    outputs = HEADS[name].outputs(3 if "multiclass" in HEADS[name].tasks else 2)
    for size in (-1e4, -100.0, 100.0, 1e4):
        z = torch.zeros(outputs)
        z[-1] = size
        p = HEADS[name].probabilities(z)
        assert ((p >= 0) & (p <= 1)).all()
        assert p[-1] == pytest.approx(float(size > 0), abs=1e-6)
