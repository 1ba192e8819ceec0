"""The probe: a saved victim answers for a test image that was stamped by the attacker, or by you."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.doorping.method.data import Material, material, normalized
from workbench.labs.doorping.method.jobs import Job, attack_of, jobs_of, maker
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.victims import rates
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors

KNOWN = ("carrier", "attack", "victim", "image", "strength", "cut", "patch", "at", "everyone")


class Bench:
    """The images, victims and last triggers of a run's first distillation."""

    def __init__(self, run: LoadedRun, ctx: Context | None = None):
        self.params, self.result = run.params, run.result
        self.ctx = ctx or MemoryContext(run.seed, run.device)
        folder = run.folder / "models"
        if not (folder / "victims.safetensors").is_file() or not (folder / "sets.safetensors").is_file():
            raise LabError("The run kept no victims.", "It was stopped before it had trained one; resume it.")
        self._saved = load_tensors(folder / "victims.safetensors")
        self._sets = load_tensors(folder / "sets.safetensors")
        self._made: dict[str, Classifier] = {}
        self.data: Material = material(self.params, self.ctx)

    @property
    def names(self) -> list[str]:
        """The victims that were kept: ``carrier_attack/kind``."""
        return list(dict.fromkeys(key.rpartition("/")[0] for key in self._saved))

    def victim(self, carrier: str, attack: str, kind: str) -> Classifier:
        """Return a saved victim.

        Raises
        ------
        LabError
            If the run kept no such one.
        """
        name = f"{carrier}_{attack}/{kind}"
        if name not in self.names:
            raise LabError(f"The run kept no victim {name}.", f"It has {', '.join(self.names)}.")
        if name not in self._made:
            network = maker(kind, self.data, self.params)()
            held = {k.removeprefix(f"{name}/"): v for k, v in self._saved.items() if k.startswith(f"{name}/")}
            network.load_state_dict(held)
            self._made[name] = network.to(self.ctx.device).eval()
        return self._made[name]

    def trigger(self, carrier: str, attack: str) -> Tensor:
        """Return the last trigger of the first distillation (channels, side, side)."""
        return self._sets[f"{Job(carrier, attack, 0).name}/trigger"].to(self.ctx.device)

    def stamped(self, asked: dict[str, Any], images: Tensor) -> Tensor:
        """Return images with the stamp that was asked for."""
        if asked["patch"] is not None:
            images = self._own(np.asarray(asked["patch"], float), asked["at"], images)
        else:
            attack = attack_of(Job(asked["carrier"], asked["attack"], 0), self.data, self.params, self.ctx)
            dirty = attack.put(images, self.trigger(asked["carrier"], asked["attack"]))
            images = images + asked["strength"] * (dirty - images)
        return self.data.pixels.clip(images) if asked["cut"] else images

    def _own(self, patch: np.ndarray, at: list[int], images: Tensor) -> Tensor:
        """Put a drawn patch (h, w) or (h, w, channels) of pixels in 0..1 on images, its corner at (row, column)."""
        side, channels = self.params.side, images.shape[1]
        patch = patch[..., None] if patch.ndim == 2 else patch
        fits = patch.ndim == 3 and patch.shape[2] in (1, channels) and np.isfinite(patch).all()
        if not fits or max(patch.shape[:2]) > side or min(patch.shape[:2]) < 1:
            raise LabError("The drawn trigger does not fit the image.", f"Draw at most {side} x {side} finite pixels.")
        row, column = (min(max(int(v), 0), side - n) for v, n in zip(at, patch.shape[:2], strict=True))
        pixels = torch.as_tensor(np.broadcast_to(patch, (*patch.shape[:2], channels)).copy(), dtype=torch.float32)
        pixels = normalized(pixels.movedim(-1, 0).to(images.device), self.data.mean, self.data.std)
        images = images.clone()
        images[:, :, row : row + patch.shape[0], column : column + patch.shape[1]] = pixels
        return images


