"""The picture of a source: what it draws, the thresholds in it, and what is done where the viewer acts."""

from __future__ import annotations

from typing import Any, cast

import streamlit as st
from numpy.typing import NDArray

from core.evaluation.counts import ScoreIndex
from core.evaluation.source import Key, ScoreSource
from core.experiment.variants import names_of
from core.plots.axis import Axes
from core.plots.columns import ColumnsFilm, columns_axes, columns_film
from core.plots.picture import Film, ValuesFilm, film, score_axes, values_film
from core.plots.style import ProbabilityScale
from core.training.runs import Job
from pages.components.picture.picture import Act, BestEpoch, Live, Mark, Outline, picture
from pages.shared import controls, regression, services, state, text, thresholds
from pages.workbench import best_epoch, columns, epochs, groups, shown, table
from pages.workbench.panels import rows, tune

# Training is shown at this many epochs per second at most, by the speed chosen in the picture; None is maximum speed.
PACES = {0.25: 5.0, 0.5: 20.0}
REPLAYED_SECONDS = 3.0  # training that was shorter is played once


def part(source: ScoreSource) -> str:
    """The split that is shown: the one chosen last, if the source has it."""
    chosen = state.PART.get()
    return chosen if chosen in source.parts else source.parts[0]


def show(source: ScoreSource, part: str, column: int, brief: bool = False) -> None:
    """Draw a source: the last epoch and, once training has ended, the earlier ones that are kept and what takes longer,
    the best threshold with its spread; with `brief` the last epoch alone."""
    job = shown.job_of(source)
    live: Live = "" if job is None or job.ended else "paused" if job.status == "paused" else "running"
    common: dict[str, Any] = {
        "key": "picture",
        "parts": source.parts,
        "part": part,
        "epochs": job.runs[0].config.epochs if job and live else None,
        "run": f"{source.id} {state.RESTORED.get()}",
        "live": live,
        "replay": "" if brief else _replay(job),
        "note": f"{text.seconds(job.elapsed)}{text.of_devices(job, tried=False)}" if job and not live else "",
    }
    key, alone = (source.id, source.version), bool(live) or brief
    best = None if alone else best_epoch.of(source)
    best_at = best.epoch if best else None
    if source.task == "regression":
        values = _values(key, part, alone, best_at, source)
        picture(
            values,
            None,
            [],
            lambda act, value: _act(source, part, column, act, value),
            of=f"{source.id} {part}",
            target=regression.target(source),
            best_epoch=_best_epoch(best),
            **common,
        )
        return
    before = _before(source, part)
    beside = before if before and controls.are_probabilities(before) == controls.are_probabilities(source) else None
    common |= {
        "can_undo": thresholds.can_undo(source),
        "asks": not live,
        "axis": controls.scale_now() if controls.are_probabilities(source) else "score",
    }
    if columns.are_all_shown(source.scores(part)):
        common["threshold_of"] = f"{thresholds.about(source)} all"
        drawn = _columns(key, part, alone, best_at, _key(beside), source, beside)
        kept = _kept(source, alone)
        table.show(
            source,
            drawn,
            [kept[frame.epoch] for frame in drawn.frames],
            lambda act, value: _act(source, part, column, act, value),
            best_epoch=_best_epoch(best),
            tuned=not alone,
            outline=_columns_behind(_key(beside), part, _ends(drawn.axes), beside, drawn.axes) if beside else None,
            **common,
        )
        return
    view = source.scores(part).view(column)
    of_column = _film(key, part, column, alone, best_at, _key(beside), source, beside)
    group = groups.chosen(source, part) if of_column.groups else ""
    picture(
        of_column,
        groups.index(source, part, column, group),
        _marks(source, column, alone),
        lambda act, value: _act(source, part, column, act, value, group),
        of=" ".join(filter(None, (source.id, part, str(column), group))),
        label=view.label,
        rest=view.rest,
        group=group,
        threshold_of=f"{thresholds.about(source)} {column}",
        outline=_outline(source, before, part, column, of_column.axes if beside else None)
        if before and not group
        else None,
        best_epoch=_best_epoch(best),
        **common,
    )


def _best_epoch(found: best_epoch.BestEpoch | None) -> BestEpoch | None:
    return found and BestEpoch(found.epoch, f"{found.label} {text.rate(found.value)}")


def _marks(source: ScoreSource, column: int, alone: bool) -> list[Mark]:
    """The current and the saved threshold and, unless they are to be alone, the best by the rule chosen in Tune with
    its spread."""
    stored = thresholds.saved(source)
    marks = [Mark("current", thresholds.current(source)[column].value)]
    if stored:
        marks.append(Mark("saved", stored[column].value))
    if not alone and (best := tune.best(source, column)):
        low, high = best.spread
        marks += [Mark("best", best.threshold, best.label), Mark("low", low), Mark("high", high)]
    return marks


def _before(now: ScoreSource, part: str) -> ScoreSource | None:
    """The run before this one, where it has scores of the same rows and columns."""
    before = shown.before(now)
    return before if before and part in before.parts and before.class_names == now.class_names else None


