"""The rows of all labels and classes in a browser: dragging sends nothing, and every number is scikit-learn's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect
from sklearn import metrics as sklearn

from core.evaluation import (
    DECISIONS,
    METRICS,
    NO_CLASS,
    ThresholdCounts,
    changes,
    class_counts,
    class_totals,
    decided_counts,
    index_scores,
    label_totals,
    predicted_positive,
)
from core.evaluation import confusion_matrix as core_matrix
from core.evaluation.scores import Scores, Task
from pages.components.threshold_column import _bulk
from tests.conftest import ROOT, decoded
from tests.e2e.conftest import drawn, overflow, painted, settled

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
    page.locator(".rows li").first.wait_for(timeout=60_000)
    settled(page)


def scores(page: Page, folder: Path) -> pd.DataFrame:
    """The scores that the Export panel offers; leaves the first panel open."""
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Scores as CSV").click()
    download.value.save_as(folder / "scores.csv")
    page.get_by_test_id("stTabs").get_by_role("tab").first.click()
    page.locator(".rows li").first.wait_for()
    settled(page)
    return pd.read_csv(folder / "scores.csv")


def row_of(page: Page, name: str) -> Locator:
    return page.locator(".rows li", has=page.get_by_role("button", name=name, exact=True))


def numbers(row: Locator) -> list[str]:
    return [row.locator(f".{name}").inner_text() for name in ("precision", "recall", "f1")]


def total(page: Page, name: str) -> str:
    box = page.locator(".totals > div", has=page.get_by_text(name, exact=True))
    return box.locator("dd").first.inner_text()


def said(value: float) -> str:
    return "undefined" if np.isnan(value) else f"{value:.3f}"


def drag(page: Page, slider: Locator, to: float, steps: int = 10) -> None:
    """Press the slider's handle and move it to this share of its length, without letting go."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    middle, start = box["y"] + box["height"] / 2, float(slider.input_value()) / 1000
    place = [box["x"] + 8 + share * (box["width"] - 16) for share in (start, to)]
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
    thresholds[2] = float(row.locator(".threshold").input_value())
    assert thresholds[2] < 0.5
    assert messages == []
    check(thresholds)  # while it is held

    page.mouse.up()
    page.locator(".column:not(.moving)").wait_for()
    settled(page)
    assert len(messages) == 1
    assert max(map(len, received)) < y_score.nbytes  # the scores have come before
    check(thresholds)  # as the server counts
    page.get_by_role("button", name=name, exact=True).click()
    settled(page)
    expect(page.get_by_label("Threshold as probability")).to_have_value(re.compile(rf"^{thresholds[2]:g}0*$"))

    typed = row_of(page, names[9]).locator(".threshold")
    typed.fill("0.25")
    typed.press("Enter")
    page.locator(".column:not(.moving)").wait_for()
    settled(page)
    thresholds[9] = 0.25
    check(thresholds)


def test_the_matrix_of_all_classes_follows_a_threshold_that_is_dragged(
    page: Page, app_url: str, tmp_path: Path, messages: list[Any]
) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    train(page, app_url, "dataset=digits&epochs=3")
    table = scores(page, tmp_path)
    y_score = table[[f"score {digit}" for digit in range(10)]].to_numpy(np.float32)
    figure = page.locator(".st-key-matrix_all .live-figure")
    drawn(page, "matrix_all")

    def check(threshold: float) -> None:
        t = np.where(np.arange(10) == 8, threshold, 0.5)
        y_pred = np.argmax(y_score / t, axis=1)
        matrix = sklearn.confusion_matrix(table["y_true"], y_pred, labels=range(10))
        counts = decoded(figure.evaluate("figure => figure.data[0].customdata"))
        np.testing.assert_array_equal(counts, matrix)
        assert total(page, "Accuracy") == said(sklearn.accuracy_score(table["y_true"], y_pred))
        assert total(page, "Changed rows") == f"{np.sum(y_pred != y_score.argmax(1)):,}"

    before = figure.evaluate("figure => JSON.stringify(figure.data[0].customdata)")
    messages.clear()
    drag(page, page.get_by_role("slider", name="Threshold of 8", exact=True), 0.2)
    page.wait_for_function(
        "before => JSON.stringify(document.querySelector('.st-key-matrix_all .live-figure').data[0].customdata)"
        " !== before",
        arg=before,
    )
    painted(page)
    threshold = float(row_of(page, "8").locator(".threshold").input_value())
    check(threshold)
    assert messages == []
    page.mouse.up()
    page.locator(".column:not(.moving)").wait_for()
    settled(page)
    check(threshold)


