"""Write the README's tables of heads, losses and data sets from the registries: `python -m core.catalogue`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.data import DATASETS, load_dataset
from core.losses import LOSSES
from core.losses.heads import HEADS, HeadSpec

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- catalogue: written by python -m core.catalogue -->\n", "<!-- end of catalogue -->\n"
TASKS = {"binary": "binary", "multiclass": "multi-class", "multilabel": "multi-label", "regression": "regression"}


def catalogue() -> str:
    """The three tables as Markdown."""
    heads = ((h.label, _tasks(h.tasks), h.link, _decisions(h)) for h in HEADS.values())
    losses = (
        (loss.label, loss.expects, _tasks(loss.tasks), _proper(loss.proper), loss.reference) for loss in LOSSES.values()
    )
    data = ((spec.label, TASKS[spec.task], *_size(name), spec.source, spec.licence) for name, spec in DATASETS.items())
    return "\n".join(
        (
            _table(("head", "data", "from logits to p", "default decision"), heads),
            _table(("loss", "expects", "data", "proper", "reference"), losses),
            _table(("data", "task", "rows x features", "positives, classes or labels", "source", "licence"), data),
        )
    )


def with_catalogue(readme: str) -> str:
    """The README's text with the current tables between their two markers."""
    before, rest = readme.split(START)
    return before + START + "\n" + catalogue() + "\n" + END + rest.split(END)[1]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(
        (f"| {' | '.join(head)} |\n", "|-" * len(head), "|\n", *(f"| {' | '.join(row)} |\n" for row in rows))
    )


def _tasks(tasks: tuple[str, ...]) -> str:
    return ", ".join(TASKS[task] for task in tasks)


def _decisions(head: HeadSpec) -> str:
    """The default decision rule; one sentence per task if the head has several."""
    if len(head.decision) == 1:
        return next(iter(head.decision.values()))
    return ". ".join(f"{TASKS[task].capitalize()}: {decision}" for task, decision in head.decision.items())


def _proper(proper: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[proper]


def _size(name: str) -> tuple[str, str]:
    """Rows x features, and the prevalence or the number of classes or labels."""
    data = load_dataset(name)
    rows, features = data.x.shape
    kind = {"binary": "positive", "multiclass": "classes", "multilabel": "labels", "regression": ""}[data.task]
    number = f"{data.counts[1] / rows:.1%}" if data.task == "binary" else str(len(data.counts) or "")
    return f"{rows:,} x {features}", f"{number} {kind}".strip()


if __name__ == "__main__":
    README.write_text(with_catalogue(README.read_text()))
