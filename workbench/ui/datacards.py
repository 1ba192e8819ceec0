"""The data card of a file as HTML: pictures, figures, what to mind, the first rows of a table."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import numpy as np

from workbench.data.cards import Card
from workbench.data.images.png import png
from workbench.data.scenes.card import SceneCard
from workbench.data.volumes.card import VolumeCard
from workbench.ui.datacard import card_frame, pictures_row

SLICE_HEIGHT, SLICES_WIDTH = 110, 310  # pixels that the tallest slice may take, and all three beside each other
SLICES = ("Axial, from the feet", "Coronal, from the front", "Sagittal, from the right")
SCENE_HEIGHT = 96  # pixels that a picture of a scene is shown with


def card_html(card: Card) -> str:
    """Return a data card as HTML."""
    pictures = PICTURES[card.modality](card.record) if card.modality in PICTURES else ()
    above = pictures_row(pictures) if pictures else ""
    return card_frame(card.name, card.facts, card.sha256, card.warnings, card.notes, above, _first_rows(card))


def _first_rows(card: Card) -> str:
    if card.preview is None:
        return ""
    rows = card.preview.iloc[:4, -6:].round(3).to_html(index=False, border=0)
    return f"<details><summary>First rows</summary><div class='scroll'>{rows}</div></details>"


def _contact_sheet(card: dict[str, Any]) -> list[str]:
    style = "width:100%;image-rendering:pixelated"
    return [_image(card["sheet"], "png", "Training images of each class, in the order below", f'style="{style}"')]


def _slices(card: VolumeCard) -> list[str]:
    """Return three slices at one scale, so that their proportions are the body's."""
    dx, dy, dz = card.spacing
    steps = ((dx, dy), (dx, dz), (dy, dz))  # mm across and down
    sizes = [(p.shape[1] * across, p.shape[0] * down) for p, (across, down) in zip(card.slices, steps, strict=True)]
    scale = min(SLICE_HEIGHT / max(height for _, height in sizes), SLICES_WIDTH / sum(width for width, _ in sizes))
    return [
        _image(_thinned(plane), "png", view, _size(width * scale, height * scale))
        for view, plane, (width, height) in zip(SLICES, card.slices, sizes, strict=True)
    ]


def _thinned(plane: np.ndarray) -> bytes:
    """Return a gray picture, thinned to about twice the size at which it is shown."""
    step = max(1, max(plane.shape) // (2 * SLICE_HEIGHT))
    return png(plane[::step, ::step])


def _cameras(card: SceneCard) -> list[str]:
    from PIL import Image

    found = []
    for name, image in card.pictures:
        kind, file = ("png" if name == "From above" else "jpeg"), io.BytesIO()
        Image.fromarray(image).save(file, kind, quality=85)
        size = _size(SCENE_HEIGHT * image.shape[1] / image.shape[0], SCENE_HEIGHT)
        found.append(_image(file.getvalue(), kind, name, f'{size} style="max-width:100%"'))
    return found


def _size(width: float, height: float) -> str:
    return f'width="{width:.0f}" height="{height:.0f}"'


def _image(blob: bytes, kind: str, words: str, more: str) -> str:
    words = escape(words)
    return (
        f'<img alt="{words}" title="{words}" {more} src="data:image/{kind};base64,{base64.b64encode(blob).decode()}">'
    )


PICTURES: dict[str, Callable[[Any], Iterable[str]]] = {
    "Images": _contact_sheet,
    "Volumes": _slices,
    "Scenes": _cameras,
}
