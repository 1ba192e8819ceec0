"""How fast the separability measures are, against the three peers that have them, on the same data in the same run.

    python benchmarks/measures.py               about five minutes; two of them are one peer's
    python benchmarks/measures.py --skip-growth  without the sets of up to 20,000 samples

Prints tables and writes benchmarks/results.json. Each contestant runs in a process of its own on one thread; imports
are not counted. Exit code 1 when a peer is missing, or less than 20 times slower than the workbench in total.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

N, GOAL, TIMEOUT = 2_000, 20, 600  # samples, times faster, seconds that a peer may take
GROWTH = (2_000, 5_000, 10_000, 20_000)
SHARED = ("n1", "n2", "gsi", "lsc", "density", "clscoef", "f1")  # what problexity and pymfe have too; gsi is N3
PEERS = {"problexity": SHARED, "pymfe": SHARED, "pycol-complexity": ("n1", "n2", "gsi", "lsc", "f1")}
SLOW = ("pycol-complexity",)  # run once; the others three times, the workbench nine times: the median counts
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def moons(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two moons scaled to [0, 1], labels 0 and 1: what every peer accepts."""
    from sklearn.datasets import make_moons
    from sklearn.preprocessing import minmax_scale

    X, y = make_moons(n, noise=0.2, random_state=0)
    return minmax_scale(X), y


