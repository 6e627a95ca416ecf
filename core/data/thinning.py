"""Binary data subsampled to a chosen prevalence."""

from __future__ import annotations

import numpy as np

from core.data.dataset import Dataset
from core.errors import CutoffError
from core.parameters import Param

ORIGINAL = "original"
PREVALENCE = Param(
    "prevalence",
    "Prevalence",
    ORIGINAL,
    options=(ORIGINAL, "50%", "20%", "10%", "5%", "2%", "1%"),
    help="Fraction of positive rows. Random rows of one class are dropped to reach it. Type your own, such as 3%.",
    free=True,
)


def read_share(text: str) -> float | None:
    """Parse a prevalence in (0, 1) from "5%" or "0.05"; None for "original". Raises CutoffError for other text."""
    if text == ORIGINAL:
        return None
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise CutoffError(
            f"Expected `prevalence` to be {ORIGINAL}, or a fraction of positives such as 5% or 0.05, but got {text!r}."
        )
    return share


def thinned(data: Dataset, prevalence: str) -> Dataset:
    """Drop random rows of one class to bring the prevalence as close as possible to the requested one.

    The rows keep their order. The positives kept for a lower prevalence are a subset of those kept for a higher one;
    the negatives kept for a higher prevalence are a subset of those kept for a lower one.

    Parameters
    ----------
    data : binary data.
    prevalence : "original", or text such as "5%" or "0.05".

    Returns
    -------
    data : the rows that are kept.

    Raises
    ------
    CutoffError
        If the prevalence is not a number in (0, 1).
    """
    share = read_share(prevalence)
    if share is None:
        return data
    negatives, positives = data.counts
    target = {1: round(negatives * share / (1 - share)), 0: round(positives * (1 - share) / share)}
    label = 1 if target[1] < positives else 0
    members = np.flatnonzero(data.y == label)
    shuffled = np.random.default_rng(0).permutation(members)
    rows = np.sort(np.concatenate([np.flatnonzero(data.y != label), shuffled[: target[label]]]))
    return data.taken(rows)
