"""What the pictures of this lab share: colors of the teams, how measures are called."""

from __future__ import annotations

from workbench.contract import Result
from workbench.ui.palette import PALETTE

MEASURES = {"DSC": "dsc", "NSD": "nsd"}


def rules(result: Result) -> str:
    """Return the note that says how the NSD was measured, and whether the scans are simulated."""
    told = [note for note in result.notes if note.startswith(("NSD at", "SIMULATED"))]
    return " ".join(sorted(told, reverse=True))


def look(teams: list[str]) -> dict[str, tuple[str, str]]:
    """Return color and marker of each team, by the order of their names."""
    return {team: (PALETTE.color(i), PALETTE.marker(i)) for i, team in enumerate(sorted(teams))}
