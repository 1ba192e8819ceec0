"""Upload of the user's own data, with a data card before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.data.cards import KINDS, card
from workbench.data.uploads import save_upload
from workbench.runs.machine_errors import user_error
from workbench.ui.datacards import card_html
from workbench.ui.errors import error_html
from workbench.ui.style import html


class OwnDataInput:
    """A file button that also takes drops; the data card stands below it.

    Parameters
    ----------
    modality
        The lab's: it decides which files are taken and how they are described.
    chosen
        Called with the path on this machine once a file was read without error, and with "" when it could not be.
    """

    def __init__(self, modality: str, chosen: Callable[[str], Any]):
        self._chosen = chosen
        self._modality = modality if modality in KINDS else "Tables"
        self._suffixes, self._limit = KINDS[self._modality].suffixes, KINDS[self._modality].limit
        self._button = pmui.FileInput(
            label="Your own file (click or drop)",
            accept=",".join(self._suffixes),
            max_file_size=self._limit,
            variant="outlined",
            sizing_mode="stretch_width",
            margin=(5, 0),
        )
        self._card = html(visible=False, margin=(5, 0))
        self._button.param.watch(self._dropped, "value")
        self.layout = pn.Column(self._button, self._card, sizing_mode="stretch_width", margin=0)

    async def _dropped(self, event: Any) -> None:
        name, blob = self._button.filename, event.new
        if blob is None:
            return
        name, blob = (name[0], blob[0]) if isinstance(name, list) else (name, blob)
        self._say("<p class='soft'>Reading the file …</p>")
        try:
            path = await asyncio.to_thread(save_upload, name or "file", blob, self._suffixes, self._limit)
            shown = card_html(await asyncio.to_thread(card, path, self._modality))
        except Exception as error:  # whatever is in a user's file, the page says it in words
            known = error if isinstance(error, LabError) else user_error(error)
            known = known or LabError(f"{name} could not be read: {error}")
            self._say(error_html(known, f"reading {name}"))
            self._chosen("")  # or Run would quietly take the file before
            return
        self._say(shown)
        self._chosen(str(path))

    def _say(self, text: str) -> None:
        self._card.param.update(object=text, visible=True)
