"""What one experiment may take of the memory that everybody shares."""

from __future__ import annotations

from core.data import load_dataset
from core.errors import CutoffError
from core.experiment.config import Experiment
from core.losses.heads import HEADS


def count_scores(experiment: Experiment) -> int:
    """Runs x rows x outputs: as many numbers as all models of an experiment give for the whole data set."""
    total = 0
    for variant in experiment.variants:
        data = load_dataset(variant.config.dataset, variant.config.dataset_params)
        outputs = HEADS[variant.config.head].outputs(len(data.class_names))
        total += len(experiment.seeds) * len(data.y) * outputs
    return total


def check_scores(experiment: Experiment, most: int) -> Experiment:
    """Return `experiment` if it has at most so many scores; raises CutoffError, a sentence with what to do, if not."""
    total = count_scores(experiment)
    if total > most:
        raise CutoffError(
            f"This experiment has {total:,} scores (runs x rows x outputs); the limit is {most:,}. "
            "Use fewer variants, fewer seeds or fewer rows."
        )
    return experiment
