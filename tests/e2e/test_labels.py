"""All labels and classes in a browser: dragging sends nothing, and every number is scikit-learn's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect
from sklearn import metrics as sklearn

from benchmarks.browser import settled
from tests.e2e.conftest import overflow, painted

STAGE = ".st-key-picture .stage"
ROWS = f"{STAGE} .listed tbody tr"
RESTED = f"{STAGE}[aria-busy=false]"
TOTALS = ("Micro F1", "Macro F1", "Weighted F1", "Samples F1", "Subset accuracy", "Hamming loss")


@pytest.fixture
def messages(page: Page) -> list[Any]:
    """What the page has sent to the server so far; clear it to count anew."""
    return frames(page, "framesent")


@pytest.fixture
def received(page: Page) -> list[Any]:
    """What the server has sent to the page so far."""
    return frames(page, "framereceived")


def frames(page: Page, event: str) -> list[Any]:
    """A list that grows with every frame of this kind."""
    found: list[Any] = []

    def listen(socket: WebSocket) -> None:
        socket.on(event, lambda frame: found.append(frame))  # playwright can't take the method itself

    page.on("websocket", listen)
    return found


def train(page: Page, app_url: str, query: str) -> None:
    """Open the Workbench with these choices, which it trains."""
    page.goto(f"{app_url}/?{query}")
    page.locator(ROWS).first.wait_for(timeout=60_000)
    settled(page)


def scores(page: Page, folder: Path) -> pd.DataFrame:
    """The scores that the Export panel offers; leaves the first panel open."""
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Scores as CSV").click()
    download.value.save_as(folder / "scores.csv")
    page.get_by_test_id("stTabs").get_by_role("tab").first.click()
    page.locator(ROWS).first.wait_for()
    settled(page)
    return pd.read_csv(folder / "scores.csv")


def row_of(page: Page, name: str) -> Locator:
    return page.locator(ROWS, has=page.get_by_role("button", name=name, exact=True))


def numbers(row: Locator) -> list[str]:
    return [row.locator(f"td.{name}").inner_text() for name in ("precision", "recall", "f1")]


def total(page: Page, name: str) -> str:
    return page.locator(f"{STAGE} .of-all .tile", has=page.get_by_text(name, exact=True)).locator("b").inner_text()


def said(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def drag(page: Page, slider: Locator, to: float, steps: int = 10) -> None:
    """Press the slider's handle and move it to this share of its length, without letting go."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    middle, start = box["y"] + box["height"] / 2, float(slider.input_value()) / 1000
    place = [box["x"] + 5 + share * (box["width"] - 10) for share in (start, to)]
    page.mouse.move(place[0], middle)
    page.mouse.down()
    page.mouse.move(place[1], middle, steps=steps)


def test_a_label_moves_without_the_server_and_all_numbers_are_scikit_learns(
    page: Page, app_url: str, tmp_path: Path, messages: list[Any], received: list[Any]
) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    train(page, app_url, "dataset=yeast&epochs=10")
    table = scores(page, tmp_path)
    names = [name.removeprefix("score ") for name in table.columns if name.startswith("score ")]
    y_true = table[[f"y_true {name}" for name in names]].to_numpy()
    y_score = table[[f"score {name}" for name in names]].to_numpy(np.float32)

    def check(thresholds: np.ndarray) -> None:
        y_pred = y_score >= thresholds.astype(np.float32)
        for at, name in enumerate(names):
            pair = y_true[:, at], y_pred[:, at]
            metrics = (sklearn.precision_score, sklearn.recall_score, sklearn.f1_score)
            assert numbers(row_of(page, name)) == [said(metric(*pair, zero_division=np.nan)) for metric in metrics]
        f1 = [
            sklearn.f1_score(y_true, y_pred, average=kind, zero_division=np.nan)
            for kind in ("micro", "macro", "weighted", "samples")
        ]
        rest = [sklearn.accuracy_score(y_true, y_pred), sklearn.hamming_loss(y_true, y_pred)]
        assert [total(page, name) for name in TOTALS] == [said(value) for value in (*f1, *rest)]
        called = y_pred.sum(1)
        assert total(page, "Label cardinality") == f"{called.mean():.2f}"
        assert total(page, "No label") == f"{np.sum(called == 0):,}"
        assert total(page, "Several labels") == f"{np.sum(called > 1):,}"

    thresholds = np.full(len(names), 0.5)
    check(thresholds)

    name = names[2]
    row = row_of(page, name)
    slider = page.get_by_role("slider", name=f"Threshold of {name}", exact=True)
    before, totals_before = numbers(row), [total(page, one) for one in TOTALS]
    settled(page)
    messages.clear()
    received.clear()
    drag(page, slider, 0.35)
    painted(page)
    assert numbers(row) != before
    assert [total(page, one) for one in TOTALS] != totals_before
    thresholds[2] = float((row.locator("input.t").get_attribute("title") or "").replace("−", "-"))
    assert thresholds[2] < 0.5
    assert messages == []
    check(thresholds)  # while it is held

    page.mouse.up()
    page.locator(RESTED).wait_for()
    settled(page)
    assert len(messages) == 1
    assert max(map(len, received)) < y_score.nbytes  # the scores have come before
    check(thresholds)  # as the server counts
    page.get_by_role("button", name=name, exact=True).click()
    settled(page)
    expect(page.get_by_label("Threshold as probability")).to_have_value(re.compile(rf"^{thresholds[2]:g}0*$"))

    page.get_by_role("button", name="All labels", exact=True).click()
    typed = row_of(page, names[9]).locator("input.t")
    typed.fill("0.25")
    typed.press("Enter")
    page.locator(RESTED).wait_for()
    settled(page)
    thresholds[9] = 0.25
    check(thresholds)


