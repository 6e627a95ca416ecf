"""The scrubber's frames count as scikit-learn and np.histogram do, and reach the browser in few bytes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import expit
from sklearn.metrics import confusion_matrix, precision_score, recall_score
from streamlit.testing.v1 import AppTest

from core.errors import CutoffError
from core.plots.epochs import EpochFrames, epoch_frames
from core.plots.style import LOGIT_END, Scale
from tests.conftest import decoded
from tests.support.training_epochs import training

TIES = np.array([0, 0.1, 0.475, 0.5, 0.525, 0.7, 0.999, 1], dtype=np.float32)
LIMITS: dict[Scale, tuple[float, float]] = {"probability": (0, 1), "logit": (-LOGIT_END, LOGIT_END)}


@st.composite
def runs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    """Labels (N,), scores (E, N) of one of three dtypes and a threshold, which often ties with a score."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 12)))
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    width = np.dtype(dtype).itemsize * 8
    values = st.one_of(st.sampled_from(TIES.astype(dtype).tolist()), st.floats(0, 1, width=width))
    scores = draw(arrays.arrays(dtype, shape, elements=values))
    y = draw(arrays.arrays(bool, shape[1:]))
    threshold = draw(st.one_of(st.sampled_from([*TIES.astype(float).tolist(), 0.7, 1.5, np.inf]), st.floats(0, 1)))
    return y, scores, threshold


def inner_edges(scale: Scale, dtype: np.dtype) -> np.ndarray:
    """The ends of forty equal parts of the axis as scores of this dtype, the outermost open."""
    inner = np.array([k / 40 for k in range(1, 40)])
    scores = inner if scale == "probability" else expit(9 * (2 * inner - 1))
    return np.concatenate([[-np.inf], scores, [np.inf]]).astype(dtype)


def assert_counts(frames: EpochFrames, y: np.ndarray, scores: np.ndarray, threshold: float) -> None:
    """Every number of the frames is scikit-learn's or np.histogram's."""
    assert frames.counts.shape == (len(scores), 4, 40)
    for at, score in enumerate(scores):
        called = score >= score.dtype.type(threshold)
        expected = confusion_matrix(y, called, labels=[False, True])
        np.testing.assert_array_equal([[frames.tn[at], frames.fp[at]], [frames.fn[at], frames.tp[at]]], expected)
        edges = inner_edges(frames.scale, score.dtype)
        for kind, rows in enumerate((~y & ~called, ~y & called, y & ~called, y & called)):
            np.testing.assert_array_equal(frames.counts[at, kind], np.histogram(score[rows], edges)[0])


@given(runs(), st.sampled_from(list(LIMITS)))
@example((np.array([True, False]), np.array([[0.7, 0.7]], np.float32), 0.7), "probability")  # .7 < float32(.7)
@example((np.array([True, False]), np.array([[0.5, 0.5]], np.float32), 0.5), "logit")
def test_frames_are_confusion_matrices_and_histograms(run: tuple[np.ndarray, np.ndarray, float], scale: Scale):
    y, scores, threshold = run
    with np.errstate(over="ignore"):
        assert_counts(epoch_frames(np.arange(len(scores)), y, scores, threshold, scale), y, scores, threshold)


@given(runs(), st.sampled_from(list(LIMITS)))
def test_only_the_bin_of_the_threshold_holds_both_decisions(run: tuple[np.ndarray, np.ndarray, float], scale: Scale):
    y, scores, threshold = run
    frames = epoch_frames(np.arange(len(scores)), y, scores, threshold, scale)
    called, refused = frames.counts[:, [1, 3]], frames.counts[:, [0, 2]]
    assert not called[..., : frames.split].any()
    assert not refused[..., frames.split + 1 :].any()


def test_precision_and_recall_are_those_of_sklearn():
    epochs, y, scores = training()
    frames = epoch_frames(epochs, y, scores, 0.6)
    np.testing.assert_array_equal(frames.epochs, epochs)
    called = scores >= np.float32(0.6)
    np.testing.assert_allclose(frames.precision, [precision_score(y, row) for row in called], rtol=1e-15)
    np.testing.assert_allclose(frames.recall, [recall_score(y, row) for row in called], rtol=1e-15)


def test_a_class_has_the_bars_of_its_histogram():
    epochs, y, scores = training()
    frames = epoch_frames(epochs, y, scores, 0.6)
    tallest = 0.0
    for at, score in enumerate(scores):
        for kind, member in enumerate((~y, y)):
            bars = np.histogram(score[member], inner_edges("probability", score.dtype))[0]
            np.testing.assert_array_equal(frames.by_class[at, kind], bars)
            tallest = max(tallest, float(np.sqrt(bars / member.sum()).max()))
    assert frames.tallest == pytest.approx(tallest, rel=1e-12)


