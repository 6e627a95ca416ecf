"""From a cell or a bar to the rows behind it in a browser, and thresholds as files that run."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from playwright.sync_api import Page, expect

from benchmarks.browser import settled
from core.export import ThresholdRecord
from tests.e2e.conftest import overflow

BARS = "document.querySelector('.st-key-rows-bars .live-figure')"


def opened(page: Page, url: str, query: str) -> None:
    """The Workbench with these choices, which it trains, and with all panels in sight."""
    page.set_viewport_size({"width": 1280, "height": 2600})
    page.goto(f"{url}/?{query}")
    expect(page.get_by_test_id("stTabs")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-picture .readout")).not_to_be_empty()
    settled(page)


def saved(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def shown(page: Page) -> int:
    """How many rows the panel says there are."""
    said = page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ validation rows")).inner_text()
    return int(said.split(" of ")[0].replace(",", ""))


def test_a_cell_and_a_bar_lead_to_their_rows(page: Page, app_url: str, tmp_path: Path) -> None:
    opened(page, app_url, "epochs=20&loss.pos_weight=9")
    cell = page.locator(".st-key-picture .cell[value=fp]")
    wrong = int(cell.locator(".fp").inner_text().replace(",", ""))
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{wrong:,} of 449 validation rows")).to_be_visible()
    table = pd.read_csv(saved(page, "Rows as CSV", tmp_path))
    assert len(table) == wrong
    assert set(table["outcome"]) == {"FP"}
    assert table["distance"].is_monotonic_increasing

    bars = dict(page.evaluate(f"{BARS}.data.map((bar) => [bar.name, bar.customdata])"))
    at = max(range(len(bars["tn"])), key=lambda bin: bars["tn"][bin][0])
    # The middle of the bar, since plotly takes clicks with what lies over all bars.
    box = page.locator(".st-key-rows-bars .trace.bars").nth(2).locator(".point").nth(at).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text(re.compile("are actual rest, predicted rest"))).to_be_visible()
    assert shown(page) == bars["tn"][at][0]
    expect(page.get_by_text(f"TN {bars['tn'][at][0]}")).to_be_visible()

    low = page.locator("[class*=st-key-rows-low] input")
    low.fill("")
    low.press("Enter")
    settled(page)
    page.set_viewport_size({"width": 390, "height": 900})
    assert overflow(page) == 0


def test_a_cell_among_all_classes_leads_to_its_rows_and_thresholds_go_out(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    opened(page, app_url, "dataset=digits&epochs=20")
    page.get_by_role("button", name=re.compile("^actual 0, predicted 0")).click()
    expect(page.get_by_text("are actual 0, predicted 0")).to_be_visible()
    table = pd.read_csv(saved(page, "Rows as CSV", tmp_path))
    assert len(table) == shown(page)
    assert set(table["class"]) == set(table["predicted"]) == {0}

    page.get_by_role("tab", name="Export").click()
    record = ThresholdRecord.model_validate_json(saved(page, "Thresholds as JSON", tmp_path).read_text())
    assert [column.value for column in record.thresholds] == [0.5] * 10
    assert record.worth["validation"].columns[0].tp == len(table)
    page.locator(".st-key-export-format").get_by_text("PyTorch").click()
    source = saved(page, "Thresholds as PyTorch", tmp_path).read_text()
    expect(page.locator("[data-testid=stCode]")).to_contain_text("def decide(p: Tensor)")
    assert "head = nn.Linear(64, 10)" in source
