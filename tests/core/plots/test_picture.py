"""The film of a run says what numpy and scikit-learn say of the same scores, and is small."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import (
    average_precision_score,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from core.errors import CutoffError
from core.evaluation import ScoreIndex
from core.evaluation.source import Predictions
from core.plots.picture import BINS, FRAMES, POINTS, Film, film, values_film
from tests.conftest import decoded
from tests.support.indexes import indexes


def scores_of(rows: int, epochs: int, prevalence: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) and float32 probabilities (E, N) that part the classes more with each epoch."""
    rng = np.random.default_rng(seed)
    y = rng.random(rows) < prevalence
    z = rng.normal(size=rows)
    return y, np.array([expit(z * (0.2 + 0.1 * e) + 0.2 * e * y - 1) for e in range(epochs)]).astype(np.float32)


def a_film(y: np.ndarray, scores: np.ndarray, weight: np.ndarray | None = None) -> Film:
    return film(range(1, len(scores) + 1), [ScoreIndex.of(y, score, weight) for score in scores])


def sent(content: bytes) -> dict:
    found: dict = decoded(json.loads(content))
    return found


def counted(steps: list[int] | np.ndarray) -> np.ndarray:
    """Counts at ascending thresholds, from the steps that are sent; weights are sent as they are."""
    return steps if isinstance(steps, np.ndarray) else np.cumsum(steps)[::-1]


@settings(max_examples=25)
@given(st.integers(1, 6000), st.integers(1, 3), st.sampled_from([0.0, 0.01, 0.5, 1.0]), st.booleans())
def test_counts_of_every_epoch_are_within_the_bound_that_it_states(
    rows: int, epochs: int, prevalence: float, weighted: bool
):
    y, scores = scores_of(rows, epochs, prevalence)
    weight = np.random.default_rng(1).random(rows) + 0.1 if weighted else np.ones(rows)
    asked = np.linspace(0, 1, 101).astype(np.float32)
    for frame, score in zip(
        sent(a_film(y, scores, weight if weighted else None).content)["frames"], scores, strict=True
    ):
        place = frame["thresholds"].searchsorted(asked)
        for side, name in ((y, "tp"), (~y, "fp")):
            held = np.append(counted(frame[name]), 0)[place]
            exact = np.array([weight[side & (score >= t)].sum() for t in asked])
            assert np.all(np.abs(held - exact) <= frame["bound"] * weight[side].sum() + 1e-6)


def test_the_last_epoch_of_few_scores_is_exact():
    y, scores = scores_of(4000, 3)
    drawn = a_film(y, scores)
    assert drawn.exact
    np.testing.assert_array_equal(drawn.frames[-1].points.thresholds, np.unique(scores[-1]))
    assert not a_film(*scores_of(20_000, 1)).exact


@pytest.mark.parametrize("kind", ["probability", "logit"])
def test_bins_hold_every_row_once_as_numpy_counts_them(kind: str):
    y, scores = scores_of(3000, 2)
    content = sent(a_film(y, scores).content)
    start, end = content["axes"][kind]["start"], content["axes"][kind]["end"]
    edges = np.linspace(start, end, BINS + 1)
    edges = (expit(edges) if kind == "logit" else edges).astype(np.float32)
    edges[[0, -1]] = -np.inf, np.inf
    for frame, score in zip(content["frames"], scores, strict=True):
        for side, name in ((y, "tp"), (~y, "fp")):
            np.testing.assert_array_equal(
                -np.diff(counted(frame["bins"][kind][name])), np.histogram(score[side], edges)[0]
            )


