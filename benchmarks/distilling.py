"""How long an outer step of gradient matching takes (lab `doorping`), against the public code of Dataset Condensation.

    git clone https://github.com/VICO-UoE/DatasetCondensation    measured at 53f63a6; MIT, never copied
    WORKBENCH_DC=DatasetCondensation python benchmarks/distilling.py

One outer step: gradients of every class for real and synthetic images, their distance, and its slope after the
synthetic images. Both take the very same network (built by the public code), images and weights; distances and slopes
are compared first. Sizes: those of our presets, and the public code's with batches of 64 (256 would take minutes).

The same with the inner training between two outer steps: the public code loads its synthetic images one by one for it.

Then a step of back-propagation through training (T inner steps) against the same slopes by re-computation, where the
slope after each inner step's images begins the training anew; and the memory of 500 iterations with DOORPING.

One process, one thread, contestants in turns, median of processor seconds; imports are not counted. Prints a table and
writes benchmarks/distilling.json. Exit code 1 when the peer is missing, an answer differs, or memory grows.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import sys
import types
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.nn.functional as F
from harness import in_turns
from torch import Tensor

from workbench.labs.doorping.method.attacks import Attack, make_attack
from workbench.labs.doorping.method.dc import Distiller, Pool, Recipe
from workbench.labs.doorping.method.dc_gradients import matching_loss
from workbench.labs.doorping.method.dd import taught
from workbench.labs.doorping.method.networks import make_network
from workbench.labs.doorping.method.triggers import Pixels, Rule, square

CLASSES, ROUNDS = 10, 5
SIZES = (("MLP", 0, 1, 32), ("ConvNet", 16, 1, 32), ("ConvNet", 16, 3, 32), ("ConvNet", 128, 3, 64))
GROWTH = 20e6  # bytes that 500 iterations may add


def public() -> tuple[Any, Any]:
    """Return the peer's modules; what it imports for data sets alone is not needed and left empty."""
    folder = os.environ.get("WORKBENCH_DC", "")
    if not (Path(folder) / "utils.py").is_file():
        sys.exit("WORKBENCH_DC is no checkout of the public code: see the head of this file.")
    for name in ("torchvision", "torchvision.datasets", "torchvision.transforms", "scipy.ndimage.interpolation"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torchvision"].datasets = sys.modules["torchvision"].transforms = types.ModuleType("none")
    sys.modules["scipy.ndimage.interpolation"].rotate = None
    sys.path.insert(0, folder)
    import networks
    import utils

    return networks, utils


def outer_step(kind: str, width: int, channels: int, real: int) -> dict[str, Any]:
    """Return seconds of a step of each, and how far their answers are apart."""
    _, utils = public()
    network, side = network_of(kind, width, channels)
    x = torch.randn(CLASSES, real, channels, side, side)
    s = torch.randn(CLASSES, 10, channels, side, side, requires_grad=True)
    y, z = (torch.arange(CLASSES)[:, None].expand(CLASSES, n) for n in (real, 10))
    weights, args = list(network.parameters()), types.SimpleNamespace(device="cpu", dis_metric="ours")

    def ours() -> tuple[Tensor, Tensor]:
        loss = matching_loss(network, (x, y), (s, z))
        return loss, torch.autograd.grad(loss, s)[0]

    def theirs() -> tuple[Tensor, Tensor]:
        loss = torch.tensor(0.0)
        for c in range(CLASSES):
            wanted = torch.autograd.grad(F.cross_entropy(network(x[c]), y[c]), weights)
            slopes = torch.autograd.grad(F.cross_entropy(network(s[c]), z[c]), weights, create_graph=True)
            loss = loss + utils.match_loss(slopes, [w.detach() for w in wanted], args)
        return loss, torch.autograd.grad(loss, s)[0]

    (a, da), (b, db) = ours(), theirs()
    apart = max(float(((a - b).abs() / b.abs()).detach()), float((da - db).abs().max() / db.abs().max()))
    seconds = in_turns({"workbench": ours, "public code": theirs}, ROUNDS if width < 100 else 2)
    return {"network": f"{kind} {width or ''}".strip(), "channels": channels, "real": real, "apart": apart} | seconds


def network_of(kind: str, width: int, channels: int) -> tuple[torch.nn.Module, int]:
    """Return a network of the public code, and the pixels of a side that it takes."""
    networks, _ = public()
    torch.manual_seed(0)
    if kind == "MLP":
        return networks.MLP(channels, CLASSES), 28 if channels == 1 else 32
    return networks.ConvNet(channels, CLASSES, width, 3, "relu", "instancenorm", "avgpooling", (32, 32)), 32


def whole_step(kind: str, width: int, channels: int, real: int, inner: int = 50) -> dict[str, Any]:
    """Return seconds of what one network goes through: two outer steps, and the inner training between them."""
    _, utils = public()
    network, side = network_of(kind, width, channels)
    x, y = torch.randn(CLASSES * real, channels, side, side), torch.arange(CLASSES).repeat_interleave(real)
    generator = torch.Generator().manual_seed(0)
    attack = Attack(torch.zeros(channels, side, side), lambda images, _: images)
    ours = Distiller(
        Pool(x, y, 0.0, 0, generator),
        CLASSES,
        (channels, side, side),
        lambda: copy.deepcopy(network),
        Recipe(real=real, outer=2, inner=inner, image_rate=0.1),
        attack=attack,
        generator=generator,
    )
    s = torch.randn(CLASSES * 10, channels, side, side, requires_grad=True)
    z, criterion = torch.arange(CLASSES).repeat_interleave(10), torch.nn.CrossEntropyLoss()
    images = torch.optim.SGD([s], 0.1, 0.5)
    args = types.SimpleNamespace(device="cpu", dis_metric="ours")

    def theirs() -> None:
        net = copy.deepcopy(network)
        weights, optimizer = list(net.parameters()), torch.optim.SGD(net.parameters(), 0.01)
        for step in range(2):
            loss = torch.tensor(0.0)
            for c in range(CLASSES):
                rows, mine = slice(c * real, (c + 1) * real), slice(10 * c, 10 * c + 10)
                wanted = torch.autograd.grad(criterion(net(x[rows]), y[rows]), weights)
                slopes = torch.autograd.grad(criterion(net(s[mine]), z[mine]), weights, create_graph=True)
                loss = loss + utils.match_loss(slopes, [w.detach().clone() for w in wanted], args)
            images.zero_grad()
            loss.backward()
            images.step()
            if step:
                break
            held = utils.TensorDataset(s.detach(), z)
            loader = torch.utils.data.DataLoader(held, batch_size=256, shuffle=True, num_workers=0)
            for _ in range(inner):
                utils.epoch("train", loader, net, optimizer, criterion, args, aug=False)

    seconds = in_turns({"workbench": ours.iterate, "public code": theirs}, 3 if width < 100 else 1)
    return {"network": f"{kind} {width or ''}".strip(), "channels": channels, "real": real, "inner": inner} | seconds


def unrolled_step(steps: int = 5) -> dict[str, Any]:
    """Return seconds of a slope through training in one pass, and by beginning anew for each inner step's images."""
    torch.manual_seed(0)
    network = make_network("convnet", (1, 32, 32), CLASSES, width=16)
    images = torch.randn(steps, CLASSES, 2, 1, 32, 32)
    labels, rates = torch.arange(CLASSES)[:, None].expand(CLASSES, 2), torch.full((steps,), 0.1)
    x, y = torch.randn(64, 1, 32, 32), torch.randint(CLASSES, (64,))

    def slope(parts: list[Tensor]) -> Tensor:
        weights = taught(network, torch.stack(parts), labels, rates, graph=True)
        return F.cross_entropy(torch.func.functional_call(network, weights, (x,)), y)

    def ours() -> list[Tensor]:
        parts = [part.clone().requires_grad_(True) for part in images]
        return list(torch.autograd.grad(slope(parts), parts))

    def anew() -> list[Tensor]:
        found = []
        for k in range(steps):
            parts = [part.clone().requires_grad_(n == k) for n, part in enumerate(images)]
            found.append(torch.autograd.grad(slope(parts), parts[k])[0])
        return found

    apart = max(float((a - b).abs().max()) for a, b in zip(ours(), anew(), strict=True))
    return {"steps": steps, "apart": apart} | in_turns({"workbench": ours, "anew": anew}, 3)


def memory(iterations: int = 500) -> dict[str, float]:
    """Return the bytes of this process after 50 and after 500 iterations with DOORPING."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    pixels, mask = Pixels.of(torch.tensor([0.3]), torch.tensor([0.3])), square(32, 4)
    make = lambda: make_network("mlp", (1, 32, 32), CLASSES)  # noqa: E731
    pool = Pool(torch.randn(1000, 1, 32, 32), torch.arange(1000) % CLASSES, 0.1, 0, generator)
    attack = make_attack("doorping", mask, pixels, Rule(steps=20, clip=True), generator, make)
    ours = Distiller(pool, CLASSES, (1, 32, 32), make, Recipe(outer=3, inner=1), attack=attack, generator=generator)
    sizes = {}
    for step in range(1, iterations + 1):
        ours.iterate()
        if step in (50, iterations):
            sizes[f"after {step}"] = float(psutil.Process().memory_info().rss)
    return sizes


def main() -> int:
    torch.set_num_threads(1)
    found = {"machine": f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread"}
    found["outer step"] = [outer_step(*size) for size in SIZES]
    found["with inner training"] = [whole_step(*size) for size in SIZES[:-1]]
    found["through training"] = unrolled_step()
    found["memory"] = memory()
    for row in found["outer step"]:
        ratio = row["public code"] / row["workbench"]
        print(
            f"{row['network']:12} {row['channels']} channels, {row['real']} real a class: {row['workbench']:.3f} s, "
            f"public code {row['public code']:.3f} s, {ratio:.2f} times as fast; apart {row['apart']:.1e}"
        )
    for row in found["with inner training"]:
        ratio = row["public code"] / row["workbench"]
        print(f"{row['network']:12} two steps and {row['inner']} inner epochs: {ratio:.2f} times as fast")
    through = found["through training"]
    print(f"through {through['steps']} steps: {through['workbench']:.3f} s, anew {through['anew']:.3f} s")
    first, last = found["memory"].values()
    print(f"memory of 450 iterations more: {(last - first) / 1e6:+.1f} MB")
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    right = all(row["apart"] < 1e-4 for row in found["outer step"]) and through["apart"] < 1e-5
    return 0 if right and last - first < GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
