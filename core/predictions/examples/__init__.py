"""Files of predictions that ship, each with a story; `python -m core.predictions.examples` writes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.data.tables import Table, read_table
from core.predictions.roles import Roles

FOLDER = Path(__file__).parent
DIGITS = tuple(map(str, range(10)))
FUNCTIONS = tuple(f"class{number}" for number in range(1, 15))


@dataclass(frozen=True)
class Example:
    """A file in this folder: its label, one sentence each on what it shows and what in it is made up, and the roles of
    its columns."""

    label: str
    story: str
    made_up: str
    file: str
    roles: Roles

    @property
    def path(self) -> Path:
        return FOLDER / self.file

    def read(self) -> Table:
        """Its table, which notes what is made up."""
        table = read_table(self.path)
        return replace(table, notes=(*table.notes, self.made_up))


EXAMPLES: dict[str, Example] = {
    "fraud": Example(
        "Fraud, trained with a weight",
        "Trained with pos_weight 20, it ranks payments well, but its scores are far above the share of fraud, which "
        "grows over the months.",
        "All payments are generated, with their amounts and times.",
        "fraud.parquet",
        Roles(
            "binary",
            ("y_true",),
            ("y_score",),
            id="id",
            amount="amount",
            time="time",
            split="split",
            groups=("channel",),
        ),
    ),
    "digits": Example(
        "Ten digits",
        "Argmax is nearly always right, and a threshold for each class shows which digits pay for it.",
        "Made up: a day for each form, and as amount the place of a digit in a sum of euros, 1 to 1,000; all else is "
        "real.",
        "digits.parquet",
        Roles(
            "multiclass",
            ("y_true",),
            tuple(f"y_score {digit}" for digit in DIGITS),
            classes=DIGITS,
            names=DIGITS,
            id="id",
            amount="amount",
            time="time",
            split="split",
            groups=("ink", "form"),
        ),
    ),
    "yeast": Example(
        "Genes with several functions",
        "At 0.5 the rare ones of 14 labels are hardly ever predicted, so that each label needs a threshold of its own.",
        "Made up: times, in the order of the genes, and as amount the euros that an experiment costs, drawn at random; "
        "all else is real.",
        "yeast.parquet",
        Roles(
            "multilabel",
            tuple(f"y_true {function}" for function in FUNCTIONS),
            tuple(f"y_score {function}" for function in FUNCTIONS),
            names=FUNCTIONS,
            id="id",
            amount="amount",
            time="time",
            split="split",
            groups=("level",),
        ),
    ),
}