@settings(max_examples=40)
@given(indexes, st.sampled_from(["probability", "logit"]))
def test_bins_hold_every_row_of_any_index_once(index: ScoreIndex, kind: str):
    drawn = film([0], [index])
    counts = drawn.frames[0].bins[kind]
    for side, counted_rows in ((index.positive_scores, counts.tp), (index.negative_scores, counts.fp)):
        edges = drawn.axes[kind].edges(BINS).astype(side.dtype)[1:-1]
        inside = np.bincount(edges.searchsorted(side, "right"), minlength=BINS)
        np.testing.assert_array_equal(-np.diff(counted_rows), inside)
        assert (counted_rows[0], counted_rows[-1]) == (side.size, 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_ranking_measures_are_those_of_scikit_learn(weighted: bool):
    y, scores = scores_of(2000, 2)
    scores = scores.round(2)
    weight = np.random.default_rng(2).random(2000) if weighted else None
    for frame, score in zip(a_film(y, scores, weight).frames, scores, strict=True):
        assert frame.average_precision == pytest.approx(average_precision_score(y, score, sample_weight=weight))
        assert frame.roc_auc == pytest.approx(roc_auc_score(y, score, sample_weight=weight))


@pytest.mark.parametrize("weighted", [False, True])
def test_each_group_has_the_counts_bins_and_measures_of_its_rows(weighted: bool):
    y, scores = scores_of(3000, 2)
    rng = np.random.default_rng(3)
    region = rng.choice(["east", "north", "south"], 3000)
    weight = rng.random(3000) + 0.1 if weighted else np.ones(3000)

    def indexes_of(rows: np.ndarray) -> list[ScoreIndex]:
        return [ScoreIndex.of(y[rows], score[rows], weight[rows] if weighted else None) for score in scores]

    groups = {name: indexes_of(region == name) for name in np.unique(region)}
    drawn = film([1, 2], indexes_of(y == y), groups=groups, grouped_by="region")
    content = sent(drawn.content)
    assert content["grouped_by"] == "region"
    edges = np.linspace(content["axes"]["logit"]["start"], content["axes"]["logit"]["end"], BINS + 1)
    edges = expit(edges).astype(np.float32)
    edges[[0, -1]] = -np.inf, np.inf
    asked = np.linspace(0, 1, 101).astype(np.float32)
    for group in content["groups"]:
        rows = region == group["name"]
        assert group["positives"] == pytest.approx(weight[rows & y].sum())
        assert group["negatives"] == pytest.approx(weight[rows & ~y].sum())
        for frame, score in zip(group["frames"], scores, strict=True):
            place = frame["thresholds"].searchsorted(asked)
            for side, name in ((rows & y, "tp"), (rows & ~y, "fp")):
                held = np.append(counted(frame[name]), 0)[place]
                exact = np.array([weight[side & (score >= t)].sum() for t in asked])
                assert np.all(np.abs(held - exact) <= frame["bound"] * weight[side].sum() + 1e-6)
                bins = -np.diff(counted(frame["bins"]["logit"][name]))
                expected = np.histogram(score[side], edges, weights=weight[side])[0]
                np.testing.assert_allclose(bins, expected, atol=1e-9)
            precision = average_precision_score(y[rows], score[rows], sample_weight=weight[rows])
            assert frame["average_precision"] == pytest.approx(precision)
    assert {name: one.exact for name, one in drawn.groups.items()} == dict.fromkeys(groups, True)


def test_numbers_that_are_undefined_are_sent_as_null():
    content = sent(
        film([3], [ScoreIndex.of([0, 0], [0.2, 0.4])], np.array([np.nan, 1.0]), np.array([np.inf, 1.0])).content
    )
    assert content["frames"][0]["average_precision"] is None
    assert content["losses"] == {"train": [None, 1.0], "validation": [None, 1.0]}


def test_scores_that_are_no_probabilities_have_one_axis_with_room_for_every_epoch():
    y = np.arange(50) % 2 == 0
    drawn = film([0, 1], [ScoreIndex.of(y, np.linspace(-1, 1, 50)), ScoreIndex.of(y, np.linspace(-20, 10, 50))])
    (axis,) = drawn.axes.values()
    assert axis.kind == "score"
    assert axis.low < -20 < 10 < axis.high
    assert list(a_film(y, np.full((1, 50), 0.5)).axes) == ["probability", "logit"]


def test_many_epochs_are_thinned_to_some_with_the_first_and_the_last():
    y, scores = scores_of(20, 150)
    epochs = [frame.epoch for frame in a_film(y, scores).frames]
    assert len(epochs) == FRAMES
    assert (epochs[0], epochs[-1]) == (1, 150)


@pytest.mark.parametrize("prevalence", [0.01, 0.3])
def test_twenty_epochs_of_five_thousand_rows_are_at_most_100_kilobytes(prevalence: float):
    content = a_film(*scores_of(5000, 20, prevalence)).content
    assert len(gzip.compress(content, 6)) <= 100_000


def test_no_epoch_is_no_film():
    with pytest.raises(CutoffError, match="one or more epochs"):
        film([], [])
    with pytest.raises(CutoffError, match="one or more epochs"):
        values_film([1], [])
    index = ScoreIndex.of([0, 1], [0.2, 0.4])
    with pytest.raises(CutoffError, match="one or more epochs"):
        film([1], [index], groups={"north": [index, index]})


# --- regression


def test_a_film_of_values_has_the_rows_residuals_and_errors_of_every_epoch():
    rng = np.random.default_rng(4)
    y = rng.normal(size=3000) * 50
    fits = [np.zeros(3000), y + rng.normal(size=3000)]
    content = sent(values_film([0, 9], [Predictions(y, fit) for fit in fits]).content)
    assert len(content["actual"]) == POINTS
    assert content["low"] < y.min() < y.max() < content["high"]
    edges = np.linspace(-content["reach"], content["reach"], BINS + 1)
    for frame, fit in zip(content["frames"], fits, strict=True):
        residuals = np.clip(fit - y, edges[0], edges[-1] - 1e-9)
        np.testing.assert_array_equal(frame["residuals"], np.histogram(residuals, edges)[0])
        assert frame["errors"]["mae"] == pytest.approx(mean_absolute_error(y, fit))
        assert frame["errors"]["rmse"] == pytest.approx(root_mean_squared_error(y, fit))
        assert frame["errors"]["r2"] == pytest.approx(r2_score(y, fit))
        assert frame["errors"]["mean_residual"] == pytest.approx((fit - y).mean())
    assert [frame["epoch"] for frame in content["frames"]] == [0, 9]


def test_constant_values_have_no_r2():
    content = sent(values_film([1], [Predictions(np.ones(5), np.ones(5))]).content)
    assert content["frames"][0]["errors"]["r2"] is None
