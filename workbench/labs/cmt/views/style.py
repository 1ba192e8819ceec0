"""Shared style of this lab's pictures: labels and colors of arms, order of conditions, what must be said."""

from __future__ import annotations

from collections.abc import Iterable

import panel as pn

from workbench.contract import Result
from workbench.labs.cmt.common.conditions import CONDITIONS
from workbench.labs.cmt.common.shapes import ARMS
from workbench.ui.frame import paragraph
from workbench.ui.plots.series import SeriesTable

MEASURES = {"NDS": "nds", "mAP": "ap", "ATE, m": "ATE", "ASE": "ASE", "AOE, rad": "AOE", "AVE, m/s": "AVE"}
HIGHER = ("nds", "ap")
ALL = "all"
SERIES = SeriesTable.of({name: arm.title for name, arm in ARMS.items()})


def caution(result: Result) -> pn.pane.Markdown:
    """Return the notes on what is simulated and which terms NDS has here."""
    return paragraph(" ".join(note for note in result.notes if note.startswith(("SIMULATED", "NDS here"))))


def conditions_in(found: Iterable[str]) -> list[str]:
    """Return the conditions of a result in their own order."""
    there = set(found)
    return [condition for condition in CONDITIONS if condition in there]


def measures_of(result: Result) -> dict[str, str]:
    """Return the measures that a result has: words -> column."""
    columns = result.tables["scores"].columns
    return {title: key for title, key in MEASURES.items() if key in columns}
