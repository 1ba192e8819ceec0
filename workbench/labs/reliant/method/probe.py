"""The probe: the saved students of the first seed predict again, on a graph, columns and thresholds as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.reliant.common.intervals import slug
from workbench.labs.reliant.common.measures import evaluated, quantized
from workbench.labs.reliant.method.data import Material, material, sets_of, split_for
from workbench.labs.reliant.method.jobs import Arm, arms_of, make_student, make_teacher
from workbench.labs.reliant.method.kept_graph import spread_out
from workbench.labs.reliant.method.model import Features
from workbench.labs.reliant.method.training import Task
from workbench.labs.reliant.params import Question
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors

TEACHER = "teacher"
MOST_NEIGHBORS = 40


class Bench:
    """The graphs and networks of a run; each is opened when it is first asked for."""

    def __init__(self, run: LoadedRun, ctx: Context | None = None):
        self.run, self.params = run, run.params
        self.ctx = ctx or MemoryContext(run.seed, run.device)
        self._sets: dict[str, tuple[Material, Task, dict[str, Any]]] = {}
        self._cut: tuple[Any, Features] | None = None

    def opened(self, name: str) -> tuple[Material, Task, dict[str, Any]]:
        """Return graph, first split and saved weights by arm.

        Raises
        ------
        LabError
            If the run kept none.
        """
        if name not in self._sets:
            path = self.run.folder / "models" / f"{slug(name)}.safetensors"
            if name not in sets_of(self.params) or not path.is_file():
                raise LabError(f"The run kept no student of {name!r}.", f"It has {', '.join(sets_of(self.params))}.")
            data = material(name, self.params, self.ctx)
            task = data.task(split_for(data.graph, self.params, 0, self.ctx))
            saved: dict[str, Any] = {}
            for key, value in load_tensors(path).items():
                arm, _, part = key.partition("/")
                saved.setdefault(arm, {})[part] = value.to(self.run.device)
            self._sets[name] = data, task, saved
        return self._sets[name]

    def arms(self, name: str) -> dict[str, Arm | str]:
        """Return what can be asked: name -> arm, or a teacher's kind."""
        saved = self.opened(name)[2]
        found: dict[str, Arm | str] = {f"teacher-{kind}": kind for kind in self.params.teachers}
        found |= {arm.name: arm for arm in arms_of(self.params)}
        return {key: arm for key, arm in found.items() if key in saved}

    def network(self, name: str, key: str, features: Features) -> tuple[nn.Module, dict[str, Any]]:
        """Return a saved network, and its mean proxy and proxies if it has them."""
        data, task, saved = self.opened(name)
        arms = self.arms(name)
        if key not in arms:
            raise LabError(f"There is no {key!r}.", f"The run kept {', '.join(arms)}.")
        arm, held = arms[key], dict(saved[key])
        extra = {part: held.pop(part).float() for part in ("mean proxy", "proxies") if part in held}
        generator = torch.Generator()
        if isinstance(arm, str):
            model = make_teacher(arm, features.x.shape[1], self.params, generator)
        else:
            columns = extra["mean proxy"].shape[1] if extra else 0
            model = make_student(arm.student, features, columns, task, self.params, generator)
        model.to(self.run.device).load_state_dict(held)
        return model, extra

    def features(self, name: str, cut: str, share: float) -> Features:
        """Return the features of a graph without a share of its edges; the last such graph is kept."""
        data = self.opened(name)[0]
        if cut == "none" or share == 0:
            return data.features
        if self._cut is None or self._cut[0] != (name, cut, share):
            ends = torch.as_tensor(data.graph.group.astype(np.int64))[data.features.edges.cpu()]
            across = ends[:, 0] != ends[:, 1]
            target = {"across": across, "within": ~across, "any": torch.ones_like(across)}[cut]
            lot = torch.rand(len(target), generator=torch.Generator().manual_seed(0))
            keep = ~(target & (lot < share))
            self._cut = (name, cut, share), Features(data.features.x, data.features.edges[keep.to(self.run.device)])
        return self._cut[1]


