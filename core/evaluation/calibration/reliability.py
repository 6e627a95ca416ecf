"""The reliability diagram: share of positives against mean score in each bin, with intervals and a band.

Intervals are those of Wilson (Probable inference, the law of succession, and statistical inference, 1927); the band is
that of Bröcker and Smith (Increasing the reliability of reliability diagrams, 2007), taken from the binomial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from core.evaluation.bins import bin_of, equal_count, equal_width, rows_by_bin
from core.evaluation.calibration.measures import BINS, as_probabilities
from core.evaluation.intervals import wilson
from core.evaluation.metrics import ratio
from core.evaluation.scores import as_scores

Binning = Literal["width", "count", "score"]
BINNINGS: dict[Binning, str] = {
    "width": "equal width",
    "count": "equal count",
}  # those that a figure offers, and their labels
LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class Reliability:
    """The B bins of scores that hold a row, in ascending order.

    low, high (B,): edges of each bin.
    rows, positives (B,): number of rows and of positive rows.
    weight (B,): total weight of the rows.
    score, share (B,): weighted mean score and share of positives, in [0, 1].
    share_low, share_high (B,): Wilson interval of the share at `level`.
    band_low, band_high (B,): range of the share with probability >= `level` if every row of the bin is positive with
    probability `score`.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    rows: NDArray[np.int64]
    positives: NDArray[np.int64]
    weight: NDArray[np.float64]
    score: NDArray[np.float64]
    share: NDArray[np.float64]
    share_low: NDArray[np.float64]
    share_high: NDArray[np.float64]
    band_low: NDArray[np.float64]
    band_high: NDArray[np.float64]
    level: float

    @property
    def error(self) -> float:
        """Positive-class ECE over these bins, in [0, 1]: mean over rows of |score - share|; NaN without rows."""
        return float(ratio((self.weight * np.abs(self.score - self.share)).sum(), self.weight.sum()))


def reliability(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.floating],
    binning: Binning = "width",
    bins: int = BINS,
    level: float = LEVEL,
    sample_weight: NDArray[np.floating] | None = None,
) -> Reliability:
    """Bin rows by their score; empty bins are left out.

    Parameters
    ----------
    y_true : whether each row is positive, (N,).
    y_score : probabilities of the positive class, (N,), in [0, 1].
    binning : "width" for bins of equal width; "count" for bins of about equal count, fewer where scores are tied;
        "score" for one bin per distinct score. See core.evaluation.bins.
    bins : number of bins, >= 1; not used for "score".
    level : of the intervals and the band, in (0, 1).
    sample_weight : weights of the rows, (N,), >= 0; 1 by default. Intervals and band are then those of as many
        rows as a bin's weights are worth, (sum w)^2 / sum w^2, rounded (Kish, Survey Sampling, 1965).

    Returns
    -------
    The bins that hold a row.

    Raises
    ------
    CutoffError for scores outside [0, 1].
    """
    p = as_probabilities(y_score)
    edges, place = _binned(y_score, binning, bins)
    size = len(edges) - 1
    w = np.ones(p.shape) if sample_weight is None else sample_weight

    def by_bin(weights: NDArray | None) -> NDArray:
        return rows_by_bin(0, place, 1, size, weights)[0]

    held = by_bin(w) > 0
    weight, of_positives = by_bin(w)[held], by_bin(w * y_true)[held]
    score = (by_bin(w * p)[held] / weight).clip(0, 1)
    n = (weight**2 / by_bin(w**2)[held]).round().astype(np.int64)
    share_low, share_high = wilson(of_positives * (n / weight), n, level)
    band_low, band_high = binom.interval(level, n, score)
    return Reliability(
        low=edges[:-1][held],
        high=edges[1:][held],
        rows=by_bin(None)[held],
        positives=by_bin(y_true)[held].astype(np.int64),
        weight=weight,
        score=score,
        share=of_positives / weight,
        share_low=share_low,
        share_high=share_high,
        band_low=band_low / n,
        band_high=band_high / n,
        level=level,
    )


@dataclass(frozen=True)
class BrierParts:
    """Brier score of rows in groups = reliability - resolution + uncertainty + within.

    reliability: mean squared difference between the mean score and the share of positives of a group, 0 if calibrated.
    resolution: variance of the groups' shares, >= 0, higher is better.
    uncertainty: pi (1 - pi), the Brier score of predicting the prevalence pi.
    within: contribution of different scores within a group, 0 when grouped by distinct score.

    References
    ----------
    Murphy, A new vector partition of the probability score (1973).
    Stephenson et al., Two extra components in the Brier score decomposition (2008).
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float

    @property
    def score(self) -> float:
        """The Brier score, in [0, 1]."""
        return self.reliability - self.resolution + self.uncertainty + self.within


def brier_parts(
    y_true: NDArray[np.bool_],
    y_score: NDArray[np.floating],
    binning: Binning = "width",
    bins: int = BINS,
    sample_weight: NDArray[np.floating] | None = None,
) -> BrierParts:
    """Decompose the Brier score over the bins of `reliability`, which takes the same parameters.

    Returns
    -------
    The parts; all NaN without rows.

    Raises
    ------
    CutoffError for scores outside [0, 1].
    """
    p = as_probabilities(y_score)
    if not p.size:
        return BrierParts(*[float("nan")] * 4)
    edges, place = _binned(y_score, binning, bins)
    weight = np.ones(p.shape) if sample_weight is None else sample_weight
    rows, summed, positives = (
        rows_by_bin(0, place, 1, len(edges) - 1, weights)[0] for weights in (weight, p * weight, y_true * weight)
    )
    kept = weight > 0  # a group without weight has no mean
    y, p, place, weight = y_true[kept], p[kept], place[kept], weight[kept]
    score, share = (ratio(total, rows)[place] for total in (summed, positives))  # of a row's group
    prevalence = np.average(y, weights=weight)
    return BrierParts(
        reliability=float(np.average((score - share) ** 2, weights=weight)),
        resolution=float(np.average((share - prevalence) ** 2, weights=weight)),
        uncertainty=float(prevalence * (1 - prevalence)),
        within=float(np.average((p - score) ** 2 - 2 * (p - score) * (y - share), weights=weight)),
    )


def _binned(y_score: NDArray[np.floating], binning: Binning, bins: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Ascending edges (B + 1,) of bins that hold all scores (N,), and the bin of each, (N,)."""
    score = as_scores(y_score)
    edges: NDArray[np.floating] = equal_width(bins)
    if binning == "score" and score.size:
        edges = np.append(np.unique(score), score.dtype.type(1))
    elif binning == "count" and score.size:
        edges = equal_count(score, bins)
    return edges.astype(np.float64), bin_of(score, edges)
