"""Entry points of the lab `cmt`: run, load, probe and recheck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.data.scenes.own import open_scene
from workbench.data.scenes.scene import Boxes
from workbench.labs.cmt.common.conditions import BOTH
from workbench.labs.cmt.common.kept_scenes import OWN, boxes_of, found_in, packed, scenes_of
from workbench.labs.cmt.common.kept_scenes import rows_of as rows_of_boxes
from workbench.labs.cmt.common.shapes import ARMS
from workbench.labs.cmt.method import probe as probing
from workbench.labs.cmt.method.data import Material, Sample, lightened, material, prepared, spec_of
from workbench.labs.cmt.method.decoding import late_fusion
from workbench.labs.cmt.method.evaluation import (
    as_boxes,
    as_detections,
    headline,
    looked,
    redrawn,
    rows_of,
    scored,
)
from workbench.labs.cmt.method.jobs import Job, batches, jobs_of, network, recipe_of, shape_of
from workbench.labs.cmt.method.model import Cmt
from workbench.labs.cmt.method.training import train
from workbench.labs.cmt.params import SIM, Params, Question
from workbench.toolkit.jobs import STOPPED, Epoch, RunState, State, Step, follow, load_state, run_steps, unfinished
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.segmentation.training import halved
from workbench.toolkit.tensors import load_tensors

SHOWN = 4  # scenes that are kept to be seen
LEAST = 0.05  # score of a box that is kept to be seen
KEPT = ("masked", "plain")  # arms whose network is kept; else that of the first arm
TERMS = ("total", "classes", "boxes", "dn_classes", "dn_boxes", "guidance")  # of the loss
FOUND, DRAWN, KEPT_SCENES = "found", "drawn", "scenes"  # pieces of the run state


def run(params: Params, ctx: Context) -> Result:
    """Train every arm, look at the validation scenes under every condition, and score what is found.

    Raises
    ------
    LabError
        If the scenes cannot be used, or a parameter does not fit the others.
    """
    if not params.arms or not params.conditions:
        raise LabError("No arm or no condition is chosen.", "Choose at least masked, and both.")
    for arm in params.arms:
        shape_of(params, arm)  # sizes that do not fit are told before the work begins
    own = prepared_own(params)
    data = material(params, ctx)
    run_state = load_state(ctx.resume())
    keep_scenes(params, data, run_state)
    stopped = ctx.should_stop() or run_steps(work(params, ctx, data, own, run_state), run_state, ctx)
    notes = [*data.notes, *([STOPPED] if stopped else [])]
    return conclude(params, run_state, notes, stopped)


def work(params: Params, ctx: Context, data: Material, own: Sample | None, run_state: RunState) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    for job, stage in unfinished(jobs_of(params), run_state):
        if ARMS[job.arm].parts:
            yield from join(job, stage, params, data, run_state)
        else:
            yield from learn(job, stage, params, ctx, data, own, run_state)


def learn(
    job: Job, stage: str, params: Params, ctx: Context, data: Material, own: Sample | None, run_state: RunState
) -> Iterator[Step]:
    """Train one network, then see what it is worth."""
    yield 0, params.steps, f"{stage}: begins"
    model = network(job, params, ctx)

    def training(state: State | None) -> Iterator[Epoch]:
        batch_at = batches(job, params, data, ctx)
        for step, loss, freeze in train(model, batch_at, recipe_of(job, params), ctx.device, state):
            yield step, {term: loss.get(term, 0.0) for term in TERMS}, freeze

    curve = lambda loss: {f"Loss: {job.arm}": loss["classes"] + loss["boxes"]}  # noqa: E731
    yield from follow([job], training, params.steps, f"{stage}: learns", run_state, ctx, curve=curve)
    small = halved(model)  # what is scored is what is kept
    model.load_state_dict(small)
    if job in kept_jobs(params):
        ctx.save(job.file, small)
    yield from examine(job, stage, model, params, ctx, data, run_state)
    if own is not None and job.seed == 0 and (job in kept_jobs(params)):
        for found in looked(model, [own], BOTH, data.spec.classes, ctx.device):
            keep_boxes(job, BOTH, own.scene.name, found[0], run_state)
    count = sum(p.numel() for p in model.parameters())
    run_state.book["networks"].append(
        job.about | {"parameters": count, "steps": params.steps, "scenes": len(data.validation)}
    )


def kept_jobs(params: Params) -> list[Job]:
    """Return the trainings whose network is kept, the one that the metrics are of first."""
    trained = [job for job in jobs_of(params) if job.seed == 0 and not ARMS[job.arm].parts]
    return sorted((j for j in trained if j.arm in KEPT), key=lambda j: KEPT.index(j.arm)) or trained[:1]


def examine(
    job: Job, stage: str, model: Cmt, params: Params, ctx: Context, data: Material, run_state: RunState
) -> Iterator[Step]:
    """Look at every scene under every condition."""
    total = len(data.validation) * len(params.conditions)
    found: dict[str, list[Boxes]] = {}
    for condition in params.conditions:
        found[condition] = []
        for some in looked(model, data.validation, condition, data.spec.classes, ctx.device):
            found[condition] += some
            yield sum(map(len, found.values())), total, f"{stage}: looks ({condition})"
    if any(job.arm in ARMS[arm].parts for arm in params.arms):
        run_state.pieces[FOUND][job.key] = flat(found)
    yield from score(job, stage, found, data, run_state)


def join(job: Job, stage: str, params: Params, data: Material, run_state: RunState) -> Iterator[Step]:
    """Join what two arms of the same seed found, and score it."""
    parts = [Job(arm, job.seed).key for arm in ARMS[job.arm].parts]
    classes, many = data.spec.classes, len(data.validation)
    first, second = (unflat(run_state.pieces[FOUND][key], params.conditions, many, classes) for key in parts)
    found: dict[str, list[Boxes]] = {}
    for done, condition in enumerate(params.conditions):
        yield done, len(params.conditions), f"{stage}: joins"
        pairs = zip(first[condition], second[condition], strict=True)
        found[condition] = [as_boxes(late_fusion(as_detections(a), as_detections(b)), classes) for a, b in pairs]
    yield from score(job, stage, found, data, run_state)
    for key in parts:
        del run_state.pieces[FOUND][key]


def score(job: Job, stage: str, found: dict[str, list[Boxes]], data: Material, run_state: RunState) -> Iterator[Step]:
    """Score what was found under each condition, also in scenes that are drawn again."""
    rows, drawn = [], {}
    for done, (condition, boxes) in enumerate(found.items()):
        yield done, len(found), f"{stage}: scores"
        scores = scored(data.validation, boxes, data.spec.classes)
        about = job.about | {"condition": condition}
        rows += [about | row for row in rows_of(scores, data.terms)]
        drawn[f"{job.key}|{condition}"] = redrawn(scores, data.terms, len(data.validation))
    run_state.book["scores"] += rows
    run_state.pieces[DRAWN] |= drawn
    if job.seed == 0:
        for condition, boxes in found.items():
            for k in range(min(SHOWN, len(data.validation))):
                keep_boxes(job, condition, data.validation[k].scene.name, boxes[k], run_state)


def flat(found: dict[str, list[Boxes]]) -> np.ndarray:
    """Return boxes by condition and scene as rows (K, 13): condition, scene, the box's nine numbers, score, label."""
    rows = [
        np.column_stack([np.full(len(b), c), np.full(len(b), k), b.center, b.size, b.yaw, b.velocity, b.score, b.label])
        for c, boxes in enumerate(found.values())
        for k, b in enumerate(boxes)
    ]
    return np.concatenate(rows).astype(np.float32)


