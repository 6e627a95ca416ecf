"""The arithmetic of the picture in the browser is that of core/evaluation, ties and roundings included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from core.evaluation import METRICS, ScoreIndex, ThresholdCounts
from core.evaluation.condensed import BOUND, around, condensed
from core.evaluation.metrics import false_positive_rate
from pages.components.picture.picture import AT_THRESHOLD
from tests.support.indexes import an_index
from tests.support.node import in_node, needs_node

MODEL = "picture/model.js"


@needs_node
def test_its_metrics_are_those_of_the_registry(tmp_path: Path):
    rng = np.random.default_rng(0)
    tp, fp, fn, tn = (np.append(rng.integers(0, high, 300), rng.integers(0, 2, 100)) for high in (9, 99, 999, 10**6))
    counts = ThresholdCounts(np.zeros(400), tp, fp, fn, tn)
    rows = np.stack([tp, fp, fn, tn], axis=1).tolist()
    body = """return Object.fromEntries(Object.entries(m.METRICS).map(([name, metric]) =>
        [name, given.map(([tp, fp, fn, tn]) => metric({ tp, fp, fn, tn }))]));"""
    found = in_node(tmp_path, MODEL, body, rows)
    assert set(AT_THRESHOLD) <= set(found)
    for name, values in found.items():
        metric = false_positive_rate if name == "false_positive_rate" else METRICS[name]
        np.testing.assert_allclose(np.array(values, float), metric(counts), rtol=1e-15, atol=0)


def a_model(index: ScoreIndex, kept: np.ndarray, near: ThresholdCounts | None) -> dict[str, object]:
    def of(counts: ThresholdCounts) -> dict[str, object]:
        return {"thresholds": counts.thresholds.tolist(), "tp": counts.tp.tolist(), "fp": counts.fp.tolist()}

    return {
        "points": of(index.counts(kept)),
        "window": near and of(near),
        "exact": near is None,
        "positives": index.positive_scores.size,
        "negatives": index.negative_scores.size,
        "axis": {"low": 0, "high": 1},
    }


SETUP = """
    const { model } = given;
    Object.assign(model, { round: m.ROUND[given.dtype] });
    for (const part of ["points", "window"]) if (model[part]) model[part] = m.readCounts(model[part]);
