"""Miniatures of questions: of their own scores, small, readable without colour, and as fresh as what they show."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from core.errors import CutoffError
from core.experiment.presets import QUESTIONS
from core.miniatures import numbers
from core.plots.miniature import BINS, HEIGHT, MARGIN, WIDTH, miniature, miniatures

SVG = "{http://www.w3.org/2000/svg}"
names = pytest.mark.parametrize("name", QUESTIONS)


def drawn(name: str) -> ElementTree.Element:
    return ElementTree.fromstring(miniature(name, "#0a6", "var(--other)"))


def test_every_question_has_the_numbers_of_the_variant_that_it_shows():
    assert {name: found["variant"] for name, found in miniatures().items()} == {
        name: question.shown for name, question in QUESTIONS.items()
    }, "Run python -m core.miniatures."


@names
def test_the_variant_shown_is_one_of_its_experiment(name):
    assert QUESTIONS[name].shown in [variant.name for variant in QUESTIONS[name].experiment.variants]


@pytest.mark.slow
@names
def test_the_numbers_are_those_of_training_it_now(name):
    now, kept = numbers(QUESTIONS[name]), miniatures()[name]
    assert now.keys() == kept.keys(), "Run python -m core.miniatures."
    for key in now.keys() & {"positive", "negative"}:  # another processor may round a few into a neighbouring bin
        fresh, stored = np.array(now[key]), np.array(kept[key])
        assert fresh.sum() == stored.sum(), "Run python -m core.miniatures."
        assert np.abs(fresh - stored).sum() <= 0.05 * fresh.sum(), "Run python -m core.miniatures."
    for key in now.keys() & {"points", "rings", "threshold"}:
        np.testing.assert_allclose(now[key], kept[key], atol=0.05)
    for fresh, stored in zip(now.get("lines", []), kept.get("lines", []), strict=True):
        np.testing.assert_allclose(fresh, stored, atol=0.05)


@names
def test_it_is_small_has_a_text_alternative_and_no_colours_of_its_own(name):
    svg, root = miniature(name, "#0a6", "var(--other)"), drawn(name)
    assert len(svg.encode()) <= 4096
    assert root.get("role") == "img"
    assert QUESTIONS[name].shown in root.find(f"{SVG}title").text
    colours = {path.get(key) for path in root.iter(f"{SVG}path") for key in ("fill", "stroke")} - {None, "none"}
    assert colours <= {"#0a6", "var(--other)", "currentColor"}
    assert "currentColor" in colours
    assert not re.search(r"\bid=|<style|<script|href", svg)


@names
def test_bars_are_roots_of_shares_positives_above_the_axis_and_negatives_below(name):
    if "positive" not in miniatures()[name]:
        return
    for path, key, direction in zip(drawn(name).findall(f"{SVG}path"), ("positive", "negative"), (1, -1), strict=False):
        rows = np.array(miniatures()[name][key])
        tops = np.array(re.findall(r"V([\d.]+)h", path.get("d")), float)
        heights = direction * (HEIGHT / 2 - tops)
        assert len(heights) == BINS
        np.testing.assert_allclose(heights, np.sqrt(rows / rows.max()) * (HEIGHT / 2 - MARGIN), atol=0.051)


def test_points_lie_inside_and_rise_with_the_values():
    points = np.array(miniatures()["outliers"]["points"])
    _, dots = drawn("outliers").findall(f"{SVG}path")
    x, y = np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", dots.get("d")), float).T
    assert len(x) == len(points) <= 80
    assert np.corrcoef(x, points[:, 0])[0, 1] > 0.999
    assert np.corrcoef(-y, points[:, 1])[0, 1] > 0.999
    assert (x >= MARGIN).all()
    assert (y <= HEIGHT - MARGIN).all()


def test_no_two_questions_have_the_same_picture():
    assert len({re.sub("<title>.*</title>", "", miniature(name, "#0a6", "#b80")) for name in QUESTIONS}) == len(
        QUESTIONS
    )


def test_a_tuned_threshold_is_drawn_solid_where_it_is_and_a_half_dashed():
    tuned, half = drawn("ship").findall(f"{SVG}path")[2:]
    (x,) = re.findall(rf"M([\d.]+) 0V{HEIGHT}", tuned.get("d"))
    assert float(x) == pytest.approx(WIDTH * miniatures()["ship"]["threshold"], abs=0.01)
    assert (half.get("d"), half.get("stroke-dasharray")) == (f"M{WIDTH // 2} 0V{HEIGHT}", "3")


def test_the_run_before_is_an_outline_of_its_own_rows():
    outline = drawn("weight").findall(f"{SVG}path")[3]
    tops = np.array(re.findall(r"V([\d.]+)h", outline.get("d")), float)
    rows = np.array(miniatures()["weight"]["before"]["positive"])
    expected = HEIGHT / 2 - np.sqrt(rows / rows.max()) * (HEIGHT / 2 - MARGIN)
    np.testing.assert_allclose(tops[:BINS], expected, atol=0.051)
    assert outline.get("fill") == "none"


def test_a_curve_falls_with_recall_and_has_a_ring_for_each_variant():
    found = miniatures()["pos_weight"]
    _, curve, rings = drawn("pos_weight").findall(f"{SVG}path")
    x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", curve.get("d")), float).T
    np.testing.assert_allclose(x, MARGIN + np.array(found["curve"])[:, 0] * (WIDTH - 2 * MARGIN), atol=0.051)
    np.testing.assert_allclose(y, HEIGHT - MARGIN - np.array(found["curve"])[:, 1] * (HEIGHT - 2 * MARGIN), atol=0.051)
    assert rings.get("d").count("M") == len(QUESTIONS["pos_weight"].experiment.variants)
    recall = np.array(found["rings"])[:, 0]
    assert (np.diff(recall) >= 0).all()  # a larger weight finds more


@pytest.mark.parametrize("name", [name for name, question in QUESTIONS.items() if question.drawn == "losses"])
def test_losses_are_a_line_for_each_variant_from_the_left_and_never_outside(name: str):
    lines = drawn(name).findall(f"{SVG}path")[1:]
    assert len(lines) == len(QUESTIONS[name].experiment.variants)
    for line in lines:
        x, y = np.array(re.findall(r"([\d.]+) ([\d.]+)", line.get("d")), float).T
        assert x[0] == MARGIN
        assert (np.diff(x) > 0).all()
        assert ((y >= MARGIN) & (y <= HEIGHT - MARGIN)).all()
    assert len({line.get("stroke-dasharray") for line in lines}) == len(lines)


def test_a_colour_can_add_no_markup():
    root = ElementTree.fromstring(miniature("imbalance", '"><script>', "<b>"))
    assert [child.tag for child in root] == [f"{SVG}title", *[f"{SVG}path"] * 3]


def test_other_names_are_refused_in_a_sentence():
    with pytest.raises(CutoffError, match="one of predicts_zero, ship, "):
        miniature("nothing", "red", "blue")
