"""Train these: a variant for each loss of the Losses page, on data that they are for."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.data import dataset_spec
from core.errors import CutoffError
from core.experiment.config import RunConfig
from core.experiment.fitting import with_choices
from core.losses import LOSSES
from core.theory.binary_loss import class_heads
from pages.losses.cards import Chosen, losses_of
from pages.losses.training import BINARY, experiment_of
from tests.conftest import open_page, press, sentences, trained

DIGITS, _ = with_choices(RunConfig(), dataset="digits")
LINE, _ = with_choices(RunConfig(), dataset="line")
FOR_LABELS = [name for name, spec in LOSSES.items() if spec.tasks == ("multilabel",)]


def chosen(loss: str, *values: tuple[str, float], head: str = "", slot: int = 0) -> Chosen:
    first = "identity" if LOSSES[loss].tasks == ("regression",) else class_heads(loss)[0]
    return Chosen(slot, loss, head or first, values, "auto", 0.1)


@pytest.mark.parametrize("base", [RunConfig(), DIGITS, LINE], ids=lambda base: str(base.dataset))
@pytest.mark.parametrize("loss", [name for name in losses_of("classes") if name not in FOR_LABELS])
def test_every_loss_of_classes_is_trained_where_it_can_be(base: RunConfig, loss: str) -> None:
    for head in class_heads(loss):
        found, complaints = experiment_of([chosen(loss, head=head)], base)
        (variant,) = found.variants
        assert (variant.config.loss, complaints) == (loss, [])
        stays = dataset_spec(base.dataset).task in LOSSES[loss].tasks and base != LINE
        assert variant.config.dataset == (base if stays else BINARY).dataset


@pytest.mark.parametrize("loss", losses_of("values"))
def test_every_loss_of_values_is_trained_on_a_regression(loss: str) -> None:
    (variant,) = experiment_of([chosen(loss, head="identity")], RunConfig())[0].variants
    assert (variant.config.loss, variant.config.head) == (loss, "identity")
    assert dataset_spec(variant.config.dataset).task == "regression"


def test_equal_losses_are_one_variant_and_others_keep_their_parameters() -> None:
    losses = [chosen("bce"), chosen("bce", ("pos_weight", 9.0)), chosen("focal", ("gamma", 3.0)), chosen("bce", slot=3)]
    found, _ = experiment_of(losses, RunConfig(lr=0.003, seed=5))
    assert [variant.config.loss_params for variant in found.variants] == [(), (("pos_weight", 9.0),), (("gamma", 3.0),)]
    assert {variant.config.lr for variant in found.variants} == {0.003}
    assert found.seeds == (5,)


@pytest.mark.parametrize("loss", FOR_LABELS)
def test_a_loss_of_other_data_is_left_out_with_a_sentence(loss: str) -> None:
    found, (complaint,) = experiment_of([chosen("bce"), chosen(loss, slot=1)], RunConfig())
    assert [variant.config.loss for variant in found.variants] == ["bce"]
    assert complaint.startswith(f"B. {LOSSES[loss].label} is left out.")
    with pytest.raises(CutoffError, match="is left out"):
        experiment_of([chosen(loss)], RunConfig())


def test_a_press_trains_the_losses_of_the_page_and_opens_compare(app_test: AppTest) -> None:
    at = press(open_page(app_test, "losses"), "Train these")
    assert [title.value for title in at.title] == ["Compare"]
    run = trained(at)
    assert run.status == "finished"
    assert [variant["config"]["loss"] for variant in at.session_state["variants"]] == ["bce", "bce", "focal"]
    assert not sentences(at)


@pytest.mark.parametrize("loss", FOR_LABELS)
def test_a_loss_that_can_not_be_trained_leaves_the_page(app_test: AppTest, loss: str) -> None:
    state = app_test.session_state
    state["losses.classes.slots"], state["losses.classes.0.loss"] = [0], loss
    at = press(open_page(app_test, "losses"), "Train these")
    assert [title.value for title in at.title] == ["Losses"]
    assert [error.value for error in at.error if "is left out" in error.value]
