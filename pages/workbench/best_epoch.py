"""The best epoch of the run that is shown, by validation loss, average precision, F1 or net value."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from core.evaluation.best_epoch import best, epoch_measures
from core.evaluation.source import Key
from core.evaluation.value.payoffs import Payoffs
from pages.shared import payoffs, text
from pages.workbench import shown


class BestEpoch(NamedTuple):
    """An epoch and the value of what it is the best by, as in "maximum F1"."""

    label: str
    epoch: int
    value: float


def show() -> None:
    """A button for each measure that shows its best epoch among those that are kept; nothing while a run trains."""
    source = shown.source()
    run = shown.run_of(source)
    if run is None or not run.ended or len(run.kept) < 2:
        return
    st.markdown("**Restore best epoch**", help="Of the epochs that are kept, on the validation rows.")
    for at, found in enumerate(_best((run.id, run.version), payoffs.current())):
        st.button(
            f"Epoch {found.epoch}: {found.label} {text.rate(found.value)}",
            key=f"best_epoch.{at}",
            type="tertiary",
            icon=":material/history:",
            disabled=source.version == found.epoch,
            on_click=shown.restore,
            args=(source, found.epoch),
        )


@st.cache_data(max_entries=64, show_spinner="Comparing epochs")
def _best(of: Key, pays: Payoffs) -> tuple[BestEpoch, ...]:
    """The best kept epoch of a run by each measure, the earliest of equals."""
    run = shown.run_of(shown.known()[of[0]])
    assert run is not None
    epochs = [kept.epoch for kept in run.kept]
    losses = run.history.validation[epochs].tolist()
    values = {"minimum validation loss": losses}
    places = {"minimum validation loss": best([-loss for loss in losses])}
    if run.task != "regression":
        scores = [run.at(epoch).scores("validation") for epoch in epochs]
        for name, measure in epoch_measures(pays).items():
            if name == "net_value" and pays.flaw:
                continue
            values[measure.label] = [measure(one) for one in scores]
            places[measure.label] = best(values[measure.label])
    return tuple(
        BestEpoch(label, epochs[place], values[label][place]) for label, place in places.items() if place is not None
    )
