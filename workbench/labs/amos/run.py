"""Entry points of the lab `amos`: run, load, probe and recheck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.data.volumes.amos import Case, read_case
from workbench.data.volumes.own import open_own
from workbench.data.volumes.volume import Labels, Volume
from workbench.labs.amos.method import probe as probing
from workbench.labs.amos.method.data import Material, material, of, sample
from workbench.labs.amos.method.model import (
    MODALITIES,
    network,
    rate_of,
    rules_of,
    scored,
    segmented,
    spec_of,
    steps_of,
)
from workbench.labs.amos.params import JOINT, Params, Question
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
    named,
    run_steps,
    unfinished,
)
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.segmentation.networks import parameters
from workbench.toolkit.segmentation.patches import Sample, batch_of
from workbench.toolkit.segmentation.ranking import leaderboard
from workbench.toolkit.segmentation.training import halved, train
from workbench.toolkit.tensors import load_tensors

SHOWN = 2  # cases of each modality whose masks are kept to be seen
OWN = "own scan"
SMALL = (4, 11, 12, 13)  # gallbladder, adrenal glands, duodenum


@dataclass(frozen=True)
class Job:
    """One training: a network, what it learns from, and its seed; without its seed it is a team of the leaderboard."""

    network: str
    arm: str
    seed: int

    @property
    def key(self) -> str:
        return f"{self.network}/{self.arm}/{self.seed}"

    @property
    def label(self) -> str:
        return f"{self.network}, {self.arm}"

    @property
    def about(self) -> dict[str, Any]:
        return {"network": self.network, "arm": self.arm, "seed": self.seed}

    @property
    def file(self) -> str:
        """The name under which its weights are kept."""
        return f"{self.network}_{self.arm}".lower().replace(" ", "_")


def run(params: Params, ctx: Context) -> Result:
    """Train every network in its arms, segment the validation cases, and score them.

    Raises
    ------
    LabError
        If the scans cannot be used, or a parameter does not fit the others.
    """
    check(params)
    own = open_own(Path(params.file)) if params.file else None
    data = material(params, ctx)
    run_state = load_state(ctx.resume())
    lots: list[Sample] = []
    for done, case in enumerate(data.train):  # hours for the true release, the first time
        ctx.progress(done, len(data.train), "preparing scans")
        if ctx.should_stop():
            return conclude(params, run_state, [*data.notes, STOPPED], True)
        lots.append(sample(case, data.preparation))
    stopped = run_steps(work(params, ctx, data, lots, own, run_state), run_state, ctx)
    notes = [*data.notes, str(rules_of(params)) + ".", *([STOPPED] if stopped else [])]
    return conclude(params, run_state, notes, stopped)


def check(params: Params) -> None:
    """Refuse parameters that do not fit each other."""
    if not params.networks or not params.arms:
        raise LabError("No network or no arm is chosen.", "Choose at least BasicUNet and joint.")
    for name in params.networks:
        spec_of(name, params)


def jobs_of(params: Params) -> list[Job]:
    """Return the trainings in their order: the first network in every arm, the others jointly."""
    first, *others = params.networks
    arm = JOINT if JOINT in params.arms else params.arms[0]
    pairs = [(first, a) for a in params.arms] + [(other, arm) for other in others]
    return [Job(name, a, seed) for seed in range(params.seeds) for name, a in pairs]


# The jobs --------------------------------------------------------------------------------------------------------


def work(
    params: Params, ctx: Context, data: Material, lots: list[Sample], own: Any, run_state: RunState
) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    for job, stage in unfinished(jobs_of(params), run_state):
        yield from learn(job, stage, params, ctx, data, lots, own, run_state)


def learn(
    job: Job,
    stage: str,
    params: Params,
    ctx: Context,
    data: Material,
    lots: list[Sample],
    own: Any,
    run_state: RunState,
) -> Iterator[Step]:
    """Train one network, then let it segment every validation case."""
    groups = [[s for s in lots if s.modality == m] for m in MODALITIES[job.arm]]
    if not all(groups):
        raise LabError(f"There is no scan to train on for the arm {job.arm!r}.", "Choose other arms, or other data.")
    yield 0, 1, f"{stage}: begins"
    model = network(job.network, params, ctx.generator(f"weights/{job.network}/{job.seed}"), ctx.device)
    spec, steps = spec_of(job.network, params), steps_of(job.arm, params)

    def batch_at(step: int) -> Any:  # every network of an arm and a seed sees the same patches
        return batch_of(groups, params.batch, spec.patch, ctx.rng(f"patches/{job.arm}/{job.seed}/{step}"))

    def training(state: State | None) -> Iterator[Epoch]:
        return named("loss", train(model, batch_at, steps, rate_of(job.network, params), ctx.device, state))

    curve = lambda loss: {f"loss: {job.label}": loss["loss"]}  # noqa: E731
    yield from follow([job], training, steps, f"{stage}: learns", run_state, ctx, curve=curve, columns={"steps": steps})
    small = halved(model)
    model.load_state_dict(small)
    rows, seen = [], {}
    for done, total, found in evaluated(model, spec, data, ctx.device, params):
        if found is not None:
            case, volume, truth, mask, table = found
            rows += [job.about | {"case": case.name, "modality": case.modality, "site": case.site} | r for r in table]
            if job.seed == 0 and case.name in shown_cases(data):
                seen[case.name] = (volume, truth, mask)
        yield done, total, f"{stage}: segments"
    if job.seed == 0 and own is not None and job == jobs_of(params)[0]:
        for done, total, mask in segmented(model, own[0], spec, data.preparation, ctx.device):
            if mask is not None:
                seen[OWN] = (own[0], own[1], mask)
            yield done, total, f"{stage}: segments your scan"
    for name, (volume, truth, mask) in seen.items():
        show(run_state, name, job.label, volume, truth, mask)
    run_state.book["scores"] += rows
    run_state.book["networks"].append(job.about | {"parameters": parameters(model), "steps": steps})
    if job == jobs_of(params)[0]:
        ctx.save(job.file, small)


def evaluated(
    model: nn.Module, spec: Any, data: Material, device: str, params: Params
) -> Iterator[tuple[int, int, tuple[Case, Volume, Labels, np.ndarray, list[dict]] | None]]:
    """Segment and score every validation case; yields windows as they are done, and each case with its last."""
    total = len(data.validation)
    for done, case in enumerate(data.validation):
        volume, truth = read_case(case)
        for _, _, mask in segmented(model, volume, spec, data.preparation, device):
            if mask is None:
                yield done, total, None
        table = scored(mask, truth, rules_of(params))
        yield done + 1, total, (case, volume, truth, mask, table.to_dict(orient="records"))


def shown_cases(data: Material) -> list[str]:
    """Return the cases that are kept to be seen: the first of each modality."""
    return [c.name for m in ("CT", "MR") for c in of(data.validation, m)[:SHOWN]]


def show(run_state: RunState, name: str, team: str, volume: Volume, truth: Labels | None, mask: np.ndarray) -> None:
    """Keep a case and a team's mask of it: the arrays ``image``, ``affine``, ``modality``, ``truth``, ``mask TEAM``."""
    kept = run_state.pieces[name]
    kept["image"], kept["affine"] = np.array(volume.voxels), np.array(volume.affine)  # copies: those are read-only
    kept["modality"] = np.frombuffer(bytearray(volume.modality.encode().ljust(2)), np.uint8)
    if truth is not None:
        kept["truth"] = np.asarray(truth.voxels).astype(np.uint8)
    kept[f"mask {team}"] = mask


