"""Training of teachers and students: full batches, one yield an epoch, a state for checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from workbench.labs.reliant.method.discriminators import Discriminators, Known, Made, drawn_edges
from workbench.labs.reliant.method.model import Extra, Features, bias_loss
from workbench.toolkit.training import State, fabric_for, optimizer_moments, restore_moments

LOOK_EVERY = 5  # epochs between two looks of a teacher at its validation nodes
Epoch = tuple[int, float, Callable[[], State]]
Draw = Callable[[int], Generator]  # epoch -> generator of what is drawn in it


@dataclass(frozen=True)
class Task:
    """A graph with its labels and the rows that each part of a training may see.

    Attributes
    ----------
    features
        Of all nodes.
    y, s
        (n,) labels, -1 where unknown, and groups.
    train, val, test
        Row numbers.
    """

    features: Features
    y: Tensor
    s: Tensor
    train: Tensor
    val: Tensor
    test: Tensor

    def groups(self, rows: Tensor, metric: str) -> tuple[Tensor, Tensor]:
        """Return the rows of group 0 and of group 1; for equal opportunity (``eo``) those whose label is 1."""
        if metric == "eo":
            rows = rows[self.y[rows] == 1]
        return rows[self.s[rows] == 0], rows[self.s[rows] == 1]


@dataclass(frozen=True)
class Recipe:
    """Settings of a student's training; see `workbench.labs.reliant.params.Params` for what they mean.

    ``bias_rows`` and ``proxy_rows`` are the rows of the bias loss in the student's and in the proxies' step.
    """

    arm: str
    alpha: float
    metric: str
    step: str
    epochs: int
    rate: float
    decay: float
    proxy_rate: float
    proxy_decay: float
    norm: bool
    bias_rows: Tensor
    proxy_rows: Tensor


class Best:
    """The weights (and the proxies' mean) that did best on the validation nodes so far."""

    def __init__(self) -> None:
        self.score, self.kept = -1.0, {}

    def look(self, logits: Tensor, task: Task, pieces: Callable[[], State]) -> None:
        """Keep the weights if their accuracy on the validation nodes is above the best so far."""
        score = float((logits[task.val].argmax(1) == task.y[task.val]).float().mean())
        if score > self.score:
            self.score, self.kept = score, pieces()

    def freeze(self) -> State:
        return {"best_score": torch.tensor(self.score)} | {f"best/{k}": v for k, v in self.kept.items()}

    def thaw(self, state: State) -> None:
        self.score = float(state["best_score"])
        self.kept = {k.removeprefix("best/"): v for k, v in state.items() if k.startswith("best/")}


def weights(model: nn.Module) -> State:
    """Return a copy of a network's weights."""
    return {k: v.detach().clone() for k, v in model.state_dict().items()}


def teach(
    model: nn.Module, task: Task, epochs: int, rate: float, decay: float, draw: Draw, device: str, state: State | None
) -> Iterator[Epoch]:
    """Train a teacher on the labels of the training nodes; it ends with its best weights.

    Yields
    ------
    epoch, loss, freeze
        From 1.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
    fabric = fabric_for(device)
    model, optimizer = fabric.setup(model, optimizer)
    bare, best, known, begun = model.module, Best(), Known(task.train, task.y), 0
    if state is not None:
        begun = int(state["epoch"])
        bare.load_state_dict(part(state, "model"))
        restore_moments(optimizer, state)
        best.thaw(state)

    for epoch in range(begun + 1, epochs + 1):
        logits, _ = model(task.features, draw(epoch))
        loss = known.entropy(logits)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        if epoch % LOOK_EVERY == 0 or epoch == epochs:
            with torch.no_grad():
                best.look(model(task.features)[0], task, lambda: weights(bare))

        def freeze(epoch: int = epoch) -> State:
            now = {f"model/{k}": v for k, v in weights(bare).items()}
            return {"epoch": torch.tensor(epoch)} | now | optimizer_moments(optimizer) | best.freeze()

        yield epoch, loss.item(), freeze
    bare.load_state_dict(best.kept)


def distill(
    student: nn.Module,
    proxies: Tensor | None,
    judge: Discriminators | None,
    teacher: tuple[Tensor, Tensor],
    task: Task,
    recipe: Recipe,
    draw: Draw,
    device: str,
    state: State | None,
    told: Callable[[int, Tensor], None],
) -> Iterator[Epoch]:
    """Train a student: one step of its own on [X, mean proxy], then one of the proxies on [X, proxies], each epoch.

    It ends with the weights, and the mean proxy of the same epoch, that did best on the validation nodes in the second
    half of the epochs, when the bias loss has had its time.

    Parameters
    ----------
    student
        Changed in place.
    proxies
        (n, k), trained for the arm ``reliant`` and changed in place; (1, k), left alone, for ``const``; None otherwise.
    judge
        GraphAKD's discriminators, or None.
    teacher
        Its logits (n, 2) and last hidden layer (n, hidden).
    told
        Called with epoch and proxies before each epoch.

    Yields
    ------
    epoch, loss, freeze
        From 1.
    """
    learned = recipe.arm == "reliant"
    optimizer = torch.optim.Adam(student.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    fabric = fabric_for(device)
    student, optimizer = fabric.setup(student, optimizer)
    bare, best, known, begun = student.module, Best(), Known(task.train, task.y), 0
    aim, shown = torch.softmax(teacher[0], 1), Made(*teacher)
    other = None
    if learned:
        other = torch.optim.Adam([proxies.requires_grad_()], lr=recipe.proxy_rate, weight_decay=recipe.proxy_decay)
    rival = torch.optim.Adam(judge.parameters(), lr=recipe.rate, weight_decay=recipe.decay) if judge else None
    if state is not None:
        begun = int(state["epoch"])
        bare.load_state_dict(part(state, "model"))
        restore_moments(optimizer, state)
        best.thaw(state)
        if learned:
            proxies.data.copy_(state["proxies"])
            restore_moments(other, part(state, "proxy"))
        if judge:
            judge.load_state_dict(part(state, "judge"))
            restore_moments(rival, part(state, "rival"))
    fair = task.groups(recipe.bias_rows, recipe.metric)
    unfair = task.groups(recipe.proxy_rows, recipe.metric)

    def extra() -> Extra:
        return None if proxies is None else proxies.detach().mean(0, keepdim=True)  # (1, k): the same for every node

    def pieces() -> State:
        return weights(bare) | ({} if proxies is None else {"mean proxy": extra().clone()})

    for epoch in range(begun + 1, recipe.epochs + 1):
        if learned:
            told(epoch - 1, proxies.detach())
        output = student(task.features, None, extra())
        if epoch - 1 >= recipe.epochs // 2:
            best.look(output[0].detach(), task, pieces)
        edges = drawn_edges(task.features.edges, draw(epoch)) if judge else None
        if judge:
            rival.zero_grad()
            made = Made(*output)
            judge.loss(shown, made, known, edges).backward()
            rival.step()
            loss = judge.fooled(shown, made, known, edges)
        else:
            loss = imitation(output[0], aim, task, known, recipe.norm)
        if recipe.alpha:
            loss = loss + recipe.alpha * bias_loss(output[0], fair, recipe.step)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        if learned:
            harm = -recipe.alpha * bias_loss(student(task.features, None, proxies)[0], unfair, recipe.step)
            (proxies.grad,) = torch.autograd.grad(harm, [proxies])
            other.step()

        def freeze(epoch: int = epoch) -> State:
            now = {f"model/{k}": v for k, v in weights(bare).items()}
            now |= {"epoch": torch.tensor(epoch)} | optimizer_moments(optimizer) | best.freeze()
            if learned:
                now |= {"proxies": proxies.detach().clone()} | inside("proxy", optimizer_moments(other))
            if judge:
                now |= inside("judge", weights(judge)) | inside("rival", optimizer_moments(rival))
            return now

        yield epoch, loss.item(), freeze
    with torch.no_grad():
        best.look(student(task.features, None, extra())[0], task, pieces)
    bare.load_state_dict({k: v for k, v in best.kept.items() if k != "mean proxy"})
    if learned:
        proxies.requires_grad_(False)
    bare.mean_proxy = best.kept.get("mean proxy")


def imitation(logits: Tensor, aim: Tensor, task: Task, known: Known, norm: bool) -> Tensor:
    """Return the loss of imitation.

    The mean divergence from the teacher over all nodes, and half the cross entropy on the training nodes; or, with
    `norm`, CPF's: the norm of the difference of probabilities over all other nodes, which grows with their number.
    """
    if norm:
        rest = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        rest[task.train] = False
        return (torch.softmax(logits, 1) - aim)[rest].norm()
    return F.kl_div(torch.log_softmax(logits, 1), aim, reduction="batchmean") + 0.5 * known.entropy(logits)


def inside(name: str, state: State) -> State:
    """Return a state with its names put below another."""
    return {f"{name}/{k}": v for k, v in state.items()}


def part(state: State, name: str) -> State:
    """Return what `inside` put below a name."""
    return {k.removeprefix(f"{name}/"): v for k, v in state.items() if k.startswith(f"{name}/")}
