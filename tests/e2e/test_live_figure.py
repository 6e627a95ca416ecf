"""A live figure in a browser: it stays the same node, and keeps what the viewer did to it, while it changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from benchmarks.browser import serve, settled

APP = """
import streamlit as st
from app import assets

app = st.App("script.py", routes=[assets])
"""

SCRIPT = """
import numpy as np
import plotly.graph_objects as go
import streamlit as st
from pages.components.live_figure import live_figure

def clicked(point):
    st.session_state.point = point

@st.fragment(run_every=0.5)
def loss():
    st.session_state.count = st.session_state.get("count", 0) + 1
    epoch = np.arange(60.0)
    noise = np.random.default_rng(st.session_state.count).normal(0, 0.02, 60)
    lines = [go.Scatter(x=epoch, y=np.exp(-epoch / 20) + noise * k, name=f"run {k}") for k in range(4)]
    figure = go.Figure(lines, {"hovermode": "x", "xaxis_title_text": "epoch"})
    live_figure(figure, key="loss", alt="Loss by epoch.", on_click=clicked)
    st.text(f"update {st.session_state.count}")
    st.text(f"clicked {st.session_state.get('point')}")

if "below" in st.query_params:
    st.container(height=2000)
loss()
"""

FIGURE = ".st-key-loss .live-figure"


@pytest.fixture(scope="module")
def scratch_url(tmp_path_factory: pytest.TempPathFactory, logs: list[Path]) -> Iterator[str]:
    """A small app with one figure that changes twice a second, under a base path as behind a proxy."""
    folder = tmp_path_factory.mktemp("scratch")
    (folder / "scratch.py").write_text(APP)
    (folder / "script.py").write_text(SCRIPT)
    logs.append(folder / "scratch.log")
    with serve(folder / "scratch.py", folder / "scratch.log", "/cutoff") as (address, _process):
        yield address


def updates(page: Page) -> int:
    return int(page.get_by_text("update ").inner_text().split()[1])


def wait_for_updates(page: Page, count: int) -> None:
    goal = updates(page) + count
    page.wait_for_function(
        "goal => [...document.querySelectorAll('[data-testid=stText]')]"
        ".some(text => Number(text.innerText.match(/^update (\\d+)/)?.[1]) >= goal)",
        arg=goal,
    )


def look(page: Page) -> dict[str, object]:
    """What the viewer sees: the range of the x axis, and which traces are drawn."""
    return page.evaluate(
        "selector => { const { _fullLayout, _fullData } = document.querySelector(selector);"
        "return { range: _fullLayout.xaxis.range, shown: _fullData.map(trace => trace.visible) } }",
        FIGURE,
    )


def test_zoom_hover_and_legend_stay_ten_updates_later(page: Page, scratch_url: str) -> None:
    page.goto(scratch_url)
    plot = page.locator(f"{FIGURE} .nsewdrag")
    plot.wait_for()
    page.evaluate("selector => { document.querySelector(selector).mark = true }", FIGURE)

    page.locator(f"{FIGURE} .legendtoggle").nth(1).click()
    page.wait_for_function(
        "selector => document.querySelector(selector)._fullData[1].visible === 'legendonly'", arg=FIGURE
    )
    box = plot.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 100, y - 60)
    page.mouse.down()
    page.mouse.move(x + 100, y + 60, steps=5)
    wait_for_updates(page, 2)  # the box outlives updates while it is being drawn
    expect(page.locator(f"{FIGURE} .zoombox")).to_have_count(1)
    page.mouse.up()
    page.wait_for_function("selector => !document.querySelector(selector)._fullLayout.xaxis.autorange", arg=FIGURE)
    page.mouse.move(x, y)
    page.locator(f"{FIGURE} .hovertext").first.wait_for()
    before = look(page)

    wait_for_updates(page, 10)
    assert look(page) == before
    assert page.evaluate("selector => document.querySelector(selector).mark", FIGURE)
    expect(page.locator(f"{FIGURE} .hovertext")).to_have_count(3)

    page.mouse.dblclick(x, y)
    page.wait_for_function("selector => document.querySelector(selector)._fullLayout.xaxis.autorange", arg=FIGURE)


def test_a_click_reaches_python(page: Page, scratch_url: str) -> None:
    page.goto(scratch_url)
    page.locator(f"{FIGURE} .nsewdrag").click()
    expect(page.get_by_text("clicked {'curve': ")).to_be_visible()


def test_says_what_it_shows_and_follows_the_width(page: Page, scratch_url: str) -> None:
    page.goto(scratch_url)
    figure = page.get_by_role("img", name="Loss by epoch.")
    figure.locator(".nsewdrag").wait_for()
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function(
        "selector => { const figure = document.querySelector(selector);"
        "return figure.clientWidth < 390 && figure._fullLayout.width === figure.clientWidth }",
        arg=FIGURE,
    )


def test_says_so_when_the_library_does_not_load(page: Page, scratch_url: str) -> None:
    page.route("**/plotly.min.js", lambda route: route.abort())
    page.goto(scratch_url)
    expect(page.get_by_text("The figure could not be drawn")).to_be_visible()
    page.unroute("**/plotly.min.js")
    page.locator(f"{FIGURE} .nsewdrag").wait_for()  # the next update tries again
    expect(page.get_by_text("The figure could not be drawn")).to_be_hidden()
    settled(page)


def test_plotly_is_fetched_once_the_figure_is_in_sight(page: Page, scratch_url: str) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url) if "plotly" in request.url else None)
    page.goto(f"{scratch_url}?below=1")
    figure = page.get_by_role("img", name="Loss by epoch.")
    figure.wait_for()
    wait_for_updates(page, 2)
    assert fetched == []
    figure.scroll_into_view_if_needed()
    figure.locator(".nsewdrag").wait_for()
    wait_for_updates(page, 1)
    assert len(fetched) == 1
