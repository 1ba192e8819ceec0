"""The file formats of a table, each read into a plain DataFrame; nothing is ever unpickled."""

from __future__ import annotations

import functools
import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from workbench.contract.errors import LabError
from workbench.data import npz
from workbench.data.reader import reader, short
from workbench.data.tables import delimited
from workbench.data.tables.raw import Raw

MAX_CELLS = 25_000_000  # 200 MB as float64: what a table may take in memory
MAX_WORD = 1_000  # characters of a category
MAGIC = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "an NPY file",
    b"PK\x03\x04": "a zip archive (NPZ or Excel)",
    b"\x1f\x8b": "a gzip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"\x89HDF": "an HDF5 file",
}
RIGHT = {".parquet": b"PAR1", ".npz": b"PK\x03\x04", ".npy": b"\x93NUMPY", ".gz": b"\x1f\x8b"}


@reader
def read_raw(path: Path, max_rows: int, max_features: int, is_header: delimited.HeaderRule | None = None) -> Raw:
    """Read a file by its suffix.

    Parameters
    ----------
    path
        The file.
    max_rows, max_features
        Limits.
    is_header
        Tells whether the first row of a text file names the columns; by default the types of the columns below do.

    Raises
    ------
    LabError
        If the content is not what the suffix says, is damaged, or is too large.
    """
    name = path.name.lower()
    suffix = next(s for s in sorted(READERS, key=len, reverse=True) if name.endswith(s))
    _check_magic(path, suffix)
    read = READERS[suffix]
    if read is _read_csv:
        read = functools.partial(_read_csv, is_header=is_header)
    return read(path, max_rows, max_features)


def _read_csv(path: Path, max_rows: int, max_features: int, is_header: delimited.HeaderRule | None = None) -> Raw:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        blob = file.read()
    if b"\0" in blob[:65536] and not blob.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LabError(f"{path.name} is no text: it has zero bytes.", "Save it as CSV in UTF-8.")
    return delimited.parse(_decode(blob, path.name), path.name, max_rows, max_features, is_header)


