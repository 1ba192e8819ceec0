"""How long an epoch of the lab `reliant` takes, against a plain torch-geometric loop; edges against cdist; and growth.

    python benchmarks/graphs.py     some minutes

Epoch: one step of RELIANT's SGC student on bail (18,876 nodes, 311,870 edges): the student's step on [X, mean proxy],
the proxies' step on [X, proxies]. The peer is the same model written as one would with torch-geometric: SGConv(K=2) on
the joined features, every epoch anew. Equal logits are checked first.

Edges: the similarity rule on 4,000 rows of bail, beside a loop over rows with scipy's cdist; equal edges are checked.

Growth: an epoch of the same student on simulated graphs of 1,000 to 1,000,000 nodes of 10 neighbors and 16 features.

One process, one thread, contestants in turns, median of processor seconds; imports are not counted. Prints a table and
writes benchmarks/graphs.json. Exit code 1 when the peer is missing, an answer differs, an epoch is
not 3 times faster or the edges not twice.
"""

from __future__ import annotations

import json
import platform
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from harness import in_turns
from scipy.spatial.distance import cdist
from torch import Tensor
from torch.nn import functional as F

from workbench.data.catalog.sources import BUNDLED
from workbench.data.graphs.edges import similar
from workbench.data.graphs.named import KNOWN, from_table
from workbench.labs.reliant.method.jobs import Arm, recipe_for
from workbench.labs.reliant.method.model import Features, Sgc, bias_loss
from workbench.labs.reliant.method.training import Task, distill
from workbench.labs.reliant.params import Params

FASTER, EDGES_FASTER = 3.0, 2.0
ROUNDS = 7
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ALPHA = 10


def table(name: str) -> pd.DataFrame:
    return pd.read_parquet(BUNDLED / "graphs" / f"{name}.parquet")


