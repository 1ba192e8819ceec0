"""Fairness and quality of predictions, in NumPy: the definitions are those of fairlearn, and a test compares them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

CELLS = 8  # label x group x prediction, for one prediction; 16 for two


def rates(hit: np.ndarray, y: np.ndarray, s: np.ndarray) -> dict[str, float]:
    """Return selection, true positive and false positive rate of both groups: ``"selection 0"`` and so on.

    A group (or its part with that label) that is empty has the rate NaN.

    Parameters
    ----------
    hit, y, s
        (n,) predictions, labels and groups, 0 or 1.
    """
    found = {}
    for v in (0, 1):
        inside = s == v
        for name, rows in (("selection", inside), ("tpr", inside & (y == 1)), ("fpr", inside & (y == 0))):
            found[f"{name} {v}"] = float(hit[rows].mean()) if rows.any() else float("nan")
    return found


def parity_gap(found: Mapping[str, float]) -> float:
    """Return P(ŷ=1 | s=0) - P(ŷ=1 | s=1); its size is ΔSP, fairlearn's demographic_parity_difference."""
    return found["selection 0"] - found["selection 1"]


def opportunity_gap(found: Mapping[str, float]) -> float:
    """Return P(ŷ=1 | y=1, s=0) - P(ŷ=1 | y=1, s=1); its size is ΔEO, fairlearn's equal_opportunity_difference."""
    return found["tpr 0"] - found["tpr 1"]


def auc(p: np.ndarray, y: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN with one class only. Ties count half."""
    from scipy.stats import rankdata

    positive = int((y == 1).sum())
    if positive in (0, len(y)):
        return float("nan")
    ranks = rankdata(p)[y == 1].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * (len(y) - positive)))


def f1(hit: np.ndarray, y: np.ndarray) -> float:
    """Return F1 of class 1; 0 where nothing is found and nothing is there."""
    both = int(((hit == 1) & (y == 1)).sum())
    total = int((hit == 1).sum() + (y == 1).sum())
    return 2 * both / total if total else 0.0


def evaluated(p: np.ndarray, y: np.ndarray, s: np.ndarray) -> dict[str, float]:
    """Return all measures of probabilities p (n,) of class 1: quality, gaps with their sign, rates by group."""
    hit = (p >= 0.5).astype(np.int8)
    found = rates(hit, y, s)
    accuracy = float((hit == y).mean())
    gaps = {"sp": parity_gap(found), "eo": opportunity_gap(found)}
    quality = {"accuracy": accuracy, "above_majority": accuracy - max(float((y == v).mean()) for v in (0, 1))}
    return quality | {"f1": f1(hit, y), "auc": auc(p, y)} | gaps | found


def quantized(p: np.ndarray) -> np.ndarray:
    """Return probabilities as bytes (n,) uint8: at least 128 exactly where p is at least one half."""
    return np.clip(np.floor(np.asarray(p, float) * 256), 0, 255).astype(np.uint8)


def reweighing(y: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Return a weight for each row that makes label and group independent: P(y) P(s) / P(y, s) (Kamiran, Calders
    2012).
    """
    weight = np.ones(len(y))
    for a in (0, 1):
        for b in (0, 1):
            rows = (y == a) & (s == b)
            if rows.any():
                weight[rows] = (y == a).mean() * (s == b).mean() / rows.mean()
    return weight