def test_keys_move_a_threshold_and_the_page_fits_a_phone(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    train(page, app_url, "dataset=multilabel_synthetic&epochs=3")
    slider = page.locator(".rows .slider").first
    slider.press("ArrowLeft")
    expect(slider).to_have_value("499")
    page.locator(".column:not(.moving)").wait_for()
    settled(page)
    expect(slider).to_have_value("499")
    assert "precision" in (slider.get_attribute("aria-valuetext") or "")
    expect(page.locator(".spoken")).to_contain_text("precision")
    assert overflow(page) == 0


# --- the script of the browser, without a page around it

COMPONENT = ROOT / "pages" / "components" / "threshold_column.py"
SCRIPTS = [(COMPONENT.parent / name).read_text() for name in ("threshold_column.js", "picture/model.js")]
LOAD = """async ([column, model]) => {
  const address = (script) => URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  window.script = await import(address(column.replace("./picture/model.js", address(model))));
}"""
ARRIVE = """async ([html, messages]) => {
  const [shown, followed] = [html, '<p class="spoken"></p>'].map((inner) => {
    const root = document.body.appendChild(document.createElement("div"));
    root.innerHTML = inner;
    return root;
  });
  const seen = [];
  for (const data of messages) {
    if (Array.isArray(data)) window.script.default({ data: Uint8Array.from(data), parentElement: shown });
    else window.script.follow({ data, parentElement: followed, setTriggerValue: () => undefined });
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    const rows = [...shown.querySelectorAll("li")];
    seen.push(rows.map((row) => [row.querySelector("button").textContent, row.querySelector(".threshold").value]));
  }
  return seen;
}"""
COUNT = """async ([data, thresholds]) => {
  const scores = data.dtype === "float64" ? new Float64Array(data.scores) : new Float32Array(data.scores);
  const { columns, totals } = window.script.count({ ...data, scores }, thresholds);
  return { columns, totals };
}"""


@pytest.mark.parametrize("scores_first", [True, False])
def test_scores_of_one_run_are_not_drawn_at_the_thresholds_of_another(page: Page, scores_first: bool) -> None:
    def arrivals(of: str, names: tuple[str, ...], threshold: float) -> list[Any]:
        data = Scores(np.eye(2, dtype=int), np.array([[0.9, 0.1], [0.2, 0.8]]), "multilabel", names)
        undefined = {"precision": None, "recall": None, "f1": None}
        news = {"name": "rows", "of": of, "thresholds": [threshold] * 2, "saved": [0.5] * 2, "scale": "probability"}
        news |= {
            "range": [0, 1],
            "ticks": [],
            "chosen": 0,
            "now": {},
            "before": {},
            "columns": [undefined] * 2,
            "answered": 0,
        }
        return [list(_bulk(data, None, [], "rows", of)), news][:: 1 if scores_first else -1]

    page.evaluate(LOAD, SCRIPTS)
    messages = arrivals("first", ("a", "b"), 0.3) + arrivals("second", ("c", "d"), 0.7)
    seen = page.evaluate(ARRIVE, [COMPONENT.with_suffix(".html").read_text(), messages])
    first, second = [["a", "0.300"], ["b", "0.300"]], [["c", "0.700"], ["d", "0.700"]]
    assert seen == [[], first, first, second]


def counted(page: Page, data: Scores, thresholds: np.ndarray, rule: str = "", fallback: int = NO_CLASS) -> dict:
    """What the script of the component counts on all rows of `data`."""
    head = {"task": data.task, "names": data.class_names, "shown": data.n_rows, "dtype": data.y_score.dtype.name}
    head |= {"rule": rule, "fallback": fallback, "truth": data.y_true.T.ravel().tolist()}
    head |= {"scores": data.y_score.T.astype(float).ravel().tolist(), "weights": [1.0] * data.n_rows}
    page.evaluate(LOAD, SCRIPTS)
    return page.evaluate(COUNT, [head, thresholds.tolist()])


def random_scores(task: Task, seed: int) -> Scores:
    """Scores that tie now and then, of rows some of which have no label."""
    rng = np.random.default_rng(seed)
    p = rng.random((60, 4)).astype([np.float16, np.float32, np.float64][seed % 3])
    p[:40] = np.round(p[:40], 1)
    y_true = rng.integers(0, 4, 60) if task == "multiclass" else (rng.random((60, 4)) < 0.2).astype(int)
    return Scores(y_true, p, task, ("a", "b", "c", "d"))


def thresholds_of(seed: int) -> np.ndarray:
    """Thresholds on a coarse grid, the ends among them, and now and then all the same."""
    rng = np.random.default_rng(seed)
    return np.full(4, 0.5) if seed % 4 == 0 else rng.integers(0, 11, 4) / 10


@pytest.mark.parametrize("rule", DECISIONS)
@pytest.mark.parametrize("fallback", [NO_CLASS, 2])
def test_the_browser_decides_among_classes_as_core_does(page: Page, rule: str, fallback: int) -> None:
    for seed in range(12):
        data, thresholds = random_scores("multiclass", seed), thresholds_of(seed)
        params = {"fallback": fallback} if rule == "masked" else {}
        decided = DECISIONS[rule](data.y_score, thresholds, **params)
        matrix = core_matrix(data.y_true, decided, 4, no_class=True)
        expected = class_totals(matrix)
        against = changes(data.y_true, data.y_score.argmax(1), decided)
        expected |= {"changed": against.rows, "righted": against.righted, "wronged": against.wronged}
        found = counted(page, data, thresholds, rule, fallback)
        assert found["totals"] == pytest.approx(expected, nan_ok=True)
        check_columns(found["columns"], decided_counts(matrix))


def test_the_browser_counts_labels_as_core_does(page: Page) -> None:
    for seed in range(12):
        data, thresholds = random_scores("multilabel", seed), thresholds_of(seed)
        called = predicted_positive(data.y_score, thresholds)
        found = counted(page, data, thresholds)
        totals = label_totals(data.y_true, called)
        assert found["totals"] == pytest.approx({name: totals[name] for name in found["totals"]}, nan_ok=True)
        check_columns(found["columns"], class_counts(index_scores(data), thresholds[:, None])[:, 0])


def check_columns(columns: list[dict[str, float]], counts: ThresholdCounts) -> None:
    for name in ("tp", "fp", "fn"):
        assert [column[name] for column in columns] == getattr(counts, name).tolist()
    for name in ("precision", "recall", "f1"):
        np.testing.assert_allclose([column[name] for column in columns], METRICS[name](counts))
