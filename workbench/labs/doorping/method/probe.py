"""The probe: a saved victim answers for a test image that was stamped by the attacker, or by you."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.doorping.method.data import Material, material, normalized
from workbench.labs.doorping.method.jobs import Job, attack_of, jobs_of, maker
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.victims import rates
from workbench.labs.doorping.params import Question
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors


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
        return self._sets[f"{Job(carrier, attack, 0).key}/trigger"].to(self.ctx.device)

    def stamped(self, question: Question, images: Tensor) -> Tensor:
        """Return images with the stamp that was asked for."""
        if question.patch is not None:
            images = self._own(question.patch, question.at, images)
        else:
            attack = attack_of(Job(question.carrier, question.attack, 0), self.data, self.params, self.ctx)
            dirty = attack.put(images, self.trigger(question.carrier, question.attack))
            images = images + question.strength * (dirty - images)
        return self.data.pixels.clip(images) if question.cut else images

    def _own(self, rows: list[list], at: list[int], images: Tensor) -> Tensor:
        """Put a drawn patch (h, w) or (h, w, channels) of pixels in 0..1 on images, its corner at (row, column)."""
        side, channels = self.params.side, images.shape[1]
        try:
            patch = np.asarray(rows, float)
        except (TypeError, ValueError):  # rows of different lengths
            patch = np.zeros(0)
        patch = patch[..., None] if patch.ndim == 2 else patch
        row, column = at
        fits = patch.ndim == 3 and patch.shape[2] in (1, channels) and min(at) >= 0
        if not fits or row + patch.shape[0] > side or column + patch.shape[1] > side:
            raise LabError("The drawn trigger does not fit the image.", f"The image has {side} x {side} pixels.")
        pixels = torch.as_tensor(np.broadcast_to(patch, (*patch.shape[:2], channels)).copy(), dtype=torch.float32)
        pixels = normalized(pixels.movedim(-1, 0).to(images.device), self.data.mean, self.data.std)
        images = images.clone()
        images[:, :, row : row + patch.shape[0], column : column + patch.shape[1]] = pixels
        return images


def completed(question: Question, bench: Bench) -> Question:
    """Return a question with the names that it leaves to the run.

    Raises
    ------
    LabError
        If there is no such test image.
    """
    if question.image >= len(bench.data.tests):
        raise LabError(
            f"There is no test image {question.image}.", f"They are numbered 0 to {len(bench.data.tests) - 1}."
        )
    carrier, _, attack = bench.names[-1].partition("/")[0].partition("_")
    return question.filled(carrier=carrier, attack=attack, victim=bench.params.victims[0])


def answer(question: Question, bench: Bench) -> Result:
    """Return what a victim says to a test image without and with a stamp, and where it looks.

    Returns
    -------
    Result
        Arrays ``pictures`` (2, side, side, channels) uint8, without and with the stamp and cut to what can be shown;
        ``chances`` (2, classes); ``looks`` (2, side, side): the size of the slope of the target's logit.

    Raises
    ------
    LabError
        If there is no such victim or image, or the drawn stamp does not fit.
    """
    question = completed(question, bench)
    network, target = bench.victim(question.carrier, question.attack, question.victim), bench.params.target
    image = bench.data.tests[question.image : question.image + 1]
    both = torch.cat([image, bench.stamped(question, image)]).detach().requires_grad_(True)  # (2, channels, h, w)
    logits = network(both)
    (slope,) = torch.autograd.grad(logits[:, target].sum(), both)
    chances = logits.detach().softmax(1).cpu().numpy()
    result = Result(arrays={"pictures": bench.data.shown(both), "chances": chances})
    result.arrays["looks"] = slope.abs().sum(1).cpu().numpy()
    said = chances.argmax(1)
    result.metrics = {"label": int(bench.data.test_labels[question.image]), "clean": int(said[0])}
    result.metrics |= {"stamped": int(said[1]), "excess": bench.data.pixels.excess(both[1].detach())}
    if question.everyone:
        stamped = lambda images: bench.stamped(question, images)  # noqa: E731
        result.metrics |= vars(rates(network, bench.data.tests, bench.data.test_labels, stamped, target))
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
                question = Question(carrier=job.carrier, attack=job.attack, cut=test == "cut")
                stamped = lambda images, question=question: bench.stamped(question, images)  # noqa: E731
                now = rates(network, bench.data.tests, bench.data.test_labels, stamped, run.params.target)
                row = table[(table["victim"] == kind) & (table["number"] == 0) & (table["test"] == test)]
                row = row[(row[list(job.about)] == list(job.about.values())).all(axis=1)].iloc[0]
                for key in ("cta", "asr"):
                    found[f"{job.carrier} {job.attack} {kind} {test} {key}"] = (float(row[key]), getattr(now, key))
    return found