# The result ------------------------------------------------------------------------------------------------------


def conclude(params: Params, run_state: RunState, notes: list[str], stopped: bool) -> Result:
    """Return the result: the tables, the leaderboard, the cases to be seen, and the metrics of the first network."""
    tables = run_state.tables()
    metrics: dict[str, float] = {}
    values: dict[str, list[float]] = {}
    if "scores" in tables:
        tables["leaderboard"] = boards(tables["scores"])
        metrics, values = headline(params, tables["scores"])
    return Result(
        metrics=metrics, samples=values, tables=tables, media=as_media(run_state.pieces), notes=notes, partial=stopped
    )


def boards(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the leaderboards of CT and of MR over all cases, seeds averaged first."""
    rows = scores.assign(team=scores["network"] + ", " + scores["arm"])
    parts = []
    for modality, own in rows.groupby("modality"):
        mean = own.groupby(["team", "case", "organ"], sort=False)[["dsc", "nsd"]].mean().reset_index()
        board = leaderboard(mean)
        board.insert(0, "modality", modality)
        parts.append(board)
    return pd.concat(parts, ignore_index=True)


def headline(params: Params, scores: pd.DataFrame) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the metrics of `Lab.metrics`: of the first network, its joint arm; a value a seed."""
    first = scores[scores["network"] == params.networks[0]]
    main = JOINT if JOINT in params.arms else params.arms[0]
    numbers = Headline()

    def mean(arm: str, measure: str, modality: str, organs: tuple[int, ...] = ()) -> pd.Series:
        own = first[(first["arm"] == arm) & (first["modality"] == modality)]
        own = own[own["organ"].isin(organs)] if organs else own
        return own.groupby("seed")[measure].mean()

    for modality, short in (("CT", "ct"), ("MR", "mr")):
        for measure in ("dsc", "nsd"):
            numbers.add(f"{measure}_{short}", mean(main, measure, modality))
            if main == JOINT:
                gain = mean(JOINT, measure, modality) - mean(f"{modality} only", measure, modality)
                numbers.add(f"{measure}_gain_{short}", gain)
    joint = first[first["arm"] == main]
    numbers.add("dsc_small", joint[joint["organ"].isin(SMALL)].groupby("seed")["dsc"].mean())
    return numbers.metrics, numbers.samples


# The probe -------------------------------------------------------------------------------------------------------


def load(run: LoadedRun) -> Any:
    """Return the first network of a run, ready to segment, and the run's cases."""
    return probing.loaded(run, restored(run))


def restored(run: LoadedRun) -> nn.Module:
    """Return the saved network of a run."""
    job = jobs_of(run.params)[0]
    path = run.folder / "models" / f"{job.file}.safetensors"
    if not path.exists():
        raise LabError("This run kept no network.", "It was stopped before one had learned: resume it.")
    generator = MemoryContext(run.seed).generator("probe")
    model = network(job.network, run.params, generator, run.device)
    model.load_state_dict(load_tensors(path))
    return model.eval()


def probe(run: LoadedRun, question: Question) -> Result:
    """Segment the neighborhood of a point of a case, its picture spoiled or not; see `method.probe.answer`."""
    return probing.answer(question, run.model, run.params, run.device)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Segment the validation cases again with the saved network: name -> (DSC recorded, DSC found now)."""
    data = material(run.params, MemoryContext(run.seed, run.device))
    job = jobs_of(run.params)[0]
    model = restored(run)
    rows = []
    for _, _, found in evaluated(model, spec_of(job.network, run.params), data, run.device, run.params):
        if found is not None:
            rows += [{"modality": found[0].modality} | row for row in found[4]]
    again = pd.DataFrame(rows).groupby("modality")[["dsc", "nsd"]].mean()
    recorded = run.result.tables["scores"].query("network == @job.network and arm == @job.arm and seed == 0")
    recorded = recorded.groupby("modality")[["dsc", "nsd"]].mean()
    return {f"{m} {k}": (recorded.loc[m, k], again.loc[m, k]) for m in recorded.index for k in ("dsc", "nsd")}
