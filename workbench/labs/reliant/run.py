"""Entry points of the lab `reliant`: run, load, probe and recheck."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
    arms_of,
    make_judge,
    make_proxies,
    make_student,
    make_teacher,
    recipe_for,
)
from workbench.labs.reliant.method.training import Epoch, Task, distill, teach, weights
from workbench.labs.reliant.params import Params, Question
from workbench.toolkit.jobs import RunState, State, Step, load_state, resume_training, run_steps
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
    desk = load_state(ctx.resume())
    notes: list[str] = []
    stopped = run_steps(work(params, ctx, desk, notes), desk, ctx)
    notes = notes_for(params, notes) + (["Stopped before its end."] if stopped else [])
    return conclude(params, desk, notes, stopped)


def work(params: Params, ctx: Context, desk: RunState, notes: list[str]) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    for name in sets_of(params):
        yield 0, 0, f"{name}: reads the graph"
        data = material(name, params, ctx)
        notes += [f"{name}: {text}" for text in data.graph.notes]
        if f"{name}/seen" not in desk.finished:
            kept_graph.seen(name, data, params, ctx, desk)
            desk.finished.append(f"{name}/seen")
        for seed in range(seeds_of(data.graph, params)):
            task = data.task(split_for(data.graph, params, seed, ctx))
            yield from one_seed(name, seed, data, task, params, ctx, desk)
        if (models := desk.pieces.get(f"models {name}")) is not None:
            ctx.save(name.replace(" ", "_"), dict(models))


def one_seed(
    name: str, seed: int, data: Material, task: Task, params: Params, ctx: Context, desk: RunState
) -> Iterator[Step]:
    """Train the teachers and all students of one split, and measure the tabular baselines on it."""
    began = f"{name}/{seed}"
    if f"{began}/table" not in desk.finished:
        desk.pieces[f"cases {name}"][str(seed)] = task.test.cpu().numpy().astype(np.int32)
        for arm, p in tabular.predicted(task):
            tell(
                name,
                seed,
                {"teacher": "-", "student": "table", "arm": arm, "alpha": 0, "metric": "-"},
                p,
                data,
                task,
                desk,
            )
        desk.finished.append(f"{began}/table")
    teachers: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for kind in params.teachers:
        yield from one_teacher(kind, name, seed, data, task, params, ctx, desk, teachers)
    jobs = list(arms_of(params))
    for number, arm in enumerate(jobs, 1):
        if f"{began}/{arm.name}" not in desk.finished:
            stage = f"{name}, {words(arm)} ({number} of {len(jobs)}, seed {seed + 1} of {seeds_of(data.graph, params)})"
            yield from one_student(arm, stage, name, seed, data, task, teachers[arm.teacher], params, ctx, desk)


def one_teacher(
    kind: str,
    name: str,
    seed: int,
    data: Material,
    task: Task,
    params: Params,
    ctx: Context,
    desk: RunState,
    teachers: dict,
) -> Iterator[Step]:
    """Train a teacher, unless its weights are there; leave its logits and hidden layer in `teachers`."""
    job, kept = f"{name}/{seed}/{kind}", f"teacher {name} {seed} {kind}"
    model = make_teacher(kind, task.features.x.shape[1], params, ctx.generator(f"{job}/weights")).to(ctx.device)
    if job in desk.finished:
        model.load_state_dict({k: torch.as_tensor(v) for k, v in desk.pieces[kept].items()})
    else:
        began = time.monotonic()

        def trained(state: State | None) -> Iterator[Epoch]:
            draw = lambda epoch: ctx.generator(f"{job}/{epoch}")  # noqa: E731
            return teach(model, task, params.teacher_epochs, params.rate, params.decay, draw, ctx.device, state)

        about = {
            "set": name,
            "seed": seed,
            "teacher": kind,
            "student": "-",
            "arm": "teacher",
            "alpha": 0,
            "metric": "-",
        }
        stage = f"{name}, teacher {kind} (seed {seed + 1} of {seeds_of(data.graph, params)})"
        yield from fit(job, trained, params.teacher_epochs, stage, about, ctx, desk)
        desk.pieces[kept] = weights(model)
        if seed == 0:
            keep_model(name, f"teacher-{kind}", weights(model), desk)
        about["seconds"] = time.monotonic() - began
    with torch.no_grad():
        logits, hidden = model(task.features)
    teachers[kind] = logits, hidden
    if job not in desk.finished:
        tell(
            name, seed, {k: v for k, v in about.items() if k not in ("set", "seed")}, chances(logits), data, task, desk
        )
        desk.finished.append(job)
        desk.now = None


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
    desk: RunState,
) -> Iterator[Step]:
    """Distill one student and measure it."""
    job, began = f"{name}/{seed}/{arm.name}", time.monotonic()
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
            watch(name, epoch, now, task, desk)

    def trained(state: State | None) -> Iterator[Epoch]:
        draw = lambda epoch: ctx.generator(f"{job}/{epoch}")  # noqa: E731
        recipe = recipe_for(arm, task, params)
        return distill(student, proxies, judge, teacher, task, recipe, draw, ctx.device, state, look)

    yield from fit(job, trained, params.epochs, stage, {"set": name, "seed": seed} | arm.row(), ctx, desk)
    mean = student.mean_proxy
    with torch.no_grad():
        logits, _ = student(features, None, mean)
    more = {"seconds": time.monotonic() - began}
    if arm.arm == "reliant":
        more["proxy_auc"] = tabular.told_by(proxies, task)
    tell(name, seed, arm.row() | more, chances(logits), data, task, desk)
    if headline:
        with torch.no_grad():
            full, _ = student(features, None, proxies)
        tell(name, seed, arm.row() | {"arm": "full"}, chances(full), data, task, desk)
    if seed == 0:
        saved = weights(student) | ({} if mean is None else {"mean proxy": mean})
        if headline:
            saved["proxies"] = proxies.detach().half()
            desk.pieces[f"proxies {name}"]["last"] = proxies.detach().cpu().numpy().astype(np.float32)
        keep_model(name, arm.name, saved, desk)
    desk.finished.append(job)
    desk.now = None


def first_reliant(params: Params) -> Arm:
    """Return the arm by which RELIANT is judged."""
    return Arm(params.teachers[0], params.students[0], "reliant", params.alpha, params.metric)


def fit(
    job: str,
    trained: Callable[[State | None], Iterator[Epoch]],
    epochs: int,
    stage: str,
    about: dict[str, Any],
    ctx: Context,
    desk: RunState,
) -> Iterator[Step]:
    """Follow a training, and tell the table `training` of the first seed."""
    for epoch, loss in resume_training(job, trained, epochs, desk):
        if loss is not None and about["seed"] == 0:
            desk.book["training"].append(about | {"epoch": epoch, "loss": loss})
            if about["arm"] in ("teacher", "kd", "reliant"):
                ctx.metric(f"{about['set']}: loss of {about['arm']} {about['alpha'] or ''}".strip(), loss, epoch)
        yield epoch, epochs, stage


def tell(
    name: str, seed: int, about: dict[str, Any], p: np.ndarray, data: Material, task: Task, desk: RunState
) -> None:
    """Add a row of measures on the test nodes to the table `runs`, and keep the predictions."""
    rows = task.test.cpu().numpy()
    p = p[rows] if len(p) == len(data.graph) else p
    small = quantized(p)
    desk.pieces[f"probs {name}"][str(len(desk.book["runs"]))] = small
    found = evaluated((small + 0.5) / 256, data.graph.y[rows], data.graph.group[rows])
    desk.book["runs"].append({"set": name, "seed": seed} | about | {"row": len(desk.book["runs"])} | found)


def watch(name: str, epoch: int, proxies: torch.Tensor, task: Task, desk: RunState) -> None:
    """Add what the proxies know of the group by now, and where those of some nodes stand."""
    means = {f"mean {k}": float(v) for k, v in enumerate(proxies.mean(0))}
    row = {"set": name, "epoch": epoch, "auc": tabular.told_by(proxies, task)} | means
    desk.book["proxies"].append(row)
    for value in (0, 1):
        for node in torch.nonzero(task.s == value)[: FOLLOWED // 2, 0].tolist():
            spot = {"set": name, "epoch": epoch, "node": node, "group": value}
            desk.book["trails"].append(spot | {f"p{k}": float(v) for k, v in enumerate(proxies[node])})


def keep_model(name: str, arm: str, saved: State, desk: RunState) -> None:
    """Keep weights for the run's one file of a graph."""
    desk.pieces[f"models {name}"] |= {f"{arm}/{k}": v.detach().cpu().clone() for k, v in saved.items()}


def chances(logits: torch.Tensor) -> np.ndarray:
    """Return the probability of class 1 (n,)."""
    return torch.softmax(logits, 1)[:, 1].cpu().numpy()


def words(arm: Arm) -> str:
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
