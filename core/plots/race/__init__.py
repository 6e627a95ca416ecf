"""Figures of variants that train together: losses, scores, curves and thresholds. Arrays in, a plain figure out.

A figure is a dict of data and layout as plotly.js reads it, which a page can send at once: go.Figure would check each
of its many traces every time a run moves on. Numbers are float32; curves are thinned, and each builder says how.
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
