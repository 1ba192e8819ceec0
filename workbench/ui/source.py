"""Own data: a file dropped on the page, kept, looked at, and told about before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.data.formats import SUFFIXES
from workbench.data.tables import DataCard, data_card
from workbench.data.uploads import MAX_BYTES, save_upload
from workbench.lab import LabError
from workbench.ui.errors import error_html
from workbench.ui.style import html


def card_html(card: DataCard) -> str:
    """Return a data card as HTML: what is in the file, what was done to it, what to mind."""
    counts = sorted(card.classes.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{escape(name)} {count:,}" for name, count in counts[:8])
    if len(counts) > 8:
        told += f" and {len(counts) - 8} more"
    facts = {
        "Rows": f"{card.rows:,}",
        "Features": f"{card.features:,}",
        "Type": card.dtype,
        f"{len(counts)} classes": told,
        "Missing cells": f"{card.missing:,}",
        "SHA-256": f"<code>{card.sha256[:12]}</code>",
    }
    rows = "".join(f"<div><dt>{key}</dt><dd>{value}</dd></div>" for key, value in facts.items())
    notes = "".join(f'<li class="soft">{escape(note)}</li>' for note in card.notes)
    minds = "".join(f'<li><span aria-hidden="true">⚠</span> {escape(warning)}</li>' for warning in card.warnings)
    preview = card.preview.iloc[:4, -6:].round(3).to_html(index=False, border=0)
    return (
        f'<div class="note{" unsure" if minds else ""}"><p><strong>{escape(card.name)}</strong></p>'
        f'<dl class="facts">{rows}</dl><ul class="small plain">{minds}{notes}</ul>'
        f"<details><summary>First rows</summary><div class='scroll'>{preview}</div></details></div>"
    )


class OwnFile:
    """A file button that also takes drops; the data card stands below it.

    Parameters
    ----------
    chosen
        Called with the path on this machine once a file was read without error, and with "" when it could not be.
    """

    def __init__(self, chosen: Callable[[str], Any]):
        self._chosen = chosen
        self._button = pmui.FileInput(
            label="Your own file (click or drop)",
            accept=",".join(SUFFIXES),
            max_file_size=MAX_BYTES,
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
            path = await asyncio.to_thread(save_upload, name or "file", blob)
            card = await asyncio.to_thread(data_card, path)
        except Exception as error:  # whatever is in a user's file, the page says it in words
            known = error if isinstance(error, LabError) else LabError(f"{name} could not be read: {error}")
            self._say(error_html(known, f"reading {name}"))
            self._chosen("")  # or Run would quietly take the file before
            return
        self._say(card_html(card))
        self._chosen(str(path))

    def _say(self, text: str) -> None:
        self._card.param.update(object=text, visible=True)
