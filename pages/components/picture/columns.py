"""All classes or labels in a picture: a table with a threshold each, totals, the matrix of classes, loss and epochs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray

from core.evaluation import DECISIONS, NO_CLASS
from core.evaluation.columns import Outcome
from core.evaluation.threshold import ABOVE_ALL, Threshold
from core.parameters import Value
from core.plots.columns import ColumnsFilm
from pages.components.content import store
from pages.components.picture.picture import Act, Looks, looks_sent, mount

DIGITS = 9  # of a number that is sent
FEW = 30  # classes up to which the confusion matrix of every epoch is sent


@dataclass(frozen=True)
class Total:
    """A number of all classes or labels: a rate, a count or a mean, by its identifier in `Outcome.totals`.

    Below it is the difference to the saved thresholds, the actual value, or how many rows became correct or wrong.
    """

    id: str
    label: str
    help: str
    kind: Literal["rate", "count", "mean"] = "rate"
    under: Literal["delta", "true", "changes"] = "delta"


@dataclass(frozen=True)
class Average:
    """A row below all others: its name, and the identifiers of its precision, recall and F1 in `Outcome.totals`.

    mean : whether it is over the classes or labels where a number is defined, so that it says where it is not.
    """

    label: str
    help: str
    ids: tuple[str, str, str]
    mean: bool = False


class Decision(NamedTuple):
    """How classes are decided: an entry of DECISIONS and its params."""

    rule: str
    params: Mapping[str, Value]


def columns_picture(
    film: ColumnsFilm,
    moments: Sequence[Outcome],
    thresholds: Sequence[Threshold],
    saved: tuple[Sequence[Threshold], Outcome] | None,
    totals: Sequence[Total],
    averages: Sequence[Average],
    on_act: Callable[[Act, float | str, int | None], None],
    *,
    of: str,
    key: str,
    decision: Decision | None = None,
    tune: tuple[str, str] | None = None,
    best: Sequence[float | None] | None = None,
    outline: ColumnsFilm | None = None,
    **looks: Unpack[Looks],
) -> None:
    """Draw all classes or labels. The same `key` updates the picture already there, be it of one column or of all.

    Parameters
    ----------
    film : what is drawn; its last frame is the run as it is now.
    moments : what the thresholds decide at each of its epochs, (E,).
    thresholds : the current ones, (C,).
    saved : the saved ones, and what they decide at the last epoch; None while nobody has saved.
    totals : the tiles, the most important one first.
    averages : rows below those of the classes or labels.
    on_act : called, before the rerun, with what was done, its value and a column. "drag" or "type": a threshold of the
        column, a number or ABOVE_ALL, not yet admitted; "save_all", "tune", "undo": NaN; "open": the column that was
        pressed; "cell": "<place>@<epoch>", where place is the actual class times K + 1 plus the predicted one, K for no
        class. Others as for `picture`.
    decision : of classes; None of labels.
    tune : what the button that tunes all thresholds says, and its tooltip; None for no such button.

    best : the best thresholds by a rule (C,), inf above every score, None where there is none; by default none at all.
    outline : the previous run, whose histograms are drawn behind, on axes of the same ends.

    of, key and looks are as for `picture`.
    """
    of_classes = film.kind == "classes"
    fallback = NO_CLASS if decision is None else int(decision.params.get("fallback", NO_CLASS))
    few = len(thresholds) <= FEW
    single, plural = ("class", "classes") if of_classes else ("label", "labels")
    data: dict[str, Any] = {
        "thresholds": _sent(thresholds),
        "saved": saved and _sent(saved[0]),
        "moments": [_moment(outcome, totals, averages, few or outcome is moments[-1]) for outcome in moments],
        "before": saved and _totals(saved[1], totals, averages),
        "totals": [asdict(total) for total in totals],
        "averages": [asdict(average) for average in averages],
        "rule": decision and decision.rule,
        "rule_label": decision and DECISIONS[decision.rule].label,
        "fallback": fallback,
        "none": decision is not None and decision.params.get("fallback") == NO_CLASS,
        "noun": {"single": single, "plural": plural, "title": single.capitalize()},
        "best": best and [ABOVE_ALL if one is not None and math.isinf(one) else one for one in best],
        "outline": outline and {"address": store.keep(outline.outline)},
        "tune": tune and {"label": tune[0], "help": tune[1]},
    }
    mount(film.content, data | looks_sent(looks, of), on_act, of, key)


def _sent(thresholds: Sequence[Threshold]) -> list[float | str]:
    return [ABOVE_ALL if threshold.number is None else threshold.number for threshold in thresholds]


def _moment(
    outcome: Outcome, totals: Sequence[Total], averages: Sequence[Average], with_matrix: bool
) -> dict[str, Any]:
    counts, matrix = outcome.counts, outcome.matrix if with_matrix else None
    return {
        "tp": counts.tp.tolist(),
        "fp": counts.fp.tolist(),
        "fn": counts.fn.tolist(),
        "matrix": None if matrix is None else _cells(matrix),
        "totals": _totals(outcome, totals, averages),
    }


def _cells(matrix: NDArray) -> dict[str, list[float]]:
    """The cells (K * (K + 1)) that have rows: their places and how many rows."""
    flat = matrix.ravel()
    places = np.flatnonzero(flat)
    return {"places": places.tolist(), "rows": flat[places].tolist()}


def _totals(outcome: Outcome, totals: Sequence[Total], averages: Sequence[Average]) -> dict[str, float | None]:
    """Those that are shown, None for NaN."""
    shown = [total.id for total in totals] + [name for average in averages for name in average.ids]
    beside = [name for name in ("righted", "wronged", "cardinality_true") if name in outcome.totals]
    values = {name: outcome.totals[name] for name in [*shown, *beside]}
    return {name: None if math.isnan(value) else float(f"{value:.{DIGITS}g}") for name, value in values.items()}
