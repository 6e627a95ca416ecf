"""Every check before a run with a case that triggers it and one that does not, and what every check owes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks import CHECKS, OF_CONFIG, of_config
from core.data import DATASETS, load_dataset
from core.errors import CutoffError
from core.experiment.compatibility import activations_for, check, heads_for, losses_for, params_for
from core.experiment.config import make_config
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS
from core.losses.objective import resolved
from core.parameters import Param, Value
from tests.support.check_cases import BALANCED, CASES, TEN, sentences

FAST = [name for name in DATASETS if name not in ("mnist_5k", "shuttle")]


def test_every_check_before_a_run_has_its_two_cases():
    assert set(CASES) == set(OF_CONFIG)


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
        assert all(CHECKS[f.code].severity == "note" for f in of_config(make_config(**choices))), choices


@pytest.mark.parametrize("dataset", FAST)
def test_sensible_combinations_are_no_mistakes_unless_the_loss_itself_is_one(dataset):
    for head in heads_for(dataset):
        for loss in losses_for(dataset, head):
            graves = [CHECKS[f.code].severity for f in of_config(make_config(dataset=dataset, head=head, loss=loss))]
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
                    assert [f for f in of_config(config) if CHECKS[f.code].place == "activation"], (
                        head,
                        loss,
                        activation,
                    )


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
    for finding in of_config(config):
        if finding.remedy is not None:
            cured = config.model_copy(update=finding.remedy)
            assert check(cured) != config
            assert finding.code not in sentences(cured)


def _values(param: Param) -> tuple[Value, ...]:
    return param.options or (param.low, param.default, param.high)


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
