"""One question to a run's network: what is at this pixel, and where is that class seen in CT and in MR?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F  # noqa: N812 - as everybody calls it

from workbench.contract import LabError, LoadedRun, Result
from workbench.labs.eam.method.model import Learner, attend, predict
from workbench.labs.eam.method.subjects import HEART, ORGANS
from workbench.labs.eam.params import CARDIAC, MODALITIES, Question
from workbench.toolkit.cases import chosen_voxel, stored_cases


@dataclass(frozen=True)
class Ready:
    """A network with its modules, and the subjects that can be asked about.

    Attributes
    ----------
    model
        Both.
    subjects
        Name -> arrays: ``values`` (X, Y, S), ``modality``.
    names
        Of the classes, the background first.
    """

    model: Learner
    subjects: dict[str, dict[str, np.ndarray]]
    names: tuple[str, ...]


def ready(run: LoadedRun, model: Learner) -> Ready:
    """Return what `answer` needs of a run."""
    organs = HEART if run.params.dataset == CARDIAC else ORGANS
    return Ready(model, stored_cases(run.result), ("background", *organs.values()))


def answer(question: Question, ready: Ready, device: str) -> Result:
    """Answer a question.

    Returns
    -------
    Result
        Arrays ``attention_ct`` and ``attention_mr`` (X, Y): the share that the module gives to the class in the slice
        of either modality, grown to its size; ``image_ct``, ``image_mr``, ``mask_ct``, ``mask_mr`` (X, Y): values and
        what the network alone finds; ``at`` (3,). Table ``classes``: a row for each class, ``network`` its share at the
        pixel by the network alone; ``by_ct`` and ``by_mr`` its share by the module, asked in the words of CT and of
        MR (its two embeddings). Metric ``class``, its number.

    Raises
    ------
    LabError
        If the run kept no modules, or there is no such subject, class, module or pixel.
    """
    if not len(ready.model.modules_outside):
        raise LabError("This run has no external attention module to ask.", "Run the arm 'joint + EAM'.")
    name, other = pair(ready, question)
    subject = ready.subjects[name]
    at, scale = chosen_voxel(question.at, subject["values"].shape), question.scale
    if scale >= len(ready.model.modules_outside):
        raise LabError(
            f"There is no module {scale}.", f"There are {len(ready.model.modules_outside)}, numbered from 0."
        )
    m, f, outside = int(subject["modality"]), ready.model.f, ready.model.modules_outside
    images, masks, maps = {}, {}, {}
    shares = None
    for who in (name, other):
        own = ready.subjects[who]
        kind, values = int(own["modality"]), own["values"]
        z = min(int(at[2]), values.shape[2] - 1)
        x = torch.from_numpy(values[:, :, z].astype(np.float32))[None, None].to(device)
        logits = predict(f, x, kind)
        by = [attend(f, outside, x, kind, word)[scale] for word in (0, 1)]  # each (1, K, h, w)
        grown = [F.interpolate(b, x.shape[2:], mode="bilinear", align_corners=False)[0] for b in by]
        images[kind], masks[kind], maps[kind] = values[:, :, z], logits.argmax(1)[0].cpu().numpy(), grown[kind]
        if who == name:
            i, j = int(at[0]), int(at[1])
            shares = [g[:, i, j].cpu().numpy() for g in (logits.softmax(1)[0], *grown)]  # each (K,)
    chosen = number_of(question.organ, ready.names, int(shares[0].argmax()))
    arrays: dict[str, np.ndarray] = {"at": at}
    for kind, modality in enumerate(MODALITIES):
        short = modality.lower()
        arrays[f"image_{short}"] = images[kind].astype(np.float32)
        arrays[f"mask_{short}"] = masks[kind].astype(np.uint8)
        arrays[f"attention_{short}"] = maps[kind][chosen].cpu().numpy().astype(np.float32)
    table = pd.DataFrame({"class": ready.names, "network": shares[0], "by_ct": shares[1], "by_mr": shares[2]})
    return Result(
        metrics={"class": float(chosen)},
        arrays=arrays,
        tables={"classes": table},
        notes=[f"{name} ({MODALITIES[m]}) beside {other}; class: {ready.names[chosen]}."],
    )


def pair(ready: Ready, question: Question) -> tuple[str, str]:
    """Return the names of the subject and of one of the other modality."""
    name = question.subject or next(iter(ready.subjects), "")
    if name not in ready.subjects:
        raise LabError(f"This run kept no subject {name!r}.", f"It kept {', '.join(ready.subjects) or 'none'}.")
    kind = int(ready.subjects[name]["modality"])
    others = [n for n, s in ready.subjects.items() if int(s["modality"]) != kind]
    other = question.other or next(iter(others), "")
    if other not in others:
        raise LabError(f"{other!r} is no kept subject of the other modality.", f"There are {', '.join(others)}.")
    return name, other


def number_of(organ: str, names: tuple[str, ...], found: int) -> int:
    """Return the number of a class by its name; without one, the class that was found."""
    if not organ:
        return found
    if organ not in names:
        raise LabError(f"There is no class {organ!r}.", f"There are {', '.join(names)}.")
    return names.index(organ)
