"""Check cases: what several test files share."""

from __future__ import annotations

from core.checks import Finding, of_config
from core.experiment.config import RunConfig

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
    "C215": (
        RARE | {"head": "softmax2", "loss": "logit_adjusted", "loss_params": {"prior": "1, 9"}},
        RARE | {"head": "softmax2", "loss": "logit_adjusted", "loss_params": {"prior": "9, 1"}},
    ),
    "C216": (
        RARE | {"loss": "asymmetric", "loss_params": {"gamma_pos": 4.0, "gamma_neg": 0.0, "margin": 0.0}},
        RARE | {"loss": "asymmetric", "loss_params": {"gamma_pos": 0.0, "gamma_neg": 4.0, "margin": 0.0}},
    ),
    "C305": (
        {"model": "mlp", "widths": (8,), "batch_norm": True, "batch_size": 4},
        {"model": "mlp", "widths": (8,), "batch_size": 4},
    ),
    "C301": ({"optimizer": "sgd", "lr": 10.0}, {"optimizer": "sgd", "lr": 0.01}),
}


def sentences(config: RunConfig) -> dict[str, Finding]:
    return {finding.code: finding for finding in of_config(config)}
