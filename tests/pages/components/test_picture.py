"""The picture's scripts read a film and count as core does, and what is kept for them is bounded and found again."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from core.evaluation import METRICS, ScoreIndex, ThresholdCounts
from core.plots.picture import film
from pages.components.content import ContentStore, content_route, store
from pages.components.picture.picture import AT_THRESHOLD, metric_texts
from tests.support.asgi import fetched
from tests.support.node import in_node, needs_node

MODEL = "picture/model.js"


# --- the scripts


@needs_node
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_film_counts_in_the_browser_as_it_does_here(tmp_path: Path, dtype: str, weighted: bool):
    rng = np.random.default_rng(0)
    y = rng.random(3000) < 0.2
    scores = [np.clip(rng.random(3000) + shift * y, 0, 1).round(3).astype(dtype) for shift in (0.1, 0.3)]
    weight = rng.random(3000).round(2) + 0.01 if weighted else None
    indexes = [ScoreIndex.of(y, score, weight) for score in scores]
    drawn = film([4, 9], indexes)
    asked = np.concatenate([rng.random(100), scores[1][:50].astype(float), [0, 1]])
    body = """const film = m.readFilm(given.film);
        const bin = (edges) => Array.from(edges);
        return film.frames.map((frame) => ({
          bins: ["tp", "fp"].map((side) => bin(frame.bins.logit[side])),
          counts: given.asked.map((t) => {
            const { tp, fp, fn, tn } = m.countsAt({ ...film, points: frame.points }, t);
            return [tp, fp, fn, tn];
          }),
        }));"""
    found = in_node(tmp_path, MODEL, body, {"film": json.loads(drawn.content), "asked": asked.tolist()})
    for read, frame in zip(found, drawn.frames, strict=True):
        np.testing.assert_allclose(read["bins"], [frame.bins["logit"].tp, frame.bins["logit"].fp])
    expected = indexes[1].counts(asked)
    wanted = np.stack([expected.tp, expected.fp, expected.fn, expected.tn], axis=1)
    np.testing.assert_allclose(found[1]["counts"], wanted, atol=1e-9)


@needs_node
def test_every_tile_has_its_formula_and_its_texts(tmp_path: Path):
    drawn = film([1], [ScoreIndex.of([0, 1], [0.2, 0.7])])
    rng = np.random.default_rng(1)
    tp, fp, fn, tn = (np.append(rng.random(200) * high, rng.integers(0, 2, 100)) for high in (9, 99, 999, 1e6))
    counts = ThresholdCounts(np.zeros(300), tp, fp, fn, tn)
    body = """return Object.fromEntries(given.names.map((name) =>
        [name, given.rows.map(([tp, fp, fn, tn]) => m.METRICS[name]({ tp, fp, fn, tn }))]));"""
    given = {"names": AT_THRESHOLD, "rows": np.stack([tp, fp, fn, tn], axis=1).tolist()}
    for name, values in in_node(tmp_path, MODEL, body, given).items():
        np.testing.assert_allclose(np.array(values, float), METRICS[name](counts), rtol=1e-12, atol=1e-15)
    shown = in_node(tmp_path, "picture/tiles.js", "return [...m.AT_THRESHOLD, ...m.AT_ANY];", 0)
    assert set(shown) <= set(metric_texts(drawn))
    assert set(AT_THRESHOLD) <= set(shown)


# --- what is kept


def test_a_text_is_kept_under_its_hash_once():
    kept = ContentStore()
    text = b'{"a":1}'
    assert kept.keep(text) == kept.keep(text) == sha256(text).hexdigest()
    compressed = kept.compressed(sha256(text).hexdigest())
    assert compressed
    assert gzip.decompress(compressed) == text
    assert kept.compressed("0" * 64) is None


def test_beyond_its_bytes_what_was_not_asked_for_longest_goes_first():
    texts = [np.random.default_rng(seed).bytes(1000) for seed in range(4)]
    kept = ContentStore(most=3200)
    addresses = [kept.keep(text) for text in texts[:3]]
    kept.compressed(addresses[0])
    kept.keep(texts[3])
    assert [kept.compressed(address) is not None for address in addresses] == [True, False, True]
    large = kept.keep(np.random.default_rng(9).bytes(9000))  # larger than all, and still there to be fetched
    assert kept.compressed(large)
    assert kept.compressed(addresses[0]) is None


@pytest.mark.parametrize("base", ["", "/cutoff"])
def test_what_is_kept_is_served_for_good_and_what_is_not_is_not_found(base: str):
    route, address = content_route(base), store.keep(b"[1,2,3]")
    status, headers, body = fetched(route, f"{base}/data/{address}", {"Accept-Encoding": "gzip, br"})
    assert (status, headers["content-encoding"], gzip.decompress(body)) == (200, "gzip", b"[1,2,3]")
    assert "immutable" in headers["cache-control"]
    status, headers, body = fetched(route, f"{base}/data/{address}")
    assert (status, body) == (200, b"[1,2,3]")
    assert "content-encoding" not in headers
    status, headers, _ = fetched(route, f"{base}/data/{'0' * 64}")
    assert (status, headers["cache-control"]) == (404, "no-store")
