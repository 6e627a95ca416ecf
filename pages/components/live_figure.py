"""A plotly figure that is drawn once and then updated in place, for figures that change while watched."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.utils import PlotlyJSONEncoder

from pages.components.scripts import loader

_component = st.components.v2.component(
    "live_figure",
    html='<div class="live-figure"></div><div class="live-figure-note" role="status"></div>',
    js=loader("live_figure", "The figure", ".live-figure-note"),
    isolate_styles=False,  # plotly puts its styles into the document, where a shadow root would not see them
)


def live_figure(
    figure: go.Figure | dict[str, Any],
    *,
    key: str,
    alt: str,
    height: int = 320,
    revision: str = "",
    on_click: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Show `figure` in the full width at `height` pixels; the same `key` updates the figure already there.

    A plain dict of plotly's data and layout is shown as it is; building a go.Figure of many traces takes much longer.

    Zoom, hover and legend choices last until `revision` changes, so name there what the axes and traces stand
    for (a run's id, say). The figure's template, width and height give way to the theme and the page; whatever
    else it sets itself stays. A colour may be a theme's CSS variable, such as "var(--st-blue-color)".
    Traces whose order may change keep their legend choice if each has a `uid`.

    `alt` is one sentence for those who cannot see the figure. `on_click` is called, before the rerun, with the
    clicked point: curve (index of the trace), name, x, y and customdata. It takes a pointer, so a page that listens
    has a control that does the same.
    """
    spec = figure.to_plotly_json() if isinstance(figure, go.Figure) else figure | {"layout": dict(figure["layout"])}
    for name in ("template", "width", "height"):
        spec["layout"].pop(name, None)

    def clicked() -> None:
        point = st.session_state[key].get("clicked")
        if point and on_click:
            on_click(point)

    data = {
        "figure": spec,
        "alt": alt,
        "height": height,
        "revision": f"{key}:{revision}",
        "clickable": on_click is not None,
    }
    text = json.dumps(data, cls=PlotlyJSONEncoder, separators=(",", ":"), ensure_ascii=False)
    # A figure repeats itself, trace by trace: a third of it is left after half a millisecond.
    _component(key=key, data=zlib.compress(text.encode(), level=1), on_clicked_change=clicked)
