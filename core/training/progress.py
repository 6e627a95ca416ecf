"""How snapshots of runs and jobs go on: one more epoch, an end, and the earlier epochs that memory has room for."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from core.evaluation import default_accuracies
from core.evaluation.best_epoch import best, measures_of
from core.training.engine import Epoch
from core.training.runs import LIVE, Job, Kept, Run, Status

KEPT_BYTES_A_JOB = 32 << 20  # for outputs of earlier epochs


def accuracies(run: Run, epoch: Epoch) -> np.ndarray:
    """Validation accuracy of the default decisions of every run of an epoch, (R,); NaN if scores are not finite and in
    a regression. `run` is one of the runs."""
    right = np.full(len(epoch.finite), np.nan)
    sound = np.flatnonzero(epoch.finite)
    if run.task != "regression" and len(sound):
        rows = replace(run, outputs={"validation": epoch.validation[sound[0]]}).scores("validation")
        right[sound] = default_accuracies(rows, np.stack([epoch.validation[at] for at in sound]))
    return right


def after_epoch(run: Run, epoch: Epoch, at: int, right: float, kept_every: int, alone: bool) -> Run:
    """The run with one more epoch; a run that diverged keeps the scores of its last finite epoch. Earlier epochs are
    kept as by `thinned`."""
    if not epoch.finite[at]:
        return replace(
            _with_own_arrays(run),
            status="diverged",
            error=f"The loss was not finite at epoch {epoch.index}; the results are those of the epoch before. "
            "Try a smaller learning rate.",
        )
    outputs = {"validation": epoch.validation[at], "test": epoch.test[at]}
    now = replace(
        run,
        outputs=outputs,
        kept=(*run.kept, Kept(epoch.index, outputs)),
        surface=epoch.surface[at] if epoch.surface else None,
        device=epoch.device,
    )
    if epoch.stopped[at]:
        now = replace(_with_own_arrays(now), status="stopped early")
    losses = float(epoch.train_loss[at]), float(epoch.validation_loss[at])
    return thinned(replace(now, history=run.history.then(*losses, right)), kept_every, alone)


def thinned(run: Run, every: int, alone: bool) -> Run:
    """The run with the outputs of every such epoch, of the last and of the best by validation loss; if it is `alone` in
    its job, with those of the best by each of `epoch_measures` too, which take time to measure."""
    if every == 1:
        return run
    kept = tuple(_measured(run, one) for one in run.kept) if alone else run.kept
    losses = [-run.history.validation[one.epoch] for one in kept]
    measures = zip(*(one.measures for one in kept), strict=True)
    stay = {kept[place].epoch for values in (losses, *measures) if (place := best(values)) is not None}
    return replace(
        run,
        kept=tuple(
            one if one.epoch % every == 0 or one.epoch == run.epoch else _with_own_outputs(one)
            for one in kept
            if one.epoch % every == 0 or one.epoch in (run.epoch, *stay)
        ),
    )


def _with_own_outputs(kept: Kept) -> Kept:
    """A kept epoch with copies of its outputs where they are views, which would keep those of all runs in memory."""
    return kept._replace(
        outputs={part: array if array.base is None else array.copy() for part, array in kept.outputs.items()}
    )


def _measured(run: Run, kept: Kept) -> Kept:
    """A kept epoch with its measures, which a regression has none of."""
    if kept.measures or run.task == "regression":
        return kept
    scores = replace(run, outputs=dict(kept.outputs)).scores("validation")
    return kept._replace(measures=tuple(measure(scores) for measure in measures_of(run.config).values()))


def _with_own_arrays(run: Run) -> Run:
    """The run with copies of its last outputs, since views would keep the outputs of the whole stack in memory."""
    outputs = {part: array.copy() for part, array in run.outputs.items()}
    kept = tuple(one._replace(outputs=outputs) for one in run.kept[-1:])
    surface = None if run.surface is None else run.surface.copy()
    return replace(run, outputs=outputs, kept=(*run.kept[:-1], *kept), surface=surface)


def within_memory(job: Job) -> Job:
    """Drop every second kept epoch until the kept outputs fit into KEPT_BYTES_A_JOB."""
    while sum(len(run.kept) * run.kept[-1].n_bytes for run in job.runs if run.kept) > KEPT_BYTES_A_JOB:
        every = 2 * job.kept_every
        if every > 2 * max(run.config.epochs for run in job.runs):
            return job  # only the last epoch is left
        runs = tuple(thinned(run, every, len(job.runs) == 1) for run in job.runs)
        job = replace(job, runs=runs, kept_every=every)
    return job


def without_earlier_epochs(job: Job) -> Job:
    return replace(job, runs=tuple(replace(run, kept=run.kept[-1:]) for run in job.runs))


def n_bytes(job: Job) -> int:
    """Bytes of a job's scores. The kept outputs of the last epoch are also its outputs, so they count once."""
    earlier = sum(kept.n_bytes for run in job.runs for kept in run.kept[:-1])
    arrays = [outputs for run in job.runs for outputs in run.outputs.values()]
    arrays += [run.surface for run in job.runs if run.surface is not None]
    return earlier + sum(array.nbytes for array in arrays)


def rested(job: Job) -> Job:
    """The job without its pause, if it is paused."""
    if job.paused is None:
        return job
    return replace(job, paused=None, rested=job.rested + time.monotonic() - job.paused)


def turned(run: Run, before: Status, after: Status) -> Run:
    return replace(run, status=after) if run.status == before else run


def ended_run(run: Run, status: Status, error: str) -> Run:
    return replace(run, status=status, error=error) if run.status in LIVE else run
