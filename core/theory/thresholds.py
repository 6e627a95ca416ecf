"""Theory beside measurement: the threshold on a run's score that stands for one on the true probability, the one that
costs least on given rows, and scores with the effect of the loss undone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.data import DATASETS, load_split
from core.evaluation.bootstrap import AT_ONCE, RankedRows, affordable, draws, percentile_interval
from core.evaluation.tuning.choice import taken
from core.experiment.config import RunConfig
from core.losses import LOSSES
from core.parameters import Value
from core.theory.optimal_scores import BinaryLoss, best_scores, binary_loss, threshold_on_score

GRID = 2001  # true probabilities at which a wanted score is computed when it is inverted
SAME = 1e-3  # true probabilities closer than this are one to a reader
RESAMPLES, LEVEL = 200, 0.9
FLAT = 1e-9  # wanted scores that rise by less than this do not tell probabilities apart


@dataclass(frozen=True)
class Measured:
    """The thresholds t, low < t <= high, that cost least on some rows, what they cost a row, and the spread of such
    thresholds over resamples of the rows, from `least` to `greatest`."""

    low: float
    high: float
    cost: float
    least: float
    greatest: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    def gap(self, predicted: float) -> float:
        """How far a predicted threshold lies above (> 0) or below (< 0) the spread; 0 if it is in it."""
        if predicted > self.greatest:
            return predicted - self.greatest
        return min(predicted - self.least, 0.0)


def predicted_threshold(config: RunConfig, q: float = 0.5) -> float | None:
    """The threshold on a run's score that stands for the threshold q on the true probability of the positive class.

    With pos_weight w it is w q / (w q + 1 - q), so that a score of .5 stands for 1 / (1 + w). Exact for a model that
    can take any form (Elkan, 2001). None where theory gives no such threshold: other tasks than two classes, losses of
    whole batches, and losses whose best score is the same for several true probabilities.
    """
    of = _of(config)
    return None if of is None else _predicted(*of, q)


def why_unpredicted(config: RunConfig) -> str:
    """Why theory gives a run on two classes no threshold, in a few words."""
    loss = LOSSES[config.loss]
    if loss.of == "batch":
        return f"{loss.label} is a loss of whole batches"
    return f"{loss.label} wants one score for several true probabilities"


def measured_threshold(y_true: NDArray[np.bool_], y_score: NDArray[np.floating], q: float = 0.5) -> Measured:
    """The empirical optimum: the thresholds that cost least on these rows, a false positive costing q and a false
    negative 1 - q.

    Parameters: y_true (N,), N >= 1; y_score (S, N), the scores of S seeds on the same rows, which are measured
    together; q in (0, 1), with these costs the best threshold on a true probability (Elkan, 2001).

    Every distinct score is a candidate, and predicting all negative is another one; decisions are the same for all t
    between neighbouring scores. Of several intervals of thresholds that cost the least the widest is given.

    The spread is over resamples of the rows, drawn without regard to class (Efron, 1979), at most RESAMPLES of them:
    LEVEL of the thresholds that cost least there lie between its ends. The same rows are drawn for all seeds. It is no
    confidence interval.
    """
    ranked = RankedRows.of(y_true, y_score)
    low, high, cost = _cheapest(ranked, np.ones((1, len(y_true))), q)
    width = y_score.size + 1
    lows, highs = [], []
    for times in draws(len(y_true), min(RESAMPLES, affordable(width)), at_once=max(1, AT_ONCE // width)):
        found = _cheapest(ranked, times.astype(np.float64), q)
        lows.append(found[0])
        highs.append(found[1])
    return Measured(
        low=float(low[0]),
        high=float(high[0]),
        cost=float(cost[0] / y_score.size),
        least=float(percentile_interval(np.concatenate(lows), LEVEL)[0]),
        greatest=float(percentile_interval(np.concatenate(highs), LEVEL)[1]),
    )


def _cheapest(
    ranked: RankedRows, times: NDArray[np.float64], q: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the cheapest thresholds and their cost, (B,), if row n counts times[b, n] times, (B, N)."""
    counts = ranked.counts(times)
    cost = q * counts.fp + (1 - q) * counts.fn
    falling = ranked.thresholds[1:].astype(np.float64)
    top, bottom = falling[0], falling[-1]  # above the top no row is predicted positive, from the bottom down all
    lows = np.append(falling, 0.0 if bottom > 0 else np.nextafter(bottom, -np.inf))
    highs = np.append(1.0 if top < 1 else np.nextafter(top, np.inf), falling)
    # A score that no drawn row has decides as the next larger one, so that their intervals are one.
    drawn = np.diff(counts.predicted_positive, axis=1, prepend=-1.0) > 0
    next_drawn = np.where(drawn, np.arange(highs.size), highs.size)[:, :0:-1]
    last = np.full(drawn.shape, highs.size - 1)
    last[:, :-1] = np.minimum.accumulate(next_drawn, axis=1)[:, ::-1] - 1
    least = cost.min(axis=1, keepdims=True)
    chosen = np.where(drawn & (cost <= least + 1e-9), highs - lows[last], -1.0).argmax(axis=1)
    return lows[taken(last, chosen)], highs[chosen], least[:, 0]


