"""The best epoch of the run that is shown, by validation loss, average precision, F1 or net value."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from core.evaluation.best_epoch import best, epoch_measures
from core.evaluation.source import Key, ScoreSource
from core.evaluation.value.payoffs import Payoffs
from core.experiment.config import EARLY_STOPPING
from pages.shared import payoffs, text
from pages.workbench import shown


class BestEpoch(NamedTuple):
    """An epoch and the value of what it is the best by, as in "maximum F1"."""

    label: str
    epoch: int
    value: float


def of(source: ScoreSource) -> BestEpoch | None:
    """The best of the kept epochs, up to the one that a source is, of its run by the early stopping metric; None while
    it trains, without a run, and where the measure is undefined."""
    run, last = shown.run_of(source), source.version
    if run is None or not run.ended or not isinstance(last, int):
        return None
    epochs = tuple(kept.epoch for kept in run.kept if kept.epoch <= last)
    return _best_by(run.config.best_by, (run.id, run.version), epochs, payoffs.current()) if len(epochs) > 1 else None


def show() -> None:
    """A button for each measure that shows its best epoch among those that are kept, and one for the last epoch.

    While a run trains there are none.
    """
    source = shown.source()
    run = shown.run_of(source)
    if run is None or not run.ended or len(run.kept) < 2:
        return
    st.markdown(
        "**Restore best epoch**",
        help="Of the epochs that are kept, on the validation rows. The verdict and the panels judge the current epoch; "
        "the picture can show others.",
    )
    epochs = tuple(kept.epoch for kept in run.kept)
    measures = EARLY_STOPPING if run.task != "regression" else ("loss",)
    best_by = (_best_by(name, (run.id, run.version), epochs, payoffs.current()) for name in measures)
    choices = [(found.epoch, f"{found.label} {text.rate(found.value)}") for found in best_by if found]
    for at, (epoch, label) in enumerate([*choices, (run.epoch, "last")]):
        judged = source.version == epoch
        st.button(
            f"Epoch {epoch}: {label}" + (" (current)" if judged else ""),
            key=f"best_epoch.{at}",
            type="tertiary",
            icon=":material/check:" if judged else ":material/history:",
            on_click=shown.restore,
            args=(source, epoch),
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _best_by(measure: str, of: Key, epochs: tuple[int, ...], pays: Payoffs) -> BestEpoch | None:
    """The best of some kept epochs of a run, the earliest of equals; None where the measure is undefined."""
    run = shown.run_of(shown.known()[of[0]])
    assert run is not None
    if measure == "loss":
        label, values = "minimum validation loss", run.history.validation[list(epochs)].tolist()
        place = best([-loss for loss in values])
    elif measure == "net_value" and pays.flaw:
        return None
    else:
        by = epoch_measures(pays)[measure]
        label, values = by.label, [by(run.at(epoch).scores("validation")) for epoch in epochs]
        place = best(values)
    return None if place is None else BestEpoch(label, epochs[place], values[place])
