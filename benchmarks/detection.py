"""How fast the detection metric is, against nuscenes-devkit 1.2.0, on the same predictions in the same run.

    python -m venv ENV && ENV/bin/pip install nuscenes-devkit==1.2.0 "numpy<2"
    WORKBENCH_DEVKIT=ENV/bin/python python benchmarks/detection.py

The devkit needs NumPy 1, so it runs in its own environment (WORKBENCH_DEVKIT is that environment's Python). 300 scenes
of up to 60 objects, and some 120 predictions a scene: a twentieth of nuScenes' validation set, for the devkit is slow.
Both measure boxes that are in memory and filtered; reading and imports are not counted. Prints a table and writes
benchmarks/detection.json. Exit code 1 when the devkit is missing, not 10 times slower, or NDS differs by over 1e-9.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

GOAL, SCENES, OBJECTS, WRONG = 10, 300, 60, 90
TESTS = Path(__file__).parents[1] / "tests" / "toolkit" / "detection"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def load(name: str) -> object:
    sys.path.insert(0, str(TESTS))
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def inputs() -> tuple[dict, dict]:
    return load("cases").plain(20, SCENES, OBJECTS, 0.8, 2, WRONG)


def devkit() -> dict:
    ready = load("devkit").prepare(inputs())
    began = time.process_time()
    metrics, _ = ready.evaluate()
    return {"seconds": time.process_time() - began, "nds": metrics.nd_score, "map": metrics.mean_ap}


def ours() -> dict:
    import numpy as np

    from workbench.data.scenes.scene import boxes
    from workbench.toolkit.detection.counting import counted
    from workbench.toolkit.detection.nds import evaluate

    cases = load("cases")
    words = np.array(cases.ATTRIBUTES, dtype=object)
    told = cases.racks()
    racks = boxes(told["xyz"], told["lwh"], told["yaw"], [0, 0, 0], ["static_object.bicycle_rack"])
    both = []
    for table in inputs():
        more = {k: table[k] for k in ("points", "score") if k in table} | {"attribute": words[table["attribute"]]}
        numbers = (table[k] for k in ("xyz", "lwh", "yaw", "label"))
        made = boxes(*numbers, cases.CLASSES, velocity=table["velocity"], **more)
        made = [made.take(table["scene"] == k) for k in range(SCENES)]
        both.append([b.take(counted(b, np.zeros(2), "points" in table, racks)) for b in made])
    found = []
    for _ in range(5):
        began = time.process_time()
        got = evaluate(*both, cases.CLASSES)
        found.append({"seconds": time.process_time() - began, "nds": got.nds, "map": got.map})
    boxes_in = {"objects": sum(map(len, both[0])), "predictions": sum(map(len, both[1]))}
    return sorted(found, key=lambda f: f["seconds"])[2] | boxes_in


def measure(python: str, who: str) -> dict:
    command = [python, __file__, "--child", who]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"missing": (done.stderr.strip().splitlines() or ["it did not start"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    peer = os.environ.get("WORKBENCH_DEVKIT", "")
    own = measure(sys.executable, "ours")
    theirs = measure(peer, "devkit") if Path(peer).is_file() else {"missing": "WORKBENCH_DEVKIT names no Python"}
    if "missing" in own or "missing" in theirs:
        print(f"did not run: {own.get('missing') or theirs['missing']}")
        return 1
    times, apart = theirs["seconds"] / own["seconds"], abs(theirs["nds"] - own["nds"])
    reached = times >= GOAL and apart < 1e-9
    size = f"{SCENES} scenes, {own['objects']:,} objects, {own['predictions']:,} predictions that count"
    print(f"# Detection metric: {size}, {platform.machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("| peer | peer, s | workbench, s | times faster | difference of NDS |\n|---|---|---|---|---|")
    print(f"| nuscenes-devkit 1.2.0 | {theirs['seconds']:.2f} | {own['seconds']:.3f} | **{times:.0f}** | {apart:.0e} |")
    row = {"peer": "nuscenes-devkit 1.2.0", "seconds": theirs["seconds"], "ours": own["seconds"], "times_faster": times}
    told = {"goal": GOAL, "reached": reached, "size": size, "nds": own["nds"], "difference": apart, "peers": [row]}
    Path(__file__).with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    print(f"\nAt least {GOAL} times faster, with an equal NDS: {'yes' if reached else 'NO'}")
    return 0 if reached else 1


if __name__ == "__main__":
    if "--child" in sys.argv:
        print(json.dumps({"ours": ours, "devkit": devkit}[sys.argv[-1]]()))
        sys.exit(0)
    sys.exit(main())
