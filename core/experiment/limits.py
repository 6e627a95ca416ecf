"""The limit on the scores of one experiment, since all visitors share the memory."""

from __future__ import annotations

from core.data import load_dataset
from core.errors import CutoffError
from core.experiment.config import Experiment
from core.losses.heads import HEADS


def count_scores(experiment: Experiment) -> int:
    """Number of scores of an experiment: runs x rows of the whole data set x outputs."""
    total = 0
    for variant in experiment.variants:
        data = load_dataset(variant.config.dataset, variant.config.dataset_params)
        outputs = HEADS[variant.config.head].outputs(len(data.class_names))
        total += len(experiment.seeds) * len(data.y) * outputs
    return total


def check_scores(experiment: Experiment, most: int) -> Experiment:
    """Return `experiment` if it has at most `most` scores; raises CutoffError otherwise."""
    total = count_scores(experiment)
    if total > most:
        raise CutoffError(
            f"This experiment has {total:,} scores (runs x rows x outputs); the limit is {most:,}. "
            "Use fewer variants, fewer seeds or fewer rows."
        )
    return experiment
