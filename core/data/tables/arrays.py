"""NumPy archives (.npz) of numbers; arrays of objects are refused, since reading one would unpickle it."""

from __future__ import annotations

import io
import zipfile
from math import prod
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.data.tables.table import PICKLE, Table, check_size, checked, listed
from core.errors import CutoffError

MOST_TIMES, SMALL_BYTES = 200, 1 << 26  # how much larger unpacked arrays may be than the file, beyond so many bytes
HEADER_BYTES = 1 << 14  # that NumPy reads of a header, and more
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path) -> Table:
    """Read arrays (N,), or (N, K) as K columns "name 0" to "name K-1"; raises CutoffError for others and for a broken
    or too large file."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_kind(archive.namelist())
            shapes = {
                member.filename.removesuffix(".npy"): _header(archive, member)
                for member in archive.infolist()
                if member.filename.endswith(".npy")
            }
        _check(shapes, path.stat().st_size)
        with np.load(path, allow_pickle=False) as arrays:
            columns = {column: pa.array(values) for name in shapes for column, values in _columns(name, arrays[name])}
    except CutoffError:
        raise
    except Exception as error:  # zipfile, zlib, the header's parser and NumPy each raise their own for broken files
        raise CutoffError("The file is not a NumPy archive (.npz), or it is broken.") from error
    return checked(pa.table(columns))


def _check_kind(members: list[str]) -> None:
    """Raises CutoffError for the other files that are zip archives, and for more arrays than a table has columns."""
    check_size(0, len(members))
    if "[Content_Types].xml" in members or "mimetype" in members:
        raise CutoffError("This is a spreadsheet or document; save the sheet as CSV.")
    if any(name.endswith("data.pkl") for name in members):
        raise CutoffError(f"This is {PICKLE}.")
    if members and not any(name.endswith(".npy") for name in members):
        raise CutoffError(f"This is a zip archive with {listed(members, 3)}; unpack it first.")


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype that an array has by its header, which must agree with its size."""
    with archive.open(member) as packed:
        file = io.BytesIO(packed.read(HEADER_BYTES))
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError("Unknown version of the array format.")
        shape, _, dtype = HEADERS[version](file)
        if not dtype.hasobject and prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError("The size of an array is not the one that its header states.")
    return shape, dtype


def _check(shapes: dict[str, tuple[tuple[int, ...], np.dtype]], packed: int) -> None:
    """Raises CutoffError for arrays that make no table, or that a file of `packed` bytes inflates to."""
    if not shapes:
        raise CutoffError(
            "The archive holds no NumPy arrays; write it with numpy.savez(file, y_true=..., y_score=...)."
        )
    if others := [name for name, (_, dtype) in shapes.items() if dtype.kind not in "biuf"]:
        raise CutoffError(f"An .npz file may hold arrays of numbers only; these hold something else: {listed(others)}.")
    if others := [name for name, (shape, _) in shapes.items() if len(shape) not in (1, 2)]:
        raise CutoffError(f"Arrays must have one or two dimensions; these have others: {listed(others)}.")
    if len({shape[0] for shape, _ in shapes.values()}) > 1:
        lengths = listed(f"{name} {shape[0]:,}" for name, (shape, _) in shapes.items())
        raise CutoffError(f"All arrays must have as many rows; these have {lengths}.")
    n_columns = sum(1 if len(shape) == 1 else shape[1] for shape, _ in shapes.values())
    n_rows = next(iter(shapes.values()))[0][0]
    unpacked = sum(prod(shape) * dtype.itemsize for shape, dtype in shapes.values())
    check_size(n_rows, n_columns, unpacked)
    if unpacked > max(SMALL_BYTES, MOST_TIMES * packed):
        raise CutoffError(
            f"Unpacked, the arrays take {unpacked / 2**20:,.0f} MB, {unpacked / packed:,.0f} times the file; save them "
            "without compression, with numpy.savez."
        )


def _columns(name: str, values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    if native.dtype.itemsize > 8:  # long double
        native = native.astype(np.float64)
    if native.ndim == 1:
        return [(name, native)]
    return [(f"{name} {at}", np.ascontiguousarray(native[:, at])) for at in range(native.shape[1])]
