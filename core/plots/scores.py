"""Histograms of scores by true class: positives up, negatives down, the threshold between right and wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.plots.style import LOGIT_END, MARGIN, NEGATIVE, POSITIVE, TEXT, Scale, place, score_axis
from core.scores import ClassView
from core.thresholds import called_positive

BINS = 40


def score_histograms(
    views: Sequence[ClassView], thresholds: Sequence[float], scale: Scale = "probability", columns: int = 5
) -> go.Figure:
    """One mirrored histogram a class: rows of the class up, all others down, each as a share of its own side.

    Bars are solid where `score >= threshold` decides rightly and hatched where it does not; the bar that the
    threshold falls into is parted by exact count. Hover gives the counts.
    """
    columns = min(columns, len(views))
    rows = -(-len(views) // columns)
    figure = make_subplots(
        rows=rows, cols=columns, shared_yaxes=False, horizontal_spacing=0.03, vertical_spacing=0.16 if rows > 1 else 0
    )
    for at, (view, threshold) in enumerate(zip(views, thresholds, strict=True)):
        _add_panel(figure, view, threshold, scale, at // columns + 1, at % columns + 1, alone=len(views) == 1)
    figure.update_layout(barmode="relative", bargap=0.06, showlegend=False, margin=MARGIN | {"t": 24})
    return figure


def _add_panel(
    figure: go.Figure, view: ClassView, threshold: float, scale: Scale, row: int, column: int, alone: bool
) -> None:
    low, high = (0.0, 1.0) if scale == "probability" else (-LOGIT_END, LOGIT_END)
    edges = np.linspace(low, high, (BINS if alone else BINS // 2) + 1)
    positive = called_positive(view.score, threshold)
    sides = ((view.label, view.y, POSITIVE, 1), (view.rest, ~view.y, NEGATIVE, -1))
    tallest = 0.0
    for name, member, colour, sign in sides:
        total = max(int(member.sum()), 1)
        height = np.zeros(len(edges) - 1)
        for decided, verb in ((positive, view.label), (~positive, view.rest)):
            right = verb == name
            counts = np.histogram(place(view.score[member & decided], scale), edges)[0]
            height += counts / total
            pattern = {"shape": "" if right else "/", "fgcolor": colour, "bgcolor": "rgba(0,0,0,0)", "size": 6}
            figure.add_bar(
                x=(edges[1:] + edges[:-1]) / 2,
                y=sign * counts / total,
                width=np.diff(edges),
                customdata=counts,
                marker={"color": colour, "pattern": pattern, "line": {"width": 0}},
                hovertemplate=f"true {name}, called {verb}: %{{customdata}} of {total}<extra></extra>",
                name=f"true {name}, called {verb}",
                row=row,
                col=column,
            )
        tallest = max(tallest, float(height.max()))
        if alone:
            _name_side(figure, f"true {name} (n = {int(member.sum()):,})", colour, sign)
    reach = tallest * 1.15 or 1.0
    line = float(np.clip(place(threshold, scale), low, high))
    figure.add_shape(
        type="line", x0=line, x1=line, y0=-reach, y1=reach, line={"color": TEXT, "width": 2.5}, row=row, col=column
    )
    title = "score (probability)" if scale == "probability" else "score (probability, spaced by its logit)"
    axis = score_axis(scale, title if alone else None)
    if not alone:
        thinned = {"tickvals": [0, 0.5, 1]} if scale == "probability" else {"tickvals": [0], "ticktext": ["0.5"]}
        axis |= thinned
        figure.add_annotation(
            text=view.label,
            x=0,
            y=1.12,
            xref="x domain",
            yref="y domain",
            xanchor="left",
            yanchor="middle",
            showarrow=False,
            row=row,
            col=column,
        )
    figure.update_xaxes(axis, row=row, col=column)
    figure.update_yaxes(
        range=[-reach, reach], showticklabels=False, showgrid=False, zeroline=True, showline=False, row=row, col=column
    )


def _name_side(figure: go.Figure, text: str, colour: str, sign: int) -> None:
    figure.add_annotation(
        text=f"<b>{text}</b>",
        x=0.01,
        y=1 if sign > 0 else 0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top" if sign > 0 else "bottom",
        showarrow=False,
        font={"color": colour, "size": 14},
    )
