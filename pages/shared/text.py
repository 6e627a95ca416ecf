"""Sentences about runs and their numbers, as pages show them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import torch

from core import wiring
from core.config import RunConfig
from core.datasets import load_dataset
from core.losses import LOSSES
from core.runner import Job, Run
from core.thresholds import METRICS, ThresholdCounts


def plain(sentence: str) -> str:
    """The sentence as Markdown that shows it as it is, `names` in backquotes apart: it may quote what was typed."""
    parts = re.split(r"(`[\w.*]+`)", sentence)
    parts[::2] = [re.sub(r"([^\w\s.,;'])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def of_config(config: RunConfig) -> str:
    """Data and run in a line."""
    return " · ".join(wiring.describe(config))


def of_run(run: Run) -> str:
    """A run in a list: what it is, the loss first since runs differ most in it, and how far it came."""
    return " · ".join(reversed(wiring.describe(run.config))) + (
        "" if run.status == "finished" else f" · {run.status} at epoch {run.epoch}"
    )


def of_theory(run: Run) -> str:
    """What the loss's parameters mean for the threshold."""
    counts = load_dataset(run.config.dataset, run.config.dataset_params).counts
    return LOSSES[run.config.loss].remark(dict(run.config.loss_params), counts)


def of_progress(job: Job, device: str) -> str:
    """Where a job stands: its status in a word, epochs, seconds so far and to go."""
    run = job.runs[0]
    epochs = f"epoch {max(run.epoch, 0)} of {run.config.epochs} on {device}"
    if job.status == "queued":
        return f"Waiting, number {job.position} in the queue; it starts when a run before it ends"
    if job.status == "running":
        left = "" if job.remaining is None else f" · about {seconds(job.remaining)} left"
        return f"Training · {epochs} · {seconds(job.elapsed)}{left}"
    return f"{job.status.capitalize()} · {epochs} · {seconds(job.elapsed)}"


def of_device(device: torch.device) -> str:
    """What the device is called: the CPU, or the graphics card's name."""
    return "the CPU" if device.type == "cpu" else torch.cuda.get_device_name(device)


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60)} s"


def rate(value: float) -> str:
    """A rate with three decimals; a ratio without a denominator is said to be undefined."""
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def of_losses(run: Run) -> str:
    """What the loss figure shows, for those who can't see it."""
    history = run.history
    if not len(history.train):
        return "Mean loss by epoch; nothing is trained yet."
    return (
        f"Mean loss over {run.epoch} epochs: training from {history.train[0]:.3f} to {history.train[-1]:.3f}, "
        f"validation from {history.validation[0]:.3f} to {history.validation[-1]:.3f}."
    )


def of_histograms(run: Run, part: str) -> str:
    return f"Histograms of the {part} rows' probabilities by true class, after epoch {run.epoch}."


def of_counts(point: ThresholdCounts, label: str) -> str:
    """How many rows the threshold calls positive."""
    called = int(point.tp + point.fp)
    if not called:
        return f"No row scores at least {float(point.thresholds):.6g}, so none is called {label}."
    share = called / max(int(point.total), 1)
    return (
        f"{called:,} of {int(point.total):,} rows ({share:.1%}) score at least {float(point.thresholds):.6g} "
        f"and are called {label}."
    )


def of_point(point: ThresholdCounts) -> str:
    """The operating point in words."""
    return (
        f"At threshold {float(point.thresholds):.3f}: precision {rate(float(METRICS['precision'](point)))}, "
        f"recall {rate(float(METRICS['recall'](point)))}, {point.tp} true and {point.fp} false positives, "
        f"{point.fn} false and {point.tn} true negatives."
    )


def of_matrix(matrix: np.ndarray, names: Sequence[str]) -> str:
    """A confusion matrix, row by row."""
    rows = (
        f"true {name}: "
        + ", ".join(f"{count} called {other}" for other, count in zip(names, row, strict=True) if count)
        for name, row in zip(names, matrix.tolist(), strict=True)
    )
    return "Confusion matrix. " + "; ".join(rows) + "."
