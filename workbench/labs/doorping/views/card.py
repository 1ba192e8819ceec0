"""The data card: how many images of each class there are, and how many the run took."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import panel as pn

from workbench.contract import Result
from workbench.labs.doorping.common.sheets import tiled
from workbench.labs.doorping.views import style
from workbench.ui.frame import table_pane, view
from workbench.ui.style import html

EACH = 4


def card_view(result: Result, link: Any = None) -> pn.Column:
    """Draw the table `card` and some test images."""
    card = result.tables["card"]
    names = {"class": "class", "training": "training images", "used": "taken", "test": "test images", "tested": "taken"}
    table = pd.DataFrame({k: [f"{v:,}" if k != "class" else f"{n} {v}" for n, v in enumerate(card[k])] for k in names})
    table.columns = list(names.values())
    tests, labels = np.asarray(result.arrays["tests"]), np.asarray(result.arrays["test_labels"])
    few = [tests[labels == c][:EACH] for c in range(len(card)) if (labels == c).sum() >= EACH]
    parts = [style.picture(tiled(np.stack(few)), 200, "test images, a row a class")] if few else []
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    return view(
        "The images that the run began with. Which ones are taken is drawn by the run's seed, alike for all attacks.",
        pn.FlexBox(table_pane(table), html("".join(parts)), gap="24px"),
        html(f"<ul class='small'>{notes}</ul>"),
    )
