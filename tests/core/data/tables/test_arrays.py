"""NumPy archives: numbers of every dtype and order, and archives that are small on disk and huge in memory."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.data.tables import read_table
from core.data.tables.table import MOST_BYTES
from core.errors import CutoffError
from tests.support.files import archive, written


@pytest.fixture
def read(tmp_path: Path):
    return lambda content: read_table(written(tmp_path, content if isinstance(content, bytes) else archive(content)))


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f2", "f4", "f8", ">i4", ">f8", "<f4", np.longdouble])
def test_numbers_of_every_dtype(dtype, read):
    values = np.array([0, 1, 1], dtype)
    table = read({"y_true": values})
    assert table.columns["y_true"].to_pylist() == [0, 1, 1]


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix_has_a_column_for_each_of_its_own(order: str, read):
    scores = np.asarray(np.arange(12.0).reshape(4, 3), order=order)
    table = read({"y_true": np.arange(4), "y_score": scores})
    assert table.names == ("y_true", "y_score 0", "y_score 1", "y_score 2")
    np.testing.assert_array_equal(np.stack([table.columns[f"y_score {at}"] for at in range(3)], axis=1), scores)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({}, "The archive holds no NumPy arrays"),
        ({"y_true": np.array(["a", "b"])}, "numbers only; these hold something else: y_true"),
        ({"y_true": np.array([{"a": 1}], object)}, "numbers only; these hold something else: y_true"),
        ({"y_true": np.array([1j])}, "numbers only; these hold something else: y_true"),
        ({"y_true": np.array(["2024-01-01"], "datetime64[D]")}, "numbers only"),
        ({"y_true": np.zeros(2, [("a", "i4"), ("b", "f8")])}, "numbers only"),
        ({"y_true": np.float64(1)}, "one or two dimensions; these have others: y_true"),
        ({"y_true": np.zeros((2, 2, 2))}, "one or two dimensions; these have others: y_true"),
        ({"y_true": np.zeros(3), "y_score": np.zeros(4)}, "as many rows; these have y_true 3, y_score 4"),
        ({"y_true": np.zeros(0), "y_score": np.zeros(0)}, "no rows"),
        ({"y_score": np.zeros((5, 0))}, "no column"),
        ({"y_score": np.zeros((2, 3_000))}, "The file has 3,000 columns; the limit is 2,000"),
    ],
)
def test_other_arrays_are_refused(arrays: dict[str, np.ndarray], sentence: str, read):
    with pytest.raises(CutoffError, match=sentence):
        read(arrays)


def test_arrays_that_hardly_any_bytes_inflate_to_are_refused(read):
    packed = io.BytesIO()
    np.savez_compressed(packed, y_true=np.zeros(10_000_000), y_score=np.zeros(10_000_000))
    with pytest.raises(CutoffError, match=r"Unpacked, the arrays take 153 MB, 1,0\d\d times the file"):
        read(packed.getvalue())


def test_labels_of_which_few_are_positive_may_be_compressed(read):
    packed, generator = io.BytesIO(), np.random.default_rng(0)
    y_true = (np.arange(1_000_000) % 1_000 == 0).astype(np.int64)
    np.savez_compressed(packed, y_true=y_true, y_score=generator.random(1_000_000))
    assert read(packed.getvalue()).n_rows == 1_000_000


def header(shape: str, descr: str = "'<f8'", version: int = 1, padding: int = 0) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode() + b" " * padding + b"\n"
    size = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        header("(1000000000000,)"),
        header("(-1,)"),
        header("(-2, -2)") + bytes(32),
        header("(2**40,)"),
        header("(3,)", "'O'"),
        header("(3,)", "[('a', 'O')]"),
        header("((((((((1,),),),),),),),)"),
        header("-" * 5_000 + "1"),
        header("(" * 5_000),
        header("(1,)", "'<f8'", 2, 200_000) + bytes(8),
        header("(1,)", "'<f8'", 9),
        header("(0x,)"),
        header("('1',)"),
        header("(True,)") + bytes(4),
        b"\x93NUMPY",
        b"",
        b"not an array",
    ],
)
def test_a_header_that_lies_is_refused(content: bytes, read):
    with pytest.raises(CutoffError):
        read(zipped(y_true=content))


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is(read):
    n_bytes = MOST_BYTES + 8
    content, head = io.BytesIO(), header(f"({n_bytes // 8},)")
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("y_score.npy", head + bytes(1 << 20))
        file.infolist()[0].file_size = len(head) + n_bytes
    with pytest.raises(CutoffError, match=r"rows x 1 columns; the limit is|the file takes 4.0 GB; the limit is 4 GB"):
        read(content.getvalue())


def test_a_path_in_the_name_of_an_array_is_a_name(read, tmp_path: Path):
    table = read(zipped(**{"../../y_true": header("(2,)") + bytes(16)}))
    assert table.names == ("../../y_true",)
    assert [file.name for file in tmp_path.iterdir()] == ["upload"]


def test_a_member_that_occurs_twice_is_read_once(read):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("y_true.npy", header("(2,)") + bytes(16))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("y_true.npy", header("(2,)") + bytes(16))
    assert read(buffer.getvalue()).names == ("y_true",)
