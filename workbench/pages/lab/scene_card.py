"""A scene's data card as HTML: from above and by each camera, figures, classes, and what to mind."""

from __future__ import annotations

import base64
import io
from html import escape

import numpy as np

from workbench.data.scenes.card import SceneCard
from workbench.ui.datacard import card_frame, pictures_row

HEIGHT = 96  # pixels that a picture is shown with


def scene_html(card: SceneCard) -> str:
    """Return the card of a scene."""
    facts = {"Points": f"{card.points:,}" + (f" of {card.beams} beams" if card.beams else "")}
    if card.points:
        facts["Reach"] = f"{card.reach:.0f} m (99 % of the points)"
    if card.frames > 1:
        facts["Frames"] = f"{card.frames:,}; this is the first"
    sizes = sorted({f"{width} × {height}" for _, width, height, _ in card.cameras})
    facts["Cameras"] = f"{len(card.cameras)}, {' and '.join(sizes)} pixels" if sizes else "none"
    told = ", ".join(f"{name} ({count:,})" for name, count in card.boxes.items())
    facts["Boxes"] = told or "no annotation"
    pictures = pictures_row(_picture(name, image) for name, image in card.pictures)
    return card_frame(card.name, facts, card.sha256, card.warnings, card.notes, above=pictures)


def _picture(name: str, image: np.ndarray) -> str:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG" if name == "From above" else "JPEG", quality=85)
    kind = "png" if name == "From above" else "jpeg"
    width = HEIGHT * image.shape[1] / image.shape[0]
    return (
        f'<img alt="{escape(name)}" title="{escape(name)}" width="{width:.0f}" height="{HEIGHT}" '
        f'style="max-width:100%" src="data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}">'
    )
