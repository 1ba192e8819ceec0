"""Fair scheduling of slots between users.

Start-time fair queuing: a run gets a *turn* when it is submitted, and slots go by turns. A user's first run gets the
turn of what is starting just now, each further one a later turn; so a hundred runs of one user stand behind one
another, and the single run of somebody else before all but those under way. Between runs of one turn, the first
come is the first served.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from workbench.engine.live import Task


def account() -> str:
    """Return the name of the account this process runs under: who asks when nobody has logged in."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number that has no name
        return "somebody"


def next_turn(tasks: Mapping[str, Task], user: str, now: int) -> int:
    """Return the turn of a user's new run.

    Parameters
    ----------
    tasks
        What the engine knows of its runs.
    user
        Who asks for the new one.
    now
        The latest turn of a run that has started.
    """
    return max([now, *(1 + task.turn for task in tasks.values() if task.active and task.user == user)])


def in_order(tasks: Mapping[str, Task]) -> list[str]:
    """Return the ids of the queued runs of this engine's cluster, the next one first."""
    queued = [key for key, task in tasks.items() if task.live.status == "queued" and not task.foreign]
    return sorted(queued, key=lambda key: tasks[key].turn)  # sorting keeps the order in which they came
