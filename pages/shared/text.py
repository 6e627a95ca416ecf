"""Sentences about runs and their numbers, as pages show them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from core.checks import CHECKS
from core.data import Dataset, load_dataset
from core.evaluation import number_label, predicted_per_row
from core.evaluation.errors import ERRORS
from core.evaluation.scores import Scores
from core.evaluation.source import ScoreSource, held_out, rows_label, tuned_on
from core.experiment import compatibility
from core.experiment.config import SETTINGS, Experiment, RunConfig
from core.losses import LOSSES, LossSpec
from core.losses.heads import ACTIVATIONS, HEADS, HeadSpec
from core.losses.objective import resolved
from core.parameters import Value
from core.predictions import ALL
from core.text import counted
from core.theory.effect import is_proper
from core.theory.remarks import remark
from core.training.runs import Job, Run

TASKS = {"binary": "binary", "multiclass": "multi-class", "multilabel": "multi-label", "regression": "regression"}
OTHER_METRICS = {"loss": "Loss"} | {name: error.label for name, error in ERRORS.items()}
PROPER = {
    True: "a proper scoring rule: minimised by the true probability.",
    False: "not proper: its optimal score is not the true probability.",
}
SYMBOLS = {"none": "{}", "sigmoid": "sigmoid({})", "softmax": "softmax({})", "log_softmax": "log_softmax({})"}


# Markdown syntax: signs, underscores at the ends of a word, the full stop after the number of a list.
SIGNS = re.compile(r"[!-&(-+/:<-@[-^`{-~-]|(?<![^\W_])_|_(?![^\W_])|(?m:(?<=^\d)\.(?=\s))")
# Where the browser recognises addresses and names of emoji despite backslashes.
INSIDE_ADDRESSES = re.compile(r"(?<=:)(?=//|[\w+/-]+:)|(?<=www)(?=\.)|(?<=@)(?=[\w-])", re.IGNORECASE)
JOINER = "\u2060"  # has no width


def plain(sentence: str) -> str:
    """Escape a sentence, which may quote what was typed, so that Markdown shows it unchanged but for `names`."""
    parts = re.split(r"(`[\w.*]+`)", sentence)
    parts[::2] = [SIGNS.sub(r"\\\g<0>", INSIDE_ADDRESSES.sub(JOINER, part)) for part in parts[::2]]
    return "".join(parts)


def of_config(config: RunConfig) -> str:
    """Data and run in a line."""
    return " · ".join(compatibility.describe(config))


def of_experiment(experiment: Experiment) -> str:
    """Data and run in a line; of several variants, data and model and how many there are."""
    first, count, seeds = experiment.variants[0].config, len(experiment.variants), len(experiment.seeds)
    if count == 1:
        return of_config(first) + (f" · {seeds} seeds" if seeds > 1 else "")
    data, model, *_ = compatibility.describe(first)
    return f"{data} · {model} · {count} variants" + (f" x {seeds} seeds" if seeds > 1 else "")


def of_theory(config: RunConfig) -> str:
    """Whether the loss is proper with its parameters, and what they mean for the threshold; "" after another output
    activation than it expects. Raises CutoffError for a parameter that can't be used.
    """
    right = resolved(config.head, "auto", config.loss)
    if resolved(config.head, config.activation, config.loss) != right:
        return ""
    data = load_dataset(config.dataset, config.dataset_params)
    return _remark(config.loss, config.head, config.loss_params, tuple(data.counts.tolist()), len(data.y))


@lru_cache(maxsize=64)  # some closed forms are solved for, which takes longer than drawing all controls
def _remark(loss: str, head: str, params: tuple[tuple[str, Value], ...], counts: tuple[int, ...], rows: int) -> str:
    given = loss, head, dict(params), np.array(counts), rows
    return f"{of_proper(LOSSES[loss], is_proper(*given))} {remark(*given)}".strip()


def of_parts(source: ScoreSource) -> str:
    """What the splits of a source are for; of a single one, that what is tuned on it is in-sample."""
    part, other = tuned_on(source), held_out(source)
    if other:
        use = f"tune the threshold on {rows_label(part)}, report its metrics on {rows_label(other)}"
        return f"Neither split was used for training: {use}."
    if part == ALL:
        return "Without a split column, thresholds are tuned and evaluated on all rows, which is optimistic."
    return f"There are only {rows_label(part)}: what is tuned on them is in-sample (optimistic)."


def of_data(data: Dataset) -> str:
    """Rows, features, and how often each class or label is to be found."""
    rows, features = data.x.shape
    if data.task == "binary":
        name = data.class_names[1]
        what = f"{data.counts[1] / rows:.1%} positive" + (f" ({name})" if name != "positive" else "")
    elif data.task == "multiclass":
        what = f"{len(data.counts)} classes"
    elif data.task == "multilabel":
        what = f"{len(data.counts)} labels, {data.counts.sum() / rows:.1f} per row on average"
    else:
        what = f"{data.target} from {data.y.min():.4g} to {data.y.max():.4g}"
    return f"{counted(rows, 'row')}, {counted(features, 'feature')}, {what}."


def of_head(head: HeadSpec, task: str) -> str:
    """What a head's outputs stand for and, where there is something to decide, how they do it."""
    return head.about if head.link == "none" else f"{head.about} Default decision: {head.decision[task]}."


