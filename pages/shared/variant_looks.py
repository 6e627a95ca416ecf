"""How variants look wherever they are shown: a colour, a dash, a dot before the name."""

from __future__ import annotations

from core.plots.race import Line
from core.plots.style import VARIANTS, variant_colour, variant_dash
from core.training.runs import Job
from pages.shared import text


def lines_of(job: Job) -> list[Line]:
    """How each variant looks on every figure."""
    count = len(job.experiment.variants)
    return [
        Line(variant.name, colour_of(at, count, variant.colour), variant_dash(at, count))
        for at, variant in enumerate(job.experiment.variants)
    ]


def colour_of(at: int, count: int, chosen: int | None) -> str:
    """The colour of variant `at` among so many, if it was not chosen the next of a set or of a scale."""
    return variant_colour(at, count) if chosen is None else VARIANTS[chosen]


def dotted(name: str, colour: str) -> str:
    """A name with a dot of its colour before it."""
    return f':color[●]{{foreground="{colour}"}} {text.plain(name)}'
