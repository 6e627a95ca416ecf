"""Which scores the Workbench shows, and which run before them is drawn as an outline."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.errors import CutoffError
from core.evaluation.source import ScoreSource
from core.experiment.config import Experiment, RunConfig, Variant
from core.experiment.variants import names_of
from core.training.runs import Job, Run
from pages.shared import services, session, state, text, thresholds
from pages.workbench import predictions

SHORT_SECONDS = 0.2  # training that is waited for instead of being watched


def open_link() -> None:
    """Show the predictions, the run, or the earlier epoch of a run, that the URL named; an epoch that is not kept once
    a run with these choices has been trained again."""
    if given := state.LINKED.of("predictions").pop():
        try:
            predictions.open_link(given)
        except CutoffError as error:
            session.complain(str(error))
    linked = state.LINKED.of("shown").pop()
    name, _, epoch = linked.partition("@")
    if find(linked, known()):
        state.SHOWN.set(linked)
    elif epoch.isdecimal() and int(epoch) <= state.RECIPE.get().epochs:
        state.AWAITED.set((int(epoch), state.RECIPE.get()))
        if name in known():
            session.complain(f"The scores of epoch {epoch} are no longer kept, so the run was trained again.")
            state.RECIPE_TRAINS.set(True)


def is_awaited() -> bool:
    """Whether the epoch that the URL named is still to be shown."""
    return state.AWAITED.get() is not None


def show_awaited() -> None:
    """Show the epoch that the URL named, once the run that was trained for it has ended."""
    awaited, now = state.AWAITED.get(), source()
    if awaited is None or not isinstance(now, Run):
        return
    epoch, config = awaited
    if now.config == config and not now.ended:
        return
    state.AWAITED.set(None)
    if now.config == config and find(f"{now.id}@{epoch}", known()):
        restore(now, epoch)
    elif now.config == config:
        session.complain(f"The scores of epoch {epoch} are not kept, so the last epoch is shown.")


def known() -> dict[str, ScoreSource]:
    """The sources that this session can show, by id: its runs, the newest first, its own scores, the demonstration."""
    runs = [run for job in session.jobs() for run in job.runs]
    others = [*predictions.kept(), *session.sources(), *reversed(services.demonstration().runs)]
    return {source.id: source for source in [*runs, *others]}


def source() -> ScoreSource:
    """The source that is shown: the chosen one, else a run of the current job, else the demonstration."""
    job = session.current_job()  # which also makes the session know it
    sources = known()
    default = job.runs[0] if job else services.demonstration().runs[-1]
    return find(state.SHOWN.get(), sources) or sources[default.id]


def choose() -> None:
    """A popover in which predictions can be opened, and another source of this session that has scores can be shown."""
    popover = st.popover("Open your file", key=state.CHOOSING_SHOWN.name, on_change="rerun")
    if not popover.open:
        return
    now = source().id.partition("@")[0]
    sources = {name: one for name, one in known().items() if one.parts or name == now}
    names = {
        name: text.plain(f"{len(sources) - at}. {one.about.label}") for at, (name, one) in enumerate(sources.items())
    }
    state.SHOWN_CHOICE.set(now)
    with popover.container(width=420):
        predictions.offer()
        st.radio(
            "Runs and predictions",
            list(sources),
            format_func=names.__getitem__,
            key=state.SHOWN_CHOICE.name,
            on_change=_show_chosen,
        )


def _show_chosen() -> None:
    _show(known()[state.SHOWN_CHOICE.get()])


def _show(chosen: ScoreSource) -> None:
    """Show a source; a run becomes the current one of the session."""
    state.SHOWN_BEFORE.set(source().id)
    state.SHOWN.set(chosen.id)
    if isinstance(chosen, Run) and chosen.job != services.demonstration().id:
        session.look_at(chosen.job)


def show_run_of(config: RunConfig) -> None:
    """Show the newest run with these choices that this session knows and that has scores, if there is one, instead of
    what it still trains, which is stopped, and with the outline that it had. To be called in a callback."""
    found = next((one for one in known().values() if isinstance(one, Run) and one.config == config and one.parts), None)
    if found and found.id != source().id:
        services.runner().cancel(state.STARTED.get())
        _show(found)
        state.SHOWN_BEFORE.set(state.SHOWN_WHEN_TRAINED.of(found.id).get())


def demonstrated(name: str) -> Run:
    """The run of this variant of the demonstration."""
    job = services.demonstration()
    return job.runs[[variant.name for variant in job.experiment.variants].index(name)]


def demonstrate(run: Run, beside: Run | None) -> None:
    """Show a run of the demonstration, with another one as an outline. To be called in a callback."""
    _show(run)
    state.SHOWN_BEFORE.set(beside.id if beside else "")


def find(name: str, sources: Mapping[str, ScoreSource]) -> ScoreSource | None:
    """The source of this id, or of this run at an earlier epoch, "<id>@<epoch>"; None if it is not known or kept."""
    name, at, epoch = name.partition("@")
    found = sources.get(name)
    if not at or not isinstance(found, Run):
        return found
    try:
        return found.at(int(epoch))
    except (ValueError, CutoffError):
        return None


def run_of(source: ScoreSource) -> Run | None:
    """The run that a source is, or is an epoch of; None for other sources."""
    run = known().get(source.id.partition("@")[0])
    return run if isinstance(run, Run) else None


def before(now: ScoreSource) -> Run | None:
    """The run before the one that is shown, if it has scores of the same rows: what was shown when training began or
    another run was chosen, or what a question compares with; None before that."""
    run = known().get(state.SHOWN_BEFORE.get())
    if not isinstance(run, Run) or not isinstance(now, Run) or run.id == now.id or not run.outputs:
        return None
    rows = ("dataset", "dataset_params", "split_seed")
    return run if all(getattr(run.config, field) == getattr(now.config, field) for field in rows) else None


def last() -> ScoreSource:
    """What was shown before the run that trains, the demonstration if that has no scores."""
    found = find(state.SHOWN_BEFORE.get(), known())
    return found if found and found.parts else services.demonstration().runs[-1]


def train(config: RunConfig, replay: bool, outlined: bool = True) -> None:
    """Train these choices and show the run, played once at the end with `replay`; what this session started before and
    still trains is stopped, and forgotten if it was not to be replayed either, as on the way of a slider. With
    `outlined` what is shown now stays as the outline."""
    now = source()
    overtaken = now if isinstance(now, Run) and now.job == state.PASSING.get() and not now.ended else None
    before = last() if overtaken else now
    (name,) = names_of([config])
    started = session.start(Experiment(variants=(Variant(name=name, config=config),), seeds=(config.seed,)))
    if started:
        thresholds.carry(now, f"{started}-0", config)
        if overtaken:
            services.runner().discard(overtaken.job)
        state.PASSING.set("" if replay else started)
        outline = before.id if outlined else ""
        state.SHOWN_BEFORE.set(outline)
        state.SHOWN_WHEN_TRAINED.of(f"{started}-0").set(outline)
        state.SHOWN.set(f"{started}-0")
        state.REPLAYED.set(started if replay else "")


def wait_briefly(source_id: str) -> None:
    """Give a run that a slider started the time to end, if it has not been drawn yet: most such runs are short, and
    their last epoch is then the first that is drawn."""
    run = find(source_id, known())
    if isinstance(run, Run) and run.job == state.PASSING.get() and not run.parts:
        services.runner().wait(run.job, SHORT_SECONDS)


def restore(source: ScoreSource, epoch: int) -> None:
    """Show an epoch of the run that this source is an epoch of; the last one is the run itself."""
    if run := run_of(source):
        state.RESTORED.set(state.RESTORED.get() + 1)
        state.SHOWN.set(run.id if epoch == run.epoch else f"{run.id}@{epoch}")


def job_of(source: ScoreSource) -> Job | None:
    """The job of a run or of one of its epochs; None for other sources."""
    run = run_of(source)
    return services.runner().job(run.job) if run else None
