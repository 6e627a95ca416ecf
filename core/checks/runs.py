"""Checks of a run: optimisation (C3..) and scores (C4..)."""

from __future__ import annotations

import numpy as np

from core.checks.context import AUTO, TORCH
from core.checks.finding import Check, Found
from core.data import load_dataset
from core.evaluation import default_accuracy, predicted_per_row, predicted_positive
from core.evaluation.scores import Scores
from core.losses import LOSSES
from core.text import counted
from core.training.runs import Run

ENOUGH = 100  # rows needed to compare confidence and accuracy
ABOVE = 0.01  # relative increase of the training loss over its start
GAP = 0.1  # mean confidence minus accuracy
SATURATED = 0.01  # fraction of scores that are exactly 0 or 1
RISE, LEAST_RISE = 1.05, 0.01  # increase of the validation loss over its minimum: a factor, and a difference
UNLABELLED = 0.1  # fraction of rows, in excess of those that actually have no label


def _smaller_rate(run: Run) -> dict[str, object]:
    return {"lr": max(float(f"{run.config.lr / 10:.2g}"), 1e-6)}


def diverged(run: Run) -> Found:
    if run.status != "diverged":
        return None
    if LOSSES[run.config.loss].expects == "log-probabilities" and run.config.activation == "none":
        return f"At epoch {run.epoch + 1} the loss was not finite: NLL of raw outputs has no lower bound.", AUTO
    return f"At epoch {run.epoch + 1} the loss or a score was infinite or NaN.", _smaller_rate(run)


def loss_above_its_start(run: Run) -> Found:
    losses = run.history.train
    if run.status == "diverged" or len(losses) < 2 or not losses[-1] - losses[0] > ABOVE * abs(losses[0]):
        return None
    return (
        f"After epoch {run.epoch} the training loss is {losses[-1]:.4g}; it began at {losses[0]:.4g}.",
        _smaller_rate(run),
    )


def loss_rises_with_accuracy(run: Run) -> Found:
    loss, right = run.history.validation, run.history.accuracy
    if run.status == "diverged" or loss_above_its_start(run) or len(loss) < 3 or not np.isfinite([*loss, *right]).all():
        return None
    lowest = int(loss.argmin())
    if loss[-1] < max(RISE * loss[lowest], loss[lowest] + LEAST_RISE) or right[-1] < right[lowest]:
        return None
    return (
        f"Since epoch {lowest} the validation loss rose from {loss[lowest]:.3f} to {loss[-1]:.3f}, the accuracy from "
        f"{right[lowest]:.3f} to {right[-1]:.3f}: decisions hold, but the scores grow overconfident.",
        {"epochs": max(lowest, 1)},
    )


def saturated(run: Run, scores: Scores) -> Found:
    zeros, ones = (np.count_nonzero(scores.y_score == end) / max(scores.y_score.size, 1) for end in (0, 1))
    if zeros + ones < SATURATED:
        return None
    return (
        f"{zeros + ones:.1%} of the validation scores are exactly 0 ({zeros:.1%}) or 1 ({ones:.1%}): no threshold "
        "separates rows whose scores are equal.",
        None,
    )


def no_better_than_the_majority_class(run: Run, scores: Scores) -> Found:
    if scores.task == "multilabel":
        return None
    counts = load_dataset(run.config.dataset, run.config.dataset_params).counts
    common = int(counts.argmax())
    plain = float((scores.y_true == common).mean())
    right = default_accuracy(scores)
    if not scores.n_rows or right > plain:
        return None
    name = scores.class_names[common]
    return f"Accuracy is {right:.3f}, no better than the {plain:.3f} of predicting {name} for every row.", None


def no_positive_predicted(run: Run, scores: Scores) -> Found:
    positive, score = scores.view().y, scores.view().score
    if scores.task != "binary" or not positive.any() or predicted_positive(score[positive], 0.5).any():
        return None
    return (
        f"At 0.5 recall is 0: none of the {counted(np.count_nonzero(positive), 'positive')} is predicted positive, the "
        f"highest score among them is {score[positive].max():.3g}. {_order(scores, 'lower')}",
        None,
    )


def every_row_predicted_positive(run: Run, scores: Scores) -> Found:
    if scores.task != "binary" or not scores.n_rows or not predicted_positive(scores.y_score, 0.5).all():
        return None
    return (
        f"All {scores.n_rows:,} rows reach 0.5, though {scores.view().y.mean():.1%} of them are positive; the lowest "
        f"score is {scores.y_score.min():.3g}. {_order(scores, 'raise')}",
        None,
    )


def _order(scores: Scores, how: str) -> str:
    if scores.y_score.min() == scores.y_score.max():
        return "All scores are equal, so no threshold helps."
    return f"The order of the scores may still be good: {how} the threshold."


