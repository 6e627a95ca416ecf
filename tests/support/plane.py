"""Plane: what several test files share."""

from __future__ import annotations

import numpy as np

SIDE = np.linspace(-2, 2, 41)


ACROSS, UP = np.meshgrid(SIDE, SIDE)


ROWS = np.random.default_rng(0).normal(size=(1000, 2))
