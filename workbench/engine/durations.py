"""How long runs took on this machine, and so how long the next one will take."""

from __future__ import annotations

from statistics import median

from workbench.engine.owner import place_of
from workbench.runs.store import Store

LAST = 5  # runs of which the median is taken


def usual_seconds(store: Store, lab: str, preset: str, owner: str) -> float | None:
    """Return the median duration in seconds of the last finished runs of a preset where an owner runs; None for none.

    Parameters
    ----------
    preset
        Runs whose parameters were changed have none.
    owner
        Of the runs that are expected (see `workbench.engine.owner`): a process of this machine, or a cluster.
    """
    place = place_of(owner)
    runs = [
        run for run in store.runs(lab, status=("done",)) if run.preset == preset and place_of(run.scheduler) == place
    ]
    took = [run.seconds for run in runs if run.seconds]
    return median(took[:LAST]) if took else None
