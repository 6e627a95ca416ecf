"""Figures of variants that train together: losses, scores, curves and thresholds. Arrays in, a plain dict out.

A figure is a dict of data and layout for plotly.js, since go.Figure would validate each of many traces at every update.
Numbers are float32 unless stated otherwise; the function of each figure says how it thins curves.
"""

from core.plots.race.common import FEW, KEY, Line, Spec, Spread, Sweep, focus_last, short
from core.plots.race.curves import precision_recall
from core.plots.race.losses import loss_bands
from core.plots.race.scores import PANELS, grid_height, histogram_grid
from core.plots.race.sweep import metric_sweep
from core.plots.race.theory import threshold_gaps

__all__ = [
    "FEW",
    "KEY",
    "PANELS",
    "Line",
    "Spec",
    "Spread",
    "Sweep",
    "focus_last",
    "grid_height",
    "histogram_grid",
    "loss_bands",
    "metric_sweep",
    "precision_recall",
    "short",
    "threshold_gaps",
]
