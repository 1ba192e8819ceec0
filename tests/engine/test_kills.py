"""Whatever process is killed, and whenever: no finished run is lost or changed, and none is stuck.

Here one of each kind; ``WORKBENCH_KILLS=50 python -m pytest -s tests/engine/test_kills.py`` is the long series.
"""

import functools
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from workbench.contract.lab import get_lab
from workbench.runs.record import ACTIVE
from workbench.runs.store import Store
from workbench.toolkit.memory import MemoryContext

KILLS = int(os.environ.get("WORKBENCH_KILLS", 3))
KINDS = ("worker", "scheduler", "server")
SLOTS, QUEUE = 2, 5  # runs at once, and runs under way or waiting

# Like a web server: it keeps the queue full, and resumes what was lost.
SERVER = f"""
import pathlib, sys, time
from workbench.engine import Engine
from workbench.contract import LabError
from workbench.runs.record import ACTIVE
from workbench.runs.store import open_store
engine = Engine(slots={SLOTS})
engine.wait(300)
store, drain = open_store(), pathlib.Path(sys.argv[1])
print("ready", flush=True)
while True:
    runs = store.runs("trial", limit=10_000)
    try:
        for run in runs:
            if run.status == "lost":
                engine.resume(run.id)
        missing = {QUEUE} - sum(run.status in ACTIVE for run in runs)
        for seed in range(len(runs), len(runs) + missing * (not drain.exists())):
            engine.submit("trial", {{"steps": (10, 30, 60)[seed % 3], "pause": 0.05}}, seed=seed)
    except LabError as error:  # the engine is between two clusters
        print(error, file=sys.stderr, flush=True)
    time.sleep(0.5)
"""


class House:
    """A server with its engine, seen from outside: its processes, and the store that outlives them."""

    def __init__(self, home: Path):
        self.home, self.drain = home, home / "drain"
        self.store = Store(f"sqlite:///{home / 'runs.db'}", home)
        self.start()

    def start(self):
        env = os.environ | {"WORKBENCH_HOME": str(self.home)}
        log = (self.home / "server.log").open("a")
        words = [sys.executable, "-c", SERVER, str(self.drain)]
        self.server = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.server.stdout.readline() == "ready\n", (self.home / "server.log").read_text()

    def processes(self, kind):
        server = psutil.Process(self.server.pid)
        schedulers = [p for p in server.children() if "workbench.engine.cluster" in " ".join(p.cmdline())]
        if kind == "server":
            return [server]
        if kind == "scheduler":
            return schedulers
        started = [p for s in schedulers for p in s.children()]
        servers = [p for p in started if "forkserver" in " ".join(p.cmdline())]  # forks the workers, on Linux
        return [p for s in servers for p in s.children()] or [
            p for p in started if "spawn_main" in " ".join(p.cmdline())
        ]

    def runs(self):
        return {run.id: run for run in self.store.runs("trial", limit=10_000)}

    def went_on(self, run_id, since):
        """Return True when a run has ended, or was started again after a moment."""
        tags = self.store.client.get_run(run_id).data.tags
        started = float(tags.get("workbench.started") or 0)
        return started > since or tags["workbench.status"] not in (*ACTIVE, "lost")

    def end(self):
        family = psutil.Process(self.server.pid).children(recursive=True)
        self.server.kill()
        self.server.wait()
        assert not psutil.wait_procs(family, timeout=30)[1]


@pytest.fixture
def house(tmp_path, home):
    house = House(tmp_path)
    yield house
    if house.server.poll() is None:
        house.end()


def fingerprint(run):
    """Return what must never change in a finished run: its record, and every byte that it keeps."""
    files = sorted(path for path in run.folder.rglob("*") if path.is_file())
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()
    return run.status, run.metrics, run.seconds, digest


def expected(run):
    """Return pi as an uninterrupted run of the same seed finds it."""
    return uninterrupted(run.seed, run.params["steps"])


@functools.cache
def uninterrupted(seed, steps):
    lab = get_lab("trial")
    return lab.run(lab.Params.make(steps=steps), MemoryContext(seed)).metrics["pi"]


@pytest.mark.timeout(300 + 120 * KILLS)
def test_kills_lose_no_finished_run_and_leave_none_stuck(house, wait_for):
    dice, finished, hit, waits = random.Random(int(os.environ.get("WORKBENCH_DICE", 7))), {}, Counter(), []
    for turn in range(KILLS):
        wait_for(lambda: any(run.status == "running" for run in house.runs().values()), 120, "a run under way")
        time.sleep(dice.uniform(0, 2))
        kind = KINDS[turn] if turn < len(KINDS) else dice.choice(KINDS)
        before = house.runs()
        victim = dice.choice(wait_for(lambda kind=kind: house.processes(kind), 60, f"a {kind} to kill"))
        family = [p for p in victim.children(recursive=True) if p.is_running()] if kind != "worker" else []
        victim.kill()
        start = time.time()
        if kind == "server":
            house.server.wait()
            house.start()
        left = psutil.wait_procs(family, timeout=30)[1]
        assert not left, f"orphans of a killed {kind}: {[p.cmdline() for p in left]}"
        under_way = [run.id for run in before.values() if run.status in ACTIVE]
        goes_on = lambda: all(house.went_on(run_id, start) for run_id in under_way)  # noqa: B023, E731 - called at once
        wait_for(goes_on, 120, f"the end or a new start of each run after a killed {kind}")
        hit[kind] += 1
        waits.append(time.time() - start)
        runs = house.runs()
        assert set(before) <= set(runs)
        assert not [run.error for run in runs.values() if run.status == "failed"]
        for run_id, run in runs.items():
            if run.status == "done":
                assert run.metrics["pi"] == expected(run)
                assert finished.setdefault(run_id, fingerprint(run)) == fingerprint(run)
        with sqlite3.connect(house.home / "runs.db") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    house.drain.touch()
    wait_for(lambda: all(run.finished and run.status != "lost" for run in house.runs().values()), 600, "the end of all")
    runs = house.runs()
    assert {run.status for run in runs.values()} == {"done"}
    for run_id, run in runs.items():
        assert run.metrics["pi"] == expected(run) and run.result.metrics["pi"] == expected(run)
        assert house.store.client.get_run(run_id).info.status == "FINISHED" and (run.folder / "run.json").exists()
        assert run_id not in finished or finished[run_id] == fingerprint(run)
    house.end()
    told = ", ".join(f"{count} {kind}s" for kind, count in hit.items())
    print(f"\n{KILLS} kills ({told}); {len(runs)} runs, all done with the numbers of their seeds")
    print(f"whole again after {sorted(waits)[len(waits) // 2]:.1f} s, the median; {max(waits):.1f} s at most")
