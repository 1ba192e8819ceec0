"""The result of a run or a probe: metrics, curves, tables, arrays and media. Loads without torch."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PART = ".part"  # of files that are being written
NAME = re.compile(r"[a-z0-9][a-z0-9_\-]*")  # names become file names, so they are checked


@dataclass
class Result:
    """Everything the views of a lab may draw.

    Attributes
    ----------
    metrics
        Headline numbers by key; each key is declared in ``Lab.metrics``.
    samples
        The same keys, one value per seed or repetition: the spread shown beside the number.
    curves
        ``key -> (steps, values)``, in the order in which they were logged.
    tables
        Data frames with a plain range index.
    arrays
        Arrays of numbers (no objects).
    media
        Finished files by file name, for example ``"synthetic.png"`` or ``"groove.wav"``.
    notes
        Sentences that the reader must know: what was scaled down, left out or simulated.
    partial
        True when the run was stopped before its end.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    curves: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    media: Mapping[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    partial: bool = False

    def spread(self, key: str) -> float:
        """Sample standard deviation of a metric over its seeds; NaN with fewer than two."""
        values = [v for v in self.samples.get(key, ()) if math.isfinite(v)]
        return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan

    def has(self, table: str) -> bool:
        """Return True if it holds that table, with at least one row; a stopped run may lack it."""
        return table in self.tables and len(self.tables[table]) > 0

    def save(self, folder: Path) -> None:
        """Write the result as JSON, Parquet, NPY and plain files below `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self.tables.items():
            write_piece(folder, name, table)
        for name, array in self.arrays.items():
            write_piece(folder, name, array)
        for name, blob in self.media.items():
            write_piece(folder, name, blob)
        head = {key: getattr(self, key) for key in ("metrics", "samples", "curves", "notes", "partial")}
        with atomic_write(folder / "result.json") as path:
            path.write_text(json.dumps(json_values(head), indent=1))

    @classmethod
    def load(cls, folder: Path) -> Result:
        """Read a saved result; tables, arrays and media are read when they are asked for."""
        head: dict[str, Any] = {}
        if (folder / "result.json").exists():
            head = json.loads((folder / "result.json").read_text())
        number = lambda v: math.nan if v is None else float(v)  # noqa: E731
        return cls(
            metrics={k: number(v) for k, v in head.get("metrics", {}).items()},
            samples={k: [number(v) for v in vs] for k, vs in head.get("samples", {}).items()},
            curves={k: (s, [number(v) for v in vs]) for k, (s, vs) in head.get("curves", {}).items()},
            tables=_Folder(folder / "tables", ".parquet", pd.read_parquet),
            arrays=_Folder(folder / "arrays", ".npy", lambda path: np.load(path, allow_pickle=False)),
            media=_Folder(folder / "media", "", Path.read_bytes),
            notes=list(head.get("notes", [])),
            partial=bool(head.get("partial", True)),  # no head: the run was killed before its end
        )


def add_point(curves: dict[str, tuple[list[float], list[float]]], key: str, value: float, step: float) -> None:
    """Add a point to a curve; steps rise, and a step told again (by a resumed run) replaces all from there on."""
    steps, values = curves.setdefault(key, ([], []))
    while steps and steps[-1] >= step:
        steps.pop(), values.pop()
    steps.append(step)
    values.append(value)


def write_piece(folder: Path, name: str, value: pd.DataFrame | np.ndarray | bytes) -> None:
    """Write one table, array or media file where `Result.load` finds it.

    Raises
    ------
    ValueError
        If the name could leave its folder, or the value would have to be pickled.
    """
    stem = name.rsplit(".", 1)[0] if isinstance(value, bytes) else name
    if not NAME.fullmatch(stem):
        raise ValueError(f"{name!r} is no good name for a result: use small letters, digits, - and _")
    if isinstance(value, pd.DataFrame):
        with atomic_write(folder / "tables" / f"{name}.parquet") as path:
            value.reset_index(drop=True).to_parquet(path)
    elif isinstance(value, np.ndarray):
        if value.dtype == object:
            raise ValueError(f"the array {name!r} holds Python objects; results keep numbers only")
        with atomic_write(folder / "arrays" / f"{name}.npy") as path, path.open("wb") as file:
            np.save(file, value, allow_pickle=False)
    elif isinstance(value, bytes):
        with atomic_write(folder / "media" / name) as path:
            path.write_bytes(value)
    else:
        raise ValueError(f"{name!r} is a {type(value).__name__}; a result keeps tables, arrays and bytes")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` at the end: a killed run leaves no torn file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process in its name: a worker that is about to die may still write beside the one that resumes its run
    partial = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    yield partial
    partial.replace(path)


class _Folder(Mapping):
    """The files of one folder, each read at its first use."""

    def __init__(self, folder: Path, suffix: str, read: Callable[[Path], Any]):
        self._paths = {}
        if folder.is_dir():
            self._paths = {
                p.name.removesuffix(suffix): p for p in sorted(folder.iterdir()) if not p.name.endswith(PART)
            }
        self._read = read
        self._kept: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._kept:
            self._kept[name] = self._read(self._paths[name])
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __reduce__(self):
        return dict, (dict(self),)  # travels between processes as a plain dict


def json_values(value: Any) -> Any:
    """Return a copy for JSON, which has no NaN: missing numbers become null."""
    if isinstance(value, dict):
        return {str(k): json_values(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
