"""Parquet files and Arrow files and streams, whose sizes are checked before anything is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from os import SEEK_END
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from pyarrow.lib import ArrowException

from core.data.tables.table import MOST_COLUMNS, Table, check_size, checked, listed
from core.errors import CutoffError

ARROW_FILE, FILE_END = b"ARROW1\0\0", b"ARROW1"
STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"
BROKEN = (ArrowException, OSError, ValueError, LookupError, OverflowError, MemoryError, StopIteration, struct.error)
# Places of fields in the tables of Arrow's format (Message.fbs, Apache Arrow 1.5 of the format, 2024).
HEADER, BATCH_BUFFERS, BATCH_COMPRESSION, DICTIONARY_BATCH = 2, 2, 3, 1
BATCH = "record batch"
# Places of fields in the footer of Parquet (parquet.thrift, Apache Parquet 2.11, 2025) and types in Thrift's compact
# protocol: each field begins with a byte of how much greater its place is than the one before, and its type.
PARQUET_END, VERSION_FIELD, SCHEMA_FIELD = b"PAR1", 0x15, 0x19
MOST_FIELDS = 10 * MOST_COLUMNS  # of a schema, those of lists and structures too


def read_parquet(path: Path) -> Table:
    """Read a Parquet file; raises CutoffError if it is broken or too large."""
    try:
        if (n_fields := _fields_of_parquet(path)) > MOST_FIELDS:
            check_size(0, n_fields)
        about = pq.read_metadata(path, memory_map=True)
        schema = about.schema.to_arrow_schema()
        groups = [about.row_group(at) for at in range(about.num_row_groups)]
        n_rows = max(about.num_rows, sum(group.num_rows for group in groups))
        check_size(n_rows, len(schema), sum(group.total_byte_size for group in groups))
        flat = [field.name for field in schema if not pa.types.is_nested(field.type)]
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        # As a dictionary, a text that a few bytes repeat in millions of rows takes no more room than its number.
        texts = [
            field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        with pq.ParquetFile(path, metadata=about, memory_map=True, read_dictionary=texts) as file:
            columns = file.read(columns=flat)
        columns.validate(full=True)
        notes = [f"Left out, since they hold lists or structures: {listed(nested)}."] if nested else []
        return checked(columns, notes)
    except CutoffError:
        raise
    except BROKEN as error:
        raise CutoffError("The Parquet file is broken or was cut off.") from error


def _fields_of_parquet(path: Path) -> int:
    """How many fields the schema has, by the first bytes of the footer, of which PyArrow would read all; 0 where they
    tell nothing."""
    with path.open("rb") as file:
        file.seek(-8, SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        if file.read(4) != PARQUET_END:
            return 0
        file.seek(-8 - length, SEEK_END)
        head = iter(file.read(32))
    if next(head) != VERSION_FIELD:
        return 0
    _varint(head)
    if next(head) != SCHEMA_FIELD:
        return 0
    size = next(head) >> 4  # of a list; 15 if it follows
    return (size if size < 15 else _varint(head)) - 1  # without the root


def _varint(given: Iterator[int]) -> int:
    """An integer of seven bits a byte, the lowest first; each byte but the last has the highest bit."""
    found = shift = 0
    while (byte := next(given)) & 0x80:
        found |= (byte & 0x7F) << shift
        shift += 7
    return found | byte << shift


def read_arrow(path: Path) -> Table:
    """Read an Arrow file (Feather) or stream; raises CutoffError if it is broken or too large.

    A file is read as the stream inside of it: its footer could list a batch many times.
    """
    try:
        with pa.memory_map(str(path)) as source:
            is_file = source.read(len(ARROW_FILE)) == ARROW_FILE
            start = len(ARROW_FILE) if is_file else 0
            source.seek(start)
            n_bytes = sum(_unpacked(message) for message in _messages(source))
            ended = _has_end(source, is_file)
            if is_file and not ended:
                raise CutoffError("The Arrow file is broken or was cut off.")
            source.seek(start)
            reader = pa.ipc.open_stream(source)
            check_size(0, len(reader.schema), n_bytes)
            columns = reader.read_all()
            check_size(columns.num_rows, columns.num_columns)
            columns.validate(full=True)
            return checked(columns, [] if ended else ["The file has no end mark, so that rows may be missing."])
    except CutoffError:
        raise
    except BROKEN as error:
        raise CutoffError("The Arrow file is broken or was cut off.") from error


def _has_end(source: pa.NativeFile, is_file: bool) -> bool:
    """Whether what follows the messages of a stream marks its end, or the last bytes the end of a file."""
    mark = FILE_END if is_file else STREAM_END
    source.seek(max(0, source.size() - len(mark)))
    return bool(source.read(len(mark)) == mark)


def _messages(source: pa.NativeFile) -> Iterator[pa.ipc.Message]:
    """The messages of a stream up to its end."""
    reader = pa.ipc.MessageReader.open_stream(source)
    while True:
        try:
            message = reader.read_next_message()
        except (StopIteration, EOFError):
            return
        yield message


def _unpacked(message: pa.ipc.Message) -> int:
    """Bytes of a message's buffers when they are unpacked; each compressed buffer begins with its size."""
    if message.body is None or message.type not in (BATCH, "dictionary"):
        return 0
    metadata = _FlatBuffer(message.metadata.to_pybytes())
    batch = metadata.table(metadata.root(), HEADER)
    if message.type != BATCH:
        batch = metadata.table(batch, DICTIONARY_BATCH)
    if not metadata.field(batch, BATCH_COMPRESSION):
        return int(message.body.size)
    body = memoryview(message.body)
    sizes = 0
    for offset, length in metadata.pairs(batch, BATCH_BUFFERS):
        if length >= 8:
            (size,) = struct.unpack_from("<q", body, offset)
            sizes += length if size < 0 else size  # -1 for a buffer that is not compressed
    return sizes


class _FlatBuffer:
    """The few ways into a FlatBuffer that the sizes of a batch need; raises struct.error outside of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def root(self) -> int:
        return int(self._at("<I", 0))

    def field(self, table: int, number: int) -> int:
        """The place of a field of a table; 0 if it is not set."""
        virtual = table - self._at("<i", table)
        size = self._at("<H", virtual)
        place = 4 + 2 * number
        offset = self._at("<H", virtual + place) if place < size else 0
        return table + offset if offset else 0

    def table(self, table: int, number: int) -> int:
        """The place of a table that a field refers to."""
        return self._follow(self.field(table, number))

    def pairs(self, table: int, number: int) -> Iterator[tuple[int, int]]:
        """The pairs of 64-bit integers that a field lists."""
        vector = self._follow(self.field(table, number))
        for at in range(self._at("<I", vector)):
            yield struct.unpack_from("<qq", self.content, vector + 4 + 16 * at)

    def _follow(self, place: int) -> int:
        return place + self._at("<I", place)

    def _at(self, kind: str, place: int) -> int:
        if place < 0:
            raise struct.error("before the beginning")
        (value,) = struct.unpack_from(kind, self.content, place)
        return int(value)
