"""From the state of a run to its result: tables, pictures, models, and the headline numbers with their spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import Context, Result
from workbench.labs.doorping.common.sheets import patch_at, sheet
from workbench.labs.doorping.method.data import Material
from workbench.labs.doorping.method.defense_scores import FEWEST
from workbench.labs.doorping.method.jobs import Job, iterations_of, jobs_of
from workbench.labs.doorping.params import Params
from workbench.toolkit.jobs import STOPPED, Headline, RunState

HEADLINES = {  # metric: attack, column, how test images are stamped
    "cta_clean": ("clean", "cta", "as is"),
    "cta_doorping": ("doorping", "cta", "as is"),
    "asr_naive": ("naive", "asr", "as is"),
    "asr_clipped": ("clipped", "asr", "as is"),
    "asr_cut": ("doorping", "asr", "cut"),
    "asr_doorping": ("doorping", "asr", "as is"),
    "asr_all_doorping": ("doorping", "asr_all", "as is"),
    "null_doorping": ("doorping", "null", "as is"),
}
TESTS_KEPT = 40  # test images that the pictures show


def conclude(data: Material, params: Params, run_state: RunState, ctx: Context, stopped: bool) -> Result:
    """Return the result, and save models and sets."""
    tables = run_state.tables()
    tables["card"] = pd.DataFrame(
        {"class": data.classes, "training": data.counts[:, 0], "test": data.counts[:, 1]}
    ).assign(
        used=np.bincount(data.labels.cpu(), minlength=len(data.classes)),
        tested=np.bincount(data.test_labels.cpu(), minlength=len(data.classes)),
    )
    metrics, samples = headlines(tables.get("victims", pd.DataFrame()), params)
    arrays, media = {}, {}
    for job in jobs_of(params):
        if f"{job.key}/set" in run_state.finished and job.seed == 0:
            arrays |= pictures(job, data, params, run_state)
            media[f"{job.carrier}_{job.attack}.png"] = sheet(released(job, data, run_state))
    few = np.unique(np.linspace(0, len(data.tests) - 1, TESTS_KEPT).astype(int))
    arrays["tests"] = data.shown(data.tests[few])
    arrays["test_labels"] = data.test_labels[few].cpu().numpy()
    arrays["test_rows"] = few
    if run_state.pieces["models"]:
        ctx.save("victims", dict(run_state.pieces["models"]))
    if sets := first_sets(run_state, params):
        ctx.save("sets", sets)
    arrays |= run_state.pieces["arrays"]
    notes = [*data.notes, *notes_for(params, data), *([STOPPED] if stopped else [])]
    return Result(metrics, samples, tables=tables, arrays=arrays, media=media, notes=notes, partial=stopped)


def headlines(victims: pd.DataFrame, params: Params) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the numbers of the first carrier and kind of victim: means over victims, one a distillation."""
    numbers = Headline()
    if victims.empty:
        return numbers.metrics, numbers.samples
    first = victims[(victims["carrier"] == params.carriers[0]) & (victims["victim"] == params.victims[0])]
    for key, (attack, column, test) in HEADLINES.items():
        rows = first[(first["attack"] == attack) & (first["test"] == test)]
        numbers.add(key, rows.groupby("seed")[column].mean())
    return numbers.metrics, numbers.samples


def released(job: Job, data: Material, run_state: RunState) -> np.ndarray:
    """Return the released images of a set (classes, each, side, side, channels) uint8; of dd, its first step's."""
    images = run_state.pieces["sets"][f"{job.key}/images"].float().to(data.images.device)
    return data.shown(images[0] if job.carrier == "dd" else images)


def pictures(job: Job, data: Material, params: Params, run_state: RunState) -> dict[str, np.ndarray]:
    """Return what the pictures of one distillation need.

    ``film_*`` (times, classes, a few, side, side, channels) uint8, of the first carrier, at ``film_at_*``; ``patch_*``
    (iterations + 1, side of the trigger, the same, channels) float32 of all triggers, 0 black and 1 white, not cut;
    whole images where the attack is faint.
    """
    name, short = job.key, f"{job.carrier}_{job.attack}"
    steps = sorted(int(key.rpartition("/")[2]) for key in run_state.pieces["films"] if key.startswith(f"{name}/"))
    times = [step for step in range(iterations_of(job, params) + 1) if f"{name}/{step}" in run_state.pieces["triggers"]]
    times = times if job.attack in ("doorping", "clipped") else times[:1]
    where = slice(None) if job.attack == "invisible" else patch_at(params.side, params.size)
    patches = []
    for step in times:
        trigger = run_state.pieces["triggers"][f"{name}/{step}"].to(data.std.device)
        shift = 0.5 if job.attack == "invisible" else data.mean[:, None, None]  # gray means no change
        pixels = trigger * data.std[:, None, None] + shift
        patches.append(pixels[:, where, where].movedim(0, -1).cpu().numpy().astype(np.float32))
    found = {f"patch_{short}": np.stack(patches)}
    if steps:
        found[f"film_{short}"] = np.stack([np.asarray(run_state.pieces["films"][f"{name}/{step}"]) for step in steps])
        found[f"film_at_{short}"] = np.array(steps)
    return found


def first_sets(run_state: RunState, params: Params) -> dict[str, Any]:
    """Return what the attacker gives away, and the last trigger, of each set of the first distillation."""
    found = {}
    for job in jobs_of(params):
        if job.seed == 0 and f"{job.key}/set" in run_state.finished:
            parts = run_state.pieces["sets"].items()
            found |= {key: value.contiguous() for key, value in parts if key.startswith(f"{job.key}/")}
            trigger = run_state.pieces["triggers"][f"{job.key}/{iterations_of(job, params)}"]
            found[f"{job.key}/trigger"] = trigger.contiguous()
    return found


def notes_for(params: Params, data: Material) -> list[str]:
    """Return what a reader has to know."""
    notes = [
        f"{Path(params.file).name or params.dataset}: {len(data.labels):,} training images ({params.share:.0%} of them "
        f"poisoned), {len(data.test_labels):,} test images.",
        "DOORPING's trigger leaves the range of pixels, as in the released code: 'as is' shows what it does then, "
        "'cut' what is left of it in a picture that can be stored.",
    ]
    if "invisible" in params.attacks:
        notes.append("The attack 'invisible' is a reconstruction: the released code of it fails under dc.")
    if "cleanse" in params.defenses and len(data.classes) < FEWEST:
        notes.append("Neural Cleanse was left out: it needs three classes.")
    if "dd" in params.carriers:
        notes.append("dd: pictures show the images of its first step.")
    return notes
