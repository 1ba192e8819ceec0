"""Entry points of the lab `doorping`: run, load, probe and recheck."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.doorping.method import probe as probing
from workbench.labs.doorping.method.attacks import Attack
from workbench.labs.doorping.method.data import Material, material
from workbench.labs.doorping.method.dd import taught
from workbench.labs.doorping.method.defense_scores import Case, defend
from workbench.labs.doorping.method.jobs import Job, attack_of, distilled, iterations_of, jobs_of, maker
from workbench.labs.doorping.method.results import conclude
from workbench.labs.doorping.method.triggers import Renewal
from workbench.labs.doorping.method.victims import rates, trained
from workbench.labs.doorping.params import Params, Question
from workbench.toolkit.jobs import RunState, State, Step, load_state, resume_training, run_steps
from workbench.toolkit.memory import MemoryContext

SNAPSHOTS = 6  # of a set on its way
SHOWN = 2  # images of a class in them
Told = tuple[int, str]  # steps of a job's part that are done, and which part it is


def run(params: Params, ctx: Context) -> Result:
    """Distill under every attack, train victims on each set, and measure what a stamp does to them.

    Raises
    ------
    LabError
        If images cannot be used, or nothing is chosen.
    """
    for name in ("carriers", "attacks", "victims"):
        if not getattr(params, name):
            raise LabError(f"No {name} are chosen.", f"Choose one at least of {', '.join(params.param[name].objects)}.")
    run_state = load_state(ctx.resume())
    data = material(params, ctx)
    stopped = run_steps(work(data, params, ctx, run_state), run_state, ctx)
    return conclude(data, params, run_state, ctx, stopped)


def work(data: Material, params: Params, ctx: Context, run_state: RunState) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    jobs = jobs_of(params)
    after = len(victims_of(params)) + len(params.defenses)  # steps of a job once its set is there
    whole, before = sum(iterations_of(job, params) + after for job in jobs), 0
    for number, job in enumerate(jobs, 1):
        total = iterations_of(job, params)
        if job.key not in run_state.finished:
            stage = f"{job.label} ({number} of {len(jobs)})"
            for done, part in one_set(job, stage, data, params, ctx, run_state):
                yield before + done, whole, part
            for done, part in its_victims(job, stage, data, params, ctx, run_state):
                yield before + total + done, whole, part
            run_state.finish(job.key)
        before += total + after


def victims_of(params: Params) -> list[tuple[str, int]]:
    """Return kind and number of the victims of a set."""
    first = params.victims[0]
    count = {kind: params.victims_each if kind == first else params.others_each for kind in params.victims}
    return [(kind, number) for kind in params.victims for number in range(count[kind])]


def one_set(job: Job, stage: str, data: Material, params: Params, ctx: Context, run_state: RunState) -> Iterator[Told]:
    """Distill one set; its images, the triggers on the way and what drove them stay in the run state."""
    if f"{job.key}/set" in run_state.finished:
        return
    attack, total = attack_of(job, data, params, ctx), iterations_of(job, params)
    if f"{job.key}/0" not in run_state.pieces["triggers"]:
        run_state.pieces["triggers"][f"{job.key}/0"] = attack.trigger.cpu().clone()
    every = max(1, -(-total // SNAPSHOTS))
    now: list[Any] = []

    def going(state: State | None) -> Iterator[Any]:
        for (step, (loss, renewals), freeze), ours in distilled(job, attack, data, params, ctx, state):
            now[:] = ours, renewals
            if job.seed == 0:
                ctx.metric(f"{job.carrier}: loss, {job.attack}", loss, step)
            yield step, loss, freeze

    for step, _ in resume_training(job.key, going, total, run_state, job.label):
        ours, renewals = now
        tell(job, step, ours, renewals, run_state)
        run_state.pieces["triggers"][f"{job.key}/{step}"] = (
            ours.trigger.cpu().clone()
        )  # a file of tensors takes none twice
        if job.seed == 0 and job.carrier == params.carriers[0] and (step % every == 0 or step in (1, total)):
            first = ours.images if job.carrier != "dd" else ours.images[0]
            run_state.pieces["films"][f"{job.key}/{step}"] = data.shown(first[:, :SHOWN])
        if step == total:  # before the yield: a run that is stopped there resumes behind the last iteration
            run_state.pieces["sets"] |= {f"{job.key}/{key}": value.half() for key, value in ours.released().items()}
        yield step, f"{stage}: distills"
    run_state.finish(f"{job.key}/set")


def tell(job: Job, step: int, ours: Any, renewals: list[Renewal], run_state: RunState) -> None:
    """Add what an iteration did to the trigger to the table `trajectory`."""
    live = [r for r in renewals if r.steps]
    run_state.book["trajectory"].append(
        job.about
        | {
            "iteration": step,
            "calls": len(renewals),
            "updated": len(live),
            "steps": sum(r.steps for r in renewals),
            "units": " ".join(str(unit) for r in live for unit in r.units),
            "before": float(np.mean([r.before for r in live])) if live else None,
            "after": float(np.mean([r.after for r in live])) if live else None,
        }
    )


def its_victims(
    job: Job, stage: str, data: Material, params: Params, ctx: Context, run_state: RunState
) -> Iterator[Told]:
    """Train victims of every kind on a released set, measure them, and let the defenders look."""
    attack = attack_of(job, data, params, ctx)
    trigger = run_state.pieces["triggers"][f"{job.key}/{iterations_of(job, params)}"].to(ctx.device)
    plan, looks = victims_of(params), len(params.defenses)
    for done, (kind, number) in enumerate(plan, 1):
        mark, first = f"{job.key}/{kind}/{number}", (kind, number) == plan[0]
        defended = not first or all(f"{job.key}/{name}" in run_state.finished for name in params.defenses)
        if mark in run_state.finished and defended:
            continue
        network = victim(job, kind, number, data, params, ctx, run_state)
        if mark not in run_state.finished:
            for test, stamped in stamps(attack, trigger, data).items():
                found = rates(network, data.tests, data.test_labels, stamped, params.target)
                about = {"victim": kind, "number": number, "test": test}
                run_state.book["victims"].append(job.about | about | vars(found))
            if first:
                along(job, network, attack, data, params, ctx, run_state)
            if is_kept(job, kind, number, params):
                keep(f"{job.carrier}_{job.attack}/{kind}", network, run_state)
            run_state.finished.append(mark)
        yield done + (0 if first else looks), f"{stage}: trains victims"
        if first:
            released = by_class(run_state.pieces["sets"][f"{job.key}/images"].float().to(ctx.device))
            for look in defend(Case(job, network, released, attack, trigger, data, params, ctx), run_state):
                yield done + look, f"{stage}: defends"


def is_kept(job: Job, kind: str, number: int, params: Params) -> bool:
    """Return True if a victim's weights are kept: the first ones of the first seed, of other kinds DOORPING's alone."""
    own = kind == params.victims[0] or (job.attack == "doorping" and job.carrier == params.carriers[0])
    return job.seed == 0 and number == 0 and own


def victim(job: Job, kind: str, number: int, data: Material, params: Params, ctx: Context, run_state: RunState) -> Any:
    """Return a victim trained on a released set; victims of one number and seed begin alike under every attack."""
    draw = ctx.generator(f"{job.seed}/{kind}/{number}")
    torch.manual_seed(draw.initial_seed())
    network = maker(kind, data, params)().to(ctx.device)
    images = run_state.pieces["sets"][f"{job.key}/images"].float().to(ctx.device)
    classes = torch.arange(len(data.classes), device=ctx.device)[:, None]
    if job.carrier == "dd":
        kept = run_state.pieces["sets"]
        start = {key.removeprefix(f"{job.key}/start."): v for key, v in kept.items() if f"{job.key}/start." in key}
        if start and kind == params.network:
            network.load_state_dict({key: value.float() for key, value in start.items()})
        labels = classes.expand(images.shape[1:3])
        weights = taught(network, images, labels, kept[f"{job.key}/rates"].float().to(ctx.device))
        network.load_state_dict({key: value.detach() for key, value in weights.items()}, strict=False)
        return network.eval()
    labels = classes.expand(images.shape[:2])
    return trained(network, images.flatten(0, 1), labels.flatten(), params.epochs, draw)


def stamps(attack: Attack, trigger: torch.Tensor, data: Material) -> dict[str, Any]:
    """Return how test images are stamped: with the trigger as it is, and cut to what a picture can hold."""
    return {
        "as is": lambda images: attack.put(images, trigger),
        "cut": lambda images: data.pixels.clip(attack.put(images, trigger)),
    }


def along(
    job: Job, network: Any, attack: Attack, data: Material, params: Params, ctx: Context, run_state: RunState
) -> None:
    """Stamp with every trigger of the way: which of them would have opened the door of this victim?"""
    for step in range(iterations_of(job, params) + 1):
        trigger = run_state.pieces["triggers"][f"{job.key}/{step}"].to(ctx.device)
        row = job.about | {"iteration": step, "excess": data.pixels.excess(trigger)}
        for test, stamped in stamps(attack, trigger, data).items():
            found = rates(network, data.tests, data.test_labels, stamped, params.target)
            row |= {f"asr {test}": found.asr, "null": found.null}
        run_state.book["doors"].append(row)
        if attack.renew is None:
            break  # it never changes


def by_class(images: torch.Tensor) -> torch.Tensor:
    """Return a released set as one batch, class by class; a set of dd has steps first."""
    images = images.transpose(0, 1).flatten(1, 2) if images.ndim == 6 else images
    return images.flatten(0, 1)


def keep(name: str, network: torch.nn.Module, run_state: RunState) -> None:
    """Keep a victim for the run's file of models."""
    run_state.pieces["models"] |= {f"{name}/{k}": v.detach().cpu().clone() for k, v in network.state_dict().items()}


# The probe -------------------------------------------------------------------------------------------------------


def load(run: LoadedRun) -> Any:
    """Return the victims of a run, ready to answer."""
    return probing.Bench(run)


def probe(run: LoadedRun, question: Question) -> Result:
    """Classify a stamped test image with the victims; see `method.probe.answer`."""
    return probing.answer(question, run.model)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Measure the saved victims again with the saved triggers: name -> (recorded, found now)."""
    return probing.recheck(run, MemoryContext(run.seed, run.device))
