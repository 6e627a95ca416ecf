"""Files of predictions, with the arrays that are in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "feather": lambda frame, path: frame.to_feather(path),
    "npz": lambda frame, path: np.savez(path, **{name: frame[name].to_numpy() for name in frame}),
}


class PredictionFile(NamedTuple):
    """A binary file with columns y_true and y_score: its path, labels (N,) and scores (N,)."""

    path: Path
    y_true: np.ndarray
    y_score: np.ndarray


def predictions(rows: int, seed: int) -> pd.DataFrame:
    """Labels and calibrated scores of a random prevalence, as float32 or float64, some of them with many ties."""
    generator = np.random.default_rng(seed)
    q = generator.beta(0.5, generator.uniform(1, 5), rows)
    score = np.round(q, 2) if seed % 3 == 0 else q
    kind = np.float32 if seed % 2 else np.float64
    return pd.DataFrame({"y_true": (generator.random(rows) < q).astype(int), "y_score": score.astype(kind)})


def random_file(folder: Path, seed: int) -> PredictionFile:
    """One of the kinds of files, by its seed."""
    kind = sorted(WRITERS)[seed % len(WRITERS)]
    frame = predictions(rows=200 + 150 * seed, seed=seed)
    path = folder / f"predictions.{kind}"
    WRITERS[kind](frame, path)
    read = pd.read_csv(path, sep="\t" if kind == "tsv" else ",") if kind in ("csv", "tsv") else frame
    return PredictionFile(path, read["y_true"].to_numpy(), read["y_score"].to_numpy())
