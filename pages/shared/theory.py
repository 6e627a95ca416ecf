"""Theory beside measurement for the variants of a job with two classes, and the effect of their losses undone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core import theory
from core.calibration import BINS, calibration_error, log_loss
from core.jobs import Job
from core.plots.race import Line, Sweep, threshold_gaps
from core.theory import Measured, predicted_threshold
from pages.components.live_figure import live_figure

HEIGHT = 360


def choose_q() -> float:
    """The threshold on the true probability that the page speaks of."""
    return st.slider(
        "Threshold on the true probability",
        0.01,
        0.99,
        0.5,
        0.01,
        key="race.q",
        persist_state="session",
        help="Call a row positive where its true probability is at least this. It is best where a false positive costs "
        "this much and a false negative one minus this much.",
    )


def predicted(job: Job, q: float) -> list[float | None]:
    """What theory says about each variant's threshold."""
    return [predicted_threshold(variant.config, q) for variant in job.experiment.variants]


def show(job: Job, lines: Sequence[Line], sweep: Sweep | None) -> None:
    """The threshold that theory predicts for each variant beside the one that costs least on validation rows."""
    st.markdown("**Threshold on the score**, predicted and measured")
    q = choose_q()
    if job.status in ("running", "queued"):
        st.caption("Measured once training pauses or ends.")
        return
    guesses = predicted(job, q)
    found = [_of_variant(job, at, q) for at in range(len(lines))]
    live_figure(
        threshold_gaps(
            lines,
            [np.nan if guess is None else guess for guess in guesses],
            [np.nan if one is None else one.middle for one in found],
            [np.nan if one is None else one.least for one in found],
            [np.nan if one is None else one.greatest for one in found],
            sweep,
        ),
        key="race_thresholds",
        alt=_in_words(lines, guesses, found),
        height=HEIGHT,
        revision=job.id,
    )
    st.caption(
        f"Predicted: the score that the loss wants for a true probability of {q:g}. Measured: the threshold that costs "
        f"least on the validation rows, with its {theory.LEVEL:.0%} interval by bootstrap. They agree where the "
        "prediction lies in the interval."
    )


def show_undone(job: Job, lines: Sequence[Line]) -> None:
    """Log-loss and ECE of each variant's scores as they are and with the closed-form correction."""
    rows = []
    for at, line in enumerate(lines):
        run = next((run for run in job.of_variant(at) if run.outputs), None)
        if run is None:
            continue
        view = run.scores("validation").view()
        cured = theory.undone(run.config, view.score)
        row: dict[str, object] = {"Variant": line.name}
        for name, function in (("log-loss", log_loss), ("ECE", calibration_error)):
            row[f"{name} before"] = function(view.y, view.score)
            row[f"{name} after"] = None if cured is None else function(view.y, cured)
        rows.append(row)
    table = pd.DataFrame(rows)
    st.dataframe(
        table,
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format="%.4f") for name in table.columns[1:]},
    )
    st.caption(
        "On the validation rows of the first seed. ECE: mean distance between mean score and share of positives, "
        f"{BINS} bins of equal width. Empty: nothing to undo, or no closed form."
    )


def _of_variant(job: Job, at: int, q: float) -> Measured | None:
    """What is measured for a variant, on all its seeds together."""
    runs = [run for run in job.of_variant(at) if run.outputs]
    if not runs:
        return None
    scores = np.stack([run.outputs["validation"][:, 0] for run in runs])
    return _measured([(run.id, run.epoch) for run in runs], q, runs[0].scores("validation").y_true == 1, scores)


@st.cache_data(max_entries=2000, show_spinner=False)
def _measured(of: list[tuple[str, int]], q: float, _y: NDArray, _scores: NDArray) -> Measured:
    return theory.measured_threshold(_y, _scores, q)


def _in_words(lines: Sequence[Line], guesses: Sequence[float | None], found: Sequence[Measured | None]) -> str:
    said = [
        f"{line.name}: predicted {'none' if guess is None else f'{guess:.3f}'}, "
        + ("not measured" if one is None else f"measured {one.middle:.3f} ({one.least:.3f} to {one.greatest:.3f})")
        for line, guess, one in zip(lines, guesses, found, strict=True)
    ]
    return "Thresholds on the score. " + "; ".join(said) + "."
