"""Cases of a regression, which has no threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.checks.verdict.facts import LEVEL, Facts, diverged, overfits
from core.checks.verdict.statement import OpenPanel, Statement
from core.evaluation.bootstrap import draws, percentile_interval
from core.evaluation.metrics import ratio
from core.evaluation.recent import Recent
from core.evaluation.source import Key, rows_label
from core.text import counted

RESAMPLES = 200
OUTLIERS = 0.05  # share of rows with the largest errors
HEAVY = 0.5  # share of the squared error that they make
BIAS = 0.25  # of the MAE, from which on the mean error is worth a sentence
SEE = OpenPanel("See the rows", "rows")


class Fit(NamedTuple):
    """R2 with its interval, mean absolute error of the predictions and of always predicting the mean, and the mean of
    the errors, predicted minus actual, with its interval."""

    r2: tuple[float, float, float]
    mae: float
    mae_of_mean: float
    bias: tuple[float, float, float]


_fits: Recent[tuple[Key, str], Fit] = Recent(128)


@dataclass(frozen=True)
class ValueFacts(Facts):
    """Actual and predicted values of a regression."""

    @cached_property
    def error(self) -> NDArray[np.float64]:
        """Predicted minus actual, (N,)."""
        given = self.source.predictions(self.part)
        return given.y_pred.astype(np.float64) - given.y_true

    @property
    def fit(self) -> Fit:
        return _fits.get(((self.source.id, self.source.version), self.part), self._measured)

    def _measured(self) -> Fit:
        y, error = self.source.predictions(self.part).y_true.astype(np.float64), self.error
        weight = np.ones(len(y)) if self.weight is None else self.weight.astype(np.float64)
        columns = np.column_stack([np.ones(len(y)), y - y.mean(), (y - y.mean()) ** 2, error, error**2])
        sums = [times @ (columns * weight[:, None]) for times in draws(len(y), RESAMPLES)]
        of_rows, on_resamples = (columns * weight[:, None]).sum(0), np.concatenate(sums)
        return Fit(
            _with_interval(_r2(of_rows), _r2(on_resamples)),
            float(np.average(np.abs(error), weights=weight)),
            float(np.average(np.abs(y - np.average(y, weights=weight)), weights=weight)),
            _with_interval(ratio(of_rows[3], of_rows[0]), ratio(on_resamples[:, 3], on_resamples[:, 0])),
        )


def _r2(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """R2 (...) from sums (..., 5) of 1, y, y^2, e and e^2."""
    rows, y, squares, _, errors = np.moveaxis(sums, -1, 0)
    return 1 - ratio(errors, squares - ratio(y * y, rows))


def _with_interval(value: NDArray[np.float64], resampled: NDArray[np.float64]) -> tuple[float, float, float]:
    low, high = percentile_interval(resampled, LEVEL)
    return float(value), float(low), float(high)


def no_rows(facts: ValueFacts) -> Statement | None:
    """There are no rows."""
    if len(facts.error):
        return None
    return Statement("warning", f"There are {rows_label(facts.part, 'no')}.", "Nothing can be measured without rows.")


def constant_target(facts: ValueFacts) -> Statement | None:
    """All actual values are equal."""
    y = facts.source.predictions(facts.part).y_true
    if y.min() != y.max():
        return None
    return Statement(
        "warning",
        f"All actual values of {rows_label(facts.part, the=True)} are {y[0]:.3g}: R² is undefined.",
        "R² compares the errors with the variation of the actual values, of which there is none.",
    )


def no_better_than_the_mean(facts: ValueFacts) -> Statement | None:
    """R2 is not above 0."""
    r2, low, high = facts.fit.r2
    if low > 0:
        return None
    return Statement(
        "bad",
        f"Predicts no better than the mean: R² is {r2:.3f} ({LEVEL:.0%} interval {low:.3f} to {high:.3f}), and the "
        f"mean absolute error {facts.fit.mae:.3g} where always predicting the mean has {facts.fit.mae_of_mean:.3g}.",
        "R² is 1 minus the squared errors over those of predicting the mean: 1 is perfect, 0 no better than the mean.",
        (SEE,),
    )


def few_rows_dominate(facts: ValueFacts) -> Statement | None:
    """A few rows make most of the squared error."""
    squares = np.sort(facts.error**2)[::-1]
    most = max(1, round(OUTLIERS * len(squares)))
    share = float(ratio(squares[:most].sum(), squares.sum()))
    if len(squares) < 1 / OUTLIERS or not share >= HEAVY:
        return None
    return Statement(
        "warning",
        f"A few rows dominate: the {counted(most, 'row')} with the largest errors make {share:.0%} of the squared "
        f"error. R² is {facts.fit.r2[0]:.3f}, the mean absolute error {facts.fit.mae:.3g}.",
        "Squared errors give outliers most of the weight, in R² and in training with MSE. Look at these rows; Huber or "
        "MAE count them less.",
        (SEE,),
    )


def biased(facts: ValueFacts) -> Statement | None:
    """The mean error is not 0."""
    value, low, high = facts.fit.bias
    if low <= 0 <= high or abs(value) < BIAS * facts.fit.mae:
        return None
    return Statement(
        "warning",
        f"Predicts too {'high' if value > 0 else 'low'} by {abs(value):.3g} on average ({LEVEL:.0%} interval of the "
        f"mean error {low:+.3g} to {high:+.3g}), where the mean absolute error is {facts.fit.mae:.3g}.",
        "Only MSE predicts the mean: losses that count large errors less predict nearer the median, and those that "
        "penalise one side more are shifted to the other.",
        (SEE,),
    )


def sound(facts: ValueFacts) -> Statement | None:
    """Nothing is wrong."""
    r2, low, high = facts.fit.r2
    return Statement(
        "good",
        f"R² is {r2:.3f} ({LEVEL:.0%} interval {low:.3f} to {high:.3f}): the mean absolute error is "
        f"{facts.fit.mae:.3g} where always predicting the mean has {facts.fit.mae_of_mean:.3g}.",
        "R² is above 0 by more than chance, the validation loss has not risen, the mean error is near 0, and no few "
        "rows make most of the squared error.",
        (SEE,),
    )


REGRESSION: dict[str, Callable[[ValueFacts], Statement | None]] = {
    "diverged": diverged,
    "no_rows": no_rows,
    "constant_target": constant_target,
    "no_better_than_the_mean": no_better_than_the_mean,
    "overfits": overfits,
    "few_rows_dominate": few_rows_dominate,
    "biased": biased,
    "sound": sound,
}