def unflat(rows: Any, conditions: Sequence[str], many: int, classes: tuple[str, ...]) -> dict[str, list[Boxes]]:
    """Return what `flat` was given."""
    rows = np.asarray(rows)
    names = np.array(classes, dtype=object)
    frame = pd.DataFrame(rows[:, 2:11], columns=["x", "y", "z", "length", "width", "height", "yaw", "vx", "vy"])
    frame["score"], frame["class"] = rows[:, 11], names[rows[:, 12].astype(int)]
    at = rows[:, :2].astype(int)
    return {
        condition: [boxes_of(frame[(at == (c, k)).all(1)], classes) for k in range(many)]
        for c, condition in enumerate(conditions)
    }


# What is kept to be seen -----------------------------------------------------------------------------------------


def prepared_own(params: Params) -> Sample | None:
    """Return the user's own scene, if there is one."""
    if not params.file:
        return None
    return prepared(replace(open_scene(Path(params.file).expanduser()), name=OWN), spec_of(params))


def keep_scenes(params: Params, data: Material, run_state: RunState) -> None:
    """Keep some scenes as the network reads them."""
    kept = run_state.pieces[KEPT_SCENES]
    for k in range(min(SHOWN, len(data.validation))):
        if f"{k:02d}" not in kept:
            kept[f"{k:02d}"] = np.frombuffer(packed(lightened(data.validation.whole(k), data.spec)), np.uint8).copy()
    if params.file and "own" not in kept:
        scene = lightened(replace(open_scene(Path(params.file).expanduser()), name=OWN), data.spec)
        kept["own"] = np.frombuffer(packed(scene), np.uint8).copy()


