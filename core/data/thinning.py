"""Any two-class data thinned to a chosen share of positives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.data.dataset import Dataset
from core.errors import CutoffError
from core.parameters import Param

AS_IT_IS = "as it is"
PREVALENCE = Param(
    "prevalence",
    "Prevalence",
    AS_IT_IS,
    options=(AS_IT_IS, "50%", "20%", "10%", "5%", "2%", "1%"),
    help="Share of positive rows. Rows of the class that is too many are left out at random. "
    "Type your own, such as 3%.",
    free=True,
)


def read_share(text: str) -> float | None:
    """A share in (0, 1) from "5%" or "0.05"; None for "as it is". Raises CutoffError for anything else."""
    if text == AS_IT_IS:
        return None
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise CutoffError(
            f"Expected `prevalence` to be {AS_IT_IS}, or a share of positives such as 5% or 0.05, but got {text!r}."
        )
    return share


def thinned(data: Dataset, prevalence: str) -> Dataset:
    """The data with rows of one class left out until the share of positives is as near as it gets to the one asked.

    Rows keep their order. A smaller share keeps a part of the positives that a larger one keeps, and a larger share
    a part of the negatives. Raises CutoffError like `read_share`.
    """
    share = read_share(prevalence)
    if share is None:
        return data
    negatives, positives = data.counts
    wanted = {1: round(negatives * share / (1 - share)), 0: round(positives * (1 - share) / share)}
    label = 1 if wanted[1] < positives else 0
    members = np.flatnonzero(data.y == label)
    shuffled = np.random.default_rng(0).permutation(members)
    rows = np.sort(np.concatenate([np.flatnonzero(data.y != label), shuffled[: wanted[label]]]))
    return replace(data, x=data.x[rows], y=data.y[rows])
