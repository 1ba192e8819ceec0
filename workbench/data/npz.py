"""Arrays in NPZ files. What a file claims is compared with the limit before memory is taken; nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.reader import short

HINT = "Save it again with numpy.savez."


@dataclass(frozen=True)
class Head:
    """Shape and type of an array, from the first bytes of it."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def bytes(self) -> float:
        """Memory that the array takes."""
        return float(np.prod(self.shape, dtype=float)) * self.dtype.itemsize


def read_heads(path: Path) -> dict[str, Head]:
    """Return the arrays of an NPZ file by name, without reading them.

    Raises
    ------
    LabError
        If it is no such file, or an array has fewer bytes than its header claims.
    """
    try:
        with zipfile.ZipFile(path) as box:
            members = [info for info in box.infolist() if info.filename.endswith(".npy")]
            heads = {info.filename.removesuffix(".npy"): _head(box, info) for info in members}
    except LabError:
        raise
    except Exception as error:  # zip, zlib, struct, and the parser of Python that NumPy reads a header with
        raise LabError(f"{path.name} is no NPZ file, or is cut off.", HINT) from error
    if not heads:
        raise LabError(f"{path.name} holds no arrays.", HINT)
    return heads


def read_arrays(path: Path, limit: int, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Return arrays of an NPZ file.

    Parameters
    ----------
    limit
        Bytes that they may take together.
    names
        Which; all by default, and those that are not there are left out.

    Raises
    ------
    LabError
        If it is damaged, claims more than the limit, or an array holds Python objects.
    """
    heads = read_heads(path)
    wanted = [name for name in heads if names is None or name in set(names)]
    if sum(heads[name].bytes for name in wanted) > limit:
        raise LabError(f"{path.name} unpacks to more than {limit / 1e6:,.3g} MB.", "Take a part of it.")
    for name in wanted:
        if heads[name].dtype.hasobject:
            raise LabError(f"The array {name} holds Python objects, which are not loaded.", "Save plain arrays.")
    try:
        with np.load(path, allow_pickle=False) as box:
            return {name: box[name] for name in wanted}
    except Exception as error:
        raise LabError(f"{path.name} is no NPZ file of plain arrays: {short(error)}", HINT) from error


def _head(box: zipfile.ZipFile, info: zipfile.ZipInfo) -> Head:
    with box.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    head = Head(shape, dtype)
    if not dtype.hasobject and head.bytes > info.file_size:
        raise LabError(f"The array {info.filename} claims {head.bytes:,.0f} bytes and has fewer.", HINT)
    return head
