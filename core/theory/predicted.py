"""Predicted thresholds: the threshold on a run's score that corresponds to one on the true probability."""

from __future__ import annotations

from functools import lru_cache

from core.data import dataset_spec
from core.experiment.config import RunConfig
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.theory.binary_loss import LossOnData, loss_of_pair, loss_on_data, training_counts
from core.theory.optimal_scores import has_closed_form, threshold_on_score

SAME = 1e-3  # true probabilities closer than this count as equal


def predicted_threshold(config: RunConfig, q: float = 0.5) -> float | None:
    """The threshold on a run's score that corresponds to a threshold on the true probability.

    With pos_weight w it is w q / (w q + 1 - q), and a score of .5 corresponds to q = 1 / (1 + w). It assumes that the
    model reaches the optimal scores.

    Parameters
    ----------
    config : of the run.
    q : threshold on the true probability of the positive class, in (0, 1); predict positive at or above it.

    Returns
    -------
    The threshold in [0, 1]; None for tasks other than binary, losses of whole batches, and losses for which several
    true probabilities around q have the same optimal score.

    References
    ----------
    Elkan, The Foundations of Cost-Sensitive Learning (2001).
    """
    of = loss_on_data(config)
    return None if of is None else _predicted(of, q)


@lru_cache(maxsize=1024)
def scores_of_even_odds(config: RunConfig) -> tuple[float, ...]:
    """The scores, each in (0, 1), that the loss of a run gives to a true probability of .5.

    Returns
    -------
    That of the positive class of binary data, or that of each class or label whose output has a sigmoid of its own;
    () without a closed form, for scores that no training reaches, and for other heads and tasks.
    """
    if dataset_spec(config.dataset).task == "binary":
        of = loss_on_data(config)
        score = predicted_threshold(config) if of and has_closed_form(of.build()) else None
        return (score,) if score is not None and 0 < score < 1 else ()
    spec = LOSSES[config.loss]
    if HEADS[config.head].link != "sigmoid" or spec.of != "output" or spec.mistake:
        return ()
    rows, positives = training_counts(config)
    pairs = [
        loss_of_pair(config.loss, config.head, dict(config.loss_params), positives, positive=output, rows=rows)
        for output in range(len(positives))
    ]
    if config.activation != "auto" or not all(map(has_closed_form, pairs)):
        return ()
    scores = tuple(threshold_on_score(pair, 0.5).score for pair in pairs)
    return scores if all(0 < score < 1 for score in scores) else ()


def why_unpredicted(config: RunConfig) -> str:
    """Why there is no predicted threshold for a binary run, in a few words."""
    loss = LOSSES[config.loss]
    if loss.of == "batch":
        return f"{loss.label} is computed on whole batches"
    return f"{loss.label} has one optimal score for several true probabilities"


@lru_cache(maxsize=4096)
def _predicted(of: LossOnData, q: float) -> float | None:
    cut = threshold_on_score(of.build(), q)
    return cut.score if cut.high - cut.low < SAME else None
