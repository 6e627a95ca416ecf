"""The thresholds of a source as files: JSON, scikit-learn, PyTorch; and the scores they are applied to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.errors import CutoffError
from core.evaluation import DECISIONS
from core.evaluation.source import About, Key, ScoreSource, rows_label
from core.evaluation.threshold import Threshold
from core.evaluation.tuning import provenance_label
from core.export import ThresholdRecord, pytorch_code, scikit_learn_code, scores_csv, threshold_record
from core.parameters import Value
from pages.shared import state, text, thresholds
from pages.workbench.panels import decision_rule


@dataclass(frozen=True)
class Format:
    """A kind of file: `write` gives its text."""

    label: str
    about: str
    language: str
    ending: str
    mime: str
    write: Callable[[ThresholdRecord], str]


FORMATS: dict[str, Format] = {
    "json": Format(
        "JSON",
        "The thresholds, how scores are compared with them, what they are worth on each split, and the "
        "configuration of the run that made the scores.",
        "json",
        "json",
        "application/json",
        ThresholdRecord.as_json,
    ),
    "scikit_learn": Format(
        "scikit-learn",
        "Runs where `estimator` is a fitted classifier. Scores that equal a threshold are decided as here.",
        "python",
        "py",
        "text/x-python",
        scikit_learn_code,
    ),
    "pytorch": Format(
        "PyTorch",
        "The head of this run, from its outputs to probabilities to decisions. Scores that equal a threshold are "
        "decided as here.",
        "python",
        "py",
        "text/x-python",
        pytorch_code,
    ),
}


def show(source: ScoreSource, part: str, _column: int) -> None:
    """The saved thresholds, or the current ones while none are saved, in the chosen format, to copy or download."""
    current, saved = thresholds.current(source), thresholds.saved(source)
    name, params = decision_rule.of(source)
    written = _record(
        (source.id, source.version),
        source.about,
        saved or current,
        saved is not None,
        name,
        tuple(params.items()),
        source,
    )
    st.markdown(_described(written, saved or current))
    if saved is not None and current != saved:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(":material/info: The current threshold is not saved, and not in these files.", width="content")
            st.button("Save the current threshold", on_click=thresholds.save, args=(source,))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        chosen = FORMATS[_choose_format()]
        try:
            content = chosen.write(written)
        except CutoffError as error:  # PyTorch code is that of a run's head
            st.info(text.plain(str(error)))
            return
        with st.container(horizontal=True, width="content"):
            st.download_button(
                f"Thresholds as {chosen.label}",
                content,
                f"thresholds-{source.id}.{chosen.ending}",
                chosen.mime,
                icon=":material/download:",
                on_click="ignore",
            )
            st.download_button(
                "Scores as CSV",
                lambda: scores_csv(source.scores(part), source.rows(part)),
                f"scores-{source.id}-{part}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                help=f"{rows_label(part).capitalize()}: their place in the data set, actual class and scores.",
            )
    st.caption(chosen.about)
    st.code(content, chosen.language, wrap_lines=True)


def _described(written: ThresholdRecord, exported: Sequence[Threshold]) -> str:
    """Which thresholds these are, in a sentence."""
    kind, count = "Saved" if written.saved else "Current", len(exported)
    if written.task == "binary":
        (one,) = exported
        value = "above every score" if one.above_all else one.text
        value += "" if one.logit is None else f", as a logit {one.logit:.3f}"
        origin = text.plain(provenance_label(one.provenance))
        return f"**{kind} threshold** of {text.plain(written.thresholds[0].name)}: {value} ({origin})."
    if written.task == "multilabel":
        return f"**{kind} thresholds** of {count} labels, each decided independently."
    rule = DECISIONS[written.decision].label
    return f"**{kind} thresholds** of {count} classes, decided by *{text.plain(rule)}*, the rule chosen now."


def _choose_format() -> str:
    return st.segmented_control(
        "Format",
        list(FORMATS),
        format_func=lambda name: FORMATS[name].label,
        key=state.EXPORT_FORMAT.name,
        default=state.EXPORT_FORMAT.default,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _record(
    of: Key,
    about: About,
    exported: tuple[Threshold, ...],
    saved: bool,
    name: str,
    params: tuple[tuple[str, Value], ...],
    _source: ScoreSource,
) -> ThresholdRecord:
    return threshold_record(_source, exported, saved, name, dict(params))