def of_loss(loss: LossSpec, proper: bool | None) -> str:
    """What a loss expects and, where there are probabilities, whether it is proper with its parameters."""
    return f"Expects {loss.expects}. {of_proper(loss, proper)}".strip()


def of_proper(loss: LossSpec, proper: bool | None) -> str:
    """Whether a loss is proper with its parameters; "" where it is not asked."""
    if proper is None:
        return ""
    said = PROPER[proper]
    return f"With these parameters it is {said}" if proper != loss.proper else f"{said[0].upper()}{said[1:]}"


def of_output(head: str, activation: str, loss: str) -> str:
    """What the loss is given and what is shown as p, in terms of the network's logits z; see `heads.probabilities`."""
    name, expects = resolved(head, activation, loss), LOSSES[loss].expects
    given = SYMBOLS[name].format("z")
    link, gives = HEADS[head].link, ACTIVATIONS[name].gives
    if link == "none":
        return f"The loss gets {given}, the prediction."
    if expects == "logits" or (expects == "log-probabilities" and gives == "logits"):
        shown = SYMBOLS[link].format(given)
    elif gives == "log-probabilities":
        shown = f"exp({given})"
    else:
        shown = given if gives == "probabilities" else f"{given}, clipped to [0, 1]"
    return f"The loss gets {given}; p = {shown}."


def of_decision(run: Run) -> str:
    """The decision on a run's scores while no threshold is chosen."""
    return HEADS[run.config.head].decision[run.task]


def of_check(code: str) -> str:
    """Why a check matters, what to do, and where to read about it, with its code."""
    check = CHECKS[code]
    return f"**{check.name}.** {check.why} {check.remedy}\n\n{check.reference}. {code}"


def of_remedy(changes: Mapping[str, object], config: RunConfig) -> str:
    """What a remedy changes in this configuration, as the words on its button."""
    said = [
        what for key, given in changes.items() if given != getattr(config, key) for what in _said(key, given, config)
    ]
    return f"Use {' and '.join(said)}"


def _said(key: str, given: Any, config: RunConfig) -> list[str]:
    """The value of a field of a configuration with its label in the controls; of parameters those that change."""
    if key == "loss_params":
        return [f"{name} {_value(value)}" for name, value in given if (name, value) not in config.loss_params]
    if key == "activation" and given == "auto":
        return [f"the activation {ACTIVATIONS[resolved(config.head, 'auto', config.loss)].label}"]
    labels: dict[str, Mapping[str, Any]] = {"head": HEADS, "loss": LOSSES, "activation": ACTIVATIONS}
    if key in labels:
        return [labels[key][given].label]
    return [f"{SETTINGS[key].words} {_value(given)}"]


def _value(given: object) -> str:
    return f"{given:g}" if isinstance(given, float) else str(given)


def metric_label(name: str) -> str:
    """The label of a number of a run: one of core.evaluation.summaries, a loss or an error of predicted values."""
    return OTHER_METRICS[name] if name in OTHER_METRICS else number_label(name)


def of_rows_called(scores: Scores, thresholds: Sequence[float]) -> str:
    """How many rows reach no threshold of a class or label, and how many reach several."""
    none, several = predicted_per_row(scores, thresholds)
    rows = counted(scores.n_rows, "row")
    if scores.task == "multilabel":
        no, more = ("gets" if number == 1 else "get" for number in (none, several))
        return f"{none:,} of {rows} {no} no label and {several:,} {more} several."
    return f"no class reaches its threshold in {none:,} of {rows}, and several do in {several:,}."


