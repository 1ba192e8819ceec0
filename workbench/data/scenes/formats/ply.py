"""PLY, the Stanford triangle format: the vertices, ascii or binary, into one array a property."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import MAX_POINTS

TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
LINE_END = re.compile(rb"ply[ \t]*(\r\n|\n|\r)")
ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "<"}


def read_fields(path: Path) -> dict[str, np.ndarray]:
    """Return the properties of the vertices of a PLY file by name, each (N,).

    Raises
    ------
    LabError
        If the header is broken, vertices do not come first, or the file holds fewer than it says.
    """
    blob = path.read_bytes()
    form, number, properties, start = _header(path.name, blob)
    layout = np.dtype([(name, ORDER[form] + kind) for name, kind in properties])
    if form == "ascii":
        values = np.array(blob[start:].split(None, number * len(properties))[: number * len(properties)], dtype=float)
        found, rows = len(values) // len(properties), values
        if found >= number:
            rows = values.reshape(number, len(properties))
            return {name: rows[:, k] for k, (name, _) in enumerate(properties)}
    else:
        found = (len(blob) - start) // layout.itemsize
        if found >= number:
            rows = np.frombuffer(blob, layout, number, start)
            return {name: rows[name] for name in layout.names}
    raise LabError(
        f"{path.name} is cut off: its header says {number:,} points, it holds {found:,}.", "Copy or export it again."
    )


def _header(name: str, blob: bytes) -> tuple[str, int, list[tuple[str, str]], int]:
    ends = LINE_END.match(blob)  # of lines: in the header of a binary file, all have to be alike
    if ends is None:
        raise LabError(f"{name} has no PLY header.", "Is it a PLY file?")
    end = blob.find(b"end_header")
    start = blob.find(ends[1], end) + len(ends[1])
    if end < 0 or start < end:
        raise LabError(f"The header of {name} has no end.", "Copy or export the file again.")
    form, number, properties, element = "", 0, [], ""
    for line in blob[:end].decode("ascii", "replace").splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            form = words[1]
        elif words[:1] == ["element"]:
            if words[1] != "vertex" and not element:
                raise LabError(f"{name} lists {words[1]} before its vertices.", "Save it as a point cloud.")
            element = words[1]
            number = int(words[2]) if element == "vertex" else number
        elif words[:1] == ["property"] and element == "vertex":
            if words[1] not in TYPES:
                raise LabError(f"{name} has vertices with {' '.join(words[1:])}.", "Save it as a point cloud.")
            properties.append((words[-1], TYPES[words[1]]))
    if form not in ORDER or not properties or not 0 <= number <= MAX_POINTS:
        raise LabError(f"{name} has {number:,} vertices in the format {form!r}; that is not read.", "Export it again.")
    return form, number, properties, start
