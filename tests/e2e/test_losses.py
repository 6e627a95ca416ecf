"""The Losses page and the mistakes of the Compare page in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.browser import settled

FIGURE = ".st-key-values_1 .live-figure"
DRAWN = "selector => JSON.stringify(document.querySelector(selector)._fullData.map(trace => [...trace.y]))"


def drawn(page: Page) -> str:
    """The y values of every curve for a positive row."""
    page.locator(FIGURE).scroll_into_view_if_needed()  # figures are drawn once one is in sight
    page.locator(f"{FIGURE} .nsewdrag").first.wait_for()
    return page.evaluate(DRAWN, FIGURE)


def test_a_slider_of_the_losses_page_reruns_its_part_alone_and_moves_its_figure(page: Page, app_url: str) -> None:
    sent: list[BackMsg] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda data: sent.append(BackMsg.FromString(data)) if isinstance(data, bytes) else None)

    page.on("websocket", watch)
    page.goto(f"{app_url}/losses")
    expect(page.get_by_role("heading", name="Losses", level=1)).to_be_visible()
    before = drawn(page)
    settled(page)
    sent.clear()
    gamma = page.get_by_role("slider", name="gamma")
    gamma.focus()
    gamma.press("ArrowRight")
    page.wait_for_function(f"([selector, before]) => ({DRAWN})(selector) !== before", arg=[FIGURE, before])
    reruns = [message.rerun_script for message in sent if message.HasField("rerun_script")]
    assert reruns
    assert all(rerun.fragment_id for rerun in reruns)


def test_softmax_before_cross_entropy_is_trained_named_and_cured_by_one_click(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?dataset=digits&activation=softmax&epochs=30")
    settings = page.locator(".st-key-settings")
    said = settings.get_by_text(re.compile(r"Mistake\. "))
    expect(said).to_be_visible()
    expect(settings.get_by_text(re.compile("no probability above 0.2320"))).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Finished ·")).to_be_visible(timeout=30_000)
    settings.get_by_role("button", name=re.compile("^Use ")).click()
    expect(said).to_have_count(0)
    settled(page)
    assert "activation" not in page.url
    expect(page.get_by_text("Settings changed: results are from the previous run")).to_be_visible()


def test_a_figure_of_a_tab_is_drawn_when_the_tab_opens_and_not_before(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/losses")
    drawn(page)
    plot = page.locator(".st-key-optimal .live-figure .main-svg")
    expect(plot).to_have_count(0)
    page.get_by_role("tab", name="Optimal score").click()
    expect(plot.first).to_be_visible()
    figure = page.locator(".st-key-optimal .live-figure").bounding_box()
    assert figure
    expect(plot.first).to_have_css("width", f"{figure['width']:g}px")  # as wide as its place
