"""Every check before a run with a case that triggers it and one that does not, and what every check owes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks import BEFORE, CHECKS, Finding, before
from core.data import DATASETS, load_dataset
from core.errors import CutoffError
from core.experiment.compatibility import activations_for, check, heads_for, losses_for, params_for
from core.experiment.config import RunConfig, make_config
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS
from core.losses.objective import resolved
from core.parameters import Param, Value

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
