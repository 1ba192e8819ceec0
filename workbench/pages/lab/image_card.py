"""The data card of a set of images as HTML: some of each class, figures, and what to mind."""

from __future__ import annotations

import base64
from typing import Any

from workbench.data.images.card import facts
from workbench.ui.datacard import card_frame, pictures_row


def image_html(card: dict[str, Any], name: str = "", sha256: str = "") -> str:
    """Return the card of a set of images.

    Parameters
    ----------
    card
        Of `workbench.data.images.card.image_card`.
    name
        Of the file; the set's own if empty.
    sha256
        Of the file.
    """
    picture = (
        '<img alt="Training images of each class, in the order below" style="width:100%;image-rendering:pixelated" '
        f'src="data:image/png;base64,{base64.b64encode(card["sheet"]).decode()}">'
    )
    above = pictures_row([picture])
    return card_frame(name or card["name"], facts(card), sha256, card["warnings"], card["notes"], above=above)