def test_undefined_rates_are_nan():
    frames = epoch_frames([0, 1], [0, 0], np.array([[0.1, 0.2], [0.1, 0.9]]), 0.5)
    np.testing.assert_array_equal(frames.precision, [np.nan, 0])
    np.testing.assert_array_equal(frames.recall, [np.nan, np.nan])


@pytest.mark.parametrize("scale", list(LIMITS))
def test_the_edges_part_the_axis_into_forty(scale: Scale):
    frames = epoch_frames(*training(), 0.5, scale)
    assert (frames.edges[0], frames.edges[-1]) == pytest.approx(LIMITS[scale])
    np.testing.assert_allclose(np.diff(frames.edges), (frames.edges[-1] - frames.edges[0]) / 40)


def test_scores_beyond_the_axis_are_counted_in_the_outermost_bins():
    frames = epoch_frames([3], [1, 0], np.array([[1.2, -0.1]]), 0.5)
    assert (frames.counts[0, 3, 39], frames.counts[0, 0, 0]) == (1, 1)
    assert (frames.tp[0], frames.tn[0]) == (1, 1)


def test_the_threshold_moves_rows_and_not_scores():
    epochs, y, scores = training()
    low, high = (epoch_frames(epochs, y, scores, threshold) for threshold in (0.3, 0.8))
    for negative_or_positive in ([0, 1], [2, 3]):
        np.testing.assert_array_equal(
            low.counts[:, negative_or_positive].sum(axis=1), high.counts[:, negative_or_positive].sum(axis=1)
        )
    assert (low.tp >= high.tp).all()
    assert (low.fp >= high.fp).all()


@pytest.mark.parametrize(
    ("epochs", "y", "scores"),
    [
        ([0, 1], [0, 1], np.zeros((1, 2))),
        ([0], [0, 1, 1], np.zeros((1, 2))),
        ([0], [0, 1], np.zeros(2)),
        ([], [0, 1], np.zeros((0, 2))),
        ([0], [0, 1], np.array([[0.5, np.nan]])),
        ([0], [0, 2], np.zeros((1, 2))),
    ],
)
def test_what_does_not_fit_together_is_refused(epochs, y, scores):
    with pytest.raises(CutoffError, match="Expected"):
        epoch_frames(epochs, y, scores, 0.5)


# --- what reaches the browser


def scrubber(n_epochs: int, rows: int, scale: str = "probability") -> None:
    from core.plots.epochs import epoch_frames
    from pages.components.epoch_scrubber import epoch_scrubber
    from tests.support.training_epochs import training

    epochs, y, scores = training(n_epochs, rows)
    frames = epoch_frames(epochs, y, scores, 0.6, scale)
    names = {"label": "yes", "rest": "no", "key": "epochs", "alt": "Scores."}
    epoch_scrubber(frames, epochs * 0.5, threshold=0.6, **names)


def message(at: AppTest) -> str:
    (element,) = [element for element in at.get("bidi_component") if element.key == "epochs"]
    return element.proto.json


@pytest.mark.parametrize(("n_epochs", "rows", "dtype"), [(200, 1250, "u2"), (2, 400_000, "u4")])
def test_the_browser_gets_every_number_in_the_smallest_type(n_epochs: int, rows: int, dtype: str):
    at = AppTest.from_function(scrubber, args=(n_epochs, rows), default_timeout=60).run()
    assert not at.exception
    given = json.loads(message(at))
    assert (given["tp"]["dtype"], given["rows"]["dtype"]) == (dtype, "u2")
    data = decoded(given)
    epochs, y, scores = training(n_epochs, rows)
    frames = epoch_frames(epochs, y, scores, 0.6)
    np.testing.assert_array_equal(data["rows"], frames.by_class.ravel())
    for name in ("epochs", "tp", "fp", "precision", "recall"):
        np.testing.assert_array_equal(data[name], getattr(frames, name))
    np.testing.assert_array_equal(data["losses"], epochs * 0.5)
    # What isn't sent follows: the bins below `split` are called negative, those above it positive.
    split = data["split"]
    above = data["rows"].reshape(-1, 2, 40)[..., split + 1 :].sum(axis=2)
    np.testing.assert_array_equal(data["fp"] - above[:, 0], frames.counts[:, 1, split])
    np.testing.assert_array_equal(data["tp"] - above[:, 1], frames.counts[:, 3, split])


@pytest.mark.parametrize("scale", list(LIMITS))
def test_the_message_is_small_and_does_not_change_by_itself(scale: Scale):
    at = AppTest.from_function(scrubber, args=(200, 1250, scale)).run()
    first = message(at)
    assert len(first) < 70_000
    assert message(at.run()) == first
