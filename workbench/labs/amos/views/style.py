"""Shared style of this lab's pictures: colors of the teams, how measures are called."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.contract import Result
from workbench.ui.plots.series import SeriesTable

MEASURES = {"DSC": "dsc", "NSD": "nsd"}


def rules(result: Result) -> str:
    """Return the note that says how the NSD was measured, and whether the scans are simulated."""
    told = [note for note in result.notes if note.startswith(("NSD at", "SIMULATED"))]
    return " ".join(sorted(told, reverse=True))


def teams(names: Iterable[str]) -> SeriesTable:
    """Return the series of these teams (network and arm), in the order of their names."""
    return SeriesTable.of(sorted(set(names)))
