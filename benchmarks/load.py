"""Thirty people on one server, for five minutes: how long an answer takes, and what a session costs.

    python benchmarks/load.py [--sessions 30] [--tabs 3] [--minutes 5]       needs Chromium

Everybody has the lab `rs` open at its probe and moves a slider about once in two seconds; one after the other starts a
run. A few sessions are real Chromium tabs. Thirty of those would need more than a laptop has, and the browser would be
what is measured; so the others speak Bokeh's protocol themselves: they load the page, open its websocket, send what a
slider sends, and wait for the patch that carries the answer. What a browser does besides (drawing) they do not do.

Prints a table and writes benchmarks/load.json. Exits with 1 if anything went wrong: an error in a browser's console or
the server's log, a lost connection, a run that did not end as done, or memory that ended sessions do not give back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from latency import FLAGS, ROOT, served
from visitors import Tab, Visitor

THINK = 2.0  # seconds between two moves


async def stay(visitor: Any, until: float, waits: list[float], wrong: list[str], dice: random.Random) -> None:
    """Move the slider until the time is over, with pauses as people make them."""
    at = 0
    while time.time() < until:
        await asyncio.sleep(dice.uniform(0.5, 1.5) * THINK)
        at = (at + dice.randrange(1, 360)) % 360  # never where it stands: that would be no move, and have no answer
        try:
            if (wait := await visitor.move(float(at))) is not None:
                waits.append(wait)
        except Exception as error:
            wrong.append(f"a move: {type(error).__name__} {error}")


async def take_turns(visitors: list[Any], until: float, wrong: list[str]) -> list[str]:
    """Let one after the other start a run, each when the one before has ended; return how they ended."""
    from workbench.runs.store import open_store

    store, ends = open_store(), []
    for visitor in visitors * 100:
        if time.time() > until:
            return ends
        known = {run.id for run in store.runs("rs")}
        await visitor.run()
        for _ in range(1200):
            await asyncio.sleep(0.25)
            fresh = [run for run in await asyncio.to_thread(store.runs, "rs") if run.id not in known]
            if fresh and fresh[0].finished:
                ends.append(fresh[0].status)
                break
        else:
            wrong.append("a run did not end within five minutes")
    return ends


class Gauge:
    """Memory and processor time of the server process, and of it with its workers."""

    def __init__(self, server: psutil.Process):
        self.server = server

    def memory(self) -> float:
        """Return the server's private and shared memory (RSS) in MB."""
        return self.server.memory_info().rss / 1e6

    def spent(self) -> tuple[float, float]:
        """Return the seconds of processor time of the server, and of all its processes."""
        own = sum(self.server.cpu_times()[:2])
        family = sum(sum(p.cpu_times()[:2]) for p in self.server.children(recursive=True))
        return own, own + family


async def wave(address: str, count: int, tabs: int, minutes: float, gauge: Gauge) -> dict[str, Any]:
    """Open sessions one by one, let them work, and close them; return what was seen."""
    from playwright.async_api import async_playwright

    wrong: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        visitors = [Tab(browser, address, wrong) for _ in range(tabs)] + [Visitor(address) for _ in range(count - tabs)]
        memory = [gauge.memory()]
        for visitor in visitors:
            await visitor.enter()
            memory.append(gauge.memory())
        dice, until, spent, start = random.Random(0), time.time() + 60 * minutes, gauge.spent(), time.time()
        waits: dict[str, list[float]] = {"tabs": [], "protocol": []}
        stays = [
            stay(v, until, waits["tabs" if isinstance(v, Tab) else "protocol"], wrong, random.Random(dice.random()))
            for v in visitors
        ]
        runs = (await asyncio.gather(take_turns(visitors, until, wrong), *stays))[0]
        took = time.time() - start
        busy = [(now - before) / took for now, before in zip(gauge.spent(), spent, strict=True)]
        memory_end = gauge.memory()
        wrong += ["a lost connection" for visitor in visitors if visitor.lost]
        for visitor in visitors:
            await visitor.leave()
        await browser.close()
    wrong += [f"a run ended as {status}" for status in runs if status != "done"]
    return {"waits_ms": waits, "runs": len(runs), "memory_mb": memory, "memory_end_mb": memory_end, "cores": busy} | {
        "wrong": wrong
    }


def settled(gauge: Gauge) -> float:
    """Return the memory once Bokeh has forgotten the sessions that were left."""
    time.sleep(45)
    return gauge.memory()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sessions", type=int, default=30)
    options.add_argument("--tabs", type=int, default=3)
    options.add_argument("--minutes", type=float, default=5)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["WORKBENCH_HOME"] = folder
        with served(ROOT / "workbench" / "app.py", home) as address:
            gauge = Gauge(next(p for p in psutil.Process().children() if "serve" in p.cmdline()))
            asyncio.run(wave(address, 2, min(1, asked.tabs), 0.1, gauge))  # warm: imports, caches, the engine
            seen = {"before_mb": settled(gauge)}
            seen |= asyncio.run(wave(address, asked.sessions, asked.tabs, asked.minutes, gauge))
            seen["after_mb"] = settled(gauge)
            again = asyncio.run(wave(address, asked.sessions, 0, 0.1, gauge))
            seen |= {"again_mb": again["memory_end_mb"], "after_again_mb": settled(gauge)}
        log = (home / "app.log").read_text()
    seen["wrong"] += [line for line in log.splitlines() if re.search(r"Traceback|Error|ERROR|exception", line)]
    seen |= {"sessions": asked.sessions, "minutes": asked.minutes, "load": os.getloadavg()[0], "cpus": os.cpu_count()}
    return report(seen)


def report(seen: dict[str, Any]) -> int:
    """Print the table, keep the figures, and return the exit code."""
    opened = np.diff(seen["memory_mb"])
    grown = seen["after_again_mb"] - seen["after_mb"]  # a second wave of visitors must find room in what the first left
    print(f"# {seen['sessions']} sessions, {seen['minutes']:g} minutes, {seen['cpus']} cores\n")
    print("| a slider moved until its answer, ms | moves | median | 95th percentile | slowest |\n|---|---|---|---|---|")
    for name, waits in seen["waits_ms"].items():
        if waits:
            told = f"{np.median(waits):.0f} | {np.percentile(waits, 95):.0f} | {max(waits):.0f}"
            print(f"| {name} | {len(waits)} | {told} |")
    print(
        f"\n{seen['runs']} runs, one at a time; cores in use: {seen['cores'][0]:.2f} by the server, "
        f"{seen['cores'][1]:.2f} with the workers"
    )
    print(
        f"memory of the server: {seen['before_mb']:.0f} MB before, {np.median(opened):.1f} MB a session "
        f"({opened.mean():.1f} on average), {seen['memory_end_mb']:.0f} MB with all of them at the end"
    )
    print(f"after they left {seen['after_mb']:.0f} MB, after as many again {seen['after_again_mb']:.0f} MB")
    print(f"errors: {len(seen['wrong'])}")
    for line in seen["wrong"][:10]:
        print(f"  {line}")
    kept = json.loads(json.dumps(seen), parse_float=lambda text: round(float(text), 2))
    Path(__file__).with_name("load.json").write_text(json.dumps(kept) + "\n")
    return int(bool(seen["wrong"]) or grown > 0.3 * max(sum(opened), 1.0))


if __name__ == "__main__":
    sys.exit(main())
