"""Example cases of a run, kept for display: named arrays, one NPZ file each among the media of a result."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile

from workbench.contract.errors import LabError
from workbench.contract.result import Result

Arrays = dict[str, np.ndarray]


def as_media(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Return cases (name -> arrays, or tensors of a run that was resumed) as media of a result."""
    return {f"case_{i}.npz": to_npz(name, arrays) for i, (name, arrays) in enumerate(cases.items())}


def to_npz(name: str, arrays: Mapping[str, Any]) -> bytes:
    """Return a case as the bytes of an NPZ file."""
    blob = io.BytesIO()
    whole = {key: np.asarray(value) for key, value in arrays.items()}
    np.savez_compressed(blob, name=np.frombuffer(name.encode(), np.uint8), **whole)
    return blob.getvalue()


def has_cases(result: Result) -> bool:
    """Return True if a result keeps any case."""
    return bool(_files(result))


def opened_cases(result: Result) -> Iterator[NpzFile]:
    """Yield each case that a result keeps, opened: an array is read when it is asked for."""
    for file in _files(result):
        with np.load(io.BytesIO(result.media[file]), allow_pickle=False) as kept:
            yield kept


def stored_cases(result: Result) -> dict[str, Arrays]:
    """Return the cases that a result keeps: name -> its arrays."""
    found = {}
    for kept in opened_cases(result):
        arrays = {key: kept[key] for key in kept.files}
        found[arrays.pop("name").tobytes().decode()] = arrays
    return found


def _files(result: Result) -> list[str]:
    return sorted(name for name in result.media if name.startswith("case_"))


def chosen_voxel(at: Sequence[float] | None, shape: tuple[int, ...]) -> np.ndarray:
    """Return the voxel (3,) of a case that a question names; the middle if it names none.

    Raises
    ------
    LabError
        If it lies outside of the case.
    """
    if at is None:
        return np.array(shape) // 2
    voxel = np.rint(at).astype(int)
    if (voxel < 0).any() or (voxel >= shape).any():
        raise LabError(
            f"The voxel {voxel.tolist()} is not in the scan.", f"It has {' x '.join(map(str, shape))} voxels."
        )
    return voxel
