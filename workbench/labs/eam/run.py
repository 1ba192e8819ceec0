"""Entry points of the lab `eam`: run, load, probe and recheck."""

from __future__ import annotations

import math
import time
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
from workbench.toolkit.jobs import Freeze, RunState, State, Step, load_state, resume_training, run_steps
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.segmentation.networks import parameters
from workbench.toolkit.segmentation.training import halved, train
from workbench.toolkit.tensors import load_tensors

SHOWN = 2  # test subjects of each modality whose slices are kept to be seen
CORRELATIONS = "correlations"  # the piece of the desk with a matrix (2, K, K) for each row of `alignment`
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
    desk = load_state(ctx.resume())
    stopped = ctx.should_stop() or run_steps(work(params, ctx, data, desk), desk, ctx)
    notes = [*data.notes, REIMPLEMENTED] + (["Stopped before its end."] if stopped else [])
    return conclude(params, desk, notes, stopped)


def work(params: Params, ctx: Context, data: Material, desk: RunState) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    jobs = jobs_of(params)
    for number, job in enumerate(jobs):
        if job.key not in desk.finished:
            yield from learn(job, f"{job.words} ({number + 1} of {len(jobs)})", params, ctx, data, desk)


def learn(job: Job, words: str, params: Params, ctx: Context, data: Material, desk: RunState) -> Iterator[Step]:
    """Train one network, then see what it is worth."""
    yield 0, 1, f"{words}: begins"
    model = prepared(job, params, len(data.organs) + 1, ctx)
    began, trained = time.perf_counter(), 0

    def learned(state: State | None) -> Iterator[tuple[int, list[float], Freeze]]:
        batch_at = batches(job, params, data, ctx)
        for step, loss, freeze in train(model, batch_at, params.steps, params.rate, ctx.device, state, model.loss):
            if not math.isfinite(loss):
                raise LabError(f"{job.words} did not learn: its loss is {loss}.", "Lower the learning rate.")
            yield step, list(model.terms.values()), freeze

    for step, means in resume_training(job.key, learned, params.steps, desk):
        trained += 1
        if means is not None:
            told = dict(zip(model.terms, means, strict=True))
            desk.book["training"].append(job.about | {"step": step} | told)
            if job.seed == 0:
                ctx.metric(f"Dice + CE: {job.words}", told["dice_ce"], step)
        yield step, params.steps, f"{words}: learns"
    if trained:
        ctx.log(f"{job.words}: {1000 * (time.perf_counter() - began) / trained:.0f} ms a training step")
    outside = settle(model, ctx, keep_it=job == main_job(params))
    yield from examine(job, words, model, outside, params, ctx, data, desk)
    desk.book["networks"].append(
        job.about | {"parameters": parameters(model.f), "thrown_away": parameters(outside), "steps": params.steps}
    )
    desk.finished.append(job.key)
    desk.now = None


def examine(
    job: Job,
    words: str,
    model: Learner,
    outside: nn.ModuleList,
    params: Params,
    ctx: Context,
    data: Material,
    desk: RunState,
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
                show(desk, seen.subject, {f"mask {job.words.replace(job.arm, arm, 1)}": mask})
        yield done + 1, len(subjects), f"{words}: segments"
    desk.book["scores"] += rows
    if first and (job.arm == JOINT or job == main_job(params)):
        look_inside(job, model, outside, data, ctx, desk)


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


def show(desk: RunState, subject: Subject, masks: dict[str, np.ndarray]) -> None:
    """Keep the slices of a subject and a mask of it."""
    kept = desk.pieces[subject.name]
    kept["image"], kept["affine"], kept["truth"] = subject.image, subject.affine, subject.mask
    kept["values"] = subject.values.astype(np.float16)
    kept["modality"] = np.array(subject.modality)
    kept.update(masks)


def look_inside(job: Job, model: Learner, outside: nn.ModuleList, data: Material, ctx: Context, desk: RunState) -> None:
    """Keep what a network knows of the classes, and where its modules look."""
    names = ["background", *data.organs.values()]
    subjects = [s for own in data.test for s in own[:COMPARED]]
    found = known(model.f, outside, subjects, names, ctx.device)
    desk.book["points"] += [{"arm": job.arm} | row for row in found.points]
    desk.book["alignment"] += [{"arm": job.arm} | row for row in found.alignment]
    matrices = desk.pieces[CORRELATIONS]
    matrices |= {f"{len(matrices) + i:04d}": matrix for i, matrix in enumerate(found.matrices)}
    for subject in [s for own in data.test for s in own[:SHOWN]] if len(outside) else []:
        maps = attend(model.f, outside, images_of(subject, ctx.device), subject.modality)  # each (S, K, h, w)
        for scale, m in enumerate(maps):
            desk.pieces[subject.name][f"attention {scale}"] = m.movedim(0, -1).cpu().numpy().astype(np.float16)


# The result ------------------------------------------------------------------------------------------------------


def conclude(params: Params, desk: RunState, notes: list[str], stopped: bool) -> Result:
    """Return the result: tables, correlation matrices, slices to be seen, and the metrics."""
    tables = {name: pd.DataFrame(rows) for name, rows in desk.book.items() if rows}
    metrics, values = headline(params, tables) if "scores" in tables else ({}, {})
    cases = {name: kept for name, kept in sorted(desk.pieces.items()) if name != CORRELATIONS}
    matrices = [np.asarray(matrix) for _, matrix in sorted(desk.pieces.get(CORRELATIONS, {}).items())]
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
    values: dict[str, list[float]] = {}

    def mean(arm: str, modality: str, split: str = "test", measure: str = "dice") -> pd.Series:
        own = scores[(scores["arm"] == arm) & (scores["modality"] == modality) & (scores["split"] == split)]
        return own.groupby(["seed", "subject"])[measure].mean().groupby("seed").mean()

    def tell(key: str, numbers: pd.Series) -> None:
        if len(numbers := numbers.dropna()):
            values[key] = [float(v) for v in numbers]

    many = "CT" if main.few == "MR" else "MR"
    for modality in MODALITIES:
        for measure in ("dice", "asd"):
            tell(f"{measure}_{modality.lower()}", mean(main.arm, modality, measure=measure))
    tell("gain_few", mean(EAM, main.few) - mean(JOINT, main.few))
    tell("gain_many", mean(EAM, many) - mean(JOINT, many))
    tell("joint_gain_few", mean(JOINT, main.few) - mean({"CT": CT_ONLY, "MR": MR_ONLY}[main.few], main.few))
    tell("transfer_gap", mean(CT_ONLY, "CT") - mean(CT_ONLY, "MR"))
    tell("dice_validation", (mean(main.arm, "CT", "validation") + mean(main.arm, "MR", "validation")) / 2)
    metrics = {key: float(np.mean(v)) for key, v in values.items()}
    if "alignment" in tables:
        rows = tables["alignment"]
        rows = rows[(rows["arm"] == main.arm) & (rows["scale"] == 0)].tail(1)  # of the modules, if there are any
        if len(rows):
            metrics |= {"correlation_gap": float(rows["gap"].iloc[0]), "off_diagonal": float(rows["off"].iloc[0])}
    return metrics, values


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
    """Say to which class a pixel belongs, and where that class is seen in CT and MR; see `method.probe.answer`."""
    return probing.answer(question, run.model, run.device)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Let the saved network alone segment the test subjects again: name -> (Dice recorded, Dice found now)."""
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
