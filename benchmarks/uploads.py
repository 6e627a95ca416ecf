"""From a file to checked scores, over pandas.read_csv alone; 10,000,000 rows from Parquet; and the index of as many.

    python -m benchmarks.uploads [--index 10000000 100000000] [--repeats 9]

Both sides of a ratio run in turn, so that what slows the machine down slows both. The path of a file is that of an
upload: read_table, guess, open_predictions. The index is that of float32 scores at 30% positives, over np.sort of the
scores alone, and with weights over np.argsort; memory is the most that NumPy holds at once while it is built, over the
size of the scores.
"""

from __future__ import annotations

import argparse
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.goals import Paired, header, paired_ratio, report, seconds_of
from benchmarks.thresholds import model_output
from core.data.tables import read_table
from core.evaluation import ScoreIndex
from core.evaluation.scores import Scores
from core.evaluation.source import About
from core.predictions import ALL, guess, open_predictions

ABOUT = About("Predictions", "opened from a file")
BINARY_ROWS, CLASS_ROWS, CLASSES, PARQUET_ROWS = 1_000_000, 100_000, 20, 10_000_000


def opened(path: Path) -> Scores:
    """What an upload does with a file."""
    table = read_table(path)
    return open_predictions(table, guess(table).roles, ABOUT).source.scores(ALL)


def binary_columns(n_rows: int) -> dict[str, NDArray]:
    y_true, y_score = model_output(n_rows)
    return {"y_true": y_true, "y_score": y_score}


def class_columns() -> dict[str, NDArray]:
    """Labels and probabilities of CLASSES classes."""
    generator = np.random.default_rng(0)
    scores = generator.dirichlet(np.ones(CLASSES), CLASS_ROWS).astype(np.float32)
    columns = {f"score {at}": scores[:, at] for at in range(CLASSES)}
    return {"y_true": generator.integers(0, CLASSES, CLASS_ROWS), **columns}


def over_pandas(path: Path, columns: dict[str, NDArray], repeats: int) -> Paired:
    """From a CSV file to checked scores, whose values must be those that were written, and pandas.read_csv of it."""
    pd.DataFrame(columns).to_csv(path, index=False)
    scores = opened(path)
    np.testing.assert_array_equal(scores.y_true, columns["y_true"])
    written = np.stack([values for name, values in columns.items() if name != "y_true"], axis=1)
    np.testing.assert_array_equal(scores.y_score.astype(np.float32), written)
    return paired_ratio(lambda: opened(path), lambda: pd.read_csv(path), repeats)


def over_sort(y_true: NDArray, y_score: NDArray, repeats: int) -> Paired:
    return paired_ratio(lambda: ScoreIndex.of(y_true, y_score), lambda: np.sort(y_score), repeats)


def over_argsort(y_true: NDArray, y_score: NDArray, weight: NDArray, repeats: int) -> Paired:
    return paired_ratio(lambda: ScoreIndex.of(y_true, y_score, weight), lambda: np.argsort(y_score), repeats)


def memory(y_true: NDArray, y_score: NDArray, weight: NDArray | None = None) -> float:
    """The most bytes that NumPy holds while an index is built, over those of the scores."""
    tracemalloc.start()
    ScoreIndex.of(y_true, y_score, weight)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / y_score.nbytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=int, nargs="+", default=[10_000_000], help="rows of the index")
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    goals: list[tuple[str, float, float]] = []

    header("numpy", "pandas", "pyarrow")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        for name, columns in (
            (f"{BINARY_ROWS:,} rows x 1 score", binary_columns(BINARY_ROWS)),
            (f"{CLASS_ROWS:,} rows x {CLASSES} scores", class_columns()),
        ):
            timing = over_pandas(path, columns, arguments.repeats)
            print(f"CSV of {name}: {timing.slow * 1e3:.0f} ms, pandas.read_csv {timing.fast * 1e3:.0f} ms")
            goals.append((f"CSV of {name} over pandas.read_csv", timing.ratio, 1.5))
        pq.write_table(pa.table(binary_columns(PARQUET_ROWS)), path)
        goals.append((f"seconds of {PARQUET_ROWS:,} rows from Parquet", seconds_of(lambda: opened(path)), 10))

    for n_rows in arguments.index:
        y_true, y_score = model_output(n_rows)
        weight = np.random.default_rng(1).random(n_rows)
        repeats = 5 if n_rows <= 10_000_000 else 1
        plain, weighted = over_sort(y_true, y_score, repeats), over_argsort(y_true, y_score, weight, repeats)
        of_weighted = memory(y_true, y_score, weight)
        print(
            f"index of {n_rows:,} rows: {plain.slow:.2f} s, np.sort {plain.fast:.2f} s; with weights "
            f"{weighted.slow:.2f} s and {of_weighted:.1f}x the scores of memory, np.argsort {weighted.fast:.2f} s"
        )
        goals.append((f"index of {n_rows:,} rows over np.sort", plain.ratio, 1.6))
        goals.append((f"weighted index of {n_rows:,} rows over np.argsort", weighted.ratio, 2.5))
        goals.append((f"memory of an index of {n_rows:,} rows over the scores", memory(y_true, y_score), 2.5))
        # With exact sums of weights (float64) it holds three times the scores itself.
        goals.append((f"memory of a weighted index of {n_rows:,} rows over the scores", of_weighted, 2.5))
    print()
    for name, value, goal in goals:
        report(name, value, goal, at_most=True)


if __name__ == "__main__":
    main()
