"""What the first screen of a large file of predictions takes, over scikit-learn's precision_recall_curve of its scores.

    python -m benchmarks.large

Of 1,000,000 rows with one score: the picture, the best threshold by F1 with its spread, and the verdict, each as for a
source that nobody has looked at; its index of scores is there. Of 100,000 rows with 20 classes or labels: the pictures
and the totals, over the curves of all 20. Both sides run in turns in one process. Scores are probabilities, calibrated,
float64 as a CSV file gives them, with and without weights.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.metrics import precision_recall_curve

from benchmarks.goals import header, paired_ratio, report
from core.checks.verdict import verdict
from core.evaluation.columns import outcomes
from core.evaluation.scores import Scores, Task
from core.evaluation.source import ArraySource, RowColumns
from core.evaluation.tuning import bind, bootstrap_of
from core.plots.columns import columns_film
from core.plots.picture import film

ROWS, ROWS_OF_MANY, COLUMNS = 1_000_000, 100_000, 20
PART = "all"
REPEATS = 5
THRESHOLD = 0.15  # near the best, so that the verdict compares both on resamples
GOALS = {"picture": 1.0, "best threshold": 4.0, "verdict": 2.0}  # times the curve


def two_classes(weighted: bool) -> ArraySource:
    generator = np.random.default_rng(0)
    q = generator.beta(0.5, 4.5, ROWS)
    return source(q[:, None], (generator.random(ROWS) < q).astype(np.int64), "binary", weighted)


def many(task: Task) -> ArraySource:
    """Scores of 20 classes or labels."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(ROWS_OF_MANY, COLUMNS))
    if task == "multilabel":
        q = expit(1.5 * logits - 2)
        return source(q, (generator.random(q.shape) < q).astype(np.int64), task)
    actual = generator.integers(0, COLUMNS, ROWS_OF_MANY)
    logits[np.arange(ROWS_OF_MANY), actual] += 1.5
    return source(softmax(logits, axis=1), actual, task)


def source(y_score: NDArray, y_true: NDArray, task: Task, weighted: bool = False) -> ArraySource:
    names = ("0", "1") if task == "binary" else tuple(map(str, range(COLUMNS)))
    weight = np.random.default_rng(1).integers(1, 5, len(y_score)) / 2 if weighted else None
    return ArraySource({PART: Scores(y_true, y_score, task, names)}, {PART: RowColumns(weight=weight)})


def unseen(of: ArraySource) -> ArraySource:
    """The same scores as those of a source that is new to every cache, but for its index."""
    new = ArraySource(of.data, of.columns)
    new.index(PART, 0)
    return new


def timed(first_look: Callable[[ArraySource], object], of: ArraySource) -> float:
    """Seconds that something takes of a source that is new."""
    new = unseen(of)
    start = perf_counter()
    first_look(new)
    return perf_counter() - start


def looks(of: ArraySource) -> dict[str, Callable[[], float]]:
    """What the first screen of two classes needs, by name; the verdict with the best threshold known."""

    def judged(new: ArraySource) -> float:
        bootstrap_of(new, 0, bind("f1"), PART)
        start = perf_counter()
        verdict(new, (THRESHOLD,), PART)
        return perf_counter() - start

    return {
        "picture": lambda: timed(lambda new: film([0], [new.index(PART, 0)]).content, of),
        "best threshold": lambda: timed(lambda new: bootstrap_of(new, 0, bind("f1"), PART), of),
        "verdict": lambda: judged(unseen(of)),
    }


def first_screen(weighted: bool) -> list[tuple[str, float, float]]:
    """Print what each part takes; return goals: name, ratio, and its bound."""
    of = two_classes(weighted)
    y_true, y_score, weight = of.scores(PART).y_true, of.scores(PART).y_score[:, 0], of.row_columns(PART).weight
    goals = []
    for name, look in looks(of).items():
        both = paired_ratio(lambda: precision_recall_curve(y_true, y_score, sample_weight=weight), look, REPEATS)
        kind = f"{name}{', weighted' if weighted else ''}"
        print(f"{kind:<26} {both.fast * 1e3:>6.0f} ms, precision_recall_curve {both.slow * 1e3:>6.0f} ms")
        goals.append((f"{kind}, of {ROWS:,} rows over precision_recall_curve", 1 / both.ratio, GOALS[name]))
    return goals


def first_screen_of_many(task: Task) -> tuple[str, float, float]:
    """The same for the pictures and the totals of 20 classes or labels."""
    of = many(task)
    scores = of.scores(PART)
    views = [scores.view(column) for column in range(COLUMNS)]

    def drawn() -> None:
        columns_film([0], [scores]).content  # noqa: B018
        outcomes([scores], [THRESHOLD] * COLUMNS)

    both = paired_ratio(lambda: [precision_recall_curve(view.y, view.score) for view in views], drawn, REPEATS)
    name = f"{COLUMNS} {'labels' if task == 'multilabel' else 'classes'}"
    print(f"{name:<26} {both.fast * 1e3:>6.0f} ms, precision_recall_curve {both.slow * 1e3:>6.0f} ms")
    return f"{name}, of {ROWS_OF_MANY:,} rows over precision_recall_curve of each", 1 / both.ratio, 1.0


def main() -> None:
    header("numpy", "scikit-learn")
    print()
    goals = [goal for weighted in (False, True) for goal in first_screen(weighted)]
    goals += [first_screen_of_many(task) for task in ("multiclass", "multilabel")]
    print()
    for name, value, goal in goals:
        report(name, value, goal, at_most=True)


if __name__ == "__main__":
    main()
