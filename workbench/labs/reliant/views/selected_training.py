"""The one training that a click in the trade-off picked: the other views show it, and a link restores it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from workbench.contract import Result
from workbench.labs.reliant.views import style

KEY = "training"


def pick(link: Any, name: str, row: pd.Series) -> None:
    """Remember a training (a row of `Outcomes.runs`) of a graph, for the run that the page shows."""
    if link is not None:
        link.state[KEY] = [link.run_id, name, int(row["at"])]


def picked(link: Any, result: Result) -> tuple[str, pd.Series] | None:
    """Return graph and row of the picked training; None if there is none, or it belongs to another run."""
    kept = None if link is None else link.state.get(KEY)
    if not isinstance(kept, list) or len(kept) != 3 or kept[0] != link.run_id:
        return None
    found = style.graphs(result).get(kept[1])
    rows = found.runs[found.runs["at"] == kept[2]] if found is not None else ()
    return (kept[1], rows.iloc[0]) if len(rows) else None


def follow(link: Any, show: Callable[[], None]) -> None:
    """Call `show` whenever another training is picked."""
    if link is not None:
        link.state.watch(lambda key, _value: show() if key == KEY else None)


def training_words(row: Any) -> str:
    """Return a training as menus and notes name it; trainings count from 1."""
    path = " → ".join(style.NETWORKS[row[k]] for k in ("teacher", "student") if row[k] in style.NETWORKS)
    return f"{style.arm_words(row)} ({path}), training {int(row['seed']) + 1}"