def of_predictions(source: ScoreSource, part: str) -> str:
    """What the figure of predictions shows, for those who can't see it."""
    y_true, y_pred = source.predictions(part)
    return (
        f"Predicted against actual values of {rows_label(part, len(y_true))} ({source.about.origin}): "
        f"actual from {y_true.min():.4g} to {y_true.max():.4g}, "
        f"predicted from {y_pred.min():.4g} to {y_pred.max():.4g}."
    )


def of_status(job: Job) -> str:
    """The status of a job in a word."""
    return {"queued": "Waiting", "running": "Training"}.get(job.status, job.status.capitalize())


def of_progress(job: Job, tried: bool = False) -> str:
    """Where a job stands: its status in a word, epochs, seconds so far and to go; `tried` if its device was chosen."""
    came = max(run.came for run in job.runs)
    epochs = f"epoch {max(came, 0)} of {job.runs[0].config.epochs}{of_devices(job, tried)}"
    if len(job.runs) > 1:
        epochs = f"{len(job.runs)} runs together · {epochs}"
    if job.status == "queued":
        return f"{of_status(job)}, number {job.position} in the queue; it starts when an earlier run ends"
    left = "" if job.status != "running" or job.remaining is None else f" · about {seconds(job.remaining)} left"
    return f"{of_status(job)} · {epochs} · {seconds(job.elapsed)}{left}"


def of_devices(job: Job, tried: bool) -> str:
    """Where a job trains: on the CPU, or on the graphics card by name; "" before it does."""
    names = {
        "the CPU" if run.device == "cpu" else torch.cuda.get_device_name(run.device) for run in job.runs if run.device
    }
    faster = ", the faster one when both were timed" if tried and len(names) == 1 else ""
    return f" on {' and '.join(sorted(names))}{faster}" if names else ""


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60)} s"


def threshold(value: float) -> str:
    """A threshold in at most six digits, or in words where it is above every score."""
    return "above every score" if math.isinf(value) else f"{value:.6g}"


def rate(value: float) -> str:
    """A rate with three decimals; a ratio without a denominator is said to be undefined."""
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def of_losses(run: Run) -> str:
    """What the loss figure shows, for those who can't see it."""
    history = run.history
    if not len(history.train):
        return "Mean loss by epoch; nothing is trained yet."
    return (
        f"Mean loss over {counted(run.epoch, 'epoch')}: training from {history.train[0]:.3f} to "
        f"{history.train[-1]:.3f}, validation from {history.validation[0]:.3f} to {history.validation[-1]:.3f}."
    )


def of_race(job: Job) -> str:
    """What the figure of several runs' losses shows, for those who can't see it."""
    ends = [
        f"{variant.name} {min(run.history.validation[-1] for run in runs):.3f}"
        for at, variant in enumerate(job.experiment.variants)
        if (runs := [run for run in job.of_variant(at) if len(run.history.validation)])
    ]
    broken = [
        f" {variant.name} diverged at epoch {min(came)}."
        for at, variant in enumerate(job.experiment.variants)
        if (came := [run.came for run in job.of_variant(at) if run.status == "diverged"])
    ]
    said = "Mean loss by epoch, one line per variant. Validation loss now, minimum over seeds: "
    return said + ", ".join(ends) + "." + "".join(broken)


def of_histograms(run: Run, part: str) -> str:
    return f"Histograms of the probabilities of {rows_label(part, the=True)} by actual class, after epoch {run.epoch}."


def of_panels(task: str) -> str:
    """How panels of several classes are to be read."""
    if task == "multiclass":
        return "Up: rows of the class. Down: all others. Hatched: misclassified by argmax, which has no threshold."
    return "Up: rows with the label. Down: all others. Hatched: misclassified at the threshold, 0.5."


def of_clipped(rows: int) -> str:
    """That scores lie beyond all optimal scores of their loss, so that converting back ties them."""
    if rows == 1:
        return "1 score is beyond the range of the loss's optimal scores; it is clipped to 0 or 1."
    return f"{rows:,} scores are beyond the range of the loss's optimal scores; they are clipped to 0 or 1 and tied."
