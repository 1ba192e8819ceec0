"""RS inside a small network while it trains (study 4), and RS as a part of its loss (extra)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from workbench.contract import Context
from workbench.labs.rs.common.sets import Set, chosen, thin
from workbench.labs.rs.method.model import adjust, permutations, prepare, separability
from workbench.labs.rs.params import Params
from workbench.toolkit.training import fabric_for

MEASURED_ROWS = 600  # rows on which the RS of a layer is computed after every epoch
Book = dict[str, list[dict]]


class Mlp(nn.Module):
    """A plain network of equally wide hidden layers; `forward` gives every layer's output."""

    def __init__(self, inputs: int, width: int, depth: int, classes: int, generator: torch.Generator):
        super().__init__()
        sizes = [inputs, *[width] * depth, classes]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        for layer in self.layers:  # drawn again from our generator: the global one belongs to nobody
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return [input, hidden 1, ..., logits] for x (n, inputs); each is (n, width of that layer)."""
        outputs = [x]
        for layer in self.layers[:-1]:
            outputs.append(torch.relu(layer(outputs[-1])))  # (n, width)
        return [*outputs, self.layers[-1](outputs[-1])]  # (n, classes)

    @property
    def names(self) -> list[str]:
        return ["input", *[f"hidden {i}" for i in range(1, len(self.layers))], "logits"]


def split(data: Set, rng: np.random.Generator, device: str) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return (x, y) for training and for testing: 7 of 10 rows of each class and the rest, on the device."""
    order = rng.permutation(len(data.y))
    train = np.zeros(len(data.y), bool)
    for c in np.unique(data.y):
        members = order[data.y[order] == c]
        train[members[: int(0.7 * len(members))]] = True
    mean, std = data.x[train].mean(0), data.x[train].std(0)
    z = (data.x - mean) / np.where(std > 1e-12, std, 1)
    x, y = torch.as_tensor(z, dtype=torch.float32, device=device), torch.as_tensor(data.y, device=device)
    mask = torch.as_tensor(train, device=device)
    return (x[mask], y[mask]), (x[~mask], y[~mask])


