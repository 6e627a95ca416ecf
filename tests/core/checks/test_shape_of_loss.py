"""Findings on gates, traps and growing influence follow from the loss as a function, whatever its name is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.experiment.config import make_config
from core.losses import LOSSES
from core.losses.spec import Params
from tests.support.check_cases import CASES, VALUES, sentences

CODES = {"C211", "C212", "C213"}
LOSS = {"C211": "gated_bce", "C212": "band_mse", "C213": "loss_gated_mse"}


@pytest.mark.parametrize("code", LOSS)
def test_a_loss_with_another_name_and_the_same_shape_has_the_same_finding(code, monkeypatch: pytest.MonkeyPatch):
    config = make_config(**CASES[code][0])
    name = f"twin_of_{LOSS[code]}"
    monkeypatch.setitem(LOSSES, name, replace(LOSSES[LOSS[code]], label="Twin"))
    twin = sentences(config.model_copy(update={"loss": name}))
    assert twin[code] == sentences(config)[code]
    assert CODES & twin.keys() == {code}


def test_a_gate_with_other_parameters_is_found_by_its_shape(monkeypatch: pytest.MonkeyPatch):
    def gated(logits: Tensor, y: Tensor, params: Params) -> Tensor:
        return torch.where(logits >= 0, 4.0, 0.5) * F.binary_cross_entropy_with_logits(logits, y, reduction="none")

    spec = replace(LOSSES["gated_bce"], function=gated, gradient=None, params=(), optimal_logit=None)
    monkeypatch.setitem(LOSSES, "gated_at_half", spec)
    for choices in ({"dataset": "digit", "head": "sigmoid"}, {"dataset": "digits", "head": "one_vs_rest"}):
        sentence = sentences(make_config(**choices, loss="gated_at_half"))["C211"].sentence
        assert "False negatives have p < 0.5 and a weight of 0.5, true positives a weight of 4:" in sentence
        assert "jumps 8-fold where a row crosses 0.5." in sentence


def test_a_trap_without_a_penalty_has_no_remedy(monkeypatch: pytest.MonkeyPatch):
    def hill(values: Tensor, y: Tensor, params: Params) -> Tensor:
        return (values - y).square() * (1 + 4 * torch.relu(1 - values.abs() / 0.2))

    monkeypatch.setitem(LOSSES, "hill", replace(LOSSES["mse"], function=hill, gradient=None))
    found = sentences(make_config(**VALUES, loss="hill"))["C212"]
    assert "from above stops at 0.2 for a target below 0.1 and" in found.sentence
    assert "from below stops at -0.2 for a target above -0.1." in found.sentence
    assert found.remedy is None
    assert "With a penalty" not in found.sentence


def test_a_loss_that_only_turns_steeper_multiplies_the_gradient(monkeypatch: pytest.MonkeyPatch):
    def steeper(values: Tensor, y: Tensor, params: Params) -> Tensor:
        squares = (values - y).square()
        return squares + torch.relu(squares - 0.25)

    monkeypatch.setitem(LOSSES, "steeper", replace(LOSSES["mse"], function=steeper, gradient=None))
    sentence = sentences(make_config(**VALUES, loss="steeper"))["C213"].sentence
    assert sentence.startswith("The gradient of rows with a squared error above 0.25 is multiplied by 2:")


def test_a_limit_that_no_probability_exceeds_is_said_with_its_number():
    choices = {"loss": "loss_gated_mse", "loss_params": {"tau": 2.56}}
    assert sentences(make_config(**choices))["C213"].sentence.endswith("so the limit of 2.56 has no effect.")
    assert "above 2.56 " in sentences(make_config(**VALUES, **choices))["C213"].sentence
