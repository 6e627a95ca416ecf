"""Presets: experiments that compare good and bad variants, with a question and a sentence on the result; and the
demonstration that the app opens on, with the questions that it answers.

`tests/core/experiment/test_presets.py` trains them and checks these sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.experiment.config import Experiment, RunConfig, Variant, make_config
from core.experiment.variants import names_of, seeds_from, sweep


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, the experiment that answers it, and the variant of its miniature.

    drawn: what the miniature is of: the scores of this variant, its precision-recall curve with all variants at 0.5, or
    the validation losses of all variants. rule: tunes the threshold, 0.5 without one. beside: the variant that is drawn
    behind the scores as an outline.
    """

    question: str
    shown: str
    experiment: Experiment
    drawn: Literal["scores", "curve", "losses"] = "scores"
    rule: str = ""
    beside: str = ""


@dataclass(frozen=True, kw_only=True)
class Preset(Question):
    """An experiment that compares its variants, with a sentence on what its figures show."""

    label: str
    look_for: str


@dataclass(frozen=True, kw_only=True)
class Demonstrated(Question):
    """A question that one variant of the demonstration answers: by its verdict, and by the panel that is opened.

    answer: in a short sentence.
    """

    answer: str
    panel: str = "tune"


def _race(seeds: int, common: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> Experiment:
    """Named variants of common choices, with `seeds` consecutive seeds."""
    configs = [make_config(**common, **own) for own in variants.values()]
    return _experiment(list(variants), configs, seeds)


def _swept(config: RunConfig, key: str, low: float, high: float, steps: int, seeds: int) -> Experiment:
    """A logarithmic sweep of one number, with default names."""
    configs = sweep(config, key, low, high, steps, "log")
    return _experiment(names_of(configs), configs, seeds)


def _experiment(names: Sequence[str], configs: Sequence[RunConfig], seeds: int) -> Experiment:
    variants = tuple(Variant(name=name, config=config) for name, config in zip(names, configs, strict=True))
    return Experiment(variants=variants, seeds=seeds_from(configs[0].seed, seeds))


PRESETS: dict[str, Preset] = {
    "imbalance": Preset(
        label="Imbalance, cured three ways",
        question="Few payments are fraud. What finds them?",
        look_for="pos_weight, logit adjustment and focal with a large alpha raise recall and lower precision, while "
        "average precision hardly changes: they move what 0.5 stands for; focal with its usual alpha finds fewer than "
        "plain BCE.",
        shown="pos_weight 19",
        experiment=_race(
            3,
            {"dataset": "fraud", "dataset_params": {"prevalence": 0.05, "samples": 10_000}, "lr": 0.01, "epochs": 20},
            {
                "Plain BCE": {},
                "pos_weight 19": {"loss_params": {"pos_weight": 19.0}},
                "Logit-adjusted": {"head": "softmax2", "loss": "logit_adjusted"},
                "Focal, α 0.95": {"loss": "focal", "loss_params": {"alpha": 0.95}},
                "Focal, α 0.25": {"loss": "focal"},
            },
        ),
    ),
    "softmax_twice": Preset(
        label="Softmax twice",
        question="Why is my network never sure of a digit?",
        look_for="With softmax before cross-entropy probabilities have a ceiling and the training loss a floor, "
        "although accuracy is about the same; log-softmax before it changes nothing.",
        shown="Softmax before it",
        experiment=_race(
            3,
            {"dataset": "digits", "head": "softmax", "loss": "cross_entropy", "lr": 0.03, "epochs": 60},
            {
                "Cross-entropy on logits": {},
                "Softmax before it": {"activation": "softmax"},
                "Log-softmax before it": {"activation": "log_softmax"},
            },
        ),
    ),
    "ten_digits": Preset(
        label="Cross-entropy against BCE",
        question="Cross-entropy or BCE for digits?",
        look_for="BCE with its usual mean ends below cross-entropy in accuracy, and BCE summed over the ten outputs "
        "ends level with it: the mean divides the gradient by ten.",
        shown="BCE, mean over outputs",
        experiment=_race(
            5,
            {
                "dataset": "digits",
                "model": "mlp",
                "widths": (64,),
                "optimizer": "sgd",
                "lr": 0.05,
                "batch_size": 32,
                "epochs": 8,
            },
            {
                "Cross-entropy": {"head": "softmax", "loss": "cross_entropy"},
                "BCE, mean over outputs": {"head": "one_vs_rest"},
                "BCE, sum over outputs": {"head": "one_vs_rest", "loss_params": {"over_outputs": "sum"}},
            },
        ),
    ),
    "pos_weight": Preset(
        label="pos_weight against threshold",
        question="Should I raise pos_weight or move the threshold?",
        look_for="As pos_weight rises, the rings at 0.5 slide along nearly the same precision-recall curve: recall "
        "rises, precision falls, and average precision hardly changes, as if only the threshold had moved.",
        shown="pos_weight 10",
        drawn="curve",
        experiment=_swept(make_config(dataset="digit", lr=0.01, epochs=40), "loss.pos_weight", 1, 100, 9, seeds=3),
    ),
    "threshold_losses": Preset(
        label="Losses with a threshold inside",
        question="Can I build the threshold into the loss?",
        look_for="The gate hardly moves a decision of BCE; in some seeds band-penalised MSE sticks near an edge of its "
        "band and predicts no row positive or every row, which Brier, the plain squared error, never does.",
        shown="Band-penalised MSE",
        experiment=_race(
            5,
            # Histograms show the first seed: here one that starts below the band and gets stuck.
            {"dataset": "gaussians", "dataset_params": {"prevalence": 0.5}, "lr": 0.01, "epochs": 40, "seed": 3},
            {
                "Plain BCE": {},
                "Output-gated BCE": {"loss": "gated_bce"},
                "Brier": {"loss": "brier"},
                "Band-penalised MSE": {"loss": "band_mse"},
            },
        ),
    ),
    "outliers": Preset(
        label="Large errors counted more",
        question="Should large errors count extra?",
        look_for="Loss-gated MSE has the largest MAE and predicts highest, since it doubles the pull of the outliers "
        "above the line; Huber has the smallest and predicts lowest.",
        shown="Loss-gated MSE",
        experiment=_race(
            3,
            {"dataset": "line", "head": "identity", "lr": 0.02, "epochs": 40},
            {"MSE": {"loss": "mse"}, "Loss-gated MSE": {"loss": "loss_gated_mse"}, "Huber": {"loss": "huber"}},
        ),
    ),
    "double_sigmoid": Preset(
        label="Sigmoid twice",
        question="Why is everything predicted positive?",
        look_for="With a sigmoid in both, all probabilities lie between 0.5 and 0.731, so recall at 0.5 is 1 and "
        "precision the share of positives; one sigmoid, in the network or in the loss, is right.",
        shown="Sigmoid in both",
        experiment=_race(
            3,
            {"dataset": "breast_cancer", "lr": 0.03, "epochs": 60},
            {
                "Sigmoid in the loss": {},
                "Sigmoid in the network": {"loss": "bce_probabilities"},
                "Sigmoid in both": {"activation": "sigmoid"},
            },
        ),
    ),
    "learning_rate": Preset(
        label="Learning rate too high",
        question="How high a learning rate?",
        look_for="At the highest rate every run diverges at once, at the next lower one accuracy ends highest, and "
        "at the lowest the loss is still falling when training ends.",
        shown="learning rate 0.01",
        drawn="losses",
        experiment=_race(
            3,
            {
                "dataset": "digits",
                "model": "mlp",
                "widths": (64,),
                "head": "softmax",
                "loss": "cross_entropy",
                "optimizer": "sgd",
                "batch_size": 32,
                "epochs": 20,
            },
            {f"learning rate {lr:g}": {"lr": lr} for lr in (0.001, 0.01, 0.1, 3.0)},
        ),
    ),
    "one_or_two": Preset(
        label="One output or two",
        question="One output or two?",
        look_for="One logit and two logits at half the learning rate end with the same validation loss and average "
        "precision; cross-entropy on a single column has a loss of 0 and changes no weight, so its curve is that of "
        "the random initial weights.",
        shown="One logit, BCE",
        drawn="losses",
        experiment=_race(
            3,
            {"dataset": "gaussians", "optimizer": "sgd", "epochs": 40},
            {
                "One logit, BCE": {"lr": 0.1},
                "Two logits, cross-entropy": {"lr": 0.05, "head": "softmax2", "loss": "cross_entropy"},
                "One column, cross-entropy": {"lr": 0.1, "loss": "cross_entropy_float"},
            },
        ),
    ),
}

# 1% fraud with and without pos_weight, which moves the scores but not their order. Large batches, so that they move
# visibly over the epochs.
DEMONSTRATION = _race(
    1,
    {"dataset": "fraud", "lr": 0.01, "batch_size": 512, "epochs": 30},
    {"pos_weight 1": {}, "pos_weight 20": {"loss_params": {"pos_weight": 20.0}}},
)

DEMONSTRATED: dict[str, Demonstrated] = {
    "predicts_zero": Demonstrated(
        question="My classifier predicts 0 for almost everything. Why?",
        answer="Few rows are positive, so few scores reach 0.5. Lower the threshold.",
        shown="pos_weight 1",
        experiment=DEMONSTRATION,
    ),
    "ship": Demonstrated(
        question="Which threshold should I ship?",
        answer="The one of maximum net value: enter your payoffs below, in Value.",
        shown="pos_weight 20",
        experiment=DEMONSTRATION,
        panel="value",
        rule="cost",
    ),
    "weight": Demonstrated(
        question="What does pos_weight do?",
        answer="It raises the scores (grey: without it), and hardly changes their order.",
        shown="pos_weight 20",
        experiment=DEMONSTRATION,
        panel="theory",
        beside="pos_weight 1",
    ),
}
QUESTIONS: dict[str, Question] = {**DEMONSTRATED, **PRESETS}
