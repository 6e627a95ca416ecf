"""Files that were cut off or damaged: a sentence or a table, never a crash, and no file stays open."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.tables import Table, read_table
from core.errors import CutoffError
from core.evaluation.source import GIVEN
from core.predictions import guess, open_predictions
from tests.conftest import until
from tests.support.files import (
    ANY_TYPE,
    FORMATS,
    NUMBERS,
    damaged,
    is_sentence,
    open_files,
    predictions,
    refusal,
    with_other_columns,
    written,
)

PLACES = 60  # where each format is cut
DAMAGES = 80  # of each format
CONTENTS = {
    **{kind: write(with_other_columns(predictions())) for kind, write in ANY_TYPE.items()},
    **{kind: write(predictions()) for kind, write in NUMBERS.items()},
    "arrow of dictionaries": ANY_TYPE["arrow None"](
        predictions().append_column("name", with_other_columns(predictions())["name"].dictionary_encode())
    ),
}
CUT_IN_A_SENTENCE = [kind for kind in CONTENTS if kind not in ("csv", "tsv")]


def opened_or_refused(path: Path) -> Table | None:
    """The table, whose predictions are opened too if they can be; None if it is refused. Both in one sentence."""
    found: list[Table] = []
    refused = refusal(lambda: found.append(read_table(path)))
    if found:
        refused = refusal(lambda: open_predictions(found[0], guess(found[0]).roles, GIVEN))
    assert refused is None or is_sentence(refused)
    return found[0] if found else None


@pytest.mark.parametrize("kind", CUT_IN_A_SENTENCE)
def test_a_file_that_was_cut_off_is_refused_wherever_it_ends(kind: str, tmp_path: Path):
    content = CONTENTS[kind]
    for end in range(0, len(content), max(1, len(content) // PLACES)):
        path = written(tmp_path, content[:end])
        if kind.startswith("arrow stream") and (table := opened_or_refused(path)):
            assert "The file has no end mark, so that rows may be missing." in table.notes
            continue
        with pytest.raises(CutoffError):
            read_table(path)
    until(lambda: not open_files(tmp_path))  # a reader's threads end a moment after it


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_text_that_was_cut_off_loses_at_most_its_last_row(kind: str, tmp_path: Path):
    content = CONTENTS[kind]
    for end in range(1, len(content), max(1, len(content) // PLACES)):
        table = opened_or_refused(written(tmp_path, content[:end]))
        if table is not None:
            assert table.n_rows >= content[:end].count(b"\n") - 1


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_damaged_file_is_refused_or_read(kind: str, tmp_path: Path):
    for seed in range(DAMAGES):
        opened_or_refused(written(tmp_path, damaged(CONTENTS[kind], seed)))
    until(lambda: not open_files(tmp_path))  # a reader's threads end a moment after it


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_joined_to_each_other_are_refused_or_read(kind: str, tmp_path: Path):
    for other in FORMATS:
        opened_or_refused(written(tmp_path, CONTENTS[kind] + CONTENTS[other]))
        opened_or_refused(written(tmp_path, CONTENTS[kind][:40] + CONTENTS[other]))