def keep_boxes(job: Job, condition: str, scene: str, found: Boxes, run_state: RunState) -> None:
    """Keep the boxes found in a scene that is kept."""
    about = {"arm": job.arm, "condition": condition, "scene": scene}
    run_state.book["boxes"] += [about | row for row in rows_of_boxes(found.take(found.score >= LEAST))]


# The result ------------------------------------------------------------------------------------------------------


def conclude(params: Params, run_state: RunState, notes: list[str], stopped: bool) -> Result:
    """Return the result: tables, NDS of scenes drawn again, scenes to be seen, and the metrics."""
    tables = run_state.tables()
    metrics, values = headline(tables) if "scores" in tables else ({}, {})
    drawn = run_state.pieces.get(DRAWN, {})
    arrays = {}
    if "scores" in tables:
        whole = tables["scores"][tables["scores"]["class"] == "all"]
        keys = [f"{arm}-{seed}|{condition}" for arm, seed, condition in whole[["arm", "seed", "condition"]].to_numpy()]
        arrays["drawn"] = np.stack([np.asarray(drawn[key], np.float32) for key in keys])
    scenes = run_state.pieces.get(KEPT_SCENES, {})
    return Result(
        metrics=metrics,
        samples=values,
        tables=tables,
        arrays=arrays,
        media={f"scene_{key}.npz": np.asarray(blob).tobytes() for key, blob in scenes.items()},
        notes=notes,
        partial=stopped,
    )


# The probe -------------------------------------------------------------------------------------------------------


def load(run: LoadedRun) -> probing.Ready:
    """Return the kept networks, and the scenes that can be asked about."""
    models = restored(run)
    return probing.ready(run, models)


def restored(run: LoadedRun) -> dict[str, Cmt]:
    """Return the kept networks by arm."""
    ctx, models = MemoryContext(run.seed, run.device), {}
    for job in kept_jobs(run.params):
        path = run.folder / "models" / f"{job.file}.safetensors"
        if path.exists():
            models[job.arm] = network(job, run.params, ctx)
            models[job.arm].load_state_dict(load_tensors(path))
            models[job.arm].eval()
    if not models:
        raise LabError("This run kept no network.", "It was stopped before one had learned: resume it.")
    return models


def probe(run: LoadedRun, question: Question) -> Result:
    """Look at a kept scene with sensors switched off or disturbed; see `method.probe.answer`."""
    return probing.answer(question, run.model, run.device)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Detect again in the kept scenes with the kept networks: name -> (NDS of the recorded boxes, NDS of those now)."""
    spec, terms, result = spec_of(run.params), ("ATE", "ASE", "AOE"), {}
    scenes = [scene for name, scene in scenes_of(run.result).items() if name != OWN]
    samples = [prepared(scene, spec, run.params.dataset == SIM) for scene in scenes]
    for arm, model in restored(run).items():
        for condition in run.params.conditions:
            was = [found_in(run.result, scene, arm, condition) for scene in scenes]
            now = [b for some in looked(model, samples, condition, spec.classes, run.device) for b in some]
            now = [b.take(b.score >= LEAST) for b in now]
            result[f"{arm}, {condition}"] = tuple(
                scored(samples, found, spec.classes).score(terms) for found in (was, now)
            )
    return result
