"""Variants are told apart by colour and by dash, and numbers and names come through to the page."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plots.style import SEQUENCE, VARIANTS, faded, packed, plain, variant_colour, variant_dash
from tests.support.race_figures import numbers


def _linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1: (L1 + .05) / (L2 + .05) of the relative luminances."""
    low, high = sorted(float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


# Machado, Oliveira and Fernandes (2009), severity 1, and the OKLab of Ottosson (2020).
SIGHTS = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_LMS = [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.6806996, 0.1073970], [0.0883025, 0.2817188, 0.6299787]]
TO_LAB = [[0.2104543, 0.7936178, -0.0040720], [1.9779985, -2.4285922, 0.4505937], [0.0259040, 0.7827718, -0.8086758]]


@pytest.mark.parametrize("sight", SIGHTS)
def test_variants_stay_apart_in_every_sight(sight):
    seen = {colour: np.clip(SIGHTS[sight] @ _linear(colour), 0, 1) for colour in VARIANTS}
    lab = {colour: np.array(TO_LAB) @ np.cbrt(np.array(TO_LMS) @ light) for colour, light in seen.items()}
    assert min(np.linalg.norm(lab[a] - lab[b]) for a, b in combinations(VARIANTS, 2)) >= 0.08


@pytest.mark.parametrize("ground", ["#ffffff", "#11151a"])
def test_variants_stand_out_from_both_grounds(ground):
    assert min(_contrast(colour, ground) for colour in VARIANTS) >= 3
    assert min(_contrast(variant_colour(k, 64), ground) for k in range(64)) >= 2.2


def test_variants_have_the_eight_in_turn_or_a_sequence_from_end_to_end():
    assert [variant_colour(k, 8) for k in range(8)] == list(VARIANTS)
    assert [variant_colour(k, 3) for k in range(3)] == list(VARIANTS[:3])
    swept = [variant_colour(k, 64) for k in range(64)]
    assert (swept[0], swept[-1]) == (SEQUENCE[0], SEQUENCE[-1])
    assert len(set(swept)) == 64
    light = [float(_linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in swept]
    assert light == sorted(light)


def test_neighbours_differ_in_dash_as_well():
    dashes = [variant_dash(k, 8) for k in range(8)]
    assert all(a != b for a, b in pairwise(dashes))
    assert {variant_dash(k, 9) for k in range(9)} == {"solid"}


def test_faded_keeps_the_colour():
    assert faded("#189c60", 0.25) == "rgba(24,156,96,0.25)"


@given(st.lists(st.floats(-1e30, 1e30) | st.just(float("nan")), max_size=20))
def test_packed_numbers_come_back_as_float32(values):
    np.testing.assert_array_equal(numbers(packed(values)), np.array(values, np.float32))


def test_packed_grids_keep_their_shape():
    grid = np.arange(6).reshape(2, 3) - 3
    np.testing.assert_array_equal(numbers(packed(grid, "i1")), grid)


def test_plain_text_has_no_tags_and_says_when_it_is_cut():
    assert plain("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"
    assert plain("pos_weight 100", 8) == "pos_wei…"
    assert plain("focal", 5) == "focal"
