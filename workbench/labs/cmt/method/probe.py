"""One question to a run's network: what is still found when a sensor goes, and where does a query look?"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

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
from workbench.labs.cmt.params import SIM
from workbench.toolkit.detection.nds import evaluate

TERMS = ("ATE", "ASE", "AOE")
BEAMS, SHAKE = (1, 2, 4, 8, 16), 20.0


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


def answer(request: dict[str, Any], ready: Ready, device: str) -> Result:
    """Answer a question.

    Parameters
    ----------
    request
        ``scene``: a kept scene, the first by default. ``arm``: a kept network, the first by default. ``lidar``: False
        switches the LiDAR off. ``off``: names of cameras that are off. ``beams``: of so many beams one is kept.
        ``shake``: degrees by which each camera's calibration is turned; ``draw``: number of the draw of its axes.
        ``query``: whose attention is wanted; by default that of the surest box. ``moved``: ``box``, the number of a
        true box, and by how much it is moved: ``ahead``, ``left`` (m), ``turned`` (degrees), ``grown`` (factor of each
        side).

    Returns
    -------
    Result
        Table ``boxes``: what is found, with ``query``. Metrics of this one scene: ``nds`` (three errors), ``map``,
        ``ate``, ``ase``, ``aoe``, ``query``, ``milliseconds``; and with ``moved`` also ``moved_ate``, ``moved_ase``,
        ``moved_aoe``, ``moved_nds``: of a detector that finds everything exactly but this box. Arrays of the query:
        ``bev_attention`` (Y, X), ``view_attention`` (V, h, w), both means over the heads of the last layer,
        ``bev_similarity``, ``view_similarity``: cosine of position encodings; those of a sensor that is off are absent.
        ``anchor`` (3,): the query's, in m.

    Raises
    ------
    LabError
        There is no such scene, network, camera, query or box, or a number cannot be used.
    """
    began = time.perf_counter()
    name, arm = one_of(request, "scene", ready.scenes), one_of(request, "arm", ready.models)
    scene, model = ready.scenes[name], ready.models[arm]
    sample = disturbed(ready.samples[name], scene, request)
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
    if request.get("moved"):
        metrics |= moved_metrics(truth, request["moved"])
    first = int(found.queries[0]) if len(found) else 0
    query = whole(request.get("query"), first, model.shape.queries, "query")
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
    metrics |= {"query": float(query), "milliseconds": 1000 * (time.perf_counter() - began)}
    return Result(metrics=metrics, arrays=arrays, tables={"boxes": table}, notes=[f"{name}, {arm}"])


COLUMNS = ["x", "y", "z", "length", "width", "height", "yaw", "vx", "vy", "class", "score"]


def present(truth: Boxes, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the classes that a scene has: the others would count as never found."""
    return tuple(c for c in classes if c in set(truth.names)) or classes


def disturbed(sample: Sample, scene: Scene, request: dict[str, Any]) -> Sample:
    """Return the scene with what the request takes away."""
    off = request.get("off") or ()
    names = [camera.name for camera in scene.cameras]
    if unknown := [one for one in off if one not in names]:
        raise LabError(f"There is no camera {unknown[0]!r}.", f"There are {', '.join(names) or 'none'}.")
    beams = whole(request.get("beams"), 1, max(BEAMS) + 1, "number of beams")
    shake = number(request.get("shake"), 0.0, "shake")
    if not 0 <= shake <= SHAKE or beams < 1:
        raise LabError(f"The calibration cannot be off by {shake:g}°.", f"Choose 0 to {SHAKE:g}.")
    condition = Condition("", lidar=bool(request.get("lidar", True)), beams=beams, shake=shake)
    camera = torch.tensor([one not in off for one in names], dtype=torch.bool)
    draw = whole(request.get("draw"), 0, 10_000, "draw")
    return spoiled(replace(sample, camera=camera), condition, draw)


def moved_metrics(truth: Boxes, asked: dict[str, Any]) -> dict[str, float]:
    """Return the errors of a detector that finds every box exactly, but one moved, turned and grown."""
    k = whole(asked.get("box"), 0, len(truth), "box")
    ahead, left = (number(asked.get(key), 0.0, key) for key in ("ahead", "left"))
    turned, grown = number(asked.get("turned"), 0.0, "turned"), number(asked.get("grown"), 1.0, "grown")
    if not 0.1 <= grown <= 10:
        raise LabError(f"A box cannot grow {grown:g} times.", "Choose 0.1 to 10.")
    center, size, yaw = truth.center.copy(), truth.size.copy(), truth.yaw.copy()
    center[k, :2] += ahead, left
    size[k] *= grown
    yaw[k] += np.radians(turned)
    alone = truth.take(truth.label == truth.label[k])  # only this class has an error at all
    guess = replace(truth, center=center, size=size, yaw=wrap(yaw)).take(truth.label == truth.label[k])
    scores = evaluate([alone], [guess], (truth.names[k],))
    told = scores.tp_errors
    return {f"moved_{t.lower()}": told[t] for t in TERMS} | {"moved_nds": scores.score(TERMS), "moved_map": scores.map}


def anchor_of(model: Cmt, query: int) -> np.ndarray:
    """Return a query's anchor (3,) in m."""
    low, high = (np.array(model.shape.area[k : k + 3]) for k in (0, 3))
    return low + model.anchors[query].detach().cpu().clamp(0, 1).double().numpy() * (high - low)


def one_of(request: dict[str, Any], key: str, known: dict[str, Any]) -> str:
    """Return a name that there is; the first by default."""
    name = str(request.get(key) or next(iter(known), ""))
    if name not in known:
        raise LabError(f"This run kept no {key} {name!r}.", f"It kept {', '.join(known) or 'none'}.")
    return name


def number(asked: Any, default: float, what: str) -> float:
    """Return a finite number."""
    try:
        value = float(default if asked is None else asked)
    except (TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise LabError(f"{asked!r} is no {what}.", "Give a number.")
    return value


def whole(asked: Any, default: int, below: int, what: str) -> int:
    """Return a whole number from 0 to below `below`."""
    value = number(asked, default, what)
    if value != int(value) or not 0 <= value < below:
        raise LabError(f"There is no {what} {asked!r}.", f"There are 0 to {below - 1}.")
    return int(value)