"""


@needs_node
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_it_counts_as_the_index_does_ties_included(tmp_path: Path, dtype: str):
    index = an_index(1, 2000, 0.3, 2, dtype)
    distinct = index.distinct_scores()[::-1]
    asked = np.concatenate([distinct.astype(float), [0, 0.005, 0.7, 1, 2, -1], np.random.default_rng(0).random(300)])
    sent = {"model": a_model(index, distinct, None), "dtype": dtype, "asked": asked.tolist()}
    body = SETUP + "return given.asked.map(t => { const c = m.countsAt(model, t); return [c.tp, c.fp, c.fn, c.tn]; });"
    expected = index.counts(asked)
    wanted = np.stack([expected.tp, expected.fp, expected.fn, expected.tn], axis=1)
    np.testing.assert_array_equal(in_node(tmp_path, MODEL, body, sent), wanted)


@needs_node
def test_near_the_threshold_it_counts_exactly_and_elsewhere_within_the_bound(tmp_path: Path):
    index = an_index(2, 30_000, 0.2, None)
    kept, near = condensed(index.counts_at_scores()), around(index, 0.6)
    asked = np.concatenate([near.thresholds[1:].astype(float), np.random.default_rng(0).random(500)])
    message = {"model": a_model(index, kept.thresholds, near), "dtype": "float32", "asked": asked.tolist()}
    body = SETUP + "return given.asked.map(t => { const c = m.countsAt(model, t); return [c.tp, c.fp]; });"
    found = np.array(in_node(tmp_path, MODEL, body, message))
    expected = index.counts(asked)
    close = near.thresholds.size - 1
    np.testing.assert_array_equal(found[:close], np.stack([expected.tp, expected.fp], axis=1)[:close])
    assert np.all(np.abs(found[:, 0] - expected.tp) <= BOUND * index.positive_scores.size)
    assert np.all(np.abs(found[:, 1] - expected.fp) <= BOUND * index.negative_scores.size)


@needs_node
@pytest.mark.parametrize("thinned", [False, True])
def test_steps_go_from_one_distinct_score_to_the_next(tmp_path: Path, thinned: bool):
    index = an_index(4, 500, 0.3, 2)
    distinct = index.distinct_scores()[::-1]
    start = 0.5
    near = around(index, start, 5) if thinned else None
    model = a_model(index, distinct[:: 10 if thinned else 1], near)
    body = (
        SETUP
        + """
        const walk = way => { const seen = []; let t = given.start;
          while ((t = m.nextScore(model, t, way)) !== null && seen.length < 400) {
            seen.push(t); if (t === model.axis.low || t === model.axis.high) break; }
          return seen; };
        return [walk(1), walk(-1)];
    """
    )
    up, down = in_node(tmp_path, MODEL, body, {"model": model, "dtype": "float32", "start": start})
    above, below = distinct[distinct > np.float32(start)], distinct[distinct < np.float32(start)][::-1]
    if thinned:
        np.testing.assert_array_equal(up, above[: len(up)])
        np.testing.assert_array_equal(down, below[: len(down)])
        assert min(len(up), len(down)) >= 4
    else:
        np.testing.assert_array_equal(up, np.append(above[above < 1], 1))
        np.testing.assert_array_equal(down, np.append(below[below > 0], 0))


@needs_node
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_it_rounds_as_numpy_does(tmp_path: Path, dtype: str):
    rng = np.random.default_rng(5)
    values = np.concatenate(
        [rng.random(500), rng.normal(size=500) * 1e3, expit(rng.normal(size=500) * 10), [0, 1, 65504]]
    )
    values = np.append(values, [2049.0, 2051.0, 6e-8, 3e-8, 0.1, 0.7])  # halfway cases and subnormal halves
    found = in_node(tmp_path, MODEL, "return given.map(m.ROUND." + dtype + ");", values.tolist())
    np.testing.assert_array_equal(np.array(found, float), values.astype(dtype).astype(float))


@needs_node
@pytest.mark.parametrize(
    ("typed", "read"),
    [("1e400", "NaN"), ("-1e400", "NaN"), ("∞", "Infinity"), ("−inf", "-Infinity"), ("1e300", 1e300), ("0x1", "NaN")],
)
def test_a_number_too_large_to_hold_is_not_infinity(tmp_path: Path, typed: str, read: object):
    assert in_node(tmp_path, MODEL, "return m.parsed(given);", typed) == read


@needs_node
def test_percentages_and_decimal_commas_are_read_and_what_may_mean_two_numbers_is_not(tmp_path: Path):
    typed = ["50%", "12,5 %", "−50%", "0,5", "0,125", "1,5", "1,000", "-12,345", "1,000.5", "%", "5%%"]
    body = "return given.map((text) => [m.parsed(text), m.parsed(text, { percentage: true })]);"
    found = in_node(tmp_path, MODEL, body, typed)
    assert found == [
        [0.5, 50],
        [0.125, 12.5],
        [-0.5, -50],
        *([number, number] for number in (0.5, 0.125, 1.5)),
        *(["NaN", "NaN"] for _ in range(5)),
    ]


@needs_node
def test_a_threshold_is_written_so_that_it_is_read_as_itself(tmp_path: Path):
    values = np.random.default_rng(6).random(300).astype(np.float32).astype(float)
    body = "return given.map(t => [m.written(t, Math.fround), m.parsed(m.written(t, Math.fround))]);"
    found = in_node(tmp_path, MODEL, body, values.tolist())
    np.testing.assert_array_equal(np.array([read for _, read in found]).astype(np.float32), values)
    assert in_node(
        tmp_path, MODEL, "return [m.written(Math.fround(0.7), Math.fround), m.parsed('0,25'), m.parsed('x')];", 0
    ) == [
        "0.7",
        0.25,
        "NaN",
    ]


@needs_node
@pytest.mark.parametrize("kind", ["probability", "logit", "score"])
def test_a_place_on_the_axis_is_a_score_and_back(tmp_path: Path, kind: str):
    start, end = {"probability": (0, 1), "logit": (-9, 9), "score": (-4, 18)}[kind]
    low, high = (0, 1) if kind != "score" else (start, end)
    axis = {"kind": kind, "start": start, "end": end, "low": low, "high": high}
    shares = np.linspace(0.001, 0.999, 500)
    body = """const at = share => m.scoreAt(given.axis, share, 1e-3);
        return given.shares.map(share => [at(share), m.place(given.axis, at(share))]);"""
    found = np.array(in_node(tmp_path, MODEL, body, {"axis": axis, "shares": shares.tolist()}))
    np.testing.assert_allclose(found[:, 1], shares, atol=6e-4)
    expected = start + shares * (end - start)
    np.testing.assert_allclose(
        logit(found[:, 0]) if kind == "logit" else found[:, 0], expected, atol=1e-3 * (end - start)
    )
    ends = in_node(tmp_path, MODEL, "return [m.scoreAt(given, 0, 1e-3), m.scoreAt(given, 1, 1e-3)];", axis)
    assert ends == [low, high]


@needs_node
def test_small_sums_of_weights_are_told_apart(tmp_path: Path):
    given = [0, 7, 12345, 12345.678, 99.5, 0.6666, 0.00123456]
    found = in_node(tmp_path, MODEL, "return given.map(m.whole);", given)
    assert found == ["0", "7", "12,345", "12,345.7", "99.5", "0.667", "0.00123"]
