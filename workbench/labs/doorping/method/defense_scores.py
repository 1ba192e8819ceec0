"""Scores of the defenses on a victim and the set it was trained on, and whether they caught the attack."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.contract import Context
from workbench.labs.doorping.method import defenses, detectors, neural_cleanse
from workbench.labs.doorping.method.attacks import Attack
from workbench.labs.doorping.method.data import Material
from workbench.labs.doorping.method.jobs import Job
from workbench.labs.doorping.method.networks import Classifier
from workbench.labs.doorping.method.victims import rates
from workbench.labs.doorping.params import Params
from workbench.toolkit.jobs import RunState

KEPT = 200  # clean test images that a defender has, and as many that are stamped
LIFT = 0.5  # of the scan, above which a unit is suspect
ODD = 0.9  # AUC with which images of the target class must stand out of a set
HALF = 0.5  # of stamped images that STRIP must find, and of the success that pruning must take away
CHEAP = 0.04  # of clean accuracy that pruning may cost (Liu et al. 2018 stop there)
FEWEST = 3  # classes of which Neural Cleanse can tell an outlier
SEARCH = {"steps": 200, "batch": 16}  # of Neural Cleanse
PARTS = 16  # in which units are pruned
Found = dict[str, Any]


def defend(case: Case, run_state: RunState) -> Iterator[int]:
    """Apply every chosen defense to a victim and its set, and record the scores.

    Yields how many have looked.

    A defender knows neither trigger nor target; that they are right is judged with both.
    """
    for done, name in enumerate(case.params.defenses, 1):
        if (mark := f"{case.job.key}/{name}") in run_state.finished:
            continue
        began = time.process_time()
        found = DEFENSES[name](case, run_state)
        row = case.job.about | {"defense": name, "score": None, "limit": None, "auc": None} | found
        run_state.book["defenses"].append(row | {"seconds": time.process_time() - began})
        run_state.finished.append(mark)
        yield done


class Case:
    """A victim, its set (N, channels, side, side), N by class, and the test images that a defender has.

    Clean ones, others beside them, and those others stamped; every attack of a seed meets the same.
    """

    def __init__(
        self,
        job: Job,
        network: Classifier,
        images: Tensor,
        attack: Attack,
        trigger: Tensor,
        data: Material,
        params: Params,
        ctx: Context,
    ):
        self.job, self.network, self.images, self.data, self.params, self.ctx = job, network, images, data, params, ctx
        self.put = lambda images: attack.put(images, trigger)
        order = torch.randperm(len(data.tests), generator=self.draw("defender"))
        first, second = order[:KEPT], order[KEPT : 2 * KEPT] if len(order) >= 2 * KEPT else order[len(order) // 2 :]
        self.clean = data.tests[first.to(data.tests.device)]
        others = data.tests[second.to(data.tests.device)]
        self.others, self.stamped = others, self.put(others)
        classes = len(data.classes)
        self.labels = torch.arange(classes, device=images.device).repeat_interleave(len(images) // classes)

    @functools.cached_property
    def features(self) -> Tensor:
        """Activations (N, hidden) of the victim's last hidden layer on the set."""
        return detectors.features(self.network, self.images)

    def draw(self, name: str) -> torch.Generator:
        """Return a generator that the attacks of a seed share."""
        return self.ctx.generator(f"{self.job.seed}/{name}")


def cleanse(case: Case, run_state: RunState) -> Found:
    """Neural Cleanse: is the target among the classes that it flags? Of two classes none can be an outlier."""
    if len(case.data.classes) < FEWEST:
        return {"caught": False}
    found = neural_cleanse.neural_cleanse(
        case.network, case.clean, case.data.pixels, len(case.data.classes), case.draw("cleanse"), **SEARCH
    )
    for c, (norm, index) in enumerate(zip(found.norms.tolist(), found.index.tolist(), strict=True)):
        row = {"class": c, "norm": norm, "index": index, "flagged": c in found.flagged}
        run_state.book["cleansed"].append(case.job.about | row)
    if case.job.seed == 0:
        name = f"mask_{case.job.carrier}_{case.job.attack}"
        run_state.pieces["arrays"][name] = (255 * found.masks).round().to(torch.uint8).cpu().numpy()
    target = case.params.target
    return {"score": float(found.index[target]), "limit": neural_cleanse.OUTLIER, "caught": target in found.flagged}


