"""Rows drawn in groups count as rows drawn one by one do: exactly in distribution, or in mean and variance."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation import ScoreIndex, ThresholdCounts
from core.evaluation.bootstrap import MOST_SINGLE, RankedRows, draws, resampled
from core.evaluation.row_groups import RowGroups

FIELDS = ("tp", "fp", "fn", "tn")
RESAMPLES = 4000
THRESHOLDS = np.array([np.inf, 0.9, 0.6, 0.55, 0.2])


def some_rows(n: int, weighted: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    generator = np.random.default_rng(1)
    score = generator.random(n)
    return generator.random(n) < score, score, generator.exponential(1, n) if weighted else None


def moments(counts: ThresholdCounts) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation over resamples of true positives, false positives and false negatives."""
    return [(of.mean(0), of.std(0)) for of in (counts.tp, counts.fp, counts.fn)]


def assert_alike(found: ThresholdCounts, known: ThresholdCounts, resamples: int) -> None:
    """Means within five of their standard errors, and standard deviations within a tenth."""
    for (mean, spread), (known_mean, known_spread) in zip(moments(found), moments(known), strict=True):
        assert np.all(np.abs(mean - known_mean) <= 5 * known_spread * np.sqrt(2 / resamples) + 1e-9)
        np.testing.assert_allclose(spread, known_spread, rtol=0.1, atol=1e-9)


def drawn_singly(y, score, weight, thresholds, resamples) -> tuple[ThresholdCounts, ThresholdCounts]:
    """Counts of resamples of single rows, and of the rows that they leave out."""
    ranked, weight = RankedRows.of(y, score, thresholds), np.ones(y.size) if weight is None else weight
    blocks = [
        (ranked.counts(times * weight), ranked.counts((times == 0) * weight)) for times in draws(y.size, resamples)
    ]
    return joined([counts for counts, _ in blocks]), joined([left_out for _, left_out in blocks])


def drawn_in_groups(y, score, weight, thresholds, resamples) -> tuple[ThresholdCounts, ThresholdCounts]:
    groups, generator = RowGroups.of(ScoreIndex.of(y, score, weight), thresholds), np.random.default_rng(2)
    blocks = [(groups.counts(drawn, generator), groups.left_out(drawn, generator)) for drawn in groups.draws(resamples)]
    return joined([counts for counts, _ in blocks]), joined([left_out for _, left_out in blocks])


def joined(blocks: list[ThresholdCounts]) -> ThresholdCounts:
    return ThresholdCounts(
        *(np.concatenate([getattr(block, field) for block in blocks]) for field in ("thresholds", *FIELDS))
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [60, 1000])
def test_groups_are_drawn_and_left_out_as_their_rows_are(n: int, weighted: bool):
    y, score, weight = some_rows(n, weighted)
    singly = drawn_singly(y, score, weight, THRESHOLDS, RESAMPLES)
    for found, known in zip(drawn_in_groups(y, score, weight, THRESHOLDS, RESAMPLES), singly, strict=True):
        assert_alike(found, known, RESAMPLES)


def test_what_is_left_out_goes_with_what_is_drawn():
    y, score, _ = some_rows(1000)
    alike = [
        np.corrcoef(counts.tp[:, 2], left_out.tp[:, 2])[0, 1]
        for counts, left_out in (
            drawn(y, score, None, THRESHOLDS, RESAMPLES) for drawn in (drawn_singly, drawn_in_groups)
        )
    ]
    assert alike[0] == pytest.approx(alike[1], abs=0.05)


def test_a_resample_has_as_many_rows_as_there_are_and_in_strata_of_each_class():
    y, score, _ = some_rows(1000)
    groups = RowGroups.of(ScoreIndex.of(y, score), THRESHOLDS)
    np.testing.assert_array_equal(groups.rows.sum(axis=1), [np.count_nonzero(y), np.count_nonzero(~y)])
    for drawn in groups.draws(20):
        assert drawn.shape == (20, 2, THRESHOLDS.size + 1)
        np.testing.assert_array_equal(drawn.sum(axis=(1, 2)), 1000)
    for drawn in groups.draws(20, stratified=True):
        np.testing.assert_array_equal(drawn.sum(axis=2), np.tile(groups.rows.sum(axis=1), (20, 1)))


def test_equal_weights_multiply_counts():
    y, score, _ = some_rows(500)
    plain, weighed = (next(iter(resampled_in_groups(y, score, weight))) for weight in (None, np.full(500, 2.5)))
    for field in FIELDS:
        np.testing.assert_allclose(getattr(weighed, field), 2.5 * getattr(plain, field))


def resampled_in_groups(y, score, weight):
    groups, generator = RowGroups.of(ScoreIndex.of(y, score, weight), THRESHOLDS), np.random.default_rng(0)
    return [groups.counts(drawn, generator) for drawn in groups.draws(10)]


def test_without_rows_nothing_is_drawn():
    groups = RowGroups.of(ScoreIndex.of([], np.empty(0)), THRESHOLDS)
    counts = groups.counts(next(groups.draws(3)), np.random.default_rng(0))
    assert counts.tp.shape == (3, THRESHOLDS.size)
    assert not counts.total.any()


@pytest.mark.parametrize("weighted", [False, True])
def test_many_rows_are_resampled_as_few_are(weighted: bool):
    """More rows than are drawn singly, against each of them drawn by itself."""
    y, score, weight = some_rows(MOST_SINGLE + 1, weighted)
    resamples = 200
    blocks = list(resampled(y, score, THRESHOLDS, resamples, sample_weight=weight))
    singly = drawn_singly(y, score, weight, THRESHOLDS, resamples)
    found = joined([block.counts for block in blocks]), joined([block.left_out() for block in blocks])
    for ours, known in zip(found, singly, strict=True):
        for (mean, spread), (known_mean, known_spread) in zip(moments(ours), moments(known), strict=True):
            assert np.all(np.abs(mean - known_mean) <= 5 * known_spread * np.sqrt(2 / resamples) + 1e-9)
            np.testing.assert_allclose(spread, known_spread, rtol=0.3, atol=1e-9)


def test_few_rows_are_drawn_one_by_one():
    y, score, _ = some_rows(300)
    (block,) = resampled(y, score, THRESHOLDS, 40, seed=3)
    (times,) = draws(300, 40, seed=3)
    ranked = RankedRows.of(y, score, THRESHOLDS)
    np.testing.assert_array_equal(block.counts.tp, ranked.counts(times).tp)
    np.testing.assert_array_equal(block.left_out().fp, ranked.counts((times == 0).astype(int)).fp)
