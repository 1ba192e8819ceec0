"""Upload of the user's own data, with a data card before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui

from workbench.contract.errors import LabError
from workbench.data.catalog import cache
from workbench.data.graphs.card import facts, graph_card
from workbench.data.graphs.own import SUFFIXES as GRAPHS
from workbench.data.graphs.own import Unnamed, read_graph
from workbench.data.images import own as own_images
from workbench.data.images.card import image_card
from workbench.data.music import own as own_grooves
from workbench.data.music.named import GrooveCard, groove_card
from workbench.data.scenes import own as own_scenes
from workbench.data.scenes.card import scene_card
from workbench.data.tables.formats import SUFFIXES
from workbench.data.tables.table import DataCard, data_card
from workbench.data.uploads import MAX_BYTES, MAX_VOLUME, save_upload
from workbench.data.volumes import volume
from workbench.data.volumes.card import volume_card
from workbench.pages.lab.image_card import image_html
from workbench.pages.lab.scene_card import scene_html
from workbench.pages.lab.volume_card import volume_html
from workbench.runs.machine_errors import user_error
from workbench.ui.datacard import card_frame
from workbench.ui.errors import error_html
from workbench.ui.style import html


def table_html(card: DataCard) -> str:
    """Return a data card as HTML: what is in the file, what was done to it, what to mind."""
    counts = sorted(card.classes.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{name} {count:,}" for name, count in counts[:8])
    if len(counts) > 8:
        told += f" and {len(counts) - 8} more"
    facts = {
        "Rows": f"{card.rows:,}",
        "Features": f"{card.features:,}",
        "Type": card.dtype,
        f"{len(counts)} classes": told,
        "Missing cells": f"{card.missing:,}",
    }
    preview = card.preview.iloc[:4, -6:].round(3).to_html(index=False, border=0)
    preview = f"<details><summary>First rows</summary><div class='scroll'>{preview}</div></details>"
    return card_frame(card.name, facts, card.sha256, card.warnings, card.notes, below=preview)


def groove_html(card: GrooveCard, name: str, notes: tuple[str, ...]) -> str:
    """Return the card of MIDI files as HTML: how much there is, in which meters and styles, what to mind."""
    slow, fast = card.tempo
    facts = {
        "Grooves": f"{card.grooves:,}",
        "Hits": f"{card.hits:,}" + (f", {card.left_out:.1%} outside of the six pieces" if card.left_out else ""),
        "Minutes": f"{card.minutes:,.1f}",
        "Bars": f"{card.bars:,}: {card.distinct:,} different, {card.silent:,} silent",
        "Meters": counted(card.meters),
        "Styles": counted(card.styles),
        "Tempo": f"{slow:.0f} beats a minute" if round(slow) == round(fast) else f"{slow:.0f} to {fast:.0f} a minute",
    }
    if set(card.styles) == {"unknown"}:
        del facts["Styles"]
    return card_frame(name, facts, warnings=(*card.warnings, *notes))


def counted(names: dict[str, int], most: int = 6) -> str:
    """Return names with their counts, the names alone if there is but one."""
    if len(names) == 1:
        return next(iter(names))
    told = ", ".join(f"{name} ({count:,})" for name, count in list(names.items())[:most])
    return told + (f" and {len(names) - most} more" if len(names) > most else "")


def table_card(path: Path) -> str:
    return table_html(data_card(path))


def midi_card(path: Path) -> str:
    grooves, notes = own_grooves.read_midi_files(path)
    return groove_html(groove_card(grooves), path.name, notes)


def scan_card(path: Path) -> str:
    return volume_html(volume_card(path))


def drive_card(path: Path) -> str:
    return scene_html(scene_card(path))


def pictures_card(path: Path) -> str:
    return image_html(image_card(own_images.read_images(path)), path.name, cache.sha256(path))


def people_card(path: Path) -> str:
    try:
        card = graph_card(read_graph(path))
    except Unnamed as error:  # the file is good, and the form has fields for that
        return card_frame(path.name, {}, warnings=[str(error)])
    return card_frame(path.name, facts(card), warnings=card.warnings, notes=card.notes)


# what a lab of that modality takes, and how many bytes of it; all others take tables
KINDS = {
    "Images": (own_images.SUFFIXES, pictures_card, MAX_BYTES),
    "Music": (own_grooves.SUFFIXES, midi_card, MAX_BYTES),
    "Volumes": (volume.SUFFIXES, scan_card, MAX_VOLUME),
    "Graphs": (GRAPHS, people_card, MAX_BYTES),
    "Scenes": (own_scenes.SUFFIXES, drive_card, MAX_VOLUME),
}
TABLES = (SUFFIXES, table_card, MAX_BYTES)


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
        self._suffixes, self._describe, self._limit = KINDS.get(modality, TABLES)
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
            card = await asyncio.to_thread(self._describe, path)
        except Exception as error:  # whatever is in a user's file, the page says it in words
            known = error if isinstance(error, LabError) else user_error(error)
            known = known or LabError(f"{name} could not be read: {error}")
            self._say(error_html(known, f"reading {name}"))
            self._chosen("")  # or Run would quietly take the file before
            return
        self._say(card)
        self._chosen(str(path))

    def _say(self, text: str) -> None:
        self._card.param.update(object=text, visible=True)
