"""A volume's data card as HTML: three middle slices, figures, organs, and what to mind."""

from __future__ import annotations

import base64

import numpy as np

from workbench.data.images.png import png
from workbench.data.volumes.card import VolumeCard
from workbench.ui.datacard import card_frame, pictures_row

HEIGHT, WIDTH = 110, 310  # pixels that the tallest slice may take, and all three beside each other
VIEWS = ("Axial, from the feet", "Coronal, from the front", "Sagittal, from the right")


def volume_html(card: VolumeCard) -> str:
    """Return the card of a scan."""
    axes = f"{card.axes} in the file" + ("" if card.axes == "RAS" else ", turned to RAS")
    if card.oblique > 0.5:
        axes += f", oblique by {card.oblique:.0f}°"
    facts = {
        "Voxels": " × ".join(map(str, card.shape)),
        "Spacing": " × ".join(f"{s:.3g}" for s in card.spacing) + " mm",
        "Extent": " × ".join(f"{n * s:.0f}" for n, s in zip(card.shape, card.spacing, strict=True)) + " mm",
        "Orientation": axes,
        "Values": f"{card.low:g} to {card.high:g}; 98 % within {card.middle[0]:g} to {card.middle[1]:g}",
        "Modality": (card.modality or "unknown") + (", guessed from the values" if card.guessed else ""),
    }
    if card.organs:
        told = ", ".join(f"{name} {size:,.0f} mL" for name, size in list(card.organs.items())[:6])
        more = len(card.organs) - 6
        facts[f"{len(card.organs)} organs"] = told + (f" and {more} more" if more > 0 else "")
    return card_frame(card.name, facts, card.sha256, card.warnings, card.notes, above=pictures_row(_pictures(card)))


def _pictures(card: VolumeCard) -> list[str]:
    """The slices at one scale, so that their proportions are the body's."""
    dx, dy, dz = card.spacing
    steps = ((dx, dy), (dx, dz), (dy, dz))  # mm across and down
    sizes = [(p.shape[1] * across, p.shape[0] * down) for p, (across, down) in zip(card.slices, steps, strict=True)]
    scale = min(HEIGHT / max(height for _, height in sizes), WIDTH / sum(width for width, _ in sizes))
    return [
        f'<img alt="{view}" title="{view}" width="{width * scale:.0f}" height="{height * scale:.0f}" '
        f'src="data:image/png;base64,{_png(plane)}">'
        for view, plane, (width, height) in zip(VIEWS, card.slices, sizes, strict=True)
    ]


def _png(plane: np.ndarray) -> str:
    """Return a gray picture, thinned to about twice the size at which it is shown."""
    thin = max(1, max(plane.shape) // (2 * HEIGHT))
    return base64.b64encode(png(plane[::thin, ::thin])).decode()
