"""The models whose predictions are shown, trained with scikit-learn on data sets that ship."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from core.data import Split, load_dataset, load_split
from core.predictions.examples import DIGITS, EXAMPLES, FUNCTIONS

PARTS = ("validation", "test")
POS_WEIGHT = 20.0
MONTHS = pd.Timestamp("2026-01-01"), pd.Timestamp("2026-07-01")
ENCODINGS = {
    pa.int16(): "BYTE_STREAM_SPLIT",
    pa.float32(): "BYTE_STREAM_SPLIT",
    pa.timestamp("ms"): "DELTA_BINARY_PACKED",
}  # the smallest of each type
SHORTEST_FORM = 100  # digits
EUROS = 40  # of a payment whose feature "amount" is 1


def fraud() -> pd.DataFrame:
    """Payments, of which later ones are fraud more often, by a logistic regression with a weight."""
    name, params = "fraud", (("prevalence", 0.03),)
    data, split = load_dataset(name, params), load_split(name, params)
    model = LogisticRegression(class_weight={0: 1.0, 1: POS_WEIGHT}).fit(split.x["train"], split.y["train"])
    rows = _rows(split)
    amount, trait, other = (data.x[rows, data.feature_names.index(one)] for one in ("amount", "trait 1", "trait 2"))
    later = other + 2 * np.random.default_rng(0).standard_normal(len(rows))
    place = later.argsort().argsort() / len(rows)  # of a payment between the first and the last
    table = pd.DataFrame(
        {
            "id": rows,
            "time": _moments(place),
            "channel": np.select([trait > 0.8, trait < -0.4], ["online", "shop"], "phone"),
            "amount": (EUROS * amount).round(2),
            "y_true": _labels(split),
            "y_score": _predicted(split, model.predict_proba)[:, 1],
            "split": _parts(split),
        }
    )
    return table.sort_values("time", kind="stable")


def digits() -> pd.DataFrame:
    """Digits by a logistic regression, with how much ink they have and the form that they were written on."""
    data, split = load_dataset("digits"), load_split("digits")
    model = LogisticRegression(C=0.02, max_iter=1_000).fit(split.x["train"], split.y["train"])
    rows = _rows(split)
    form = forms(data.y)[rows]
    table = _table(split)
    table["time"] = MONTHS[0] + pd.to_timedelta(form, unit="D")
    table["amount"] = 10 ** (3 - rows % 4)  # a sum in euros has four digits, one after the other
    table["ink"] = _thirds(data.x[rows].mean(axis=1), ("thin", "medium", "thick"))
    table["form"] = [f"form {number + 1:02d}" for number in form]
    table["y_true"] = _labels(split)
    return table.join(_scores(split, model.predict_proba, DIGITS))


def forms(y_true: np.ndarray) -> np.ndarray:
    """The form, 0, 1, ..., that each digit (N,) of scikit-learn's file was written on, (N,).

    The file does not name the forms, but each begins with 0 to 9 twice, of which a few digits are missing.
    """
    wanted = np.tile(np.arange(10), 2)
    alike = (np.lib.stride_tricks.sliding_window_view(y_true, len(wanted)) == wanted).mean(axis=1)
    begins = np.flatnonzero(alike >= 0.8)
    begins = begins[np.diff(begins, prepend=-SHORTEST_FORM) >= SHORTEST_FORM]
    return begins.searchsorted(np.arange(len(y_true)), side="right") - 1


def yeast() -> pd.DataFrame:
    """Genes by a logistic regression for each function, with the level of their measurements."""
    data, split = load_dataset("yeast"), load_split("yeast")
    model = OneVsRestClassifier(LogisticRegression(C=0.05, max_iter=1_000)).fit(split.x["train"], split.y["train"])
    rows = _rows(split)
    table = _table(split)
    table["time"] = _moments(rows / len(data.x))
    table["amount"] = 10 * np.random.default_rng(0).integers(10, 50, len(rows))
    table["level"] = _thirds(data.x[rows].mean(axis=1), ("low", "medium", "high"))
    truths = pd.DataFrame(_labels(split), columns=[f"y_true {name}" for name in FUNCTIONS])
    return table.join(truths).join(_scores(split, model.predict_proba, FUNCTIONS))


def _moments(place: np.ndarray) -> pd.DatetimeIndex:
    """Times between the first and the last of MONTHS, 0 and 1 as places (N,)."""
    return (MONTHS[0] + pd.to_timedelta(place * (MONTHS[1] - MONTHS[0]))).floor("min")


def _thirds(values: np.ndarray, names: tuple[str, str, str]) -> np.ndarray:
    """The third that each value (N,) is in, of the lowest to the highest."""
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    return np.select([values < low, values > high], [names[0], names[2]], names[1])


MADE: dict[str, Callable[[], pd.DataFrame]] = {"fraud": fraud, "digits": digits, "yeast": yeast}


def write(folder: Path) -> None:
    """Write all files into a folder."""
    for name, make in MADE.items():
        table = pa.Table.from_pandas(make(), preserve_index=False).replace_schema_metadata()
        table = table.cast(pa.schema([(field.name, _small(field.type)) for field in table.schema]))
        pq.write_table(
            table,
            folder / EXAMPLES[name].file,
            compression="zstd",
            compression_level=19,
            use_dictionary=[field.name for field in table.schema if pa.types.is_string(field.type)],
            column_encoding={field.name: ENCODINGS[field.type] for field in table.schema if field.type in ENCODINGS},
        )


def _small(kind: pa.DataType) -> pa.DataType:
    """The type that a column is written as."""
    if pa.types.is_integer(kind):
        return pa.int16()
    if pa.types.is_floating(kind):
        return pa.float32()
    return pa.timestamp("ms") if pa.types.is_timestamp(kind) else pa.string()


def _table(split: Split) -> pd.DataFrame:
    return pd.DataFrame({"id": _rows(split), "split": _parts(split)})


def _rows(split: Split) -> np.ndarray:
    return np.concatenate([split.rows[part] for part in PARTS])


def _labels(split: Split) -> np.ndarray:
    return np.concatenate([split.y[part] for part in PARTS])


def _parts(split: Split) -> np.ndarray:
    return np.repeat(PARTS, [len(split.rows[part]) for part in PARTS])


def _predicted(split: Split, predict: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return predict(np.concatenate([split.x[part] for part in PARTS]))


def _scores(split: Split, predict: Callable[[np.ndarray], np.ndarray], names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(_predicted(split, predict), columns=[f"y_score {name}" for name in names])
