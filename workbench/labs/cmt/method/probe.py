"""One question to a run's network: what is still found when a sensor goes, and where does a query look?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from workbench.contract import LabError, LoadedRun, Result
from workbench.data.scenes.scene import Boxes, Scene, wrap
from workbench.labs.cmt.common.conditions import Condition
from workbench.labs.cmt.common.kept_scenes import rows_of, scenes_of
from workbench.labs.cmt.method.data import Sample, prepared, spec_of
from workbench.labs.cmt.method.decoding import detections
from workbench.labs.cmt.method.evaluation import LEAST, MOST, as_boxes, spoiled
from workbench.labs.cmt.method.jobs import gathered
from workbench.labs.cmt.method.model import Cmt
from workbench.labs.cmt.params import SIM, Question
from workbench.toolkit.detection.nds import evaluate

TERMS = ("ATE", "ASE", "AOE")


@dataclass(frozen=True)
class Ready:
    """Networks by arm, and the kept scenes: as they are, and as the network reads them."""

    models: dict[str, Cmt]
    scenes: dict[str, Scene]
    samples: dict[str, Sample]


def ready(run: LoadedRun, models: dict[str, Cmt]) -> Ready:
    """Return what `answer` needs of a run."""
    scenes, spec = scenes_of(run.result), spec_of(run.params)
    samples = {name: prepared(scene, spec, run.params.dataset == SIM) for name, scene in scenes.items()}
    return Ready(models, scenes, samples)


def answer(question: Question, ready: Ready, device: str) -> Result:
    """Answer a question.

    Returns
    -------
    Result
        Table ``boxes``: what is found, with ``query``. Metrics of this one scene: ``nds`` (three errors), ``map``,
        ``ate``, ``ase``, ``aoe``, ``query``; and with a moved ``box`` also ``moved_ate``, ``moved_ase``,
        ``moved_aoe``, ``moved_nds``: of a detector that finds everything exactly but this box. Arrays of the query:
        ``bev_attention`` (Y, X), ``view_attention`` (V, h, w), both means over the heads of the last layer,
        ``bev_similarity``, ``view_similarity``: cosine of position encodings; those of a sensor that is off are absent.
        ``anchor`` (3,): the query's, in m.

    Raises
    ------
    LabError
        There is no such scene, network, camera, query or box.
    """
    name, arm = one_of("scene", question.scene, ready.scenes), one_of("arm", question.arm, ready.models)
    scene, model = ready.scenes[name], ready.models[arm]
    sample = disturbed(ready.samples[name], scene, question)
    classes = sample.scene.boxes.classes
    frames = gathered([sample]).to(device)
    with torch.no_grad():
        found = detections(model(frames), MOST)[0]
    found = found[found.scores >= LEAST]
    boxes = as_boxes(found, classes)
    truth = sample.scene.boxes
    scores = evaluate([truth], [boxes], present(truth, classes))
    errors = scores.tp_errors
    metrics = {"nds": scores.score(TERMS), "map": scores.map, **{t.lower(): errors[t] for t in TERMS}}
    if question.box is not None:
        metrics |= moved_metrics(truth, question)
    first = int(found.queries[0]) if len(found) else 0
    query = first if question.query is None else numbered("query", question.query, model.shape.queries)
    seen = model.look(frames, query)
    arrays = {"anchor": anchor_of(model, query)}
    for key, values in (("bev", seen.bev_attention), ("view", seen.view_attention)):
        if values is not None:
            arrays[f"{key}_attention"] = values[-1].mean(0).cpu().numpy()
    for key, values in (("bev", seen.bev_similarity), ("view", seen.view_similarity)):
        if values is not None:
            arrays[f"{key}_similarity"] = values.cpu().numpy()
    table = pd.DataFrame(rows_of(boxes), columns=COLUMNS)
    table["query"] = found.queries.cpu().numpy()
    metrics["query"] = float(query)
    return Result(metrics=metrics, arrays=arrays, tables={"boxes": table}, notes=[f"{name}, {arm}"])


COLUMNS = ["x", "y", "z", "length", "width", "height", "yaw", "vx", "vy", "class", "score"]


def present(truth: Boxes, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes that a scene has: the others would count as never found."""
    return tuple(c for c in classes if c in set(truth.names)) or classes


def disturbed(sample: Sample, scene: Scene, question: Question) -> Sample:
    """Return the scene with what the question takes away."""
    if question.box is None and (question.ahead, question.left, question.turned, question.grown) != (0, 0, 0, 1):
        raise LabError("No box is named that would be moved.", "Give box, the number of a true box.")
    names = [camera.name for camera in scene.cameras]
    if unknown := [one for one in question.off if one not in names]:
        raise LabError(f"There is no camera {unknown[0]!r}.", f"There are {', '.join(names) or 'none'}.")
    condition = Condition("", lidar=question.lidar, beams=question.beams, shake=question.shake)
    camera = torch.tensor([one not in question.off for one in names], dtype=torch.bool)
    return spoiled(replace(sample, camera=camera), condition, question.draw)


def moved_metrics(truth: Boxes, question: Question) -> dict[str, float]:
    """Return the errors of a detector that finds every box exactly, but one moved, turned and grown."""
    k = numbered("box", question.box, len(truth))
    center, size, yaw = truth.center.copy(), truth.size.copy(), truth.yaw.copy()
    center[k, :2] += question.ahead, question.left
    size[k] *= question.grown
    yaw[k] += np.radians(question.turned)
    alone = truth.take(truth.label == truth.label[k])  # only this class has an error at all
    guess = replace(truth, center=center, size=size, yaw=wrap(yaw)).take(truth.label == truth.label[k])
    scores = evaluate([alone], [guess], (truth.names[k],))
    told = scores.tp_errors
    return {f"moved_{t.lower()}": told[t] for t in TERMS} | {"moved_nds": scores.score(TERMS), "moved_map": scores.map}


def anchor_of(model: Cmt, query: int) -> np.ndarray:
    """Return a query's anchor (3,) in m."""
    low, high = (np.array(model.shape.area[k : k + 3]) for k in (0, 3))
    return low + model.anchors[query].detach().cpu().clamp(0, 1).double().numpy() * (high - low)


def one_of(what: str, name: str, known: Mapping[str, object]) -> str:
    """Return a name that there is; the first one for an empty name."""
    name = name or next(iter(known), "")
    if name not in known:
        raise LabError(f"This run kept no {what} {name!r}.", f"It kept {', '.join(known) or 'none'}.")
    return name


def numbered(what: str, number: int, count: int) -> int:
    """Return a number below `count`."""
    if number >= count:
        raise LabError(f"There is no {what} {number}.", f"There are 0 to {count - 1}.")
    return number