def completed(question: Question, bench: Bench) -> Question:
    """Return a question with the names that it leaves to the run.

    Raises
    ------
    LabError
        If there is no such node, or a threshold is no probability.
    """
    question = question.filled(set=bench.params.dataset)
    nodes = len(bench.opened(question.set)[0].graph)
    if question.node is not None and question.node >= nodes:
        raise LabError(
            f"There is no node {question.node}.", f"They are numbered 0 to {nodes - 1}, as the table's rows."
        )
    if not all(0 <= value <= 1 for value in question.thresholds):
        raise LabError(f"{question.thresholds} are no two thresholds.", "A threshold lies between 0 and 1.")
    return question.filled(arm=next(iter(bench.arms(question.set))))


def predicted(bench: Bench, question: Question) -> np.ndarray:
    """Return the probabilities (n,) of class 1 on the graph and columns that were asked for."""
    data, _, _ = bench.opened(question.set)
    features = bench.features(question.set, question.cut, question.share)
    arm = bench.arms(question.set).get(question.arm)
    dropped = isinstance(arm, Arm) and arm.arm == "drop" and data.sensitive is not None
    if dropped:
        features = features.without(data.sensitive)
    elif question.hide and data.sensitive is not None:
        x = features.x.clone()
        x[:, data.sensitive] = 0  # its mean: the network no longer sees who is who
        features = like(features, x)
    model, extra = bench.network(question.set, question.arm, features)
    with torch.no_grad():
        if isinstance(arm, str):
            logits, _ = model(features)
        else:
            if question.full and "proxies" not in extra:
                raise LabError("The proxies of this student were not kept.", "Only those of the headline arm are.")
            logits, _ = model(features, None, extra.get("proxies") if question.full else extra.get("mean proxy"))
    return torch.softmax(logits, 1)[:, 1].cpu().numpy()


def like(features: Features, x: torch.Tensor) -> Features:
    """Return the same graph with other features; its matrices are not made again."""
    other = Features(x, features.edges)
    for name in ("sym", "mean", "sums", "one", "sym2_one", "mean_one"):
        if name in vars(features):
            vars(other)[name] = vars(features)[name]
    return other


def answer(question: Question, bench: Bench) -> Result:
    """Return measures and rates on the test nodes of the first seed; array ``p``, the probabilities of all nodes.

    With a ``node`` also the table ``neighbors``: what moved its prediction. With ``whole`` also the arrays ``places``
    (n, 2) and ``edges`` (m, 2).

    Raises
    ------
    LabError
        If there is no such graph, network or node.
    """
    question = completed(question, bench)
    data, task, _ = bench.opened(question.set)
    p = predicted(bench, question)
    rows = task.test.cpu().numpy()
    y, s = data.graph.y[rows], data.graph.group[rows]
    limits = np.asarray(question.thresholds, float)[s]
    hit = p[rows] >= limits
    found = evaluated(np.where(hit, 0.75, 0.25), y, s) | {"auc": evaluated(p[rows], y, s)["auc"]}
    result = Result(metrics={k: float(v) for k, v in found.items()})
    result.arrays = {"p": quantized(p)}
    if question.node is not None:
        result.tables = {"neighbors": moved(bench, question, p)}
    if question.whole:
        result.arrays |= {"places": spread_out(data.features), "edges": data.graph.edges.astype(np.int32)}
    return result


