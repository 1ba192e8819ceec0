"""How long runs took on this machine, and so how long the next one will take."""

from __future__ import annotations

from statistics import median

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
    runs = store.runs(lab, status=("done",))
    took = [
        run.seconds for run in runs if run.preset == preset and run.seconds and _place(run.scheduler) == _place(owner)
    ]
    return median(took[:LAST]) if took else None


def _place(owner: str) -> str:
    """Return where an owner runs: the machine of a process, or the address of a cluster."""
    kind, _, rest = owner.partition(":")
    return rest.split(":")[0] if kind == "local" else owner