def task_of(x: Tensor, edges: Tensor, y: Tensor, s: Tensor) -> Task:
    """Return a graph with a random split."""
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    return Task(
        Features(x, edges), y, s, *(part.clone() for part in rows.tensor_split([3 * len(x) // 10, len(x) // 2]))
    )


def bail() -> Task:
    graph = from_table("bail", table("bail"))
    x = torch.as_tensor((graph.x - graph.x.mean(0)) / graph.x.std(0), dtype=torch.float32)
    y, s = (torch.as_tensor(v.astype(np.int64)) for v in (graph.y, graph.group))
    return task_of(x, torch.as_tensor(graph.edges), y, s)


def our_epochs(task: Task, student: Sgc, proxies: Tensor, teacher: tuple[Tensor, Tensor]) -> Callable[[], object]:
    """Return a function that goes on by one epoch of `distill`."""
    recipe = recipe_for(Arm("gcn", "sgc", "reliant", ALPHA, "sp"), task, Params.make(epochs=2000))
    draw = lambda epoch: torch.Generator()  # noqa: E731
    steps = distill(student, proxies, None, teacher, task, recipe, draw, "cpu", None, lambda epoch, now: None)
    return lambda: next(steps)


def geometric(task: Task, student: Sgc, proxies: Tensor, teacher: tuple[Tensor, Tensor]) -> tuple[Callable, Callable]:
    """Return the peer: a function for its logits, and one for an epoch. It propagates everything each time."""
    from torch_geometric.nn import SGConv

    both = torch.cat([task.features.edges.T, task.features.edges.T.flip(0)], 1)
    conv = SGConv(student.first.in_features, student.first.out_features, K=2)
    conv.lin.load_state_dict(student.first.state_dict())
    last = torch.nn.Linear(student.last.in_features, 2)
    last.load_state_dict(student.last.state_dict())
    proxies = proxies.clone().requires_grad_()
    ours = torch.optim.Adam([*conv.parameters(), *last.parameters()], lr=0.01, weight_decay=5e-4)
    theirs = torch.optim.Adam([proxies], lr=0.01)
    aim, groups = torch.softmax(teacher[0], 1), task.groups(task.train, "sp")
    x = task.features.x

    def logits(extra: Tensor) -> Tensor:
        return last(torch.relu(conv(torch.cat([x, extra.expand(len(x), -1)], 1), both)))

    def epoch() -> None:
        out = logits(proxies.detach().mean(0, keepdim=True))
        loss = F.kl_div(torch.log_softmax(out, 1), aim, reduction="batchmean")
        loss = loss + 0.5 * F.cross_entropy(out[task.train], task.y[task.train])
        loss = loss + ALPHA * bias_loss(out, groups, "released")
        ours.zero_grad()
        loss.backward()
        ours.step()
        harm = -ALPHA * bias_loss(logits(proxies), groups, "released")
        theirs.zero_grad()
        harm.backward()
        theirs.step()

    return logits, epoch


def epochs() -> tuple[dict[str, float], float]:
    """Return the processor seconds of an epoch of each, and the largest difference of their logits before any."""
    task = bail()
    generator = torch.Generator().manual_seed(0)
    student = Sgc(task.features.x.shape[1] + 2, 16, generator)
    proxies = torch.rand(len(task.features), 2, generator=generator)
    teacher = torch.randn(len(task.features), 2, generator=generator), torch.zeros(len(task.features), 4)
    logits, peer = geometric(task, student, proxies, teacher)
    with torch.no_grad():
        apart = float((logits(proxies) - student(task.features, None, proxies)[0]).abs().max())
    ours = our_epochs(task, student, proxies.clone(), teacher)
    return in_turns({"workbench": ours, "torch-geometric": peer}, ROUNDS), apart


def plain_edges(x: np.ndarray, tau: float) -> np.ndarray:
    """Return the same edges by a loop over rows, as the published scripts do."""
    found = []
    for i in range(len(x)):
        likeness = 1 / (1 + cdist(x[i : i + 1], x)[0])
        likeness[i] = 0
        for j in np.flatnonzero(likeness > tau * likeness.max()):
            found.append((i, j))
    return np.array(found)


def edges() -> tuple[dict[str, float], bool]:
    """Return the processor seconds of both ways to the edges of 4,000 people, and whether they agree."""
    known = KNOWN["bail"]
    x = table("bail").drop(columns=known.label).to_numpy(float)[:4000]
    same = np.array_equal(similar(x, known.tau), plain_edges(x, known.tau))
    return in_turns({"workbench": lambda: similar(x, 0.6), "cdist, row by row": lambda: plain_edges(x, 0.6)}, 3), same


def growth() -> list[dict[str, float]]:
    """Return seconds an epoch and the memory on top for growing graphs."""
    rows = []
    for n in SIZES:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(n, 16, generator=generator)
        pairs = torch.randint(n, (5 * n, 2), generator=generator)
        pairs = torch.unique(pairs[pairs[:, 0] != pairs[:, 1]].sort(1).values, dim=0)
        y, s = (torch.randint(2, (n,), generator=generator) for _ in range(2))
        task = task_of(x, pairs, y, s)
        proxies = torch.rand(n, 2, generator=generator)
        step = our_epochs(
            task, Sgc(18, 16, generator), proxies, (torch.randn(n, 2, generator=generator), torch.zeros(n, 4))
        )
        took = in_turns({"epoch": step}, 3)["epoch"]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows.append(
            {
                "nodes": n,
                "edges": len(pairs),
                "seconds": took,
                "peak_mb": peak / 1024,
                "more_mb": (peak - before) / 1024,
            }
        )
        print(f"{n:>9,} nodes {len(pairs):>9,} edges  {took:8.3f} s an epoch  peak {peak / 1024:,.0f} MB", flush=True)
    return rows


def main() -> int:
    torch.set_num_threads(1)
    took, same = edges()
    print(*(f"edges, {name:20} {spent:8.3f} s" for name, spent in took.items()), f"equal: {same}", sep="\n", flush=True)
    try:
        spent, apart = epochs()
    except ImportError as error:
        print(f"The peer is missing: {error}. pip install torch-geometric", file=sys.stderr)
        return 1
    print(*(f"epoch, {name:20} {one:8.3f} s" for name, one in spent.items()), f"logits differ by {apart:.1e}", sep="\n")
    ratio, quicker = spent["torch-geometric"] / spent["workbench"], took["cdist, row by row"] / took["workbench"]
    print(f"an epoch is {ratio:.1f} times faster, the edges {quicker:.1f} times", flush=True)
    result = {"epoch": spent, "ratio": ratio, "logits_apart": apart, "edges": took, "edges_ratio": quicker}
    result |= {"edges_equal": same, "growth": growth(), "python": platform.python_version(), "torch": torch.__version__}
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    return 0 if same and apart < 1e-4 and ratio >= FASTER and quicker >= EDGES_FASTER else 1


if __name__ == "__main__":
    sys.exit(main())
