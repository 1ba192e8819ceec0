"""Entry points of the lab `reliant`: run, load, probe and recheck."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.reliant.common.measures import evaluated, quantized
from workbench.labs.reliant.common.results import conclude, notes_for
from workbench.labs.reliant.method import kept_graph, tabular
from workbench.labs.reliant.method import probe as probing
from workbench.labs.reliant.method.data import Material, material, seeds_of, sets_of, split_for
from workbench.labs.reliant.method.jobs import (
    Arm,
    Job,
    arms_of,
    make_judge,
    make_proxies,
    make_student,
    make_teacher,
    recipe_for,
    teacher_arm,
)
from workbench.labs.reliant.method.training import Task, distill, teach, weights
from workbench.labs.reliant.params import Params, Question
from workbench.toolkit.jobs import (
    STOPPED,
    Epoch,
    RunState,
    State,
    Step,
    Training,
    follow,
    load_state,
    named,
    run_steps,
)
from workbench.toolkit.memory import MemoryContext

LOOK_EVERY = 10  # epochs between two looks at the proxies
FOLLOWED = 24  # nodes whose proxies are drawn


def run(params: Params, ctx: Context) -> Result:
    """Train teachers and students on every chosen graph, and measure them on its test nodes.

    Raises
    ------
    LabError
        If a graph cannot be used, or nothing is chosen.
    """
    for name in ("teachers", "students", "arms"):
        if not getattr(params, name):
            raise LabError(f"No {name} are chosen.", f"Choose one at least of {', '.join(params.param[name].objects)}.")
    run_state = load_state(ctx.resume())
    notes: list[str] = []
    stopped = run_steps(work(params, ctx, run_state, notes), run_state, ctx)
    notes = [*notes_for(params, notes), *([STOPPED] if stopped else [])]
    return conclude(params, run_state, notes, stopped)


def work(params: Params, ctx: Context, run_state: RunState, notes: list[str]) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    for name in sets_of(params):
        yield 0, 0, f"{name}: reads the graph"
        data = material(name, params, ctx)
        notes += [f"{name}: {text}" for text in data.graph.notes]
        if f"{name}/seen" not in run_state.finished:
            kept_graph.seen(name, data, params, ctx, run_state)
            run_state.finish(f"{name}/seen")
        for seed in range(seeds_of(data.graph, params)):
            task = data.task(split_for(data.graph, params, seed, ctx))
            yield from one_seed(name, seed, data, task, params, ctx, run_state)
        if (models := run_state.pieces.get(f"models {name}")) is not None:
            ctx.save(name.replace(" ", "_"), dict(models))


def one_seed(
    name: str, seed: int, data: Material, task: Task, params: Params, ctx: Context, run_state: RunState
) -> Iterator[Step]:
    """Train the teachers and all students of one split, and measure the tabular baselines on it."""
    began = f"{name}/{seed}"
    if f"{began}/table" not in run_state.finished:
        run_state.pieces[f"cases {name}"][str(seed)] = task.test.cpu().numpy().astype(np.int32)
        for arm, p in tabular.predicted(task):
            tell(name, seed, Arm("-", "table", arm, 0, "-").row(), p, data, task, run_state)
        run_state.finish(f"{began}/table")
    teachers: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for kind in params.teachers:
        yield from one_teacher(kind, name, seed, data, task, params, ctx, run_state, teachers)
    jobs = list(arms_of(params))
    for number, arm in enumerate(jobs, 1):
        if f"{began}/{arm.name}" not in run_state.finished:
            stage = f"{name}, {label(arm)} ({number} of {len(jobs)}, seed {seed + 1} of {seeds_of(data.graph, params)})"
            yield from one_student(arm, stage, name, seed, data, task, teachers[arm.teacher], params, ctx, run_state)


def one_teacher(
    kind: str,
    name: str,
    seed: int,
    data: Material,
    task: Task,
    params: Params,
    ctx: Context,
    run_state: RunState,
    teachers: dict,
) -> Iterator[Step]:
    """Train a teacher, unless its weights are there; leave its logits and hidden layer in `teachers`."""
    job, kept = Job(name, seed, teacher_arm(kind)), f"teacher {name} {seed} {kind}"
    model = make_teacher(kind, task.features.x.shape[1], params, ctx.generator(f"{job.key}/weights")).to(ctx.device)
    row = job.arm.row()
    if job.key in run_state.finished:
        model.load_state_dict({k: torch.as_tensor(v) for k, v in run_state.pieces[kept].items()})
    else:
        began = time.monotonic()

        def training(state: State | None) -> Iterator[Epoch]:
            draw = lambda epoch: ctx.generator(f"{job.key}/{epoch}")  # noqa: E731
            epochs = teach(model, task, params.teacher_epochs, params.rate, params.decay, draw, ctx.device, state)
            return named("loss", epochs)

        stage = f"{name}, teacher {kind} (seed {seed + 1} of {seeds_of(data.graph, params)})"
        yield from learn(job, training, params.teacher_epochs, stage, ctx, run_state)
        run_state.pieces[kept] = weights(model)
        if seed == 0:
            keep_model(name, f"teacher-{kind}", weights(model), run_state)
        row = row | {"seconds": time.monotonic() - began}
    with torch.no_grad():
        logits, hidden = model(task.features)
    teachers[kind] = logits, hidden
    if job.key not in run_state.finished:
        tell(name, seed, row, chances(logits), data, task, run_state)
        run_state.finish(job.key)


def one_student(
    arm: Arm,
    stage: str,
    name: str,
    seed: int,
    data: Material,
    task: Task,
    teacher: tuple[torch.Tensor, torch.Tensor],
    params: Params,
    ctx: Context,
    run_state: RunState,
) -> Iterator[Step]:
    """Distill one student and measure it."""
    job, began = Job(name, seed, arm), time.monotonic()
    features = task.features
    if arm.arm == "drop" and data.sensitive is not None:
        features = features.without(data.sensitive)
    task = Task(features, task.y, task.s, task.train, task.val, task.test)
    proxies = make_proxies(arm.arm, len(features), params, ctx.generator(f"{name}/{seed}/proxies"))
    proxies = proxies if proxies is None else proxies.to(ctx.device)
    columns = 0 if proxies is None else proxies.shape[1]
    # students of one kind and size start from the same weights
    start = ctx.generator(f"{name}/{seed}/{arm.student}")
    student = make_student(arm.student, features, columns, task, params, start).to(ctx.device)
    judge = make_judge(arm.student, params, ctx.generator(f"{name}/{seed}/judge"))
    judge = judge if judge is None else judge.to(ctx.device)
    headline = arm.arm == "reliant" and arm == first_reliant(params)

    def look(epoch: int, now: torch.Tensor) -> None:
        if headline and seed == 0 and epoch % LOOK_EVERY == 0:
            watch(name, epoch, now, task, run_state)

    def training(state: State | None) -> Iterator[Epoch]:
        draw = lambda epoch: ctx.generator(f"{job.key}/{epoch}")  # noqa: E731
        recipe = recipe_for(arm, task, params)
        return named("loss", distill(student, proxies, judge, teacher, task, recipe, draw, ctx.device, state, look))

    yield from learn(job, training, params.epochs, stage, ctx, run_state)
    mean = student.mean_proxy
    with torch.no_grad():
        logits, _ = student(features, None, mean)
    more = {"seconds": time.monotonic() - began}
    if arm.arm == "reliant":
        more["proxy_auc"] = tabular.told_by(proxies, task)
    tell(name, seed, arm.row() | more, chances(logits), data, task, run_state)
    if headline:
        with torch.no_grad():
            full, _ = student(features, None, proxies)
        tell(name, seed, arm.row() | {"arm": "full"}, chances(full), data, task, run_state)
    if seed == 0:
        saved = weights(student) | ({} if mean is None else {"mean proxy": mean})
        if headline:
            saved["proxies"] = proxies.detach().half()
            run_state.pieces[f"proxies {name}"]["last"] = proxies.detach().cpu().numpy().astype(np.float32)
        keep_model(name, arm.name, saved, run_state)
    run_state.finish(job.key)


def first_reliant(params: Params) -> Arm:
    """Return the arm by which RELIANT is judged."""
    return Arm(params.teachers[0], params.students[0], "reliant", params.alpha, params.metric)


def learn(job: Job, training: Training, epochs: int, stage: str, ctx: Context, run_state: RunState) -> Iterator[Step]:
    """Follow the training of a teacher or a student."""
    name = f"{job.set}: loss of {job.arm.arm} {job.arm.alpha or ''}".strip()
    main = job.arm.arm in ("teacher", "kd", "reliant")
    curve = lambda loss: {name: loss["loss"]} if main else {}  # noqa: E731
    return follow([job], training, epochs, stage, run_state, ctx, curve=curve, unit="epoch")


def tell(
    name: str, seed: int, about: dict[str, Any], p: np.ndarray, data: Material, task: Task, run_state: RunState
) -> None:
    """Add a row of measures on the test nodes to the table `runs`, and keep the predictions."""
    rows = task.test.cpu().numpy()
    p = p[rows] if len(p) == len(data.graph) else p
    small = quantized(p)
    run_state.pieces[f"probs {name}"][str(len(run_state.book["runs"]))] = small
    found = evaluated((small + 0.5) / 256, data.graph.y[rows], data.graph.group[rows])
    run_state.book["runs"].append({"set": name, "seed": seed} | about | {"row": len(run_state.book["runs"])} | found)


def watch(name: str, epoch: int, proxies: torch.Tensor, task: Task, run_state: RunState) -> None:
    """Add what the proxies know of the group by now, and where those of some nodes stand."""
    means = {f"mean {k}": float(v) for k, v in enumerate(proxies.mean(0))}
    row = {"set": name, "epoch": epoch, "auc": tabular.told_by(proxies, task)} | means
    run_state.book["proxies"].append(row)
    for value in (0, 1):
        for node in torch.nonzero(task.s == value)[: FOLLOWED // 2, 0].tolist():
            spot = {"set": name, "epoch": epoch, "node": node, "group": value}
            run_state.book["trails"].append(spot | {f"p{k}": float(v) for k, v in enumerate(proxies[node])})


def keep_model(name: str, arm: str, saved: State, run_state: RunState) -> None:
    """Keep weights for the run's one file of a graph."""
    run_state.pieces[f"models {name}"] |= {f"{arm}/{k}": v.detach().cpu().clone() for k, v in saved.items()}


def chances(logits: torch.Tensor) -> np.ndarray:
    """Return the probability of class 1 (n,)."""
    return torch.softmax(logits, 1)[:, 1].cpu().numpy()


def label(arm: Arm) -> str:
    """Return an arm as the progress shows it."""
    return f"{arm.arm} {arm.alpha or ''} of {arm.student} by {arm.teacher}".replace("  ", " ")


# The probe -------------------------------------------------------------------------------------------------------


def load(run: LoadedRun) -> Any:
    """Return the graphs and students of a run, ready to answer."""
    return probing.Bench(run)


def probe(run: LoadedRun, question: Question) -> Result:
    """Predict again with another graph, other columns or other thresholds; see `method.probe.answer`."""
    return probing.answer(question, run.model)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Predict the test nodes again with the saved students of the first seed: name -> (recorded, found now)."""
    return probing.recheck(run, MemoryContext(run.seed, run.device))