def overconfident(run: Run, scores: Scores) -> Found:
    if scores.task == "multilabel" or scores.n_rows < ENOUGH:
        return None
    p = scores.y_score.astype(np.float64)
    confidence = float((np.maximum(p, 1 - p) if scores.task == "binary" else p).max(1).mean())
    right = default_accuracy(scores)
    if confidence - right < GAP:
        return None
    return (
        f"On {scores.n_rows:,} validation rows the mean confidence is {confidence:.3f}, the accuracy {right:.3f}: "
        f"overconfident by {confidence - right:.3f}.",
        None,
    )


def rows_without_labels(run: Run, scores: Scores) -> Found:
    if scores.task != "multilabel":
        return None
    none, _ = predicted_per_row(scores, 0.5)
    truly = int((scores.y_true.sum(1) == 0).sum())
    if not scores.n_rows or none - truly < UNLABELLED * scores.n_rows:
        return None
    return (
        f"{none:,} of {scores.n_rows:,} validation rows ({none / scores.n_rows:.1%}) get no label at 0.5; "
        f"{truly:,} actually have none. Rare labels seldom reach 0.5: give each label its own threshold.",
        None,
    )


OF_RUN: dict[str, Check] = {
    "C302": Check(
        "Diverged",
        "run",
        "mistake",
        "The loss was no longer finite.",
        "Each step overshoots by more than the one before.",
        "Use a smaller learning rate.",
        "Goodfellow, Bengio and Courville, Deep Learning, chapter 8 (2016)",
        diverged,
    ),
    "C303": Check(
        "Loss above its start",
        "run",
        "caution",
        "The training loss ended above where it began.",
        "Steps are too large, or the loss jumps.",
        "Use a smaller learning rate.",
        "Goodfellow, Bengio and Courville, Deep Learning, chapter 8 (2016)",
        loss_above_its_start,
    ),
    "C304": Check(
        "Loss rises, accuracy does not fall",
        "run",
        "caution",
        "The validation loss rises while the accuracy holds or rises.",
        "The loss penalises confident mistakes; accuracy does not see them.",
        "Stop earlier, use weight decay, or calibrate the scores.",
        "Guo et al., On Calibration of Modern Neural Networks (2017)",
        loss_rises_with_accuracy,
    ),
}
OF_SCORES: dict[str, Check] = {
    "C401": Check(
        "Saturated scores",
        "scores",
        "caution",
        "Scores that are exactly 0 or 1.",
        "float32 rounds a sigmoid to 1 from z = 16.64 on; a loss on probabilities has no gradient there.",
        "Train on logits, use weight decay, or stop earlier.",
        f"{TORCH}, BCELoss clamps its log outputs",
        saturated,
    ),
    "C402": Check(
        "No better than the majority class",
        "scores",
        "caution",
        "Accuracy no higher than that of always predicting the most frequent class.",
        "If a class is rare, accuracy is high without finding any of it.",
        "Look at precision and recall, and choose a threshold.",
        "Provost, Fawcett and Kohavi, The Case Against Accuracy Estimation (1998)",
        no_better_than_the_majority_class,
    ),
    "C403": Check(
        "Predicts no positives",
        "scores",
        "caution",
        "No positive row is predicted positive at 0.5.",
        "If positives are rare, few rows have a probability above 0.5.",
        "Lower the threshold before changing the loss.",
        "Elkan, The Foundations of Cost-Sensitive Learning (2001)",
        no_positive_predicted,
    ),
    "C404": Check(
        "Overconfident",
        "scores",
        "caution",
        "Mean confidence well above accuracy.",
        "Training keeps raising the confidence of rows that are already correct.",
        "Calibrate on validation rows, use weight decay, or stop earlier.",
        "Guo et al., On Calibration of Modern Neural Networks (2017)",
        overconfident,
    ),
    "C405": Check(
        "Rows without labels",
        "scores",
        "caution",
        "Many rows get no label at 0.5.",
        "A calibrated score rarely exceeds 0.5 for a rare label.",
        "Choose a threshold for each label.",
        "Lipton, Elkan and Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 (2014)",
        rows_without_labels,
    ),
    "C406": Check(
        "Predicts every row positive",
        "scores",
        "caution",
        "Every row is predicted positive at 0.5.",
        "A sigmoid, softmax or ReLU before the sigmoid makes every p at least 0.5; a large pos_weight can too.",
        "Look at the final activation and the weights, then raise the threshold.",
        f"{TORCH}, BCEWithLogitsLoss combines a Sigmoid layer and the BCELoss",
        every_row_predicted_positive,
    ),
}
