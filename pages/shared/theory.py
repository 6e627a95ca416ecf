"""Theory beside measurement for variants with two classes, and their scores converted back to probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from core.evaluation.calibration import BINS, calibration_error, log_loss
from core.evaluation.source import Key
from core.experiment.config import RunConfig
from core.plots.race import Line, Sweep, threshold_gaps
from core.theory.conversion import converts, to_probabilities, why_not
from core.theory.measured import LEVEL, Measured, measured_threshold
from core.theory.predicted import predicted_threshold, why_unpredicted
from core.training.runs import Run
from pages.components.live_figure import live_figure
from pages.shared import state, tables, text

HEIGHT = 360
MEASURED = 250_000  # validation scores of all variants up to which all are measured, in some seconds
SPREAD = f"{LEVEL:.0%} of resamples"
DIFFERENCE, AGREES = "Predicted - measured", "They agree"


def choose_q() -> float:
    """The threshold on the true probability that the page speaks of."""
    return st.slider(
        "Predict positive from a true probability of",
        0.01,
        0.99,
        state.TRUE_PROBABILITY.default,
        0.01,
        key=state.TRUE_PROBABILITY.name,
        persist_state="session",
        help="Optimal where a false negative costs (1 - q) / q times a false positive: at q = 0.2 four times.",
    )


def choose_conversion() -> bool:
    """Whether everything is drawn and counted from scores converted back to probabilities."""
    return st.toggle(
        "Convert back to probabilities",
        key=state.CONVERTED.name,
        persist_state="session",
        help="Reverses the effect of the loss on the scores, such as + ln w on the logit for pos_weight w. Everything "
        "on the page then uses the probabilities.",
    )


def shows_converted(run: Run) -> bool:
    """Whether the scores of a run are shown converted back to probabilities."""
    return run.task == "binary" and state.CONVERTED.get()


def converted(config: RunConfig, y_score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Scores (...) converted back to probabilities; as they are where there is nothing to convert."""
    found = to_probabilities(config, y_score)
    return y_score if found is None else found.probabilities


def shown_id(run: Run) -> str:
    """The id of `as_shown`."""
    return f"{run.id}-converted" if shows_converted(run) else run.id


def as_shown(run: Run) -> Run:
    """The run with its last validation scores as pages show them, converted if that was chosen; others stay.

    Other scores have another id, as every source.
    """
    if not shows_converted(run) or "validation" not in run.outputs:
        return run
    shown = converted(run.config, run.outputs["validation"])
    return replace(run, id=shown_id(run), outputs=run.outputs | {"validation": shown})


def predicted(configs: Sequence[RunConfig], q: float, convert: bool = False) -> list[float | None]:
    """What theory says about each variant's threshold: q itself on a score converted back to a probability."""
    return [q if convert and converts(config) else predicted_threshold(config, q) for config in configs]


def show(seeds: Sequence[Sequence[Run]], lines: Sequence[Line], at: int, sweep: Sweep | None = None) -> None:
    """The threshold that theory predicts for each variant beside the empirical optimum on the validation rows of its
    seeds (V, S), both on the scores shown. Of many scores only variant `at` is measured."""
    title = st.empty()
    q = choose_q()
    own = ""
    if shows_converted(seeds[0][0]) and any(converts(runs[0].config) for runs in seeds):
        own = f" A converted score estimates the true probability, so {q:g} is predicted."
    title.markdown(
        "**Threshold of minimum cost**, predicted and measured",
        help=f"Predicted: the optimal score for a true probability of {q:g}.{own} Measured: the threshold of minimum "
        f"cost on the validation rows if a false negative costs {(1 - q) / q:.3g} times a false positive, for which "
        f"{q:g} is optimal. The payoffs of Value are not used. {LEVEL:.0%} of the resamples of these rows have "
        "theirs in the range shown. They agree where the prediction is in that range.",
    )
    if _moving(seeds):
        st.caption("Measured once training pauses or ends.")
        return
    guesses, found = _both(seeds, q, at)
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
        revision=seeds[0][0].job,
    )
    if not _all_measured(seeds):
        st.caption("Of so many scores only the variant in focus is measured; click a row of the table to see another.")


