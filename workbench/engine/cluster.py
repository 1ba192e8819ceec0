"""The local Dask cluster: a child process with a scheduler, one worker process a slot, and one for probes.

The web server, the terminal and the notebook talk to it exactly as they would to a cluster elsewhere. It ends
when its parent does: the parent holds the other end of its standard input.

It listens to nobody else. Whoever reaches a Dask scheduler can run code in its account, and every user of a machine
reaches its loopback interface; so all connections want a key that is made at the start (TLS, both sides), and that the
parent alone is told, through the pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import shutil
import subprocess
import sys
from typing import Any

from workbench.engine.keys import temporary_keys


def gpu_count() -> int:
    """Return the number of NVIDIA GPUs, without importing torch."""
    if shutil.which("nvidia-smi") is None:
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=False)
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def core_count() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def slot_count() -> int:
    """Return how many runs go at once: ``WORKBENCH_SLOTS``, else one a GPU, else one a core (8 at most)."""
    asked = os.environ.get("WORKBENCH_SLOTS", "")
    return max(1, int(asked)) if asked.isdigit() else gpu_count() or min(core_count(), 8)


async def serve(slots: int) -> None:
    """Start the cluster, print how to connect to it, and serve until standard input ends."""
    import dask
    import psutil
    from distributed import Nanny, Security, SpecCluster

    from workbench.engine.servers import Scheduler, Worker

    dask.config.set(
        {
            # A run whose worker died must say so, not start again behind the user's back.
            "distributed.scheduler.allowed-failures": 0,
            # A killed worker is started again by its nanny, and keeps its slot however long that takes: by default
            # Dask gives up the slot of a worker that is away 15 s after its process was killed.
            "distributed.deploy.lost-worker-timeout": "1000 days",
            # Dask's defaults suit other work: giving back every freed array and looking at the stack a hundred times
            # a second make a probe half as slow again.
            "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 2**30,
            "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**29,
            "distributed.worker.profile.enabled": False,
            # What an HTTP server would answer: there is none.
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
        }
    )
    gpus, threads = gpu_count(), max(1, core_count() // slots)
    os.environ |= {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "MLFLOW_DISABLE_TELEMETRY": "true"}
    _share_imports()
    memory = psutil.virtual_memory().total
    keys = temporary_keys()
    security = Security(**keys)
    listens = {"host": "127.0.0.1", "security": security, "dashboard": False}

    def worker(resource: str, index: int) -> dict:
        # A probe is small and shares the machine with the runs: there, more threads only wait for each other.
        env = {"OMP_NUM_THREADS": str(threads if resource == "run" else 1)}
        if gpus:
            env["CUDA_VISIBLE_DEVICES"] = str(index % gpus)
        options = {"nthreads": 1, "resources": {resource: 1}, "memory_limit": memory, "env": env}
        return {"cls": Nanny, "options": options | listens | {"worker_class": Worker}}

    workers = {f"run-{i}": worker("run", i) for i in range(slots)} | {"probe": worker("probe", 0)}
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # What Dask logs of connections that close as the cluster ends would only disturb the terminal of the parent.
    ended.add_done_callback(lambda _: logging.disable())
    scheduler = {"cls": Scheduler, "options": listens | {"port": 0}}
    options = {"security": security, "asynchronous": True, "silence_logs": 40}
    async with SpecCluster(workers=workers, scheduler=scheduler, **options) as cluster:
        with contextlib.suppress(BrokenPipeError):  # the parent has ended meanwhile
            os.write(
                sys.stdout.fileno(),
                f"{json.dumps({'address': cluster.scheduler_address, 'security': keys})}\n".encode(),
            )
        await ended


def _share_imports() -> None:
    """Let workers be forked from one process that has imported what they need, where that is safe: on Linux.

    Importing torch and the rest takes seconds of a core. So it is done once a cluster and not once a worker, and a
    worker that was killed is back at once.
    """
    import dask
    from distributed.utils import get_mp_context

    # In Python 3.11.0 any user of the machine can talk to the process that forks (CVE-2022-42919).
    if sys.platform == "linux" and sys.version_info >= (3, 11, 1):
        dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
        context = get_mp_context()  # Dask sets its own list of imports with the first call
        context.set_forkserver_preload(["workbench.engine.preload"])


def spawn(slots: int) -> subprocess.Popen:
    """Start the cluster as a child; `connection` waits for it."""
    # Not by -m: the package `workbench.engine` imports this module, and Python would warn of it in the terminal.
    code = "import gc; gc.disable(); from workbench.engine.cluster import main; main()"
    command = [sys.executable, "-c", code, str(slots)]
    env = os.environ | {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}  # lost workers are told in the page
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    # A session of its own: Ctrl-C in the terminal stops the run softly and must not reach the workers.
    return subprocess.Popen(command, env=env, start_new_session=True, **pipes)


def connection(child: subprocess.Popen) -> dict[str, Any]:
    """Wait until a cluster has started, and return the arguments with which `distributed.Client` connects to it.

    Raises
    ------
    OSError
        If it ended before.
    """
    line = child.stdout.readline()
    if not line:
        raise OSError("the local cluster ended before it had started")
    return json.loads(line)


def main() -> None:
    """Serve the cluster of as many slots as the first argument says."""
    gc.enable()  # `spawn` lets it rest while this process imports
    asyncio.run(serve(int(sys.argv[1])))
