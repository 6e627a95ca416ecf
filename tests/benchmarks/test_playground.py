"""The two sides of benchmarks/playground.py train the same networks."""

import shutil

import pytest

from benchmarks.playground import JavaScript, Ours, blobs, disagreement

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def test_a_pass_over_the_points_changes_both_sides_alike():
    x, y = blobs()
    largest, _ = disagreement(Ours(x, y), JavaScript(shutil.which("node"), x, y))
    assert 0 < largest <= 1e-5


def test_another_learning_rate_is_noticed():
    x, y = blobs()
    javascript = JavaScript(shutil.which("node"), x, y)
    javascript.problem["learningRate"] *= 1.01
    with pytest.raises(AssertionError, match="do not train the same networks"):
        disagreement(Ours(x, y), javascript)