def train(
    params: Params, ctx: Context, stream: str, data: Set, rs_weight: float = 0.0
) -> Iterator[tuple[int, Mlp, tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]:
    """Train a network and yield (epoch, network, training rows, test rows), first at epoch 0, before any step.

    The loss is cross entropy, plus ``rs_weight * (1 - RS)`` of the last hidden layer on each batch.
    """
    generator = ctx.generator(stream)
    rows, test = split(data, ctx.rng(stream), ctx.device)
    x, y = rows
    net = Mlp(x.shape[1], params.width, params.depth, len(data.classes), generator).to(ctx.device)
    fabric = fabric_for(ctx.device)
    model, optimizer = fabric.setup(net, torch.optim.AdamW(net.parameters(), lr=params.rate))
    yield 0, net, rows, test
    for epoch in range(1, params.epochs + 1):
        order = torch.randperm(len(x), generator=generator).to(x.device)
        for batch in order.split(params.batch):
            if len(batch) < 2:
                continue
            outputs = model(x[batch])
            loss = nn.functional.cross_entropy(outputs[-1], y[batch])
            if rs_weight:
                loss = loss + rs_weight * rs_loss(outputs[-2], y[batch], params)
            optimizer.zero_grad()
            fabric.backward(loss)
            optimizer.step()
        yield epoch, net, rows, test


def rs_loss(z: Tensor, y: Tensor, params: Params) -> Tensor:
    """Return 1 - RS of a batch (n, width); always the ratio, which is bounded."""
    y = torch.unique(y, return_inverse=True)[1]  # a batch may lack classes
    return 1 - separability(prepare(z, params.prep), y, params.eps, params.center).to(z.dtype)


@torch.no_grad()
def hit_rate(net: Mlp, x: Tensor, y: Tensor) -> float:
    """Return the accuracy on rows x (n, d), y (n,)."""
    return float((net(x)[-1].argmax(1) == y).double().mean())


@torch.no_grad()
def layer_rs(net: Mlp, x: Tensor, shuffled: Tensor, params: Params) -> list[tuple[float, float]]:
    """Return (RS, null mean) of every layer.

    Parameters
    ----------
    x
        Rows (n, d).
    shuffled
        Labels (1 + null, n): the true ones first, then permutations of them.
    """
    found = []
    for output in net(x):
        values = separability(prepare(output, params.prep), shuffled, params.eps, params.center, params.variant)
        null = float(values[1:].mean()) if len(values) > 1 else 0.0
        found.append((float(values[0]), null))
    return found


def rows_and_labels(x: Tensor, y: Tensor, params: Params, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the rows (m, d) on which layers are measured, and their labels (1 + null, m), the true ones first."""
    keep = thin(y.cpu().numpy(), MEASURED_ROWS, rng)
    labels = y.cpu().numpy()[keep]
    stack = np.vstack([labels, permutations(labels, params.null, rng)])
    return x[torch.as_tensor(keep, device=x.device)], torch.as_tensor(stack, device=x.device)


def evaluate_saved(params: Params, ctx: Context, state: dict[str, Tensor]) -> dict[str, float]:
    """Evaluate the saved network, that of the last seed after its last epoch, on the rows it was judged by.

    Returns
    -------
    dict
        ``test_accuracy``, and the RS of every layer by the layer's name.
    """
    seed = params.seeds - 1
    stream = f"curves/{seed}"
    data = chosen(params, ctx, seed)
    (x, y), test = split(data, ctx.rng(stream), ctx.device)
    net = Mlp(x.shape[1], params.width, params.depth, len(data.classes), ctx.generator(stream)).to(ctx.device)
    net.load_state_dict(state)
    layers = layer_rs(net, *rows_and_labels(x, y, params, ctx.rng(f"{stream}/null")), params)
    return {"test_accuracy": hit_rate(net, *test)} | {n: rs for n, (rs, _) in zip(net.names, layers, strict=True)}


def whole(rows: list[dict], params: Params, *names: str) -> set[tuple]:
    """Take out the rows of trainings that were cut off, and return the names of those that reached their last epoch."""
    ended = {tuple(row[name] for name in names) for row in rows if row["epoch"] == params.epochs}
    rows[:] = [row for row in rows if tuple(row[name] for name in names) in ended]
    return ended


def curves(params: Params, ctx: Context, book: Book) -> Iterator[tuple[int, int]]:
    """Study 4: RS of every layer over the epochs, for every seed; keeps the last network's weights."""
    total = params.seeds * (params.epochs + 1)
    there = whole(book["layers"], params, "seed")
    for seed in (s for s in range(params.seeds) if (s,) not in there):
        stream = f"curves/{seed}"
        measured: tuple[Tensor, Tensor] | None = None
        for epoch, net, (x, y), test in train(params, ctx, stream, chosen(params, ctx, seed)):
            if measured is None:  # the same rows and permutations in every epoch
                measured = rows_and_labels(x, y, params, ctx.rng(f"{stream}/null"))
            accuracy = {"train_accuracy": hit_rate(net, x, y), "test_accuracy": hit_rate(net, *test)}
            for depth, (name, (rs, null)) in enumerate(zip(net.names, layer_rs(net, *measured, params), strict=True)):
                fit = rs - null if params.variant == "delta" else adjust(rs, null)
                row = {"seed": seed, "epoch": epoch, "layer": name, "depth": depth, "rs": rs, "null_mean": null}
                book["layers"].append(row | {"adjusted": fit} | accuracy)
                if seed == 0:
                    ctx.metric(f"RS of {name}", rs, epoch)
            if seed == 0:
                ctx.metric("test accuracy", accuracy["test_accuracy"], epoch)
            if epoch == params.epochs:
                ctx.save("network", {key: value.detach().cpu() for key, value in net.state_dict().items()})
            yield seed * (params.epochs + 1) + epoch + 1, total


def loss(params: Params, ctx: Context, book: Book) -> Iterator[tuple[int, int]]:
    """Extra: the same network, start and batches, with and without RS in the loss."""
    arms = (("CE", 0.0), ("CE + RS", params.loss_weight))
    total = params.seeds * len(arms) * (params.epochs + 1)
    there = whole(book["loss"], params, "seed", "objective")
    done = len(book["loss"])
    for seed in range(params.seeds):
        data = chosen(params, ctx, seed)
        for objective, weight in (arm for arm in arms if (seed, arm[0]) not in there):
            for epoch, net, (x, y), test in train(params, ctx, f"loss/{seed}", data, weight):
                with torch.no_grad():
                    part = slice(0, MEASURED_ROWS)
                    rs = 1 - float(rs_loss(net(x[part])[-2], y[part], params))
                row = {"seed": seed, "objective": objective, "epoch": epoch, "rs": rs}
                book["loss"].append(row | {"test_accuracy": hit_rate(net, *test)})
                done += 1
                yield done, total
