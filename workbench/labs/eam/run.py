"""Entry points of the lab `eam`: run, load, probe and recheck."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import nn

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.eam.method import probe as probing
from workbench.labs.eam.method.data import Material, material
from workbench.labs.eam.method.evaluation import images_of, known, scored, segmented
from workbench.labs.eam.method.model import Learner, attend
from workbench.labs.eam.method.subjects import Subject
from workbench.labs.eam.method.training import Job, batches, jobs_of, main_job, prepared
from workbench.labs.eam.params import CT_ONLY, EAM, JOINT, KEPT, MODALITIES, MR_ONLY, Params, Question
from workbench.toolkit.cases import as_media
from workbench.toolkit.jobs import (
    STOPPED,
    Epoch,
    Headline,
    RunState,
    State,
    Step,
    follow,
    load_state,
    run_steps,
    unfinished,
)
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.segmentation.networks import parameters
from workbench.toolkit.segmentation.training import halved, train
from workbench.toolkit.tensors import load_tensors

SHOWN = 2  # test subjects of each modality whose slices are kept to be seen
CORRELATIONS = "correlations"  # the piece of the run state with a matrix (2, K, K) for each row of `alignment`
COMPARED = 10  # test subjects of each modality whose class representations are
REIMPLEMENTED = (
    "EAM here is a re-implementation after the paper's description: its own equations, loss weights and Dice tables "
    "could not be read, so no number of the paper is shown."
)


def run(params: Params, ctx: Context) -> Result:
    """Train every arm, segment the test subjects by the network alone, and score them.

    Raises
    ------
    LabError
        If the sets cannot be used, or a parameter does not fit the others.
    """
    if not params.arms or not params.shots:
        raise LabError("No arm or no number of annotated subjects is chosen.", "Choose at least joint and 3.")
    data = material(params, ctx)
    run_state = load_state(ctx.resume())
    stopped = ctx.should_stop() or run_steps(work(params, ctx, data, run_state), run_state, ctx)
    notes = [*data.notes, REIMPLEMENTED, *([STOPPED] if stopped else [])]
    return conclude(params, run_state, notes, stopped)


def work(params: Params, ctx: Context, data: Material, run_state: RunState) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    for job, stage in unfinished(jobs_of(params), run_state):
        yield from learn(job, stage, params, ctx, data, run_state)


def learn(job: Job, stage: str, params: Params, ctx: Context, data: Material, run_state: RunState) -> Iterator[Step]:
    """Train one network, then see what it is worth."""
    yield 0, 1, f"{stage}: begins"
    model = prepared(job, params, len(data.organs) + 1, ctx)

    def training(state: State | None) -> Iterator[Epoch]:
        batch_at = batches(job, params, data, ctx)
        for step, _, freeze in train(model, batch_at, params.steps, params.rate, ctx.device, state, model.loss):
            yield step, model.terms, freeze

    curve = lambda terms: {f"Dice + CE: {job.label}": terms["dice_ce"]}  # noqa: E731
    yield from follow([job], training, params.steps, f"{stage}: learns", run_state, ctx, curve=curve)
    outside = settle(model, ctx, keep_it=job == main_job(params))
    yield from examine(job, stage, model, outside, params, ctx, data, run_state)
    run_state.book["networks"].append(
        job.about | {"parameters": parameters(model.f), "thrown_away": parameters(outside), "steps": params.steps}
    )


def examine(
    job: Job,
    stage: str,
    model: Learner,
    outside: nn.ModuleList,
    params: Params,
    ctx: Context,
    data: Material,
    run_state: RunState,
) -> Iterator[Step]:
    """Segment and score every validation and test subject; of the first seed also keep what can be looked at."""
    first = job.seed == 0 and (job.few, job.shots) in shown_settings(params)
    subjects = [s for part in (data.validation, data.test) for own in part for s in own]
    validation = {s.name for own in data.validation for s in own}
    shown = {s.name for own in data.test for s in own[:SHOWN]}
    rows: list[dict] = []
    for done, seen in enumerate(segmented(model.f, outside, subjects, ctx.device)):
        name = seen.subject.name
        split = "validation" if name in validation else "test"
        masks = [(job.arm, seen.mask)] + ([(KEPT, seen.kept)] if job.arm == EAM and KEPT in params.arms else [])
        for arm, mask in masks:
            about = job.about | {"arm": arm, "split": split}
            rows += [about | row for row in scored(seen.subject, mask, data.organs)]
            if first and name in shown:
                show(run_state, seen.subject, {f"mask {job.label.replace(job.arm, arm, 1)}": mask})
        yield done + 1, len(subjects), f"{stage}: segments"
    run_state.book["scores"] += rows
    if first and (job.arm == JOINT or job == main_job(params)):
        look_inside(job, model, outside, data, ctx, run_state)


def shown_settings(params: Params) -> list[tuple[str, int]]:
    """Return modality and shots whose masks are kept to be seen: the first, and what does not see that modality."""
    job = main_job(params)
    return [(job.few, job.shots), (job.few, 0)]


def settle(model: Learner, ctx: Context, keep_it: bool) -> nn.ModuleList:
    """Round the weights to what is kept; returns the modules, which no prediction uses.

    Network and modules go into two files: the network's is all that a prediction needs.
    """
    outside = model.modules_outside
    for name, part in (("network", model.f), ("modules", outside)):
        small = halved(part)
        part.load_state_dict(small)
        if keep_it and small:
            ctx.save(name, small)
    return outside


def show(run_state: RunState, subject: Subject, masks: dict[str, np.ndarray]) -> None:
    """Keep the slices of a subject and a mask of it."""
    kept = run_state.pieces[subject.name]
    kept["image"], kept["affine"], kept["truth"] = subject.image, subject.affine, subject.mask
    kept["values"] = subject.values.astype(np.float16)
    kept["modality"] = np.array(subject.modality)
    kept.update(masks)


def look_inside(
    job: Job, model: Learner, outside: nn.ModuleList, data: Material, ctx: Context, run_state: RunState
) -> None:
    """Keep what a network knows of the classes, and where its modules look."""
    names = ["background", *data.organs.values()]
    subjects = [s for own in data.test for s in own[:COMPARED]]
    found = known(model.f, outside, subjects, names, ctx.device)
    run_state.book["points"] += [{"arm": job.arm} | row for row in found.points]
    run_state.book["alignment"] += [{"arm": job.arm} | row for row in found.alignment]
    matrices = run_state.pieces[CORRELATIONS]
    matrices |= {f"{len(matrices) + i:04d}": matrix for i, matrix in enumerate(found.matrices)}
    for subject in [s for own in data.test for s in own[:SHOWN]] if len(outside) else []:
        maps = attend(model.f, outside, images_of(subject, ctx.device), subject.modality)  # each (S, K, h, w)
        for scale, m in enumerate(maps):
            run_state.pieces[subject.name][f"attention {scale}"] = m.movedim(0, -1).cpu().numpy().astype(np.float16)


# The result ------------------------------------------------------------------------------------------------------


def conclude(params: Params, run_state: RunState, notes: list[str], stopped: bool) -> Result:
    """Return the result: tables, correlation matrices, slices to be seen, and the metrics."""
    tables = run_state.tables()
    metrics, values = headline(params, tables) if "scores" in tables else ({}, {})
    cases = {name: kept for name, kept in sorted(run_state.pieces.items()) if name != CORRELATIONS}
    matrices = [np.asarray(matrix) for _, matrix in sorted(run_state.pieces.get(CORRELATIONS, {}).items())]
    arrays = {CORRELATIONS: np.stack(matrices)} if matrices else {}
    return Result(
        metrics=metrics,
        samples=values,
        tables=tables,
        arrays=arrays,
        media=as_media(cases),
        notes=notes,
        partial=stopped,
    )


def headline(params: Params, tables: dict[str, pd.DataFrame]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the metrics of `Lab.metrics` for the first direction and number of shots; a value a seed."""
    main = main_job(params)
    scores = tables["scores"]
    scores = scores[(scores["few"] == main.few) & scores["shots"].isin([0, main.shots])]
    numbers = Headline()

    def mean(arm: str, modality: str, split: str = "test", measure: str = "dice") -> pd.Series:
        own = scores[(scores["arm"] == arm) & (scores["modality"] == modality) & (scores["split"] == split)]
        return own.groupby(["seed", "subject"])[measure].mean().groupby("seed").mean()

    many = "CT" if main.few == "MR" else "MR"
    for modality in MODALITIES:
        for measure in ("dice", "asd"):
            numbers.add(f"{measure}_{modality.lower()}", mean(main.arm, modality, measure=measure))
    numbers.add("gain_few", mean(EAM, main.few) - mean(JOINT, main.few))
    numbers.add("gain_many", mean(EAM, many) - mean(JOINT, many))
    numbers.add("joint_gain_few", mean(JOINT, main.few) - mean({"CT": CT_ONLY, "MR": MR_ONLY}[main.few], main.few))
    numbers.add("transfer_gap", mean(CT_ONLY, "CT") - mean(CT_ONLY, "MR"))
    numbers.add("dice_validation", (mean(main.arm, "CT", "validation") + mean(main.arm, "MR", "validation")) / 2)
    metrics = numbers.metrics
    if "alignment" in tables:
        rows = tables["alignment"]
        rows = rows[(rows["arm"] == main.arm) & (rows["scale"] == 0)].tail(1)  # of the modules, if there are any
        if len(rows):
            metrics |= {"correlation_gap": float(rows["gap"].iloc[0]), "off_diagonal": float(rows["off"].iloc[0])}
    return metrics, numbers.samples


