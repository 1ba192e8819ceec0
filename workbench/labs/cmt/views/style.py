"""What the pictures of this lab share: words and colors of arms and conditions, tables, what must be said."""

from __future__ import annotations

from collections.abc import Iterable

import panel as pn

from workbench.contract import Result
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.common.shapes import ARMS
from workbench.ui.frame import paragraph
from workbench.ui.palette import PALETTE

MEASURES = {"NDS": "nds", "mAP": "ap", "ATE, m": "ATE", "ASE": "ASE", "AOE, rad": "AOE", "AVE, m/s": "AVE"}
HIGHER = ("nds", "ap")
ALL = "all"


def caution(result: Result) -> pn.pane.Markdown:
    """Return the notes on what is simulated and which terms NDS has here."""
    return paragraph(" ".join(note for note in result.notes if note.startswith(("SIMULATED", "NDS here"))))


def arms_in(found: Iterable[str]) -> list[str]:
    """Return the arms of a result in their own order."""
    there = set(found)
    return [arm for arm in ARMS if arm in there]


def conditions_in(found: Iterable[str]) -> list[str]:
    """Return the conditions of a result in their own order."""
    there = set(found)
    return [condition for condition in CONDITIONS if condition in there]


def arm_look(arm: str) -> tuple[str, str]:
    """Return color and marker of an arm, the same everywhere."""
    i = list(ARMS).index(arm)
    return PALETTE.color(i), PALETTE.marker(i)


def measures_of(result: Result) -> dict[str, str]:
    """Return the measures that a result has: words -> column."""
    columns = result.tables["scores"].columns
    return {title: key for title, key in MEASURES.items() if key in columns}