def test_the_matrix_of_all_classes_follows_a_threshold_and_the_epochs(
    page: Page, app_url: str, tmp_path: Path, messages: list[Any]
) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    train(page, app_url, "dataset=digits&epochs=3")
    table = scores(page, tmp_path)
    y_score = table[[f"score {digit}" for digit in range(10)]].to_numpy(np.float32)

    def drawn() -> np.ndarray:
        cells = page.locator(f"{STAGE} .crossed .cell").evaluate_all("cells => cells.map((cell) => +cell.textContent)")
        return np.reshape(cells, (10, 10))

    def check(threshold: float) -> None:
        t = np.where(np.arange(10) == 8, threshold, 0.5)
        y_pred = np.argmax(y_score / t, axis=1)
        np.testing.assert_array_equal(drawn(), sklearn.confusion_matrix(table["y_true"], y_pred, labels=range(10)))
        assert total(page, "Accuracy") == said(sklearn.accuracy_score(table["y_true"], y_pred))
        assert total(page, "Differs from argmax") == f"{np.sum(y_pred != y_score.argmax(1)):,}"

    check(0.5)
    messages.clear()
    drag(page, page.get_by_role("slider", name="Threshold of 8", exact=True), 0.2)
    painted(page)
    threshold = float((row_of(page, "8").locator("input.t").get_attribute("title") or "").replace("−", "-"))
    assert threshold < 0.1
    check(threshold)
    assert messages == []
    page.mouse.up()
    page.locator(RESTED).wait_for()
    settled(page)
    check(threshold)

    before, messages[:] = drawn(), []
    page.get_by_role("slider", name="Epoch").fill("0")
    painted(page)
    assert np.trace(drawn()) < np.trace(before)
    assert drawn().sum() == before.sum()
    expect(page.locator(f"{STAGE} .crossed .cell").first).to_have_attribute("aria-disabled", "false")
    page.get_by_role("slider", name="Epoch").fill("3")
    painted(page)
    np.testing.assert_array_equal(drawn(), before)
    assert messages == []


def test_a_class_opens_alone_and_leads_back(page: Page, app_url: str) -> None:
    train(page, app_url, "dataset=digits&epochs=3")
    typed = row_of(page, "3").locator("input.t")
    typed.fill("0.25")
    page.get_by_role("button", name="3", exact=True).click()  # which the field notices when it is left
    expect(page.get_by_label("Threshold as probability")).to_have_value("0.250")
    settled(page)
    page.get_by_role("button", name="All classes").click()
    expect(row_of(page, "3").locator("input.t")).to_have_value("0.250")
    settled(page)
    typed.fill("2")
    typed.press("Enter")
    expect(page.locator(f"{STAGE} .said")).to_have_text("Expected a probability in [0, 1], but got 2.")
    expect(typed).to_have_value("0.250")


def test_cells_say_their_share_of_the_row_or_the_column(page: Page, app_url: str) -> None:
    train(page, app_url, "dataset=digits&epochs=3")
    cells = page.locator(f"{STAGE} .crossed .cell")

    def drawn() -> np.ndarray:
        return np.array([cell.rstrip("%") or "0" for cell in cells.all_inner_texts()], float).reshape(10, -1)

    counts = drawn()
    actual, predicted = np.nonzero(counts.astype(int))
    true, pred, weight = actual, predicted, counts[actual, predicted]
    for name, theirs in (("by row", "true"), ("by column", "pred")):
        page.get_by_role("button", name=name).click()
        painted(page)
        expected = sklearn.confusion_matrix(true, pred, sample_weight=weight, normalize=theirs)
        np.testing.assert_allclose(drawn(), 100 * expected, atol=0.051)


def test_arrow_keys_go_from_cell_to_cell(page: Page, app_url: str) -> None:
    train(page, app_url, "dataset=digits&epochs=3")
    page.get_by_role("button", name=re.compile("^actual 0, predicted 0")).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name=re.compile("^actual 1, predicted 0"))).to_be_focused()
    assert page.locator(f"{STAGE} .crossed .cell[tabindex='0']").count() == 1


def test_keys_move_a_threshold_and_the_page_fits_a_phone(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    train(page, app_url, "dataset=multilabel_synthetic&epochs=3")
    slider = page.locator(f"{ROWS} .slider").first
    slider.press("ArrowLeft")
    expect(slider).to_have_value("499")
    page.locator(RESTED).wait_for()
    settled(page)
    expect(slider).to_have_value("499")
    assert "precision" in (slider.get_attribute("aria-valuetext") or "")
    expect(page.locator(f"{STAGE} .readout")).to_contain_text("precision")
    assert overflow(page) == 0


def test_the_macro_average_says_for_how_many_labels_a_number_is_undefined(page: Page, app_url: str) -> None:
    train(page, app_url, "dataset=yeast&epochs=2")
    said = page.locator(".listed tfoot .undefined").last
    undefined = page.locator(".listed tbody td.precision").get_by_text("–", exact=True)
    for name in ("class 1", "class 4"):
        field = page.get_by_label(f"Threshold of {name} as a number")
        field.fill("above")
        field.press("Enter")
        expect(field).to_have_value("above all")
        settled(page)
    expect(said).to_have_text(f"Undefined: precision {undefined.count()} of 14")
    assert undefined.count() >= 2
