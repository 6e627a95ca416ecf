"""How far the scores of a class or label are from probabilities; calibrated scores, before and after."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from scipy.special import expit

from core import checks
from core.checks.verdict import CONVERT
from core.errors import CutoffError
from core.evaluation import changes
from core.evaluation.calibration import (
    BINNINGS,
    FOLDS,
    LEVEL,
    METHODS,
    AsLogits,
    Binning,
    Calibration,
    Reliability,
    Report,
    Temperature,
    cross_fitted,
    decided_otherwise,
    fit,
    fit_classes,
    fit_line,
    reliability,
    temperature_sentence,
    top_label_error,
)
from core.evaluation.scores import Scores
from core.evaluation.source import Key, ScoreSource, held_out, rows_label, tuned_on
from core.experiment.config import RunConfig
from core.plots.calibration import map_figure, reliability_figure
from core.plots.style import LOGIT_END, ProbabilityScale, Scale, limits
from core.text import counted
from core.theory.conversion import Converted, converts, to_probabilities, why_not
from pages.components.live_figure import live_figure
from pages.shared import controls, findings, state, text, thresholds
from pages.workbench.panels import payoffs
from pages.workbench.panels.tiles import NARROW

GIVEN = "given"
CONVERTED = "Nothing is fitted: each score is converted to the probability whose optimal score it is."
CROSS_FITTED = (
    f"There is one split, so calibrated scores are cross-fitted: each of {FOLDS} folds by a map fitted to the others."
)
SURE = 0.05  # significance level of the test of calibration
HEIGHT = 420
GRIDS = {"probability": np.linspace(0, 1, 401), "logit": expit(np.linspace(-LOGIT_END, LOGIT_END, 401))}
Columns = dict[str, NDArray[np.floating]]  # by part: scores (N,) of the column


class Shown(NamedTuple):
    """What the panel is of and how it is drawn; calibrated is None without calibration, or where nothing could be
    fitted.

    scores: probabilities by part, class by class those that `reading` makes of other scores (None: they are some
    already). together: by part those of all classes (N, C), which sum to 1 where they are read.
    """

    source: ScoreSource
    reading: AsLogits | None
    scores: dict[str, Scores]
    together: dict[str, NDArray[np.floating]]
    column: int
    method: str
    binning: Binning
    bins: int
    scale: ProbabilityScale
    calibrated: Columns | None = None

    @property
    def name(self) -> str:
        """The scores that are drawn solid."""
        if self.calibrated is None:
            return "uncalibrated"
        return "converted back" if self.method == CONVERT else METHODS[self.method].label

    @property
    def of_all_classes(self) -> bool:
        """Whether one temperature is fitted to all classes: then no class has a map of its own."""
        return self.source.task == "multiclass" and self.method == "temperature"

    @property
    def revision(self) -> str:
        return f"{self.source.id} {self.column} {self.scale}"

    @property
    def reported(self) -> str:
        """The split that says how good probabilities are: one that nothing was fitted to if there is one."""
        return held_out(self.source) or tuned_on(self.source)

    @property
    def cross_fitted(self) -> bool:
        """Whether each row is calibrated by a map that was fitted to other rows of the only split."""
        return held_out(self.source) is None and self.method in METHODS


def show(source: ScoreSource, _part: str, column: int) -> None:
    """Reliability, numbers and thresholds of the column on each split, uncalibrated and calibrated."""
    reading, scores, together = _read(source)
    shown = Shown(source, reading, scores, together, column, *_choose(source))
    if reading:
        st.caption(_said_of(reading))
    if shown.method != GIVEN:
        try:
            shown = shown._replace(calibrated=_calibrated(shown))
        except CutoffError as error:
            st.info(text.plain(f"Nothing can be fitted. {error}"))
    if shown.calibrated is not None and shown.method in METHODS:
        findings.show(checks.of_calibration(source, column, shown.method), "calibration", None)
        if shown.cross_fitted:
            st.caption(CROSS_FITTED)
    part = tuned_on(source)
    _say_line(scores[part], part, column, source.row_columns(part).weight)
    _show_diagrams(shown)
    _show_numbers(shown)
    if shown.calibrated is not None:
        _show_move(shown)


def _read(source: ScoreSource) -> tuple[AsLogits | None, dict[str, Scores], dict[str, NDArray[np.floating]]]:
    """How scores are read, and by part what that makes of them: see Shown."""
    given = {part: source.scores(part) for part in dict.fromkeys((tuned_on(source), *source.parts))}
    if controls.are_probabilities(source):
        return None, given, {part: rows.y_score for part, rows in given.items()}
    reading = AsLogits.of(*(rows.y_score for rows in given.values()))
    scores = {part: replace(rows, y_score=reading.probabilities(rows.y_score)) for part, rows in given.items()}
    if source.task != "multiclass":
        return reading, scores, {part: rows.y_score for part, rows in scores.items()}
    return reading, scores, {part: reading.of_classes(rows.y_score) for part, rows in given.items()}


def _said_of(reading: AsLogits) -> str:
    """How scores that are not probabilities are read, in a sentence."""
    of = f"(score − {reading.center:.6g}) / {reading.scale:.6g}" if reading != AsLogits() else "the score"
    return f"These scores are outside [0, 1]. Uncalibrated, they are read as logits: p is the sigmoid of {of}."


def _choose(source: ScoreSource) -> tuple[str, Binning, int, ProbabilityScale]:
    """The way to calibrate, how rows are binned, and the axes."""
    labels = {GIVEN: "Uncalibrated"} | {name: method.label for name, method in METHODS.items()}
    if source.task == "binary" and source.config and converts(source.config):
        labels[CONVERT] = "Convert back to probabilities"
    if state.CALIBRATION.get() not in labels:
        state.CALIBRATION.set(GIVEN)
    with st.container(horizontal=True):
        method = st.radio(
            "Calibrate",
            list(labels),
            format_func=labels.__getitem__,
            key=state.CALIBRATION.name,
            horizontal=True,
            persist_state="session",
            help=f"Fitted to {rows_label(tuned_on(source), the=True)}. Converting back fits nothing.",
        )
        binning = st.segmented_control(
            "Bins",
            list(BINNINGS),
            format_func=BINNINGS.__getitem__,
            key=state.CALIBRATION_BINNING.name,
            default=state.CALIBRATION_BINNING.default,
            required=True,
            persist_state="session",
            help="Bins of equal width in the score, or with about equally many rows.",
        )
        bins = st.number_input(
            "Number of bins",
            2,
            50,
            state.CALIBRATION_BINS.default,
            key=state.CALIBRATION_BINS.name,
            persist_state="session",
            width=130,
        )
        scale = st.segmented_control(
            "Axes",
            get_args(ProbabilityScale),
            format_func={"probability": "linear", "logit": "logit"}.__getitem__,
            key=state.CALIBRATION_SCALE.name,
            default=state.CALIBRATION_SCALE.default,
            required=True,
            persist_state="session",
        )
    if source.config is None:
        st.caption("Converting scores back needs the loss that the model was trained with, which is not known here.")
    elif reason := why_not(source.config):
        st.caption(reason)
    if method in METHODS:
        spec = METHODS[method]
        one_class = source.task != "multiclass" or method != "temperature"  # one temperature for all classes reranks
        st.caption(f"{spec.help} {spec.keeps}." if one_class else spec.help, help=spec.reference)
    return str(method), binning, int(bins), cast(ProbabilityScale, scale)


# --- calibrating


def _calibrated(shown: Shown) -> Columns:
    """Calibrated scores of the column by part; raises CutoffError where nothing can be fitted."""
    if shown.cross_fitted:
        key = shown.source.id, shown.source.version
        return {shown.reported: _crossed(key, shown.column, shown.method, shown.of_all_classes, shown.source)}
    if shown.of_all_classes:
        to_all = _of_classes(shown).map
        return {part: to_all(rows)[:, shown.column] for part, rows in shown.together.items()}
    to_one = _of_column(shown)
    return {part: to_one(rows.view(shown.column).score) for part, rows in shown.scores.items()}


def _of_column(shown: Shown) -> Calibration:
    return _fitted((shown.source.id, shown.source.version), shown.column, shown.method, shown.source)


def _of_classes(shown: Shown) -> Temperature:
    return _fitted_to_classes((shown.source.id, shown.source.version), shown.source)


@st.cache_resource(max_entries=128, show_spinner=False)
def _fitted(of: Key, column: int, method: str, _source: ScoreSource) -> Calibration:
    if method == CONVERT:
        config = _source.config
        return Calibration(lambda score: _converted(config, score).probabilities, CONVERTED)
    _, scores, _ = _read(_source)
    part = tuned_on(_source)
    view = scores[part].view(column)
    return fit(method, view.y, view.score, _source.row_columns(part).weight)


def _converted(config: RunConfig | None, y_score: NDArray) -> Converted:
    found = to_probabilities(config, y_score) if config else None
    assert found is not None  # the method is offered only where there is something to convert
    return found


@st.cache_resource(max_entries=32, show_spinner=False)
def _fitted_to_classes(of: Key, _source: ScoreSource) -> Temperature:
    _, scores, together = _read(_source)
    part = tuned_on(_source)
    return fit_classes(scores[part].y_true, together[part], _source.row_columns(part).weight)


@st.cache_data(max_entries=64, show_spinner=False)
def _crossed(of: Key, column: int, method: str, of_all_classes: bool, _source: ScoreSource) -> NDArray[np.float64]:
    """Cross-fitted scores (N,) of a column of the only split."""
    _, scores, together = _read(_source)
    part = tuned_on(_source)
    view, y_true, weight = scores[part].view(column), scores[part].y_true, _source.row_columns(part).weight

    def weights(rows: NDArray[np.intp]) -> NDArray[np.floating] | None:
        return None if weight is None else weight[rows]

    if of_all_classes:
        p = together[part]
        return cross_fitted(lambda rows: fit_classes(y_true[rows], p[rows], weights(rows)).map, y_true, p)[:, column]
    return cross_fitted(lambda rows: fit(method, view.y[rows], view.score[rows], weights(rows)), view.y, view.score)


# --- showing


def _say_line(scores: Scores, part: str, column: int, weight: NDArray | None) -> None:
    """The probability that a score of .5 corresponds to, and a test of calibration on these rows."""
    view = scores.view(column)
    try:
        line = fit_line(view.y, view.score, weight)
    except CutoffError as error:
        st.markdown(text.plain(str(error)))
        return
    if line.separates:
        st.markdown(
            f"These scores separate the classes on {rows_label(part, scores.n_rows, the=True)}, so calibration can't "
            "be "
            "tested. More rows may allow it."
        )
        return
    p = "p < 0.001" if line.p_value < 0.001 else f"p = {line.p_value:.3f}"
    rows = rows_label(part, scores.n_rows)
    if line.p_value < SURE:
        said = f"**Not calibrated** ({p}): on {rows} a score of 0.5 corresponds to a true probability of "
        said += f"{line.stands_for(0.5):.3f}."
    else:
        said = f"**No evidence of miscalibration** ({p}): on {rows} a score of 0.5 corresponds to an estimated "
        said += f"probability of {line.stands_for(0.5):.3f}, a difference that chance can explain."
    st.markdown(
        said,
        help=f"Cox's test (1958): a line through the logits, slope {line.slope:.2f} and intercept "
        f"{line.intercept:.2f}, against 1 and 0 of calibrated scores. A slope below 1 means overconfident scores.",
    )


def _show_diagrams(shown: Shown) -> None:
    for place, (part, rows) in zip(st.columns(len(shown.scores)), shown.scores.items(), strict=True):
        view = rows.view(shown.column)
        weight = shown.source.row_columns(part).weight
        given = reliability(view.y, view.score, shown.binning, shown.bins, sample_weight=weight)
        now = given
        if shown.calibrated is not None:
            now = reliability(view.y, shown.calibrated[part], shown.binning, shown.bins, sample_weight=weight)
        with place.container(border=True):
            st.markdown(f"**Reliability**, {rows_label(part)}")
            live_figure(
                reliability_figure(now, shown.name, None if now is given else given, shown.scale),
                key=f"reliability_{part}",
                alt=_in_words(now, part, shown.name),
                height=HEIGHT,
                revision=shown.revision,
            )
    st.caption(
        f"Points: mean score and fraction of positives of each bin, with {LEVEL:.0%} Wilson intervals. Dotted: perfect "
        f"calibration. Shaded: {LEVEL:.0%} of the points of calibrated scores would be here. Below: rows per bin "
        "(square-root scale)."
    )
    if any(shown.source.row_columns(part).weight is not None for part in shown.scores):
        st.caption(
            "Scores, shares, fits and numbers weigh the rows; the counts of a bin do not. Intervals are those of as "
            "many rows as the weights of a bin are worth."
        )


def _in_words(of: Reliability, part: str, name: str) -> str:
    said = ", ".join(
        f"{score:.2f} against {share:.2f} of {counted(rows, 'row')}"
        for score, share, rows in zip(of.score, of.share, of.rows, strict=True)
    )
    return (
        f"Reliability diagram of {rows_label(part, the=True)}, scores {name}: mean score against share of "
        f"positives. {said}."
    )


def _show_numbers(shown: Shown) -> None:
    """Log-loss, Brier score, ECE and ROC-AUC: those of the split reported as tiles, all of them as a table."""
    table: dict[str, dict[str, float]] = {}
    for part, rows in shown.scores.items():
        view = rows.view(shown.column)
        weight = shown.source.row_columns(part).weight
        given = Report.of(view.y, view.score, shown.binning, shown.bins, weight)
        now = given
        table[f"{part}, prevalence alone"] = _lines(Report.of_prevalence(view.y, weight))
        table[f"{part}, uncalibrated"] = _lines(given)
        if shown.calibrated is not None:
            now = Report.of(view.y, shown.calibrated[part], shown.binning, shown.bins, weight)
            table[f"{part}, {shown.name}"] = _lines(now)
    _tiles(shown.reported, now, None if now is given else given)  # it comes last
    if now.sure_and_wrong:
        st.caption(
            f"{rows_label(shown.reported, now.sure_and_wrong)} have a score of exactly 0 or 1 and the opposite "
            "label: with "
            "p clipped to [1e-15, 1 - 1e-15] each has a log-loss of 34.5 nats."
        )
    y_score = shown.scores[shown.reported].y_score
    if shown.method == CONVERT and (clipped := _converted(shown.source.config, y_score).clipped):
        st.caption(f"{shown.reported.capitalize()}: {text.of_clipped(clipped)}")
    st.dataframe(
        (pd.DataFrame(table).round(4) + 0.0)
        .rename_axis("")
        .style.format(precision=4, na_rep="undefined"),  # no -0.0000
        key="calibration_numbers",
        height="content",
        alt="Log-loss, Brier score with its parts, ECE and ROC-AUC by split, uncalibrated and calibrated.",
    )
    st.caption(
        f"ECE is the positive-class ECE over {shown.bins} bins of {BINNINGS[shown.binning]}: the mean over rows of "
        "|mean score − fraction of positives| of the row's bin. The Brier score is decomposed over the same bins, with "
        "a term for score differences within bins. Log-loss is in nats, with p clipped to [1e-15, 1 - 1e-15]."
    )
    if shown.source.task == "multiclass":
        st.caption(_of_top_label(shown))


def _tiles(part: str, now: Report, given: Report | None) -> None:
    shown = {"Log-loss": "log_loss", "Brier score": "brier", "ECE": "ece", "ROC-AUC": "roc_auc"}
    with st.grid(len(shown), min_column_width=NARROW) as grid:
        for label, field in shown.items():
            value = getattr(now, field)
            change = math.nan if given is None else round(value - getattr(given, field), 3)
            colour: Literal["off", "normal", "inverse"] = (
                "off" if not change else "normal" if field == "roc_auc" else "inverse"
            )
            grid.cell().metric(
                f"{label}, {part}",
                text.rate(value),
                delta=None if math.isnan(change) else f"{change:+.3f}" if change else "unchanged",
                delta_color=colour,
                delta_arrow="auto" if change else "off",
                border=True,
            )
    if given is not None:
        st.caption("Below each number: its difference from the uncalibrated scores.")


def _lines(of: Report) -> dict[str, float]:
    return {
        "Log-loss": of.log_loss,
        "Brier score": of.brier,
        "= reliability": of.parts.reliability,
        "− resolution": of.parts.resolution,
        "+ uncertainty": of.parts.uncertainty,
        "+ within bins": of.parts.within,
        "ECE": of.ece,
        "ROC-AUC": of.roc_auc,
    }


def _of_top_label(shown: Shown) -> str:
    """The ECE of the predicted class, which differs from that of one class."""
    part = shown.reported
    y_true, p, weight = shown.scores[part].y_true, shown.together[part], shown.source.row_columns(part).weight
    before = top_label_error(y_true, p, sample_weight=weight)
    said = f"Top-label ECE, of the maximum p of each row over all classes, on {rows_label(part)}: {before:.3f}"
    if shown.calibrated is None or not shown.of_all_classes:
        return f"{said}."
    after = top_label_error(y_true, _of_classes(shown).map(p), sample_weight=weight)
    return f"{said} uncalibrated, {after:.3f} with the temperature."


def _show_move(shown: Shown) -> None:
    """The current threshold and .5 before and after calibration: thresholds move, decisions stay."""
    except_for = ", except for ties" if shown.method == "isotonic" else ""
    st.markdown(f"**Thresholds move, decisions stay{except_for}**")
    part = shown.reported
    rows = shown.scores[part]
    if shown.of_all_classes:
        _say_argmax(rows.y_true, part, shown.together[part], _of_classes(shown))
        return
    to_one, score = _of_column(shown), rows.view(shown.column).score
    threshold = thresholds.of_column(shown.source, shown.column)[0]
    at, half = _as_read(shown, threshold), to_one.score_for(0.5)
    image = float(to_one(score.dtype.type(at)))
    otherwise = decided_otherwise(score, at, to_one(score), image)
    if shown.reading:
        half = shown.reading.score(half)
    given = _given_scale(shown)
    grid = GRIDS[shown.scale] if shown.reading is None else np.linspace(*limits(given), 401)
    left, right = st.columns([3, 2])
    with left.container(border=True):
        live_figure(
            map_figure(grid, to_one(_as_read(shown, grid)), shown.name, (threshold, image), half, shown.scale, given),
            key="calibration_map",
            alt=f"What scores become when calibrated: the threshold {payoffs.threshold(threshold)} becomes "
            f"{image:.3f}.",
            height=360,
            revision=shown.revision,
        )
    with right:
        st.markdown(
            f"{to_one.said}\n\nThe current threshold, **{payoffs.threshold(threshold)}** on the score, is "
            f"**{image:.3f}** on the calibrated one. With it {otherwise:,} of {rows_label(part, len(score))} are "
            "decided " + ("differently: rows on one step share one score." if otherwise else "differently.")
        )
        if not to_one.rising:
            st.markdown(
                "The slope is not above 0: negatives score higher than positives, and calibration reverses this."
            )
        if math.isnan(half):
            st.markdown("No uncalibrated score corresponds to a calibrated 0.5.")
            return
        st.markdown(f"A calibrated 0.5 corresponds to **{half:.3f}** on the uncalibrated score.")
        st.button(
            f"Use {half:.3f}",
            key="calibration.use",
            on_click=thresholds.move,
            args=(shown.source, shown.column, half, "typed", tuned_on(shown.source)),
            help="Decides as a threshold of 0.5 on the calibrated scores.",
        )


def _as_read(shown: Shown, score: Any) -> Any:
    """What a score, or an array of them, is read as."""
    if shown.reading is None:
        return score
    return shown.reading.probabilities(score)


def _given_scale(shown: Shown) -> Scale:
    """The axis of the scores as the source has them."""
    return shown.scale if shown.reading is None else controls.scale_of(shown.source)


def _say_argmax(y_true: NDArray, part: str, p: NDArray[np.floating], to_all: Temperature) -> None:
    """What one temperature for all classes does not change, and why no class has a calibrated threshold."""
    before, after = (scores.argmax(axis=1) for scores in (p, to_all.map(p)))
    changed = changes(y_true, before, after).rows
    st.markdown(
        f"{temperature_sentence(to_all.temperature, to_all.at_bound)} The maximum stays the maximum: "
        f"{changed:,} of {rows_label(part, len(p))} get another class by argmax. The p of a class depends on all "
        "scores of "
        "its row, so its one-vs-rest threshold has no single calibrated value: tune it again."
    )
