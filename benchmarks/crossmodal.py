"""How long a decoder step of the lab `cmt` takes, against torch's own; and its pillars, against Open3D's voxels.

    python benchmarks/crossmodal.py     about a minute

Decoder: six layers of 256 channels and 8 heads, 300 queries, 4,096 BEV tokens and 1,000 image tokens; forward and
backward. The peer is `torch.nn.TransformerDecoder` with equal weights and, position encodings at zero, equal answers:
checked first. Ours adds position encodings in every layer, the peer has none.

Pillars: 120,000 points at 0.4 m, the mean of each pillar. The peer is `voxel_down_sample` of Open3D, tensor and legacy,
on the same points laid flat; the means of the tensor one, whose grid is ours, are checked to be equal.

One process, one thread, contestants in turns, median of processor seconds; imports are not counted. Prints a table and
writes benchmarks/crossmodal.json. Exit code 1 when a peer is missing, an answer differs, or ours takes longer than 1.1
times the decoder's, or is not twice as fast as Open3D's tensor voxels.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import torch
from harness import in_turns
from torchs import as_torchs

from workbench.labs.cmt.common.shapes import Shape
from workbench.labs.cmt.method.branches import cell_of, means
from workbench.labs.cmt.method.model import Cmt, Tokens

SLOWEST, FASTER = 1.1, 2.0
ROUNDS, STEPS = 7, 20
POINTS, CELL, REACH = 120_000, 0.4, 54.0


# Decoder ---------------------------------------------------------------------------------------------------------


def decoder() -> tuple[dict[str, float], float]:
    """Return the seconds of a step of each, and the largest difference of their answers."""
    generator = torch.Generator().manual_seed(0)
    model = Cmt(Shape(sensors="lidar", queries=300), generator)
    peer = as_torchs(model)
    content = torch.randn(1, 4096 + 1000, 256, generator=generator)
    place, start = torch.zeros_like(content), torch.zeros(1, 300, 256)
    there = torch.ones(content.shape[:2], dtype=torch.bool)

    def ours() -> torch.Tensor:
        return model.norm(model.decoded(Tokens(content, place, there, None, None), start)[-1])

    def theirs() -> torch.Tensor:
        return peer(start, content)

    with torch.no_grad():
        apart = float((ours() - theirs()).abs().max())
    steps = {"workbench": lambda: ours().sum().backward(), "torch": lambda: theirs().sum().backward()}
    return in_turns(steps, ROUNDS), apart


# Pillars ---------------------------------------------------------------------------------------------------------


def pillars() -> tuple[dict[str, float], float]:
    """Return the seconds of each, and the largest difference of the means in m."""
    import open3d

    generator = torch.Generator().manual_seed(0)
    far = 1 + (REACH - 2) * torch.rand(POINTS, generator=generator) ** 2  # denser near the sensor, as a sweep is
    turn = 2 * torch.pi * torch.rand(POINTS, generator=generator)
    points = torch.stack([far * turn.cos(), far * turn.sin(), torch.zeros(POINTS)], 1)
    shape = Shape(cell=CELL, stride=1)
    rows, columns = shape.pillars

    def ours() -> torch.Tensor:
        found, number = means(points, cell_of(points[:, :2], shape, (rows, columns)), rows * columns)
        return found[number > 0]

    cloud = open3d.t.geometry.PointCloud(open3d.core.Tensor(points.numpy()))
    legacy = cloud.to_legacy()
    contestants = {
        "workbench": ours,
        "open3d tensor": lambda: cloud.voxel_down_sample(CELL),
        "open3d legacy": lambda: legacy.voxel_down_sample(CELL),
    }
    theirs = torch.from_numpy(cloud.voxel_down_sample(CELL).point.positions.numpy())
    # the order differs; the mean of every pillar has its place in the same grid
    back = torch.argsort(cell_of(theirs[:, :2], shape, (rows, columns)))
    mine = ours()
    apart = float((mine - theirs[back]).abs().max()) if len(mine) == len(theirs) else float("inf")
    return in_turns(contestants, STEPS), apart


def main() -> int:
    """Measure, print, write; returns the exit code."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # before Open3D is imported
    rows, reached = [], True
    print(f"# Cross-modal transformer, {platform.machine()}, load {os.getloadavg()[0]:.1f}\n")
    print("| what | peer | peer, s | workbench, s | times faster | largest difference |\n|---|---|---|---|---|---|")
    for what, measure, goal in (("decoder step", decoder, 1 / SLOWEST), ("120,000 points", pillars, FASTER)):
        try:
            seconds, apart = measure()
        except ImportError as problem:
            print(f"| {what} | did not run: {problem} |")
            reached = False
            continue
        own = seconds.pop("workbench")
        for peer, spent in seconds.items():
            reached = reached and (spent / own >= goal or peer == "open3d legacy") and apart < 1e-3
            rows.append(
                {
                    "what": what,
                    "peer": peer,
                    "seconds": spent,
                    "ours": own,
                    "times_faster": spent / own,
                    "difference": apart,
                }
            )
            print(f"| {what} | {peer} | {spent:.4f} | {own:.4f} | **{spent / own:.2f}** | {apart:.0e} |", flush=True)
    Path(__file__).with_suffix(".json").write_text(json.dumps({"reached": reached, "rows": rows}, indent=1) + "\n")
    print(f"\nGoals reached: {'yes' if reached else 'NO'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