# The probe -------------------------------------------------------------------------------------------------------


def load(run: LoadedRun) -> probing.Ready:
    """Return the kept network and its modules, and the slices that can be asked about."""
    return probing.ready(run, restored(run, MemoryContext(run.seed, run.device)))


def restored(run: LoadedRun, ctx: Context) -> Learner:
    """Return the kept network with its modules."""
    path = run.folder / "models" / "network.safetensors"
    if not path.exists():
        raise LabError("This run kept no network.", "It was stopped before one had learned: resume it.")
    model = prepared(main_job(run.params), run.params, 5, ctx)
    model.f.load_state_dict(load_tensors(path))
    if len(model.modules_outside):
        model.modules_outside.load_state_dict(load_tensors(path.with_name("modules.safetensors")))
    return model.eval()


def probe(run: LoadedRun, question: Question) -> Result:
    """Return the class of a pixel, and where that class is seen in CT and MR; see `method.probe.answer`."""
    return probing.answer(question, run.model, run.device)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Segment the test subjects again with the saved network alone: name -> (Dice recorded, Dice found now)."""
    ctx = MemoryContext(run.seed, run.device)
    data, job = material(run.params, ctx), main_job(run.params)
    f = restored(run, ctx).f
    subjects = [s for own in data.test for s in own]
    with torch.no_grad():
        seen = segmented(f, nn.ModuleList(), subjects, run.device)
        again = pd.DataFrame([row for s in seen for row in scored(s.subject, s.mask, data.organs)])
    rows = run.result.tables["scores"]
    rows = rows[(rows["split"] == "test") & (rows[list(job.about)] == pd.Series(job.about)).all(axis=1)]
    was, now = (t.groupby(["modality", "organ"])["dice"].mean() for t in (rows, again))
    return {f"{m} {organ}": (was[m, organ], now[m, organ]) for m, organ in was.index}