def scan(case: Case, run_state: RunState) -> Found:
    """ABS-style scan: does a unit lift the target above all other classes?"""
    found = defenses.abs_scan(case.network, case.clean)
    caught = found.cls == case.params.target and found.score > LIFT
    return {"score": found.score, "limit": LIFT, "caught": caught}


def strip(case: Case, run_state: RunState) -> Found:
    """STRIP: how many stamped images does it find, at 5 % false alarms?"""
    clean, stamped = (
        defenses.strip(case.network, images, case.clean, case.draw("strip")) for images in (case.others, case.stamped)
    )
    roc(case, "strip", -torch.cat([clean, stamped]), len(clean), run_state)
    rate = defenses.detection_rate(clean, stamped)
    return {"score": rate, "limit": HALF, "auc": defenses.strip_auc(clean, stamped), "caught": rate > HALF}


def prune(case: Case, run_state: RunState) -> Found:
    """Fine-pruning: what is left of the success when pruning begins to cost accuracy?"""
    rows = []
    for count, pruned in defenses.fine_pruned(case.network, case.clean, PARTS):
        found = rates(pruned, case.data.tests, case.data.test_labels, case.put, case.params.target)
        rows.append({"pruned": count, "cta": found.cta, "asr": found.asr, "null": found.null})
    run_state.book["pruning"] += [case.job.about | row for row in rows]
    cheap = [row for row in rows if row["cta"] >= rows[0]["cta"] - CHEAP][-1]
    left = (cheap["asr"] - cheap["null"]) / max(rows[0]["asr"] - rows[0]["null"], 1e-9)
    worked = rows[0]["asr"] - rows[0]["null"] > 1 - HALF  # else there is nothing to take away
    return {"score": left if worked else None, "limit": HALF, "caught": worked and left < HALF}


def spectral(case: Case, run_state: RunState) -> Found:
    """Spectral signatures: do images of the target class stand out of the set?"""
    return odd(case, "spectral", detectors.spectral(case.features, case.labels), run_state)


def clusters(case: Case, run_state: RunState) -> Found:
    """Activation clustering: is the target the one class with a small part apart from the rest?"""
    found = detectors.activation_clustering(case.features, case.labels, case.draw("clusters"))
    flagged = [one.cls for one in found if one.flagged]
    silhouette = found[case.params.target].silhouette
    score = silhouette if np.isfinite(silhouette) else None
    return {"score": score, "limit": detectors.COHERENT, "caught": flagged == [case.params.target]}


def forest(case: Case, run_state: RunState) -> Found:
    """Isolation forest: do images of the target class stand out of the set?"""
    return odd(case, "forest", detectors.isolation(case.images, case.draw("forest")), run_state)


def valid(case: Case, run_state: RunState) -> Found:
    """The trivial check: does a stamped image have pixels that no picture can hold?"""
    share = detectors.out_of_range(case.stamped, case.data.pixels)
    return {"score": share, "limit": 0.0, "caught": share > 0}


def odd(case: Case, name: str, scores: Tensor, run_state: RunState) -> Found:
    """Judge scores (N,) of the images of a set by those of the target class, which hold the poison."""
    mine = case.labels.to(scores.device) == case.params.target
    auc = roc(case, name, torch.cat([scores[~mine], scores[mine]]), int((~mine).sum()), run_state)
    return {"score": auc, "limit": ODD, "auc": auc, "caught": auc > ODD}


def roc(case: Case, name: str, scores: Tensor, innocent: int, run_state: RunState) -> float:
    """Write down the ROC of scores (N,), the first ones of innocent images, and return the area under it."""
    from sklearn.metrics import auc, roc_curve

    truth = np.arange(len(scores)) >= innocent
    false, true, _ = roc_curve(truth, scores.detach().cpu().numpy())
    if case.job.seed == 0:
        places = np.unique(np.linspace(0, len(false) - 1, 60).astype(int))
        rows = [{"defense": name, "false": float(false[k]), "true": float(true[k])} for k in places]
        run_state.book["rocs"] += [case.job.about | row for row in rows]
    return float(auc(false, true))


DEFENSES: dict[str, Callable[[Case, RunState], Found]] = {
    "cleanse": cleanse,
    "scan": scan,
    "strip": strip,
    "prune": prune,
    "spectral": spectral,
    "clusters": clusters,
    "forest": forest,
    "range": valid,
}
