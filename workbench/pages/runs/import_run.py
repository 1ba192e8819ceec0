"""Import of a run from a zip that is dropped on the page."""

from __future__ import annotations

import asyncio
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.lab import get_lab
from workbench.data.uploads import safe_name
from workbench.pages.access import user_name
from workbench.runs.record import Run
from workbench.transfer.import_run import import_run
from workbench.ui.address import href
from workbench.ui.errors import error_html
from workbench.ui.style import html

MAX_BYTES = 150_000_000  # what travels through the page; the terminal takes larger ones


class ImportCard:
    """A file button that takes drops; what became of the zip stands below it."""

    def __init__(self) -> None:
        self._button = pmui.FileInput(
            label="Import a run (click or drop its zip)",
            accept=".zip",
            max_file_size=MAX_BYTES,
            variant="outlined",
            size="small",
            width=300,
            margin=0,
        )
        self._word = html(margin=(8, 0))
        self._button.param.watch(self._dropped, "value")
        self.layout = pn.Column(self._button, self._word, sizing_mode="stretch_width", margin=(24, 0, 0, 0))

    async def _dropped(self, event: Any) -> None:
        name, blob = self._button.filename, event.new
        if blob is None:
            return
        name, blob = (name[0], blob[0]) if isinstance(name, list) else (name, blob)
        self._word.object = '<p class="soft" role="status">Looking at the zip …</p>'
        try:
            run = await asyncio.to_thread(keep, name or "run.zip", blob, user_name())
        except Exception as error:  # whatever is in a stranger's file, the page says it in words
            self._word.object = error_html(error, f"importing {name}")
            return
        link = escape(href(lab=run.lab, run=run.id))
        self._word.object = (
            f'<div class="note"><p>Imported: <a href="{link}">{escape(run.name)}</a> of the lab '
            f"{escape(get_lab(run.lab).title)}, {escape(run.status)}, first made "
            f"{run.created.astimezone():%d %b %Y, %H:%M}.</p></div>"
        )


def keep(name: str, blob: bytes, user: str) -> Run:
    """Import the bytes of an uploaded zip."""
    with tempfile.TemporaryDirectory(prefix="workbench-upload-") as place:
        file = Path(place) / safe_name(name)
        file.write_bytes(blob)
        return import_run(file, user=user)
