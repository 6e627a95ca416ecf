"""Which format a file has, by its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.data.tables.arrays import read_npz
from core.data.tables.columnar import read_arrow, read_parquet
from core.data.tables.separated import read_separated
from core.data.tables.table import PICKLE, Table
from core.errors import CutoffError

TYPES = ("csv", "tsv", "txt", "parquet", "arrow", "feather", "npz")  # extensions that a file dialog offers

READERS: dict[bytes, Callable[[Path], Table]] = {
    b"PAR1": read_parquet,
    b"ARROW1": read_arrow,
    b"\xff\xff\xff\xff": read_arrow,  # a stream
    b"PK\x03\x04": read_npz,
    b"PK\x05\x06": read_npz,  # an empty archive
}
OTHERS = {
    b"\xff\xfe\x00\x00": "text in UTF-32; save it in UTF-8",
    b"\x00\x00\xfe\xff": "text in UTF-32; save it in UTF-8",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"BZh": "a bzip2 archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    **{bytes([0x80, protocol]): PICKLE for protocol in range(2, 6)},
    b"\x89HDF": "an HDF5 file; save the table as Parquet or CSV",
    b"\x93NUMPY": "a single NumPy array; save it with numpy.savez(file, y_true=..., y_score=...)",
    b"FEA1": "a Feather file of version 1; save it as version 2 or as Parquet",
    b"SQLite format 3": "an SQLite database; save the table as Parquet or CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel file; save the sheet as CSV",
    b"%PDF": "a PDF",
    b"PARE": "an encrypted Parquet file; save it without encryption",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
}


def read_table(path: Path) -> Table:
    """Read the table in a file of at most tables.MOST_BYTES, whatever its name.

    Raises CutoffError, with one sentence, for a file that is missing, empty, broken, too large, or of another kind.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise CutoffError(f"{path} can't be read: {error.strerror}.") from None
    for mark, what in OTHERS.items():
        if head.startswith(mark):
            raise CutoffError(f"This is {what}.")
    reader = next((reader for mark, reader in READERS.items() if head.startswith(mark)), read_separated)
    return reader(path)
