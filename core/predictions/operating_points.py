"""Every operating point of a score column: the counts and metrics at each threshold that gives other predictions."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyarrow import csv

from core.errors import CutoffError
from core.evaluation.metrics import f1, false_positive_rate, precision, recall
from core.evaluation.source import ScoreSource
from core.evaluation.tuning import candidates

AT_ONCE = 2**16  # points that are written at once
MOST_AS_JSON = 100_000  # points


def operating_points(source: ScoreSource, column: int, part: str) -> pa.Table:
    """Counts and metrics at inf, which predicts no row positive, and at every distinct score of a part, falling.

    Undefined metrics are null. Raises CutoffError as `source.scores` does.
    """
    counts = candidates(source.index(part, column))
    outcomes = {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn}
    rates = {metric.__name__: metric(counts) for metric in (precision, recall, false_positive_rate, f1)}
    # Arrow can't take arrays that run backwards.
    given = {"threshold": counts.thresholds, **outcomes, **rates}
    return pa.table({name: pa.array(np.ascontiguousarray(values), from_pandas=True) for name, values in given.items()})


def as_csv(points: pa.Table) -> Iterator[bytes]:
    """The points as CSV, piece by piece; numbers are read back as the same in their dtype."""
    yield (",".join(points.column_names) + "\n").encode()
    for start in range(0, points.num_rows, AT_ONCE):
        text = io.BytesIO()
        csv.write_csv(points.slice(start, AT_ONCE), text, csv.WriteOptions(include_header=False))
        yield text.getvalue()


def as_json(points: pa.Table) -> str:
    """The points as a JSON object with a list for each column; a threshold above every score is null.

    Raises CutoffError for more than MOST_AS_JSON points.
    """
    if points.num_rows > MOST_AS_JSON:
        raise CutoffError(
            f"As JSON there may be {MOST_AS_JSON:,} points, as CSV any number; here are {points.num_rows:,}."
        )
    columns = {name: points[name].to_pylist() for name in points.column_names}
    # The shortest number that is the same in the dtype of the scores, as in CSV.
    columns["threshold"] = [None, *(float(str(threshold)) for threshold in points["threshold"].to_numpy()[1:])]
    return json.dumps(columns, allow_nan=False)
