"""No text of any panel has a plural of one, with as few rows as can be opened."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from core.data.tables import checked
from pages.shared import services, state
from pages.workbench.panels import PANELS

PLURAL_OF_ONE = re.compile(
    r"(?<![\d.,:])1 (?:[a-z]+ )?(rows|positives|labels|classes|columns|values|steps|resamples)\b"
)
GIVEN = {
    "binary": {"y_true": [0, 1], "y_score": [0.2, 0.7], "time": [1, 2], "region": ["a", "b"]},
    "multiclass": {"y_true": [0, 1, 2], "p 0": [0.8, 0.1, 0.1], "p 1": [0.1, 0.8, 0.1], "p 2": [0.1, 0.1, 0.8]},
    "multilabel": {"y_true a": [1, 0], "y_true b": [0, 1], "score a": [0.8, 0.1], "score b": [0.1, 0.8]},
}


def texts(at: AppTest) -> list[str]:
    given = [*at.markdown, *at.caption, *at.metric, *at.warning, *at.info, *at.error, *at.expander, *at.button]
    said = [str(getattr(one, field, "")) for one in given for field in ("value", "label", "help")]
    return said + [part for one in at.get("popover") for part in [one.proto.popover.label]]


@pytest.mark.parametrize("task", GIVEN)
def test_no_panel_has_a_plural_of_one(app_test: AppTest, task: str):
    given = services.uploads().add(checked(pa.table(GIVEN[task])), "few.csv")
    assert given.source
    assert given.source.task == task
    app_test.query_params["predictions"] = given.id
    shown = [panel for panel in PANELS.values() if task in panel.tasks and panel.fits(given.source)]
    assert len(shown) >= 6
    for panel in shown:
        app_test.session_state[state.PANEL.name] = panel.label
        app_test.session_state["predictions.about"] = True
        at = app_test.run()
        assert not at.exception
        found = [said for said in texts(at) if PLURAL_OF_ONE.search(said)]
        assert not found, panel.label
