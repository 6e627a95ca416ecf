"""The sources that can be compared with the one on the page, the choice among them, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.data import dataset_spec
from core.evaluation.source import ScoreSource, rows_label
from core.experiment import compatibility
from core.experiment.config import SETTINGS, RunConfig
from core.experiment.variants import distinct, field_label
from core.plots.comparison import LETTERS
from core.plots.race import FEW, Line
from core.plots.style import variant_colour, variant_dash
from core.training.runs import Job
from pages.shared import services, session, state, text
from pages.shared.variant_looks import lines_of
from pages.workbench import predictions, shown

MOST = len(LETTERS)
LISTED = 4  # runs that can't be compared, of one reason, by name


class Member(NamedTuple):
    """A source of this session: its name and its number in lists, "" without scores, and, if it is a run, which variant
    of a job it is."""

    source: ScoreSource
    name: str
    number: str
    job: Job | None = None
    variant: int = 0

    @property
    def listed(self) -> str:
        return f"{self.number}{self.name}"


def with_others(source: ScoreSource, part: str) -> dict[str, Member]:
    """A source and the others of this session by id, the newest first, numbered as in the list on top of the page; the
    demonstration is among them where it has the same rows."""
    known = shown.known()
    numbers = {name: f"{len(known) - at}. " for at, name in enumerate(known)}
    jobs, demonstration = session.jobs(), services.demonstration()
    if not why_not(source, demonstration.runs[-1], part):
        jobs.append(demonstration)
    members = {
        run.id: Member(run, _name_of(run.config, job, variant), numbers[run.id] if run.parts else "", job, variant)
        for job in jobs
        for variant in range(len(job.experiment.variants))
        for run in job.of_variant(variant)
    } | {own.id: Member(own, own.about.label, numbers[own.id]) for own in [*predictions.kept(), *session.sources()]}
    return members if source.id in members else {source.id: Member(source, source.about.label, ""), **members}


def _name_of(config: RunConfig, job: Job, variant: int) -> str:
    """A run in a list of runs: the name of its variant if it raced, or else what it is, and its seed if there are more.

    How far it came is left out, since a browser keeps the words of a choice.
    """
    _, model, head, loss = compatibility.describe(config)
    raced = len(job.experiment.variants) > 1
    what = [job.experiment.variants[variant].name] if raced else [loss, head, model]
    return " · ".join(what + [f"seed {config.seed}"] * (len(job.experiment.seeds) > 1))


def why_not(source: ScoreSource, other: ScoreSource, part: str) -> str:
    """Why the rows of another source are not those of this one; "" if they are: the same data and split, or, where
    those are not known, the same places in the data and the same labels."""
    if not other.parts:
        return f"without scores ({other.about.origin})"
    if source.config and other.config:
        if other.config.dataset != source.config.dataset:
            return f"other data ({dataset_spec(other.config.dataset).label})"
        if other.config.dataset_params != source.config.dataset_params:
            return "the same data with other settings"
        if other.config.split_seed != source.config.split_seed:
            return "rows split in another way"
        return "" if part in other.parts else rows_label(part, "no")
    if part not in other.parts:
        return "other data"
    if other.task != source.task or other.class_names != source.class_names:
        return "other classes"
    same = np.array_equal(other.rows(part), source.rows(part)) and np.array_equal(
        other.scores(part).y_true, source.scores(part).y_true
    )
    if not same:
        return "other rows or labels"
    return "" if np.array_equal(_weights(source, part), _weights(other, part)) else "the same rows with other weights"


def _weights(source: ScoreSource, part: str) -> NDArray[np.floating]:
    """The weights of the rows (N,), 1 where they have none."""
    weight = source.row_columns(part).weight
    return np.ones(source.rows(part).shape) if weight is None else weight


def say_refused(members: dict[str, Member], refused: dict[str, str]) -> None:
    """The sources that can't be compared with this one, by reason."""
    if not refused:
        return
    kind = "run" if all(members[name].job for name in refused) else "other"
    few = f"1 {kind} of this session has" if len(refused) == 1 else f"{len(refused)} {kind}s of this session have"
    with st.expander(f"{few} other rows or no scores"):
        for why in dict.fromkeys(refused.values()):
            names = [members[name].listed for name, reason in refused.items() if reason == why]
            more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
            st.markdown(text.plain(f"{why[0].upper()}{why[1:]}: {'; '.join(names[:LISTED])}{more}."))


def choose(source: ScoreSource, members: dict[str, Member], offered: dict[str, Member]) -> list[str]:
    """Ids of the runs to compare this one with, at most five."""
    kept = [name for name in state.COMPARED.get() if name in offered][: MOST - 1]
    if state.COMPARED_WITH.get() != source.id:  # the page looks at another run than before
        state.COMPARED_WITH.set(source.id)
        kept = kept or _first_choice(members[source.id], offered)
    if state.COMPARED.get() != kept:
        state.COMPARED.set(kept)
    return st.multiselect(
        "Compare with",
        list(offered),
        format_func=lambda name: offered[name].listed,
        key=state.COMPARED.name,
        max_selections=MOST - 1,
        placeholder="Choose runs" if source.config else "Choose predictions",
        help=f"A is what is on this page. Up to {MOST - 1} others of the same rows: "
        + (
            "trained on the same data with the same split."
            if source.config
            else "files with the same labels, row by row."
        ),
        persist_state="session",
    )


def _first_choice(of: Member, offered: dict[str, Member]) -> list[str]:
    """The other variants that raced with the same seed, or else the newest run."""
    raced = [name for name, other in offered.items() if of.job and other.job and _seed_of(other) == _seed_of(of)]
    return raced[: MOST - 1] or list(offered)[:1]


def _seed_of(member: Member) -> tuple[str, int]:
    """The job of a run and its seed."""
    assert member.job is not None
    assert member.source.config is not None
    return member.job.id, member.source.config.seed


def lines(members: Sequence[Member]) -> list[Line]:
    """How each run looks: as its variant on the Train page, where that tells the runs apart."""
    job, variants = members[0].job, [member.variant for member in members]
    together = {member.job.id if member.job else member.source.id for member in members}
    raced = len(together) == 1 and job is not None and len(job.experiment.variants) > 1
    if raced and job is not None and len(set(variants)) == len(variants) and len(job.experiment.variants) <= FEW:
        looks = [lines_of(job)[variant] for variant in variants]
        if len({look.colour for look in looks}) == len(looks):
            return looks
    names = [member.name for member in members] if raced else _names(members)
    count = len(members)
    return [Line(name, variant_colour(at, count), variant_dash(at, count)) for at, name in enumerate(names)]


def _names(members: Sequence[Member]) -> list[str]:
    """Names that say what tells runs of several jobs apart."""
    configs = [member.source.config for member in members]
    if None in configs:
        return distinct([member.name for member in members])
    said = list(zip(*(_choices(config) for config in configs if config), strict=True))
    telling = [words for words in said if len(set(words)) > 1] or said[:1]
    return distinct([" · ".join(words) for words in zip(*telling, strict=True)])


def _choices(config: RunConfig) -> list[str]:
    """What a run has chosen, in words, the loss first."""
    _, model, head, loss = compatibility.describe(config)
    training = [field_label(name, config) for name, setting in SETTINGS.items() if setting.group == "training"]
    return [loss, head, model, *training]
