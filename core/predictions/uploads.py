"""Uploaded predictions, kept in memory under unguessable ids until nobody has looked at them for a while."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.data.tables import Table
from core.errors import CutoffError
from core.evaluation.source import About, ArraySource, new_id
from core.keeping import Kept
from core.predictions.guess import Guess, NoScores, guess
from core.predictions.opening import CannotOpen, Opened, open_predictions
from core.predictions.roles import Roles
from core.text import shortened

LONGEST_NAME = 60
GONE = "These predictions are no longer kept. Open the file again."


@dataclass(frozen=True, eq=False)
class Upload:
    """A table and, once the roles of its columns are known, the predictions that it holds.

    name : of the file, without a path. guess : None where labels or scores were not found.
    problem : why it is not open, "" if it is; `repair` are roles that would mend it, `offer` what they do.
    no_scores : whether no column looks like scores, so that the table is likely one to train on.
    """

    id: str
    name: str
    table: Table
    guess: Guess | None
    opened: Opened | None = None
    roles: Roles | None = None
    problem: str = ""
    repair: Roles | None = None
    offer: str = ""
    no_scores: bool = False

    @property
    def source(self) -> ArraySource | None:
        return self.opened.source if self.opened else None

    @property
    def nbytes(self) -> int:
        """Size of its table and scores in bytes."""
        source = self.source
        scores = [source.scores(part).y_score.nbytes for part in source.parts] if source else []
        return int(self.table.columns.nbytes) + sum(scores)


class Uploads:
    """Uploads by id; seconds, most_bytes and clock are those of `Kept`."""

    def __init__(self, seconds: float, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = Kept[Upload](seconds, most_bytes, lambda upload: upload.nbytes, clock)
        self._first = ""
        self.seconds = seconds

    @property
    def first(self) -> str:
        """The id of the upload that the app opens on; "" without one, and once it is deleted."""
        return self._first if self.peek(self._first) else ""

    def add_first(self, table: Table, name: str) -> None:
        """Keep a table that the app opens on, until somebody deletes it."""
        upload = self.add(table, name)
        self._kept.keep(upload.id, upload, for_good=True)
        self._first = upload.id

    def add(self, table: Table, name: str) -> Upload:
        """Keep a table, and open its predictions if nothing has to be asked about its columns."""
        upload = Upload(new_id(), file_name(name), table, None)
        try:
            found = guess(table)
        except CutoffError as error:
            upload = replace(upload, problem=str(error), no_scores=isinstance(error, NoScores))
        else:
            upload = replace(upload, guess=found, roles=found.roles)
            if not found.questions:
                upload = _opened(upload, found.roles)
        self._kept.keep(upload.id, upload)
        return upload

    def open(self, name: str, roles: Roles) -> Upload:
        """Open an upload with these roles; raises CannotOpen as `open_predictions` does, and CutoffError if it is gone.

        The upload has the roles from then on. Its source keeps its id, and has another version.
        """
        upload = _opened(self.get(name), roles)
        if upload.problem:
            raise CannotOpen(upload.problem, upload.repair, upload.offer)
        self._kept.keep(upload.id, upload)
        return upload

    def get(self, name: str) -> Upload:
        """The upload of an id, which counts as looking at it; raises CutoffError if it is gone."""
        self.sweep()
        upload = self._kept.get(name)
        if upload is None:
            raise CutoffError(GONE)
        return upload

    def peek(self, name: str) -> Upload | None:
        """The upload of an id without looking at it, so that it is not kept longer for that; None if it is gone."""
        return self._kept.peek(name)

    def delete(self, name: str) -> None:
        """Delete an upload, if it is kept."""
        self._kept.drop(name)

    def sweep(self) -> None:
        """Delete what nobody has looked at for a while."""
        self._kept.sweep()


def _opened(upload: Upload, roles: Roles) -> Upload:
    """The upload with these roles, or with the problem that they have."""
    version = upload.opened.source.version if upload.opened else 0
    assert isinstance(version, int)
    try:
        opened = open_predictions(upload.table, roles, About(upload.name, "opened from a file"))
    except CannotOpen as error:
        return replace(upload, roles=roles, problem=str(error), repair=error.repair, offer=error.offer)
    source = replace(opened.source, id=upload.id, version=version + 1)
    return replace(upload, roles=roles, opened=replace(opened, source=source), problem="", repair=None, offer="")


def file_name(name: str) -> str:
    """The last part of a path, without control characters, at most LONGEST_NAME characters, "predictions" if empty."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C").strip()
    return shortened(shown, LONGEST_NAME) or "predictions"


def describe(upload: Upload) -> Mapping[str, object]:
    """What a program may know of an upload: id, name, rows, columns and, if it is open, task, classes and parts."""
    about: dict[str, object] = {
        "id": upload.id,
        "name": upload.name,
        "rows": upload.table.n_rows,
        "columns": list(upload.table.names),
        "problem": upload.problem,
        "notes": list(upload.opened.notes if upload.opened else upload.table.notes),
    }
    if upload.source:
        source = upload.source
        about |= {"task": source.task, "classes": list(source.class_names), "parts": list(source.parts)}
    return about
