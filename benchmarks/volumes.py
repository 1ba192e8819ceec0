"""What it costs to open a large scan again and to cut slices, against nibabel, in the same run.

    python benchmarks/volumes.py        about a minute

The scan has 512 x 512 x 133 voxels: the contrast CT of the catalog where it is on this machine, else the bundled CT
with its voxels repeated, as a .nii.gz. Opening: the first time (decompressed, turned, checked, kept), again, and by
nibabel in the canonical orientation. Slices: 30 at random places along each axis, ours from the kept copy, nibabel's
from the array that it holds in memory. Memory: what ten more openings of the same scan add for good, ours and
nibabel's. Prints what was found and writes benchmarks/volumes.json. Exit code 1 when a voxel differs, opening again
is less than 20 times faster than nibabel, a slice takes more than 10 times as long as from memory, or ten openings
add more than a tenth of nibabel's memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np

from workbench.data.catalog.catalog import get_entry, resolve
from workbench.data.volumes.named import open_set
from workbench.data.volumes.volume import read_volume, write_nifti

SHAPE = (512, 512, 133)
SLICES, SESSIONS = 30, 10


def scan(folder: Path) -> Path:
    if get_entry("thorax_ct").state in ("here", "mirror"):
        return resolve("thorax_ct")[0] / "cxr.nii.gz"
    small = open_set("abdomen_ct")[0].voxels
    index = [np.arange(n) * m // n for n, m in zip(SHAPE, small.shape, strict=True)]
    noise = np.random.default_rng(0).integers(-20, 20, SHAPE, np.int16)  # else gzip would have nothing to do
    write_nifti(folder / "scan.nii.gz", small[np.ix_(*index)] + noise, np.diag([-0.7, 0.7, 2.5, 1]))
    return folder / "scan.nii.gz"


def by_nibabel(path: Path) -> np.ndarray:
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj).astype(np.int16)


def timed(work, runs: int = 1) -> tuple[float, object]:
    """Return the median of seconds, and what came out last."""
    took = []
    for _ in range(runs):
        start = time.perf_counter()
        found = work()
        took.append(time.perf_counter() - start)
    return sorted(took)[len(took) // 2], found


def cutting(voxels: np.ndarray) -> dict[str, float]:
    """Return the median milliseconds to cut and copy a slice along each axis."""
    rng, found = np.random.default_rng(1), {}
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        whole, took = (slice(None),) * axis, []
        for place in rng.integers(voxels.shape[axis], size=SLICES):
            took.append(timed(lambda at=(*whole, place): np.array(voxels[at]))[0])
        found[name] = 1e3 * float(np.median(took))
    return found


def own_memory() -> float:
    """Return the megabytes that this process alone holds; pages of a mapped file belong to all who map it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def added(work) -> float:
    before = own_memory()
    held = [work() for _ in range(SESSIONS)]
    grown = own_memory() - before
    held.clear()
    return grown


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        path = scan(Path(place))
        os.environ["WORKBENCH_HOME"] = place  # nothing is kept from another day
        first, _ = timed(lambda: read_volume(path))
        again, ours = timed(lambda: read_volume(path), 5)
        theirs, expected = timed(lambda: by_nibabel(path), 3)
        found = {
            "voxels": list(ours.shape),
            "opening, s": {"first": first, "again": again, "nibabel": theirs},
            "slice, ms": {"kept copy": cutting(ours.voxels), "nibabel, in memory": cutting(expected)},
            "MB added by ten openings": {"workbench": added(lambda: read_volume(path))},
            "equal": bool(np.array_equal(ours.voxels, expected)),
        }
        expected = None
        found["MB added by ten openings"]["nibabel"] = added(lambda: by_nibabel(path))
    slices, memory = found["slice, ms"], found["MB added by ten openings"]
    found["ratios"] = {
        "opening again": theirs / again,
        "slice": max(slices["kept copy"][k] / slices["nibabel, in memory"][k] for k in slices["kept copy"]),
        "memory": memory["workbench"] / memory["nibabel"],
    }
    found["versions"] = {name: version(name) for name in ("nibabel", "numpy")}
    found["load"] = os.getloadavg()[0]
    print(json.dumps(found, indent=1))
    Path(__file__).with_name("volumes.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    ratios = found["ratios"]
    return int(not found["equal"] or ratios["opening again"] < 20 or ratios["slice"] > 10 or ratios["memory"] > 0.1)


if __name__ == "__main__":
    sys.exit(main())