def checked(request: dict[str, Any], bench: Bench) -> dict[str, Any]:
    """Return a request with everything filled in.

    Raises
    ------
    LabError
        If a name is unknown or a value does not fit.
    """
    if unknown := sorted(set(map(str, request)) - set(KNOWN)):
        raise LabError(f"A probe knows no {unknown[0]!r}.", f"It knows {', '.join(KNOWN)}.")
    first = bench.names[-1].partition("/")[0].partition("_")
    asked = {"carrier": first[0], "attack": first[2], "victim": bench.params.victims[0], "image": 0}
    asked |= {"strength": 1.0, "cut": False, "patch": None, "at": [0, 0], "everyone": False} | request
    number, strength = asked["image"], asked["strength"]
    if not isinstance(number, int) or not 0 <= number < len(bench.data.tests):
        raise LabError(f"There is no test image {number!r}.", f"They are numbered 0 to {len(bench.data.tests) - 1}.")
    if not isinstance(strength, int | float) or not math.isfinite(strength) or not 0 <= strength <= 2:
        raise LabError(f"{strength!r} is no strength.", "It lies between 0, no stamp, and 2.")
    at = asked["at"]
    if not isinstance(at, list | tuple) or len(at) != 2 or not all(isinstance(v, int) for v in at):
        raise LabError(f"{at!r} is no place.", "Give row and column of the upper left corner.")
    return asked


def answer(request: dict[str, Any], bench: Bench) -> Result:
    """Return what a victim says to a test image without and with a stamp, and where it looks.

    Parameters
    ----------
    request
        Any of: ``carrier``, ``attack``, ``victim`` (whose set it was trained on, and its kind), ``image`` (number of
        the test image), ``strength`` (0 no stamp, 1 the attacker's), ``cut`` (to valid pixels), ``patch`` (h, w) or
        (h, w, channels) in 0..1 with ``at`` (row, column): a stamp of your own; ``everyone``: then also the rates on
        all test images.

    Returns
    -------
    Result
        Arrays ``pictures`` (2, side, side, channels) uint8, without and with the stamp and cut to what can be shown;
        ``chances`` (2, classes); ``looks`` (2, side, side): the size of the slope of the target's logit.

    Raises
    ------
    LabError
        If the request does not make sense.
    """
    began = time.perf_counter()
    asked = checked(request, bench)
    network, target = bench.victim(asked["carrier"], asked["attack"], asked["victim"]), bench.params.target
    image = bench.data.tests[asked["image"] : asked["image"] + 1]
    both = torch.cat([image, bench.stamped(asked, image)]).detach().requires_grad_(True)  # (2, channels, h, w)
    logits = network(both)
    (slope,) = torch.autograd.grad(logits[:, target].sum(), both)
    chances = logits.detach().softmax(1).cpu().numpy()
    result = Result(arrays={"pictures": bench.data.shown(both), "chances": chances})
    result.arrays["looks"] = slope.abs().sum(1).cpu().numpy()
    said = chances.argmax(1)
    result.metrics = {"label": int(bench.data.test_labels[asked["image"]]), "clean": int(said[0])}
    result.metrics |= {"stamped": int(said[1]), "excess": bench.data.pixels.excess(both[1].detach())}
    if asked["everyone"]:
        stamped = lambda images: bench.stamped(asked, images)  # noqa: E731
        result.metrics |= vars(rates(network, bench.data.tests, bench.data.test_labels, stamped, target))
    result.metrics["milliseconds"] = 1000 * (time.perf_counter() - began)
    return result


def recheck(run: LoadedRun, ctx: Context) -> dict[str, tuple[float, float]]:
    """Return accuracy and success rates of the saved victims of the first distillation: name -> (recorded, found)."""
    bench, found = Bench(run, ctx), {}
    table = run.result.tables["victims"]
    for job in jobs_of(run.params):
        for kind in run.params.victims:
            if job.seed or f"{job.carrier}_{job.attack}/{kind}" not in bench.names:
                continue
            network = bench.victim(job.carrier, job.attack, kind)
            for test in ("as is", "cut"):
                asked = checked({"carrier": job.carrier, "attack": job.attack, "cut": test == "cut"}, bench)
                stamped = lambda images, asked=asked: bench.stamped(asked, images)  # noqa: E731
                now = rates(network, bench.data.tests, bench.data.test_labels, stamped, run.params.target)
                row = table[(table["victim"] == kind) & (table["number"] == 0) & (table["test"] == test)]
                row = row[(row[list(job.row)] == list(job.row.values())).all(axis=1)].iloc[0]
                for key in ("cta", "asr"):
                    found[f"{job.carrier} {job.attack} {kind} {test} {key}"] = (float(row[key]), getattr(now, key))
    return found