def moved(bench: Bench, question: Question, p: np.ndarray) -> Any:
    """Return what each neighbor of a node gives to its prediction: how it changes when that one's features are unknown.

    Unknown means the mean of all nodes. Neighbors beyond `MOST_NEIGHBORS` are left out, the nearest numbers kept.
    """
    import pandas as pd

    data, _, _ = bench.opened(question.set)
    node = question.node
    edges = data.graph.edges
    near = np.unique(edges[(edges == node).any(1)])
    near = np.concatenate([[node], near[near != node][:MOST_NEIGHBORS]])
    base = bench.features(question.set, question.cut, question.share)
    small, places = around(base, node)
    arm = bench.arms(question.set).get(question.arm)
    if isinstance(arm, Arm) and arm.arm == "drop" and data.sensitive is not None:
        small = small.without(data.sensitive)
    if isinstance(arm, Arm) and arm.student == "plp":
        return shared_out(bench, question, arm, p)
    model, extra = bench.network(question.set, question.arm, small)
    at = {int(v): k for k, v in enumerate(places)}
    gives = []
    with torch.no_grad():
        more = {} if isinstance(arm, str) else {"extra": extra.get("mean proxy")}
        center = at[node]
        before = torch.softmax(model(small, None, **more)[0][center], 0)[1]
        for other in near:
            x = small.x.clone()
            if int(other) in at:
                x[at[int(other)]] = 0
            after = torch.softmax(model(like(small, x), None, **more)[0][center], 0)[1]
            gives.append(float(before - after))
    return pd.DataFrame({"node": near, "p": p[near], "gives": gives})


def shared_out(bench: Bench, question: Question, arm: Arm, p: np.ndarray) -> Any:
    """Return the learned shares of a PLP student's last step at a node: of its neighbors, and of its own perceptron.

    The table has a row a neighbor (the node itself first) and a last one, `node` -1, for the perceptron; `gives` is P
    less what it would be without that part. All neighbors count, the strongest `MOST_NEIGHBORS` are told.
    """
    import pandas as pd

    data, _, _ = bench.opened(question.set)
    node, features = question.node, bench.features(question.set, question.cut, question.share)
    if arm.arm == "drop" and data.sensitive is not None:
        features = features.without(data.sensitive)
    model, extra = bench.network(question.set, question.arm, features)
    touched = torch.unique(features.edges[(features.edges == node).any(1)])
    near = torch.cat([torch.tensor([node], device=touched.device), touched[touched != node]])
    with torch.no_grad():
        shares, gives = (v.cpu().numpy() for v in model.shares(features, node, near, extra.get("mean proxy")))
    near = near.cpu().numpy()
    frame = pd.DataFrame({"node": [*near, -1], "p": [*p[near], p[node]], "share": shares, "gives": gives})
    others = frame.iloc[1:-1]
    told = others.loc[others["gives"].abs().sort_values(ascending=False).index[:MOST_NEIGHBORS]]
    return pd.concat([frame.iloc[:1], told, frame.iloc[-1:]], ignore_index=True)


def around(features: Features, node: int) -> tuple[Features, np.ndarray]:
    """Return a node with its neighbors as a graph of its own, and their numbers."""
    edges = features.edges
    near = torch.unique(edges[(edges == node).any(1)])
    near = near if len(near) else torch.tensor([node], device=edges.device)
    rank = torch.full((len(features),), -1, device=edges.device)
    rank[near] = torch.arange(len(near), device=edges.device)
    links = rank[edges]
    return Features(features.x[near], links[(links >= 0).all(1)]), near.cpu().numpy()


def recheck(run: LoadedRun, ctx: Context) -> dict[str, tuple[float, float]]:
    """Return accuracy and ΔSP of the saved teacher, KD and RELIANT of the first seed: name -> (recorded, found now)."""
    bench, found = Bench(run, ctx), {}
    runs = run.result.tables["runs"]
    for name in sets_of(run.params):
        data, task, _ = bench.opened(name)
        rows = task.test.cpu().numpy()
        for key, arm in bench.arms(name).items():
            about = {"teacher": arm, "arm": TEACHER} if isinstance(arm, str) else arm.row()
            if about["arm"] not in (TEACHER, "kd", "reliant"):
                continue
            told = runs[(runs["set"] == name) & (runs["seed"] == 0)]
            for column, value in about.items():
                told = told[told[column] == value]
            p = predicted(bench, Question(set=name, arm=key))
            now = evaluated((quantized(p[rows]) + 0.5) / 256, data.graph.y[rows], data.graph.group[rows])
            for measure in ("accuracy", "sp"):
                found[f"{name} {key} {measure}"] = (float(told[measure].iloc[0]), now[measure])
    return found
