"""The chunks of a RIFF file, the container of soundfonts and of some MIDI files."""

from __future__ import annotations

from collections.abc import Iterator


def chunks(blob: bytes, at: int = 12, end: int | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every chunk that is no list, also inside lists; the last one as far as it is there."""
    end = len(blob) if end is None else end
    while at + 8 <= end:
        name, size = blob[at : at + 4].decode("latin-1"), int.from_bytes(blob[at + 4 : at + 8], "little")
        if name == "LIST":
            yield from chunks(blob, at + 12, at + 8 + size)
        else:
            yield name, blob[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