def _read_parquet(path: Path, max_rows: int, max_features: int) -> Raw:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:  # sizes first: a small file can hold a huge table
        meta, schema = file.metadata, file.schema_arrow
        _check_shape(path, meta.num_rows, meta.num_columns, max_rows, max_features)
        if sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups)) > 8 * MAX_CELLS:
            raise LabError(f"{path.name} unpacks to more than {8 * MAX_CELLS / 1e6:,.0f} MB.", "Take a sample.")
        for name, kind in zip(schema.names, schema.types, strict=True):
            if pa.types.is_nested(kind):
                raise LabError(f"Column {name} holds lists or records.", "Give each number a column of its own.")
        text = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
        texts = [n for n, t in zip(schema.names, schema.types, strict=True) if t in text]
        raw = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
        binary = [n for n, t in zip(schema.names, schema.types, strict=True) if any(kind(t) for kind in raw)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        table = file.read(use_threads=False)
    for name in texts:  # one long text, stored once and repeated in every row, would fill the memory
        words = (len(w) for chunk in table[name].chunks for w in chunk.dictionary.to_pylist() if w is not None)
        if max(words, default=0) > MAX_WORD:
            raise LabError(f"Column {name} holds long texts.", "Leave it out: only short words can be categories.")
    frame = table.to_pandas(ignore_metadata=True)
    for name in binary:
        frame[name] = frame[name].map(lambda word: word.decode("utf-8", "replace"), na_action="ignore").astype("string")
    return Raw(frame.drop(columns=[c for c in frame if re.fullmatch(r"__index_level_\d+__", str(c))]))


def _read_npz(path: Path, max_rows: int, max_features: int) -> Raw:
    """Arrays X and y (or data/target, features/labels ...), or one array whose last column is the class."""
    arrays = npz.read_arrays(path, 8 * MAX_CELLS)
    lower = {key.lower(): key for key in reversed(arrays)}
    x_key = next((lower[k] for k in ("x", "data", "features", "images", "x_train") if k in lower), None)
    y_key = next((lower[k] for k in ("y", "target", "labels", "label", "classes", "y_train") if k in lower), None)
    if x_key is None and y_key is None and len(arrays) == 1:
        return _from_matrix(path, next(iter(arrays.values())), max_rows, max_features)
    if x_key is None or y_key is None:
        raise LabError(f"{path.name} holds {', '.join(arrays) or 'no array'}.", "Name the arrays X (n, d) and y (n,).")
    X, y = arrays[x_key], arrays[y_key]
    if X.ndim < 2 or y.size != len(X):
        raise LabError(
            f"{x_key} has the shape {X.shape} and {y_key} {y.shape}.",
            "Expected are X (n, d) and y (n,) of equal length.",
        )
    notes = [f"Features from array {x_key}, classes from array {y_key}."]
    if X.ndim > 2:
        notes.append(f"Each sample of shape {X.shape[1:]} was flattened.")
    flat = X.reshape(len(X), -1)
    _check_shape(path, *flat.shape, max_rows, max_features)
    frame = _frame(flat)
    frame["y"] = _frame(y.reshape(-1, 1))["column 1"]
    return Raw(frame, notes, target="y")


def _read_npy(path: Path, max_rows: int, max_features: int) -> Raw:
    head = np.load(path, allow_pickle=False, mmap_mode="r")  # its header tells the size before anything is read
    if head.dtype.names is None and head.size > MAX_CELLS:
        raise LabError(f"{path.name} holds {head.size:,} numbers; {MAX_CELLS:,} are the limit.", "Take a sample.")
    return _from_matrix(path, np.array(head), max_rows, max_features)


def _from_matrix(path: Path, matrix: np.ndarray, max_rows: int, max_features: int) -> Raw:
    if matrix.dtype.names is not None or matrix.ndim != 2:
        raise LabError(
            f"{path.name} holds an array of shape {matrix.shape}.",
            "Expected is (n, d + 1) with the class in the last column.",
        )
    _check_shape(path, *matrix.shape, max_rows, max_features + 1)
    return Raw(_frame(matrix), ["The array's last column is taken as the class."])


def _frame(matrix: np.ndarray) -> pd.DataFrame:
    if matrix.dtype.kind == "S":
        matrix = np.char.decode(matrix, "utf-8", "replace")
    if matrix.dtype.kind not in "biufU":
        raise LabError(f"The array holds {matrix.dtype}.", "Only numbers, booleans and text are read.")
    return pd.DataFrame(matrix, columns=[f"column {k + 1}" for k in range(matrix.shape[1])])


READERS: dict[str, Callable[[Path, int, int], Raw]] = {
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".data": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
    ".npy": _read_npy,
}
SUFFIXES = tuple(READERS)


def _check_magic(path: Path, suffix: str) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    expected = next((magic for end, magic in RIGHT.items() if suffix.endswith(end)), None)
    actual = next((words for magic, words in MAGIC.items() if start.startswith(magic)), None)
    if expected and not start.startswith(expected):
        raise LabError(f"{path.name} is {actual or 'no ' + suffix + ' file'}, whatever its name says.", "Rename it.")
    if not expected and actual:
        raise LabError(f"{path.name} is {actual}, not a text table.", "Rename it, or export the table as CSV.")


def _check_shape(path: Path, rows: int, columns: int, max_rows: int, max_features: int) -> None:
    if rows > max_rows:
        raise LabError(f"{path.name} has {rows:,} rows; {max_rows:,} is the limit.", "Take a sample of the rows.")
    if columns > max_features + 1:
        raise LabError(
            f"{path.name} has {columns:,} columns; {max_features:,} features are the limit.",
            "Choose columns, or project.",
        )
    if rows * columns > MAX_CELLS:
        raise LabError(f"{path.name} has {rows * columns:,} cells; {MAX_CELLS:,} is the limit.", "Take a sample.")


def _decode(blob: bytes, name: str) -> str:
    encoding = "utf-16" if blob.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return blob.decode(encoding)
    except UnicodeDecodeError as error:
        try:
            return blob.decode("cp1252")  # what spreadsheets in the West write when they do not write UTF-8
        except UnicodeDecodeError:
            raise LabError(f"{name} is no text: {short(error)}", "Save it as CSV in UTF-8.") from error
