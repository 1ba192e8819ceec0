"""PCD 0.7, the format of the Point Cloud Library: ascii, binary and compressed, into one array a field."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.scenes.checks import MAX_POINTS

KINDS = {"F": "f", "I": "i", "U": "u"}


def read_fields(path: Path) -> dict[str, np.ndarray]:
    """Return the fields of a PCD file by name, each (N,); of fields with several numbers, the first.

    Raises
    ------
    LabError
        If the header is broken, or the file holds fewer points than it says.
    """
    blob = path.read_bytes()
    header, start = _header(path.name, blob)
    names = header["FIELDS"]
    sizes, counts = ([int(v) for v in header.get(k, ["1"] * len(names))] for k in ("SIZE", "COUNT"))
    kinds = header["TYPE"]
    if not len(names) == len(sizes) == len(counts) == len(kinds):
        raise LabError(
            f"The header of {path.name} names {len(names)} fields, but not as many sizes.", "Export it again."
        )
    number = int(header["POINTS"][0]) if "POINTS" in header else int(header["WIDTH"][0]) * int(header["HEIGHT"][0])
    if not 0 <= number <= MAX_POINTS:
        raise LabError(f"{path.name} claims {number:,} points; {MAX_POINTS:,} is the limit.", "Thin it out.")
    form = header["DATA"][0].lower()
    types = [np.dtype(f"<{KINDS[k]}{s}") for k, s in zip(kinds, sizes, strict=True)]
    unique = [n if names.index(n) == i and n != "_" else f"_{i}" for i, n in enumerate(names)]
    layout = np.dtype([(n, t, (c,)) for n, t, c in zip(unique, types, counts, strict=True)])
    if form == "ascii":
        return _ascii(path.name, blob[start:], number, unique, counts)
    data = blob[start:]
    if form == "binary_compressed":
        packed, whole = (int(v) for v in np.frombuffer(data[:8], "<u4")) if len(data) >= 8 else (0, -1)
        if whole != number * layout.itemsize or len(data) < 8 + packed:
            raise _short(path.name, number)
        data = unpack(data[8 : 8 + packed], whole)
        ends = np.cumsum([0] + [number * t.itemsize * c for t, c in zip(types, counts, strict=True)])
        parts = zip(unique, types, counts, ends, strict=False)  # each field lies in one piece
        return {n: np.frombuffer(data, t, number * c, int(at)).reshape(number, c)[:, 0] for n, t, c, at in parts}
    if form != "binary":
        raise LabError(f"{path.name} has data of the kind {form!r}.", "ascii, binary and binary_compressed are read.")
    if len(data) < number * layout.itemsize:
        raise _short(path.name, number, len(data) // layout.itemsize)
    rows = np.frombuffer(data, layout, number)
    return {n: rows[n][:, 0] for n in unique}


def unpack(data: bytes, size: int) -> bytes:
    """Return what LZF packed (M. Lehmann's liblzf): runs of literals, and copies from up to 8 kB before.

    Raises
    ------
    LabError
        If it does not unpack to `size` bytes.
    """
    out, i = bytearray(), 0
    while i < len(data):
        code = data[i]
        i += 1
        if code < 32:  # a run of code + 1 literals
            out += data[i : i + code + 1]
            i += code + 1
            continue
        length = code >> 5
        if length == 7:
            length += data[i]
            i += 1
        back = ((code & 31) << 8) + data[i] + 1
        i += 1
        at, length = len(out) - back, length + 2
        if at < 0 or len(out) > size:
            break
        piece = out[at : at + length]
        out += (piece * (length // len(piece) + 1))[:length]  # a copy may run into itself
    if len(out) != size:
        raise LabError(
            "The compressed points do not unpack to the size that the header says.", "Export the file again."
        )
    return bytes(out)


def _header(name: str, blob: bytes) -> tuple[dict[str, list[str]], int]:
    header: dict[str, list[str]] = {}
    at, feed = 0, b"\n" if b"\n" in blob[: blob.find(b"DATA")] else b"\r"  # carriage returns alone are of old Macs
    while at < min(len(blob), 10_000):
        end = blob.find(feed, at)
        if end < 0:
            break
        words = blob[at:end].decode("ascii", "replace").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            header[words[0].upper()] = words[1:]
            if words[0].upper() == "DATA":
                break
    lacking = [k for k in ("FIELDS", "SIZE", "TYPE", "DATA") if not header.get(k)]
    if lacking or not ("POINTS" in header or {"WIDTH", "HEIGHT"} <= set(header)):
        raise LabError(f"{name} has no PCD header: {', '.join(lacking) or 'POINTS'} is missing.", "Is it a PCD file?")
    return header, at


def _ascii(name: str, text: bytes, number: int, names: list[str], counts: list[int]) -> dict[str, np.ndarray]:
    values = np.array(text.split(), dtype=float)
    width = sum(counts)
    if len(values) < number * width:
        raise _short(name, number, len(values) // width)
    rows = values[: number * width].reshape(number, width)
    starts = np.cumsum([0, *counts[:-1]])
    return {n: rows[:, at] for n, at in zip(names, starts, strict=True)}


def _short(name: str, number: int, found: int | None = None) -> LabError:
    held = "fewer" if found is None else f"{found:,}"
    return LabError(
        f"{name} is cut off: its header says {number:,} points, it holds {held}.", "Copy or export it again."
    )
