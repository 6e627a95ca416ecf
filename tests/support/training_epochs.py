"""Training epochs: what several test files share."""

from __future__ import annotations

import numpy as np


def training(epochs: int = 12, rows: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Epochs, labels and float32 scores (E, N) that part more and more, rounded so that many tie."""
    rng = np.random.default_rng(0)
    y = rng.random(rows) < 0.3
    logits = rng.normal(size=rows) + np.linspace(0, 5, epochs)[:, None] * (y - 0.5)
    return np.arange(epochs) * 5, y, np.round(1 / (1 + np.exp(-logits)), 2).astype(np.float32)