def _outline(source: ScoreSource, before: ScoreSource, part: str, column: int, axes: Axes | None) -> Outline:
    """The run before, on the axes of what is drawn if its scores are of the same kind."""
    name, _ = names_of([config for config in (before.config, source.config) if config])
    together = shown.job_of(source) == shown.job_of(before)  # as a question compares two runs
    behind = _behind(_key(before), part, column, _ends(axes), before, axes)
    threshold = thresholds.current(before)[column].value
    return Outline(behind, before.index(part, column), threshold, name if together else f"previous run: {name}")


def _key(before: ScoreSource | None) -> Key | None:
    return (before.id, before.version) if before else None


def _ends(axes: Axes | None) -> tuple[float, ...]:
    return tuple(end for axis in axes.values() for end in (axis.start, axis.end)) if axes else ()


def _replay(job: Job | None) -> str:
    """The name of what is played once: the demonstration, and training that asked for it and was too short to watch."""
    if job is None or not job.ended:
        return ""
    landing = job.id == services.demonstration().id
    asked = state.REPLAYED.get() == job.id and job.elapsed < REPLAYED_SECONDS
    return job.id if landing or asked else ""


def _act(source: ScoreSource, part: str, column: int, act: Act, value: float | str, group: str = "") -> None:
    """Do what the viewer did in the picture, while a group of the rows was shown, "" for all rows."""
    runner = services.runner()
    if act in ("pause", "resume", "step", "speed", "restart"):
        job = shown.job_of(source)
        assert job is not None
        if act == "speed":
            runner.set_pace(job.id, PACES.get(float(value)))
        elif act == "restart":
            runner.cancel(job.id)
            shown.train(job.runs[0].config, replay=False)
        else:
            getattr(runner, act)(job.id)
    elif act == "axis":
        state.SCALE.set(cast(ProbabilityScale, value))
    elif act == "part":
        state.PART.set(str(value))
    elif act == "group":
        state.GROUP.of(source.id).set(str(value))
    elif act in ("tp", "fp", "fn", "tn"):
        rows.ask(epochs.show(source, int(value)), act, group=group)
    elif act == "undo":
        thresholds.undo(source)
    elif act == "share":
        index = groups.index(source, part, column, group)
        thresholds.use_share(source, column, index, float(value), part, of_group=bool(group))
    else:
        thresholds.move(source, column, value, "typed" if act == "type" else "dragged", part)
        if act == "save":
            thresholds.save(source)


def _kept(source: ScoreSource, alone: bool) -> dict[int, ScoreSource]:
    """The source at each epoch that is kept up to its own, or `alone` at its own."""
    run, last = shown.run_of(source), source.version
    if run is None or not isinstance(last, int):
        return {0: source}
    earlier = [kept.epoch for kept in run.kept if kept.epoch < last and not alone]
    return {epoch: run.at(epoch) for epoch in earlier} | {last: source}


@st.cache_resource(max_entries=64, show_spinner=False)
def _film(
    of: Key,
    part: str,
    column: int,
    alone: bool,
    best: int | None,
    beside: Key | None,
    _source: ScoreSource,
    _before: ScoreSource | None,
) -> Film:
    kept = _kept(_source, alone)
    views = [source.scores(part).view(column) for source in kept.values()]
    weight = _source.row_columns(part).weight
    parted = None if alone else groups.of(_source, part)
    by_epoch = [groups.indexes(source, part, column, parted) for source in kept.values()] if parted else []
    indexes = [ScoreIndex.of(view.y, view.score, weight) for view in views]
    return film(
        list(kept),
        indexes,
        *_losses(_source),
        {name: [one[name] for one in by_epoch] for name in parted.names} if parted else None,
        parted.column if parted else "",
        score_axes(indexes, _before.index(part, column) if _before else None),
        best,
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _behind(
    of: Key | None, part: str, column: int, ends: tuple[float, ...], _before: ScoreSource, _axes: Axes | None
) -> Film:
    return film([int(_before.version)], [_before.index(part, column)], axes=_axes)


@st.cache_resource(max_entries=64, show_spinner=False)
def _columns(
    of: Key,
    part: str,
    alone: bool,
    best: int | None,
    beside: Key | None,
    _source: ScoreSource,
    _before: ScoreSource | None,
) -> ColumnsFilm:
    kept = _kept(_source, alone)
    weight = _source.row_columns(part).weight
    scores = [source.scores(part) for source in kept.values()]
    axes = columns_axes(scores, _before.scores(part) if _before else None)
    return columns_film(list(kept), scores, weight, *_losses(_source), axes, best)


@st.cache_resource(max_entries=64, show_spinner=False)
def _columns_behind(
    of: Key | None, part: str, ends: tuple[float, ...], _before: ScoreSource, _axes: Axes
) -> ColumnsFilm:
    return columns_film([int(_before.version)], [_before.scores(part)], axes=_axes)


@st.cache_resource(max_entries=64, show_spinner=False)
def _values(of: Key, part: str, alone: bool, best: int | None, _source: ScoreSource) -> ValuesFilm:
    kept = _kept(_source, alone)
    return values_film(list(kept), [source.predictions(part) for source in kept.values()], *_losses(_source), best)


def _losses(source: ScoreSource) -> tuple[NDArray | None, NDArray | None]:
    """Training and validation losses from epoch 0 on, (E,) each; None where no run made the scores."""
    run = shown.run_of(source)
    return (run.history.train, run.history.validation) if run else (None, None)