def undone(config: RunConfig, y_score: NDArray[np.floating]) -> NDArray[np.float64] | None:
    """Scores (...) of a run on two classes turned back into estimates of the true probability, in closed form.

    It is the inverse of the score that the loss wants: with pos_weight w the logit less ln w. A score that the loss
    never wants becomes 0 or 1. None where nothing is to be undone, or where several true probabilities want one score.
    """
    of = _of(config)
    inverse = None if of is None else _inverse(*of)
    if inverse is None:
        return None
    wanted, q = inverse
    return np.interp(_logit(y_score), wanted, q, left=0.0, right=1.0)


def is_undone(config: RunConfig) -> bool:
    """Whether there is an effect of the loss on scores to undo, in closed form."""
    of = _of(config)
    return of is not None and _inverse(*of) is not None


def corrected(config: RunConfig, y_score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scores (...) with the effect of the loss undone, in their own dtype; as they are where nothing is undone."""
    after = undone(config, y_score)
    return y_score if after is None else after.astype(y_score.dtype)


Of = tuple[str, str, str, tuple[tuple[str, Value], ...], tuple[int, ...]]


def _of(config: RunConfig) -> Of | None:
    """What the theory of a configuration depends on; None where there is none."""
    if DATASETS[config.dataset].task != "binary" or LOSSES[config.loss].of == "batch":
        return None
    counts = _counts(config.dataset, config.dataset_params, config.split_seed)
    return config.loss, config.head, config.activation, config.loss_params, counts


@lru_cache(maxsize=64)
def _counts(dataset: str, params: tuple[tuple[str, Value], ...], seed: int) -> tuple[int, ...]:
    """Training rows of each of two classes."""
    return tuple(np.bincount(load_split(dataset, params, seed).y["train"], minlength=2).tolist())


def _binary_loss(
    loss: str, head: str, activation: str, params: tuple[tuple[str, Value], ...], counts: tuple[int, ...]
) -> BinaryLoss:
    return binary_loss(loss, head, dict(params), np.array(counts), activation)


@lru_cache(maxsize=4096)
def _predicted(
    loss: str,
    head: str,
    activation: str,
    params: tuple[tuple[str, Value], ...],
    counts: tuple[int, ...],
    q: float,
) -> float | None:
    cut = threshold_on_score(_binary_loss(loss, head, activation, params, counts), q)
    return cut.score if cut.high - cut.low < SAME else None


@lru_cache(maxsize=1024)
def _inverse(
    loss: str, head: str, activation: str, params: tuple[tuple[str, Value], ...], counts: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Logits of wanted scores in ascending order with the true probabilities that want them."""
    # Evenly spaced in logits, so that probabilities near 0 and 1 are told apart as well as others.
    q = 1 / (1 + np.exp(-np.linspace(-16, 16, GRID)))
    wanted = best_scores(_binary_loss(loss, head, activation, params, counts), q)
    if np.abs(wanted - q).max() < FLAT or (np.diff(wanted) <= 0).any():
        return None
    return _logit(wanted), q


def _logit(p: NDArray[np.floating]) -> NDArray[np.float64]:
    inside = np.clip(np.asarray(p, np.float64), 1e-12, 1 - 1e-12)
    return np.log(inside) - np.log1p(-inside)
