"""Tables in files of every format, and files that are broken on purpose."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq

from core.errors import CutoffError


def separated(table: pa.Table, delimiter: str = ",") -> bytes:
    buffer = io.BytesIO()
    pa.csv.write_csv(table, buffer, pa.csv.WriteOptions(delimiter=delimiter))
    return buffer.getvalue()


def parquet(table: pa.Table, compression: str = "snappy") -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression=compression, row_group_size=25)
    return buffer.getvalue()


def arrow(table: pa.Table, compression: str | None = None, stream: bool = False) -> bytes:
    buffer = io.BytesIO()
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=25)
    return buffer.getvalue()


def npz(table: pa.Table, compressed: bool = False) -> bytes:
    return archive({name: table[name].to_numpy() for name in table.column_names}, compressed)


def archive(arrays: Mapping[str, np.ndarray], compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **dict(arrays))
    return buffer.getvalue()


# Formats with columns of any type, and NumPy archives, which have numbers alone.
ANY_TYPE: dict[str, Callable[[pa.Table], bytes]] = {
    "csv": separated,
    "tsv": partial(separated, delimiter="\t"),
    **{f"parquet {name}": partial(parquet, compression=name) for name in ("none", "snappy", "gzip", "zstd", "lz4")},
    **{f"arrow {name}": partial(arrow, compression=name) for name in (None, "lz4", "zstd")},
    **{f"arrow stream {name}": partial(arrow, compression=name, stream=True) for name in (None, "lz4", "zstd")},
}
NUMBERS: dict[str, Callable[[pa.Table], bytes]] = {"npz": npz, "npz compressed": partial(npz, compressed=True)}
FORMATS = ANY_TYPE | NUMBERS


def predictions(n_rows: int = 60, seed: int = 0) -> pa.Table:
    """Labels and probabilities with some skill; both classes occur."""
    generator = np.random.default_rng(seed)
    score = generator.random(n_rows)
    y_true = (generator.random(n_rows) < score).astype(np.int64)
    y_true[:2] = 0, 1
    return pa.table({"y_true": y_true, "y_score": score})


def with_other_columns(table: pa.Table) -> pa.Table:
    """The same rows with text, booleans, missing values and times."""
    at = np.arange(table.num_rows)
    return (
        table.append_column("name", pa.array([f"row {row % 7}" for row in at]))
        .append_column("checked", pa.array([bool(row % 3) for row in at]))
        .append_column("gaps", pa.array([None if row % 5 == 0 else row / 2 for row in at]))
        .append_column("time", pa.array(at.astype("datetime64[s]")))
    )


def damaged(content: bytes, seed: int) -> bytes:
    """The same bytes with up to 8 of them changed."""
    generator = random.Random(seed)
    changed = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 8])):
        changed[generator.randrange(len(changed))] = generator.choice([0, 255, generator.randrange(256)])
    return bytes(changed)


def written(folder: Path, content: bytes, name: str = "upload") -> Path:
    """A file of these bytes."""
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(function: Callable[..., object], *given: object) -> str | None:
    """The sentence that a CutoffError of this call says; None if it returns."""
    try:
        function(*given)
    except CutoffError as refused:
        return str(refused)
    return None


def is_sentence(text: str) -> bool:
    """Whether this is one line that ends as a sentence does, and not long."""
    return text.endswith(".") and "\n" not in text and len(text) < 1_000


def open_files(folder: Path) -> list[str]:
    """The files of this folder that the process holds open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed by now
            found.append(os.readlink(link))
    return [path for path in found if path.startswith(str(folder))]
