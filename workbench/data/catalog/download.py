"""Download of one file over HTTP: checksum by pooch, with progress and resumption."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.catalog.cache import Progress

TRIES = 3  # a broken connection is taken up again so often before we give up
TIMEOUT = (10, 60)  # seconds to connect, and to wait for the next bytes


def get(url: str, target: Path, progress: Progress, total: int, digest: str | None) -> Path:
    """Download one file, going on with what an earlier attempt left.

    Parameters
    ----------
    url
        ``http://`` or ``https://``.
    target
        Where the file goes once it is complete and right.
    progress
        Called about ten times a megabyte.
    total
        Bytes to expect, 0 if the server is to say it.
    digest
        SHA-256 in hex, or None if the caller checks what is inside.

    Raises
    ------
    LabError
        If the server does not answer, says no, breaks off again and again, or sends another file.
    """
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    part = cache.cache() / ".partial" / hashlib.sha256(f"{url} {digest}".encode()).hexdigest()[:20]
    part.parent.mkdir(parents=True, exist_ok=True)

    def fetch(url: str, output: Any, _: Any) -> None:
        _fetch(url, part, progress, total)
        part.replace(output)

    try:
        pooch.retrieve(url, digest and f"sha256:{digest}", fname=target.name, path=target.parent, downloader=fetch)
    except ValueError as error:  # pooch's word for a wrong checksum; the wrong bytes are gone with its temporary file
        raise LabError(f"What {url} sends is not the expected file: its checksum differs.") from error
    return target


def _fetch(url: str, part: Path, progress: Progress, total: int) -> None:
    """Append to `part` until it is complete."""
    import requests

    for attempt in range(TRIES):
        have = part.stat().st_size if part.exists() else 0
        try:
            headers = {"Range": f"bytes={have}-"} if have else {}
            headers["Accept-Encoding"] = "identity"  # a range of a compressed answer is a range of something else
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
                if answer.status_code == 416:  # what we have does not fit what they have: start again
                    part.unlink()
                    continue
                if answer.status_code not in (200, 206):
                    raise LabError(f"{url} answers {answer.status_code} {answer.reason}.")
                if answer.status_code == 200:
                    have = 0
                length = answer.headers.get("Content-Length")
                whole = have + int(length) if length else 0
                with part.open("ab" if have else "wb") as file:
                    for block in answer.iter_content(1 << 17):
                        file.write(block)
                        have += len(block)
                        progress(have, whole or total, f"downloading {url.rsplit('/', 1)[-1]}")
            if have >= whole:
                return
            broken: Exception = LabError(f"{url} broke off at {have:,} of {whole:,} bytes.")
        except requests.RequestException as error:
            broken = error
            if not part.exists() and attempt == 0 and isinstance(error, requests.ConnectionError):
                break  # nothing answers at all: no use in asking again
    reason = broken if isinstance(broken, LabError) else type(broken).__name__
    raise LabError(f"{url} cannot be reached or breaks off ({reason}).") from broken
