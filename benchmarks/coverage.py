"""How often intervals hold what they are of, on samples of a population of which everything is known.

Scores are calibrated and follow Beta(1/2, 9/2), so that a tenth of the rows is positive; rows are drawn without regard
to class. The interval of a tuned threshold, nominally 90%, is of the population's value at the threshold that was tuned
on all rows; the paired one, nominally 95%, of the difference in the population between these scores and noisy ones,
both at one threshold. A share of 1,000 sets has a standard error of .01.

    python -m benchmarks.coverage [--rows 100 300 1000] [--sets 1000] [--resamples 300]
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.goals import header, report
from core.evaluation.comparison import Comparison, compare, measures
from core.evaluation.tuning import RULES, Rule, bind, bootstrap, population_counts
from core.evaluation.value.payoffs import Payoffs

SHAPE = (0.5, 4.5)  # of the beta distribution
THRESHOLD = 1 / 6  # of both sources compared: the best one where a miss costs five false alarms
GRID = np.append(np.inf, np.linspace(1, 0, 10_001))  # thresholds at which the population's best is looked for
Rows = tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]


def tuned_rules(rows: int) -> dict[str, Rule]:
    """Every rule by name, with params that suit so many rows, and further costs and payoffs."""
    params: Mapping[str, dict[str, float]] = {"fixed": {"threshold": 0.2}, "top_rows": {"rows": rows // 10}}
    return {name: bind(name, **params.get(name, {})) for name in RULES} | {
        "cost 1:9": bind("cost", cost_fn=9.0),
        "net value 10/1/20/0": Payoffs(10, 1, 20, 0).rule,
    }


def drawn(rows: int, seed: int) -> Rows:
    """Labels of so many rows, their calibrated scores, and noisy ones, (N,) each."""
    generator = np.random.default_rng([rows, seed])
    q = generator.beta(*SHAPE, rows).clip(1e-12, 1 - 1e-12)
    return generator.random(rows) < q, q, expit(logit(q) + generator.normal(size=rows))


def tuned_coverage(rows: int, sets: int, resamples: int) -> dict[str, tuple[float, float]]:
    """By rule: the share of sets whose interval holds the population's value at the threshold tuned, and the share
    whose spread over resamples holds the population's best threshold."""
    rules = tuned_rules(rows)
    best = {name: rule(population_counts(GRID, SHAPE)).threshold for name, rule in rules.items()}
    held = dict.fromkeys(rules, np.zeros(2))
    for seed in range(sets):
        y, score, _ = drawn(rows, seed)
        for name, rule in rules.items():
            found = bootstrap(rule, y, score, resamples, seed)
            value = float(rule.goal(population_counts(np.atleast_1d(found.choice.threshold), SHAPE)).value[0])
            held[name] = held[name] + [_holds(found.interval, value), _holds(found.threshold_spread, best[name])]
    return {name: (float(of_value / sets), float(of_best / sets)) for name, (of_value, of_best) in held.items()}


def paired_coverage(
    rows: int, sets: int, resamples: int, measures: Sequence[str] = tuple(measures())
) -> dict[str, float]:
    """By measure: the share of sets whose paired interval holds the difference in the population."""
    held = dict.fromkeys(measures, 0)
    for name in measures:
        truth = _compared(name, drawn(2_000_000, 0), 1).differences[1]
        for seed in range(sets):
            held[name] += _holds(_compared(name, drawn(rows, seed), resamples, seed).intervals[1], truth)
    return {name: count / sets for name, count in held.items()}


def _compared(measure: str, rows: Rows, resamples: int, seed: int = 0) -> Comparison:
    y, *scores = rows
    return compare(measure, y, scores, [THRESHOLD, THRESHOLD], resamples=resamples, seed=seed)


def _holds(interval: Sequence[float] | NDArray[np.float64], value: float) -> bool:
    low, high = interval
    return bool(low <= value <= high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=300)
    given = parser.parse_args()

    header("numpy")
    tuned = {rows: tuned_coverage(rows, given.sets, given.resamples) for rows in given.rows}
    print(f"\n{given.sets:,} sets each; interval of a tuned threshold's value, nominally 90% (spread)")
    _table(
        {
            rows: {name: f"{value:.3f} ({best:.3f})" for name, (value, best) in found.items()}
            for rows, found in tuned.items()
        }
    )
    paired = {rows: paired_coverage(rows, given.sets, given.resamples) for rows in given.rows}
    print(f"\n{given.sets:,} sets each; paired interval of a difference, nominally 95%")
    _table({rows: {name: f"{share:.3f}" for name, share in found.items()} for rows, found in paired.items()})
    print()
    for rows, found in tuned.items():
        report(
            f"least coverage of a tuned threshold's value, {rows:,} rows",
            min(value for value, _ in found.values()),
            0.85,
        )
    for rows, shares in paired.items():
        report(
            f"distance of paired coverage from .95, {rows:,} rows",
            max(abs(share - 0.95) for share in shares.values()),
            0.04,
            True,
        )


def _table(columns: Mapping[int, Mapping[str, str]]) -> None:
    """Print a row for each name and a column for each number of rows."""
    print(f"{'rows':>22}" + "".join(f"{rows:>16,}" for rows in columns))
    for name in next(iter(columns.values())):
        print(f"{name:>22}" + "".join(f"{found[name]:>16}" for found in columns.values()))


if __name__ == "__main__":
    main()
