"""Own predictions in a browser: each kind of file to a saved threshold, what can not be read, two tabs, deleting."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from playwright.sync_api import Page, expect
from sklearn.metrics import average_precision_score, confusion_matrix, precision_score

from benchmarks.browser import settled
from tests.e2e.conftest import overflow, wear

RNG = np.random.default_rng(3)
N = 500
Y = RNG.random(N) < 0.2
P = np.clip(RNG.beta(2, 5, N) + 0.25 * Y, 0.001, 0.999)
FRAME = pd.DataFrame({"y_true": Y.astype(int), "y_score": P, "region": np.where(np.arange(N) % 2, "north", "south")})
WRITERS: dict[str, Callable[[Path], object]] = {
    "scores.csv": lambda path: FRAME.to_csv(path, index=False),
    "scores.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "scores.parquet": FRAME.to_parquet,
    "scores.arrow": lambda path: pyarrow.feather.write_feather(pa.Table.from_pandas(FRAME), str(path)),
    "scores.npz": lambda path: np.savez(path, y_true=FRAME["y_true"], y_score=P),
}
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
  const transfer = new DataTransfer();
  for (const one of name.split("|")) transfer.items.add(new File([bytes], one));
  const on = document.querySelector("[data-testid=stMain]");
  for (const kind of ["dragenter", "dragover", "drop"])
    on.dispatchEvent(new DragEvent(kind, { bubbles: true, composed: true, cancelable: true, dataTransfer: transfer }));
}"""
PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData }));
}"""


RIGHT = "element => element.getBoundingClientRect().right"


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(DROP, [name, base64.b64encode(content).decode()])


def written(folder: Path, name: str) -> bytes:
    path = folder / name
    WRITERS[name](path)
    return path.read_bytes()


def land(page: Page, app_url: str) -> None:
    page.goto(app_url)
    page.locator(".stage .readout:not(:empty)").wait_for(state="attached")
    settled(page)


def opened(page: Page) -> None:
    """Wait until the predictions that were sent are drawn."""
    page.wait_for_url("**predictions=*")
    page.locator(".stage.untrained .readout:not(:empty)").wait_for(state="attached")
    settled(page)


def matrix(page: Page) -> list[list[int]]:
    texts = [page.locator(f".stage .cell .{name}").inner_text() for name in ("tn", "fp", "fn", "tp")]
    tn, fp, fn, tp = (int(text.replace(",", "")) for text in texts)
    return [[tn, fp], [fn, tp]]


def said(page: Page) -> str:
    note = page.get_by_role("alert").filter(has=page.get_by_role("button", name="Close"))
    return note.locator("p").inner_text()


@pytest.mark.parametrize("name", WRITERS)
def test_each_kind_of_file_is_dropped_and_its_threshold_saved(page: Page, app_url: str, tmp_path: Path, name: str):
    land(page, app_url)
    drop(page, name, written(tmp_path, name))  # one
    opened(page)
    assert matrix(page) == confusion_matrix(Y, P >= 0.5).tolist()
    page.get_by_role("button", name=re.compile("^Use ")).or_(
        page.get_by_role("button", name="Save")
    ).first.click()  # two
    settled(page)
    page.get_by_role("button", name="Save", exact=True).click()  # three
    page.wait_for_url("**saved=*")
    before = matrix(page)
    page.reload()
    opened(page)
    assert matrix(page) == before


def test_a_group_of_the_rows_is_shown_at_the_same_threshold(page: Page, app_url: str, tmp_path: Path):
    land(page, app_url)
    drop(page, "scores.csv", written(tmp_path, "scores.csv"))
    opened(page)
    page.get_by_label("Threshold as probability").fill("0.4")
    page.get_by_label("Threshold as probability").press("Enter")
    page.locator(".stage[aria-busy=false]").wait_for()
    choice = page.get_by_label("Rows of one region")
    for name in ("north", "south", ""):
        choice.select_option(name)
        page.locator(".stage[aria-busy=false]").wait_for()
        rows = FRAME["region"].eq(name) if name else FRAME["region"].notna()
        assert matrix(page) == confusion_matrix(Y[rows], P[rows] >= 0.4).tolist()
        precision = page.locator(".stage .tile.precision b")
        expect(precision).to_have_text(f"{precision_score(Y[rows], P[rows] >= 0.4):.3f}")
        average_precision = page.locator(".stage .tile.average_precision b")
        expect(average_precision).to_have_text(f"{average_precision_score(Y[rows], P[rows]):.3f}")
        expect(page.locator(".stage .name.positive")).to_contain_text(f"n = {Y[rows].sum()}")
        expect(page.get_by_label("Threshold as probability")).to_have_value("0.400")


def test_a_cell_leads_to_the_rows_of_the_group_that_is_shown(page: Page, app_url: str, tmp_path: Path):
    land(page, app_url)
    drop(page, "scores.csv", written(tmp_path, "scores.csv"))
    opened(page)
    page.get_by_label("Rows of one region").select_option("south")
    page.locator(".stage[aria-busy=false] .cell[value=fp]").click()
    wrong = int((FRAME["region"].eq("south") & ~Y & (P >= 0.5)).sum())
    expect(page.get_by_text(f"{wrong} of {N} rows are actual 0, predicted 1")).to_contain_text("with region south")
    expect(page.get_by_role("combobox", name="region", exact=True)).to_have_value("south")


def test_a_table_is_pasted(page: Page, app_url: str):
    land(page, app_url)
    page.evaluate(PASTE, FRAME.to_csv(index=False, sep="\t"))
    opened(page)
    assert matrix(page) == confusion_matrix(Y, P >= 0.5).tolist()
    expect(page.get_by_role("button", name="Predictions pasted table")).to_be_visible()


def test_the_positive_class_is_asked_for(page: Page, app_url: str, tmp_path: Path):
    land(page, app_url)
    path = tmp_path / "named.csv"
    FRAME.assign(y_true=np.where(Y, "fraud", "honest")).to_csv(path, index=False)
    page.locator(".st-key-recipe").get_by_role("button", name="Open your file", exact=True).click()
    page.get_by_label("File of predictions").set_input_files(path)
    dialog = page.get_by_role("dialog", name="What the columns are")
    expect(dialog.get_by_role("combobox", name="Positive class")).to_have_value("fraud")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("dark", "light"):
            wear(page, theme)
            assert overflow(page) == 0
    dialog.get_by_role("button", name="Open predictions").click()
    opened(page)
    assert matrix(page) == confusion_matrix(Y, P >= 0.5).tolist()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.csv", b"", "is empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture"),
        ("model.pkl", b"\x80\x04\x95\x05\x00\x00", "pickle"),
        ("cut.parquet", b"PAR1cut off", "Parquet"),
        ("a.csv|b.csv", b"y_true,y_score\n0,.1\n1,.9\n", "one file at a time"),
    ],
)
def test_what_cannot_be_opened_is_said_and_the_page_stays(
    page: Page, app_url: str, name: str, content: bytes, expected: str
):
    land(page, app_url)
    before = matrix(page)
    drop(page, name, content)
    alert = page.get_by_role("alert").filter(has_text=re.compile(expected))
    expect(alert).to_be_visible()
    alert.get_by_role("button", name="Close").click()
    expect(alert).to_be_hidden()
    assert matrix(page) == before
    assert "predictions=" not in page.url


def test_another_tab_opens_them_until_they_are_deleted(page: Page, app_url: str, tmp_path: Path):
    land(page, app_url)
    drop(page, "scores.csv", written(tmp_path, "scores.csv"))
    opened(page)
    other = page.context.new_page()
    other.goto(page.url)
    opened(other)
    assert matrix(other) == matrix(page)
    page.get_by_role("button", name="Predictions scores.csv").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible()
    other.reload()
    expect(other.get_by_text("These predictions are no longer kept. Open the file again.")).to_be_visible()


def test_the_buttons_of_the_verdict_stand_at_the_right_edge(page: Page, app_url: str, tmp_path: Path):
    land(page, app_url)
    ends = [page.locator(".st-key-verdict-why").evaluate(RIGHT)]
    drop(page, "scores.csv", written(tmp_path, "scores.csv"))
    opened(page)
    ends.append(page.locator(".st-key-verdict > * button").last.evaluate(RIGHT))
    assert ends[0] == pytest.approx(ends[1], abs=1)
    assert page.locator(".st-key-verdict").evaluate(RIGHT) - ends[0] < 16


@pytest.mark.parametrize("path", ["compare", "losses"])
def test_a_file_dropped_on_another_page_opens_on_the_workbench(page: Page, app_url: str, tmp_path: Path, path: str):
    page.goto(f"{app_url}/{path}")
    page.locator("[data-testid=stApp] .drop").wait_for(state="attached")
    settled(page)
    drop(page, "scores.csv", written(tmp_path, "scores.csv"))
    opened(page)
    assert matrix(page) == confusion_matrix(Y, P >= 0.5).tolist()


def test_markup_in_a_name_is_text(page: Page, app_url: str, tmp_path: Path):
    land(page, app_url)
    drop(page, "<img src=x onerror=document.title='no'>.csv", written(tmp_path, "scores.csv"))
    opened(page)
    expect(page.get_by_role("button", name="Predictions <img src=x")).to_be_visible()
    assert page.title() != "no"


@pytest.mark.parametrize(("width", "height", "bar"), [(1440, 900, 44), (1024, 768, 90), (390, 844, 90)])
def test_a_newcomer_finds_at_once_where_to_open_a_file(page: Page, app_url: str, width: int, height: int, bar: int):
    page.set_viewport_size({"width": width, "height": height})
    land(page, app_url)
    opens = page.get_by_role("button", name="Open your file", exact=True)
    expect(opens).to_be_in_viewport(ratio=1)
    recipe = page.locator(".st-key-recipe").bounding_box()
    assert recipe
    assert recipe["height"] <= bar  # its label makes no further row of it
    opens.click()
    expect(page.get_by_text("Choose a file, or drop one anywhere")).to_be_in_viewport()


def test_the_numbers_of_the_heights_stand_where_bars_are_low(page: Page, app_url: str):
    rows = ["0,0", "0,0.3", "1,0.7", "1,1"]
    land(page, app_url)
    drop(page, "ends.csv", "\n".join(["y_true,y_score", *(row for row in rows for _ in range(50)), ""]).encode())
    opened(page)
    page.locator(".stage .axes").get_by_role("button", name="probability").click()
    anchors = "texts => texts.slice(-2).map(text => text.getAttribute('text-anchor'))"
    assert page.locator(".stage .scores .words text.tick").evaluate_all(anchors) == ["start", "end"]


def test_undo_and_save_of_all_classes_stand_in_one_line_on_a_phone(page: Page, app_url: str):
    page.set_viewport_size({"width": 390, "height": 844})
    rows = [f"{at % 3},{','.join('0.6' if at % 3 == c else '0.2' for c in range(3))}" for at in range(60)]
    land(page, app_url)
    drop(page, "three.csv", "\n".join(["y_true,score 0,score 1,score 2", *rows, ""]).encode())
    opened(page)
    tops = "buttons => buttons.map(button => Math.round(button.getBoundingClientRect().top))"
    undo, save = page.locator(".stage :is(.undo, .save)").evaluate_all(tops)
    assert undo == save
