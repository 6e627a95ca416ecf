"""A page with nothing but the picture, on scores that are generated: ?scores=million, or another of SCORES.

Benchmark and browser tests serve it through `picture_app.py`, and know its scores from here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from core.evaluation.scores import Scores
from core.evaluation.source import About, ArraySource
from pages.workbench import columns, picture


def rows(n: int, positive: float, dtype: str = "float32", decimals: int = 3) -> Scores:
    """Probabilities of two classes that overlap; one in two is rounded, so that many tie."""
    rng = np.random.default_rng(n)
    y = rng.random(n) < positive
    score = expit(rng.normal(size=n) * 1.5 + 3 * y - 2)
    score[::2] = np.round(score[::2], decimals)
    return binary(y, score.astype(dtype))


def binary(y: ArrayLike, score: ArrayLike) -> Scores:
    given: NDArray = np.asarray(score)
    return Scores(np.asarray(y, dtype=np.int64), given, "binary", ("rest", "fraud"))


def many_classes(n: int = 2000, classes: int = 200) -> Scores:
    rng = np.random.default_rng(classes)
    score = rng.dirichlet(np.full(classes, 0.1), n).astype(np.float32)
    names = tuple(f"class {k}" for k in range(classes))
    return Scores(rng.integers(0, classes, n), score, "multiclass", names)


SCORES: dict[str, Callable[[], Scores]] = {
    "million": lambda: rows(1_000_000, 0.1),
    "thinned": lambda: rows(50_000, 0.07),
    "exact": lambda: rows(3_000, 0.2, decimals=2),
    "halves": lambda: rows(20_000, 0.3, "float16"),
    "doubles": lambda: rows(20_000, 0.3, "float64"),
    "margins": lambda: binary(np.arange(400) % 3 == 0, np.random.default_rng(1).normal(np.arange(400) % 3 == 0) * 4),
    "constant": lambda: binary([0, 1, 0, 1, 1], np.full(5, 0.3, np.float32)),
    "constant margin": lambda: binary([0, 1, 0], np.full(3, 7.0)),
    "no positives": lambda: binary(np.zeros(50), np.linspace(0, 1, 50)),
    "no negatives": lambda: binary(np.ones(50), np.linspace(0, 1, 50)),
    "two rows": lambda: binary([0, 1], np.array([0.2, 0.7], np.float32)),
    "no rows": lambda: binary([], np.empty(0)),
    "ties": lambda: binary(np.arange(1000) % 4 == 0, np.where(np.arange(1000) % 4 == 0, 0.6, 0.4)),
    "200 classes": many_classes,
}


@lru_cache(maxsize=2)
def source_of(name: str) -> ArraySource:
    """Generated scores, the same on validation as on test rows."""
    scores = SCORES[name]()
    return ArraySource({"validation": scores, "test": scores}, about=About(name, "generated"), id=f"generated {name}")


def page() -> None:
    st.set_page_config(layout="wide")
    st.title("Picture")
    name = st.query_params.get("scores", "exact")
    source = source_of(name)

    @st.fragment
    def show() -> None:
        picture.show(source, "validation", columns.show(source.scores("validation")))

    show()


if __name__ == "__main__":
    page()
