"""Queries to the Dask scheduler."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workbench.contract.errors import LabError

OPEN = "It has no TLS: whoever reaches it can run code in its account and in those of its workers."
NO_TLS_FILES = "There are no certificates for it in Dask's configuration."


def is_open(address: str) -> bool:
    """Return True for a scheduler that takes orders from everybody who reaches it: one without TLS."""
    return address.partition("://")[0] not in ("tls", "wss")


def check(address: str, timeout: float = 20) -> None:
    """Connect to a scheduler for a moment, with the certificates that Dask's configuration names.

    Raises
    ------
    LabError
        If it does not answer within `timeout` seconds, or not to us.
    """
    try:
        with ThreadPoolExecutor(1) as thread:  # the caller may be within an event loop: a notebook's, a page's
            thread.submit(asyncio.run, _greet(address, timeout)).result()
    except (OSError, ValueError, RuntimeError) as error:
        hint = "dask scheduler starts one and prints its address: tcp://…, with certificates tls://… (docs/deploy.md)."
        raise LabError(f"The scheduler {address} does not answer: {error}", hint) from error


async def _greet(address: str, timeout: float) -> None:
    from distributed import Security
    from distributed.comm import connect

    files = Security().get_connection_args("client")
    if not is_open(address) and files["ssl_context"] is None:
        raise OSError(NO_TLS_FILES)
    link = await connect(address, timeout=timeout, **files)
    await link.close()


def new_key(run_id: str) -> str:
    """Return a name for the Dask task of a run; Dask may still know that of an earlier attempt."""
    return f"{_stem(run_id)}-{time.time_ns()}"


def newest_key(keys: dict[str, int], run_id: str) -> str | None:
    """Return the name of the latest task of a run among those that `known_turns` found."""
    return max((key for key in keys if key.startswith(_stem(run_id))), default=None)


def known_turns(client: Any) -> dict[str, int]:
    """Return the turn of every task that the scheduler knows, by name."""
    return client.run_on_scheduler(_turns)


def workers(client: Any) -> set[str]:
    """Return the addresses of all workers, asked afresh: the client's own copy may be empty for a moment."""
    return set(client.sync(client.scheduler.identity, n_workers=-1)["workers"])


def wake(client: Any) -> None:
    """Send out the tasks that came before any worker had a slot.

    A worker that somebody else started gets its slot from our plugin, a moment after it has joined; Dask looks at
    such tasks only when a worker joins.
    """
    client.run_on_scheduler(_wake)


def _stem(run_id: str) -> str:
    return f"workbench-{run_id}"


def _turns(dask_scheduler: Any = None) -> dict[str, int]:
    # Dask turns the priority round: the lowest is first. A task that is done and let go of may have none.
    return {str(key): int((task.priority or (0,))[0]) for key, task in dask_scheduler.tasks.items()}


def _wake(dask_scheduler: Any = None) -> None:
    found: dict[Any, str] = {}
    for state in dask_scheduler.workers.values():
        found |= dask_scheduler.bulk_schedule_unrunnable_after_adding_worker(state)
    dask_scheduler.transitions(found, stimulus_id="workbench-wake")
