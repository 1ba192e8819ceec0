"""Evaluation of a trained network: Dice of every test subject, and its representations of a class in CT and in MR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as everybody calls it

from workbench.labs.eam.method.model import attend, correlations, features, predict, shares_of, with_modules
from workbench.labs.eam.method.subjects import Subject
from workbench.labs.eam.params import MODALITIES
from workbench.toolkit.segmentation.convformer import ConvFormer
from workbench.toolkit.segmentation.scores import dice
from workbench.toolkit.segmentation.surfaces import average_distance

PLAIN, OWN = "features of the network", "representations of the modules"


@dataclass(frozen=True)
class Seen:
    """A subject with what a network makes of it.

    Attributes
    ----------
    subject
        Who.
    mask
        (X, Y, S) uint8 of the network alone.
    kept
        The same with the modules kept at test; None without modules.
    """

    subject: Subject
    mask: np.ndarray
    kept: np.ndarray | None


@dataclass
class Known:
    """Class representations of a network, over test subjects.

    Attributes
    ----------
    points
        A row for each image and class in it: source, scale, subject, slice, modality, organ, x, y (principal
        components of that source and scale).
    alignment
        A row for each source and scale, of class means over images: ``gap``, mean |R(CT) - R(MR)|; ``same``, mean
        cosine between CT and MR of a class; ``off``, mean off-diagonal of R, near 1 if all classes became alike.
    matrices
        (rows of alignment, 2, K, K): R of CT and of MR.
    """

    points: list[dict] = field(default_factory=list)
    alignment: list[dict] = field(default_factory=list)
    matrices: list[np.ndarray] = field(default_factory=list)


def images_of(subject: Subject, device: str) -> Tensor:
    """Return the slices of a subject, (S, 1, X, Y)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(subject.values, 2, 0)))[:, None].to(device)


def segmented(f: ConvFormer, outside: nn.ModuleList, subjects: list[Subject], device: str) -> Iterator[Seen]:
    """Segment subject by subject."""
    for subject in subjects:
        x = images_of(subject, device)
        logits = predict(f, x, subject.modality)
        kept = None
        if len(outside):
            shares = with_modules(logits, attend(f, outside, x, subject.modality))
            kept = shares.argmax(1).to(torch.uint8).movedim(0, 2).cpu().numpy()
        yield Seen(subject, logits.argmax(1).to(torch.uint8).movedim(0, 2).cpu().numpy(), kept)


def scored(subject: Subject, mask: np.ndarray, organs: dict[int, str]) -> list[dict]:
    """Return Dice and ASD (mm) of every organ of a subject, over its slices as one volume.

    Dice is NaN where both masks lack the organ, ASD where one does.
    """
    about = {"subject": subject.name, "modality": MODALITIES[subject.modality]}
    spacing = tuple(np.linalg.norm(subject.affine[:3, :3], axis=0))
    rows = []
    for k, name in organs.items():
        found, truth = mask == k, subject.mask == k
        rows.append(about | {"organ": name, "dice": dice(found, truth), "asd": average_distance(found, truth, spacing)})
    return rows


@torch.no_grad()
def known(f: ConvFormer, outside: nn.ModuleList, subjects: list[Subject], names: list[str], device: str) -> Known:
    """Return what a network knows of the classes `names` (with the background) in both modalities.

    From the features of the network: the mean over the tokens of a class, at the two coarsest scales; and from the
    modules: Z. Only classes in an image count.
    """
    f.eval()
    lots: dict[tuple[str, int], list[np.ndarray]] = {}
    about = []
    for subject in subjects:
        x, m = images_of(subject, device), subject.modality
        own = torch.full((len(x),), m, device=device)
        stages = features(f, x, own)
        masks = torch.from_numpy(np.moveaxis(subject.mask, 2, 0).astype(np.int64)).to(device)
        present = F.one_hot(masks, len(names)).flatten(1, 2).any(1).cpu().numpy()  # (S, K)
        at = np.argwhere(present)
        about += [(subject.name, int(i), MODALITIES[m], int(k)) for i, k in at]
        for scale, stage in enumerate(stages[: max(2, len(outside))]):
            share = shares_of(masks, len(names), tuple(stage.shape[2:]))  # (S, K, N)
            share = share / share.sum(-1, keepdim=True).clamp_min(1e-6)
            z = share @ stage.flatten(2).transpose(1, 2)  # (S, K, C)
            lots.setdefault((PLAIN, scale), []).append(z.cpu().numpy()[at[:, 0], at[:, 1]])
            if scale < len(outside):
                z = outside[scale](stage, own)[1]
                lots.setdefault((OWN, scale), []).append(z.cpu().numpy()[at[:, 0], at[:, 1]])
    found = Known()
    for (source, scale), parts in lots.items():
        z = np.concatenate(parts)  # (points, C)
        where = {"source": source, "scale": scale}
        for (x, y), (name, i, modality, k) in zip(plane(z).tolist(), about, strict=True):
            found.points.append(
                where | {"subject": name, "slice": i, "modality": modality, "organ": names[k], "x": x, "y": y}
            )
        row, matrices = aligned(z, about, len(names))
        found.alignment.append(where | row)
        found.matrices.append(matrices)
    return found


def plane(z: np.ndarray) -> np.ndarray:
    """Return points (n, C) on their two first principal components, (n, 2); the largest loading of each is positive."""
    centered = z - z.mean(0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2, np.abs(axes[:2]).argmax(1)].diagonal())[:, None]
    return centered @ axes.T


def aligned(z: np.ndarray, about: list[tuple], classes: int) -> tuple[dict[str, float], np.ndarray]:
    """Return gap, same and off (see `Known`), and R of both modalities (2, K, K), NaN for a class that one lacks."""
    frame = pd.DataFrame(about, columns=["subject", "slice", "modality", "class"])
    means = np.full((2, classes, z.shape[1]), np.nan, np.float32)
    for m, modality in enumerate(MODALITIES):
        for k in range(classes):
            own = ((frame["modality"] == modality) & (frame["class"] == k)).to_numpy()
            if own.any():
                means[m, k] = z[own].mean(0)
    matrices = correlations(torch.from_numpy(means)).numpy()
    unit = means / np.linalg.norm(means, axis=-1, keepdims=True)
    off = ~np.eye(classes, dtype=bool)
    return {
        "gap": float(np.nanmean(np.abs(matrices[0] - matrices[1])[off])),
        "same": float(np.nanmean((unit[0] * unit[1]).sum(-1))),
        "off": float(np.nanmean(matrices[:, off])),
    }, matrices
