"""The main journeys in a real browser: train, watch, move a threshold, and agree with scikit-learn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect
from sklearn.metrics import confusion_matrix

from benchmarks.browser import settled
from tests.support.journey import choose

# Minutes of training, if nobody stops it.
MNIST = "dataset=mnist_5k&model=mlp&epochs=2000"
GAUSSIANS = "dataset=gaussians&data.samples=20000&model=mlp&epochs=2000"
LOSS = ".st-key-loss_figure .live-figure"


def start(page: Page) -> None:
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**run=*")
    page.locator(f"{LOSS} .nsewdrag").wait_for()


def stop(page: Page) -> None:
    button = page.get_by_test_id("stBaseButton-secondary").filter(has_text="Stop")  # Streamlit's bar has its own Stop
    button.click()
    expect(button).to_be_disabled()
    expect(page.get_by_text("Stopped ·")).to_be_visible()


def losses(page: Page, name: str = "validation") -> list[float]:
    """The losses that the figure draws, once it is drawn."""
    drawn = page.wait_for_function(
        "([selector, name]) => {"
        "const trace = document.querySelector(selector)?._fullData?.find(trace => trace.name === name);"
        "return trace && [...trace.y] }",
        arg=[LOSS, name],
    )
    return drawn.json_value()


def wait_for_epochs(page: Page, count: int, last: int = 2000) -> None:
    """Return once the loss curve has `count` epochs more than now, or the last one."""
    page.wait_for_function(
        "([selector, goal]) => document.querySelector(selector)?._fullData?.[0].y.length >= goal",
        arg=[LOSS, min(len(losses(page)) + count, last + 1)],
    )


def drawn_matrix(page: Page) -> list[list[int]]:
    """The four counts of the confusion matrix in the picture, as drawn."""
    texts = [page.locator(f".stage .cell .{name}").inner_text() for name in ("tn", "fp", "fn", "tp")]
    tn, fp, fn, tp = (int(text.replace(",", "")) for text in texts)
    return [[tn, fp], [fn, tp]]


def wait_for_matrix(page: Page, matrix: np.ndarray) -> None:
    """Return once the page draws these numbers; fails with those that it draws."""
    expect(page.locator(".stage .cell .tp")).to_have_text(f"{matrix[1, 1]:,}")
    settled(page)
    assert drawn_matrix(page) == matrix.tolist()


def test_train_watch_move_the_threshold_and_agree_with_scikit_learn(page: Page, app_url: str, tmp_path: Path) -> None:
    page.goto(f"{app_url}/compare")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Digits: one-vs-rest").first).to_be_visible()
    choose(page, "loss.bce.pos_weight", "9")
    choose(page, "epochs", "1000")
    assert "loss.pos_weight=9" in page.url

    start(page)
    first = losses(page)
    wait_for_epochs(page, 20, last=1000)
    later = losses(page)
    assert later[: len(first)] == first
    assert later[-1] < first[0]
    expect(page.get_by_text("Finished · epoch 1000 of 1000")).to_be_visible(timeout=60_000)
    page.wait_for_function("selector => document.querySelector(selector)?._fullData?.[0].y.length === 1001", arg=LOSS)

    page.get_by_role("link", name="Open in the Workbench").click()
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Scores as CSV").click()
    download.value.save_as(tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv")
    y_true, y_score = table["y_true"], table["score 8"].to_numpy(np.float32)
    assert set(y_true) == {0, 1}

    half, ninety = (confusion_matrix(y_true, y_score >= np.float32(threshold)) for threshold in (0.5, 0.9))
    assert (half != ninety).any()
    wait_for_matrix(page, half)
    probability, as_logit = (page.get_by_label(f"Threshold as {kind}") for kind in ("probability", "logit"))
    probability.fill("0.9")
    probability.press("Enter")
    wait_for_matrix(page, ninety)
    expect(as_logit).to_have_value("2.197")

    as_logit.fill("0")
    as_logit.press("Enter")
    wait_for_matrix(page, half)
    expect(probability).to_have_value("0.500")


def look(page: Page) -> dict[str, Any]:
    """What the viewer sees of the loss curve: the ranges of its axes, and which traces are drawn."""
    return page.evaluate(
        "selector => { const { _fullLayout, _fullData } = document.querySelector(selector);"
        "return { x: _fullLayout.xaxis.range, y: _fullLayout.yaxis.range, shown: _fullData.map(t => t.visible) } }",
        LOSS,
    )


def test_zoom_and_legend_stay_while_a_run_trains(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?{MNIST}")
    start(page)
    page.evaluate(
        "selector => { const figure = document.querySelector(selector); figure.updates = 0;"
        "figure.on('plotly_react', () => { figure.updates += 1 }) }",
        LOSS,
    )
    page.locator(f"{LOSS} .legendtoggle").nth(1).click()
    page.wait_for_function(
        "selector => document.querySelector(selector)._fullData[1].visible === 'legendonly'", arg=LOSS
    )
    plot = page.locator(f"{LOSS} .nsewdrag")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_function("selector => document.querySelector(selector)._fullLayout.xaxis.range[1] < 1500", arg=LOSS)
    before = look(page)
    assert before["shown"] == [True, "legendonly"]
    assert before["x"][0] > 0

    epochs, updates = len(losses(page)), page.evaluate(f"document.querySelector('{LOSS}').updates")
    page.wait_for_function(
        "([selector, goal]) => document.querySelector(selector).updates >= goal", arg=[LOSS, updates + 10]
    )
    assert len(losses(page)) > epochs + 5
    assert look(page) == before
    stop(page)
    assert look(page) == before
    assert page.evaluate(f"document.querySelector('{LOSS}').updates") > 10  # still the same node


def test_pause_and_resume_by_keyboard_keep_the_focus(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?{MNIST}")
    start(page)
    page.locator(".st-key-pause").get_by_role("button").focus()
    focused = page.locator("button:focus")
    for word, state in (("Resume", "Paused ·"), ("Pause", "Training ·"), ("Resume", "Paused ·")):
        page.keyboard.press("Enter")
        expect(page.get_by_text(state)).to_be_visible()
        expect(focused).to_have_text(re.compile(rf"{word}$"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Training ·")).to_be_visible()
    wait_for_epochs(page, 2)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_text("Questions to try")).to_be_visible()
    assert "run=" not in page.url


def test_a_reload_keeps_the_pace(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?{GAUSSIANS}")
    start(page)
    field = page.locator(".st-key-pace input")
    expect(field).to_have_value("maximum speed")
    field.click()
    page.get_by_role("option", name="5 epochs per second").click()
    settled(page)
    page.reload()
    expect(field).to_have_value("5 epochs per second")
    stop(page)


def test_reload_finds_the_run_and_stop_ends_it(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?{GAUSSIANS}")
    start(page)
    wait_for_epochs(page, 2)
    address, seen = page.url, losses(page)

    page.reload()
    page.locator(f"{LOSS} .nsewdrag").wait_for()
    assert page.url == address
    expect(page.get_by_text("Training ·")).to_be_visible()
    assert losses(page)[: len(seen)] == seen
    wait_for_epochs(page, 2)

    stop(page)
    expect(page.get_by_role("button", name="Start")).to_be_enabled()
    said = page.get_by_text("Stopped ·").inner_text()
    found = re.search(r"epoch ([\d,]+) of", said)
    assert found
    last = int(found[1].replace(",", ""))
    page.wait_for_function(
        "([selector, count]) => document.querySelector(selector)?._fullData?.[0].y.length === count",
        arg=[LOSS, last + 1],
    )

    page.get_by_role("link", name="Open in the Workbench").click()
    expect(page.locator(".stage .readout")).to_contain_text("of 5,000 rows")  # a quarter
    expect(page.locator(".stage .epoch .at")).to_contain_text(f"epoch {last} of")
    assert np.sum(drawn_matrix(page)) == 5000


def test_a_bad_link_says_what_was_expected_and_the_app_goes_on(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?dataset=nope&lr=fast&run=deadbeef&epochs=3")
    for sentence in ("Expected `dataset` to be one of", "Expected `lr` to be a number", "is no longer kept"):
        expect(page.get_by_role("alert").filter(has_text=sentence.replace("`", "")).first).to_be_visible()
    start(page)
    expect(page.get_by_text("Finished · epoch 3 of 3")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert "dataset" not in page.url

    page.goto(f"{app_url}/?run=deadbeef")
    expect(page.get_by_role("alert")).to_contain_text("is no longer kept")
    expect(page.locator(".stage .readout")).to_contain_text("of 5,000 rows")  # the demonstration


def test_typed_choices_are_checked_and_go_into_the_link(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?model=mlp&head=softmax2&loss=cross_entropy&epochs=2")
    choose(page, "widths.mlp", "32-16")
    page.wait_for_url("**widths=32-16*")
    choose(page, "loss.cross_entropy.class_weight", "1, 9")
    page.wait_for_url("**class_weight=1*9*")
    choose(page, "widths.mlp", "wide")
    expect(page.get_by_role("alert")).to_contain_text("Expected widths to be one to four whole numbers")
    expect(page.get_by_role("button", name="Start")).to_be_disabled()
    choose(page, "widths.mlp", "8")
    expect(page.get_by_role("alert")).to_have_count(0)
    start(page)
    expect(page.get_by_text("Finished · epoch 2 of 2")).to_be_visible()