def show_gaps(seeds: Sequence[Sequence[Run]], lines: Sequence[Line], at: int) -> None:
    """The numbers that `show` draws, one row per variant, with the difference between prediction and measurement."""
    if _moving(seeds):
        return
    guesses, found = _both(seeds, state.TRUE_PROBABILITY.get(), at)
    st.markdown("**Predicted and measured thresholds**")
    pairs = list(zip(guesses, found, strict=True))
    numbers = {
        "Predicted": list(guesses),
        "Measured": [None if one is None else one.middle for one in found],
        DIFFERENCE: [None if one is None or guess is None else guess - one.middle for guess, one in pairs],
    }
    agrees = [None if one is None or guess is None else "yes" if one.holds(guess) else "no" for guess, one in pairs]
    spreads = [None if one is None else f"{one.least:.3f} to {one.greatest:.3f}" for one in found]
    st.dataframe(
        pa.table(tables.named(lines) | numbers | {SPREAD: spreads, AGREES: agrees}),
        key="gaps",
        hide_index=True,
        column_order=["", "Variant", "Predicted", "Measured", SPREAD, DIFFERENCE, AGREES],
        column_config=tables.COLUMNS | dict.fromkeys(numbers, st.column_config.NumberColumn(format="%.3f")),
        placeholder="none",
        height=tables.height(len(lines), tables.FEW),
    )
    configs = [runs[0].config for runs in seeds]
    unpredicted = [config for config, guess in zip(configs, guesses, strict=True) if guess is None]
    if why := dict.fromkeys(map(why_unpredicted, unpredicted)):
        st.caption(f"No prediction: {text.plain('; '.join(why))}.")


def _moving(seeds: Sequence[Sequence[Run]]) -> bool:
    return any(run.status in ("running", "queued") for runs in seeds for run in runs)


def _all_measured(seeds: Sequence[Sequence[Run]]) -> bool:
    """Whether the scores are few enough to measure all variants."""
    return sum(len(run.outputs["validation"]) for runs in seeds for run in runs if run.outputs) <= MEASURED


def _both(seeds: Sequence[Sequence[Run]], q: float, at: int) -> tuple[list[float | None], list[Measured | None]]:
    """What theory predicts for each variant, and what is measured; of many scores for variant `at` alone."""
    convert, everything = shows_converted(seeds[0][0]), _all_measured(seeds)
    found = [_of_seeds(runs, q, convert) if everything or v == at else None for v, runs in enumerate(seeds)]
    return predicted([runs[0].config for runs in seeds], q, convert), found


def show_conversion(seeds: Sequence[Sequence[Run]], lines: Sequence[Line]) -> None:
    """Log-loss and ECE of each variant's scores before and after the conversion, means over its seeds (V, S)."""
    named: list[Line] = []
    table: dict[str, list[float | None]] = {}
    clipped: dict[str, int] = {}
    for line, runs in zip(lines, seeds, strict=True):
        scored = [run for run in runs if run.outputs]
        if not scored:
            continue
        y = scored[0].scores("validation").y_true == 1
        before = np.stack([run.outputs["validation"][:, 0] for run in scored])
        found = to_probabilities(scored[0].config, before)
        after = None if found is None else found.probabilities
        if found is not None and found.clipped:
            clipped[line.name] = found.clipped
        named.append(line)
        for name, function in (("log-loss", log_loss), ("ECE", calibration_error)):
            table.setdefault(f"{name} before", []).append(float(function(y, before).mean()))
            table.setdefault(f"{name} after", []).append(None if after is None else float(function(y, after).mean()))
    st.markdown("**Before and after** converting back to probabilities, validation rows")
    st.dataframe(
        pa.table(tables.named(named) | table),
        key="converted",
        hide_index=True,
        column_config=tables.COLUMNS | dict.fromkeys(table, st.column_config.NumberColumn(format="%.4f")),
        placeholder="none",
        height=tables.height(len(named), tables.FEW),
    )
    mean = "Means over seeds. " if max(map(len, seeds)) > 1 else ""
    st.caption(
        f"{mean}ECE: mean distance between mean score and share of positives, {BINS} bins of equal width. None: "
        "these scores are not converted."
    )
    for reason in dict.fromkeys(filter(None, (why_not(runs[0].config) for runs in seeds))):
        st.caption(reason)
    for name, rows in clipped.items():
        st.caption(f"{text.plain(name)}: {text.of_clipped(rows)}")


def _of_seeds(runs: Sequence[Run], q: float, convert: bool) -> Measured | None:
    """What is measured for a variant, on all its seeds together."""
    runs = [run for run in runs if run.outputs]
    if not runs:
        return None
    scores = np.stack([run.outputs["validation"][:, 0] for run in runs])
    return _measured(
        [(run.id, run.epoch) for run in runs], q, convert, runs[0].scores("validation").y_true == 1, scores
    )


@st.cache_data(max_entries=2000, show_spinner=False)
def _measured(of: list[Key], q: float, convert: bool, _y: NDArray, _scores: NDArray) -> Measured:
    return measured_threshold(_y, _scores, q)


def _in_words(lines: Sequence[Line], guesses: Sequence[float | None], found: Sequence[Measured | None]) -> str:
    said = [
        f"{line.name}: predicted {'none' if guess is None else f'{guess:.3f}'}, "
        + ("not measured" if one is None else f"measured {one.middle:.3f} ({one.least:.3f} to {one.greatest:.3f})")
        for line, guess, one in zip(lines, guesses, found, strict=True)
    ]
    return "Thresholds on the score. " + "; ".join(said) + "."