def gaussians(n: int, d: int = 64, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping Gaussian classes in many dimensions."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, n)
    return rng.normal(size=(n, d)) + rng.normal(size=(classes, d))[y], y


# --- the contestants: each returns a function that does the work ------------------------------------------------------


def workbench(X: np.ndarray, y: np.ndarray, keys: tuple[str, ...], null: int = 0) -> Callable[[], dict[str, float]]:
    import torch

    from workbench.labs.rs.method.measures import all_measures

    torch.set_num_threads(1)
    return lambda: all_measures(X, y, which=keys, null=null).set_index("measure").raw.to_dict()


def problexity(X: np.ndarray, y: np.ndarray, keys: tuple[str, ...]) -> Callable[[], dict[str, float]]:
    import problexity.classification as peer

    names = {"gsi": "n3", "clscoef": "clsCoef"}
    return lambda: {key: float(getattr(peer, names.get(key, key))(X, y)) for key in keys}


def pymfe(X: np.ndarray, y: np.ndarray, keys: tuple[str, ...]) -> Callable[[], dict[str, float]]:
    from pymfe.mfe import MFE

    names = {"gsi": "n3", "clscoef": "cls_coef"}

    def work() -> dict[str, float]:
        features = [names.get(key, key) for key in keys]
        found = MFE(groups=["complexity"], features=features, summary=["mean"]).fit(X, y).extract()
        found = {name.removesuffix(".mean"): float(value) for name, value in zip(*found, strict=True)}
        return {key: found[names.get(key, key)] for key in keys}

    return work


def pycol(X: np.ndarray, y: np.ndarray, keys: tuple[str, ...]) -> Callable[[], dict[str, float]]:
    from pycol_complexity.complexity import Complexity

    def work() -> dict[str, float]:
        peer = Complexity(dataset={"X": X, "y": y}, file_type="array")
        names = {key: {"gsi": "N3"}.get(key, key.upper()) for key in keys}
        return {key: float(np.min(getattr(peer, name)())) for key, name in names.items()}  # its F1 is one a feature

    return work


# --- one measurement in a process of its own --------------------------------------------------------------------------


def child(who: str, data: str, n: int, keys: tuple[str, ...], null: int, repeats: int) -> None:
    """Print one JSON object: wall and processor seconds (medians), peak memory grown by, and the values."""
    warnings.simplefilter("ignore")
    X, y = {"moons": moons, "gaussians": gaussians}[data](n)
    options = {"null": null} if who == "workbench" else {}
    contestants = {"workbench": workbench, "problexity": problexity, "pymfe": pymfe, "pycol-complexity": pycol}
    work = contestants[who](X, y, keys, **options)
    if who == "workbench":
        workbench(X[:200], y[:200], keys)()  # the first call loads libraries
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = [], []
    for _ in range(repeats):
        start_wall, start_cpu = time.perf_counter(), time.process_time()
        values = work()
        wall.append(time.perf_counter() - start_wall)
        cpu.append(time.process_time() - start_cpu)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    seconds = {"wall": statistics.median(wall), "cpu": statistics.median(cpu), "best": min(cpu)}
    print(json.dumps({**seconds, "grown_mb": grown / 2**20, "values": values}))


def measure(who: str, data: str, n: int, keys: tuple[str, ...], null: int = 0, repeats: int = 1) -> dict:
    """Run `child`; the answer says ``timeout`` or ``missing`` when there is no number."""
    command = [sys.executable, __file__, "--child", json.dumps([who, data, n, keys, null, repeats])]
    try:
        done = subprocess.run(
            command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return {"timeout": True, "wall": TIMEOUT, "cpu": TIMEOUT}
    if done.returncode:
        return {"missing": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


# --- the tables -------------------------------------------------------------------------------------------------------


def against_peers() -> tuple[list[dict], bool]:
    """Measure every peer and the workbench on what that peer has."""
    print(f"\n## {N:,} samples (two moons), the measures each peer has too\n")
    print("| peer | measures | peer, s | workbench, s | times faster | peer, MB | workbench, MB |")
    print("|---|---|---|---|---|---|---|")
    rows, reached = [], True
    for peer, keys in PEERS.items():
        ours = measure("workbench", "moons", N, keys, repeats=9)
        theirs = measure(peer, "moons", N, keys, repeats=1 if peer in SLOW else 3)
        row = {"peer": peer, "version": installed(peer), "measures": keys, "workbench": ours, "theirs": theirs}
        rows.append(row)
        if "missing" in theirs or "missing" in ours:
            reached = False
            print(f"| {peer} {row['version']} | did not run: {theirs.get('missing') or ours['missing']} | | | | | |")
            continue
        row["times_faster"] = theirs["cpu"] / ours["cpu"]
        reached = reached and row["times_faster"] >= GOAL
        least = "at least " if "timeout" in theirs else ""
        print(
            f"| {peer} {row['version']} | {', '.join(keys)} | {least}{theirs['cpu']:.2f} | {ours['cpu']:.3f} "
            f"| **{least}{row['times_faster']:.0f}** "
            f"| {theirs.get('grown_mb', float('nan')):.0f} | {ours['grown_mb']:.0f} |",
            flush=True,
        )
    print("\nValues (where they differ, see benchmarks/README.md):\n")
    print("| | " + " | ".join(SHARED) + " |\n" + "|---" * (len(SHARED) + 1) + "|")
    for name, answer in [("workbench", rows[0]["workbench"]), *((row["peer"], row["theirs"]) for row in rows)]:
        values = answer.get("values", {})
        print(f"| {name} | " + " | ".join(f"{values[key]:.4f}" if key in values else "" for key in SHARED) + " |")
    return rows, reached


def null_bands() -> dict:
    """Measure what the probe asks for: every measure and 20 permutations of 1,000 points in the plane."""
    keys = ("rs", "rs_adj", "dsi", *SHARED)
    answer = measure("workbench", "moons", 1_000, keys, null=20, repeats=15)
    print("\n## Every measure and its null band: 1,000 samples, 2 features, 2 classes, 20 permutations\n")
    print(
        f"median {1e3 * answer['wall']:.0f} ms, processor {1e3 * answer['cpu']:.0f} ms "
        f"(best {1e3 * answer['best']:.0f} ms)"
    )
    return answer


def growth() -> list[dict]:
    """Measure how time and memory grow with the number of samples."""
    keys = ("rs", "dsi", *SHARED)
    print("\n## Growth: all measures, 64 features, 3 classes, no permutations (DSI above 4,000 samples on 4,000)\n")
    print("| samples | wall, s | processor, s | peak memory grown by, MB |\n|---|---|---|---|")
    rows = []
    for n in GROWTH:
        answer = measure("workbench", "gaussians", n, keys)
        rows.append({"n": n, **answer})
        print(f"| {n:,} | {answer['wall']:.1f} | {answer['cpu']:.1f} | {answer['grown_mb']:.0f} |", flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--skip-growth", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*json.loads(arguments.child))
        return 0
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"# Separability measures: Python {platform.python_version()}, NumPy {np.__version__}, {platform.machine()}")
    print(
        f"\n{cores} cores, load {load:.1f} at the start. Seconds are processor seconds of one thread unless named wall."
    )
    rows, reached = against_peers()
    results = {"n": N, "goal": GOAL, "reached": reached, "load": load, "peers": rows, "null": null_bands()}
    if not arguments.skip_growth:
        results["growth"] = growth()
    Path(__file__).with_name("results.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nAt least {GOAL} times faster than each peer: {'yes' if reached else 'NO'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
