"""Every separability measure of a labeled table in one call, each with the same number for shuffled labels beside it.

The measures that compete with RS follow Lorena et al. 2019 ("How complex is your classification problem?") and Guan
& Loew 2020/21 (DSI). Which four the paper compared with could not be read; DSI, N2, LSC and Density are the likeliest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd
import torch

from workbench.contract import LabError
from workbench.labs.rs.method.dsi import dsi
from workbench.labs.rs.method.model import (
    adjust,
    cell_rates,
    class_index,
    mixture_cells,
    null_summary,
    permutations,
    prepare,
    separabilities,
)
from workbench.labs.rs.method.neighbors import neighbor_measures
from workbench.labs.rs.method.network import network_measures


@dataclass(frozen=True)
class Measure:
    """Name of a measure, and whether more is better.

    `easy_is_low` says that the raw number falls as the classes come apart; the value shown is then 1 - raw.
    """

    label: str
    definition: str
    easy_is_low: bool = False
    headline: bool = False


MEASURES: dict[str, Measure] = {
    "rs": Measure(
        "RS", "1 - R_c / R: share of the coding rate that the classes explain (reconstruction)", headline=True
    ),
    "rs_adj": Measure("RS adjusted", "RS moved so that shuffled labels give 0 (ours)"),
    "rs_local": Measure("RS local", "mean RS inside the cells of a Gaussian mixture (ours)"),
    "dsi": Measure("DSI", "mean KS distance of within-class and between-class distances", headline=True),
    "n2": Measure("1 - N2", "1 - r/(1+r), r = distances to the nearest friend over nearest enemy", True, True),
    "lsc": Measure("1 - LSC", "mean share of the samples closer than the nearest enemy", True, True),
    "density": Measure("1 - Density", "share of the pairs that are near and of one class", True, True),
    "gsi": Measure("GSI", "share of the samples whose nearest neighbor has their class; raw is N3 = 1 - GSI", True),
    "n1": Measure("1 - N1", "share of the samples that touch no spanning-tree edge between classes", True),
    "clscoef": Measure("1 - ClsCoef", "mean clustering coefficient of the graph of near friends", True),
    "f1": Measure("1 - F1", "1 - 1/(1+r), r = largest Fisher ratio of a single feature", True),
}
DEFAULT = tuple(key for key in MEASURES if key != "rs_local")  # that one fits a mixture, and must be asked for
COLUMNS = ("measure", "label", "value", "raw", "null_mean", "null_lo", "null_hi", "seconds")


def all_measures(
    X: np.ndarray,
    y: np.ndarray,
    *,
    eps: float = 0.5,
    null: int = 0,
    rng: np.random.Generator | int = 0,
    which: Iterable[str] | None = None,
    components: int = 8,
    device: str | torch.device | None = None,
) -> pd.DataFrame:
    """Measure how separable a labeled table is, in every way.

    Distances are Euclidean on features scaled to [0, 1] (N1, N2, N3, LSC), Gower (Density, ClsCoef) and Euclidean on
    standardized features (DSI, as its authors do). The same `null` permutations of the labels serve every measure.

    Parameters
    ----------
    X
        Samples, shape (n, d), finite numbers.
    y
        Labels, shape (n,): anything that sorts, two classes or more.
    eps
        Distortion of RS.
    null
        Number of label permutations; 0 for no null band.
    rng
        Source of the permutations: a generator, or a seed.
    which
        Keys of MEASURES; by default all but ``rs_local``.
    components
        Components of the mixture of ``rs_local``.
    device
        Where RS is computed; the others are computed on the CPU.

    Returns
    -------
    DataFrame
        A row a measure, in the order of MEASURES: `measure`, `label`; `value`, where **high is separable**; `raw`, the
        number as the literature has it; `null_mean`, `null_lo`, `null_hi` (mean, 5th and 95th percentile of `value`
        over the permutations; NaN without); `seconds`, the time of the pass that yields the measure, which it shares
        with its kin (RS; N1, N2, GSI and LSC; Density and ClsCoef). ``rs_adj`` is NaN without permutations.

    Raises
    ------
    LabError
        If values are missing, shapes do not fit, there is one class only, or a key is unknown.
    """
    wanted = tuple(DEFAULT if which is None else which)
    if unknown := set(wanted) - set(MEASURES):
        raise LabError(f"There is no measure {sorted(unknown)[0]!r}.", f"Choose from {', '.join(MEASURES)}.")
    X = prepare(X, "none").cpu().numpy()  # checks it
    index = class_index(y, len(X), "cpu").numpy()
    rng = np.random.default_rng(rng)
    Y = np.concatenate([index[None], permutations(index, null, rng)])  # (1 + null, n); the first is the real one
    scaled = to_unit_range(X)
    values: dict[str, np.ndarray] = {}  # raw, shape (1 + null,)
    seconds: dict[str, float] = {}

    def measure(keys: tuple[str, ...], compute: Callable[[], dict[str, np.ndarray]]) -> None:
        if not set(keys) & set(wanted):
            return
        start = perf_counter()
        values.update(compute())
        seconds.update(dict.fromkeys(keys, perf_counter() - start))

    seed = int(rng.integers(2**31))
    measure(("rs", "rs_adj"), lambda: rates(prepare(X, "frob", device), Y, eps))
    measure(("rs_local",), lambda: {"rs_local": local_rates(prepare(X, "frob", device), Y, eps, components, seed)})
    measure(("dsi",), lambda: {"dsi": dsi(standardize(X), Y)})
    measure(("n2", "lsc", "gsi", "n1"), lambda: neighbor_measures(scaled, Y, tree="n1" in wanted))
    measure(("density", "clscoef"), lambda: network_measures(scaled, Y, clustering="clscoef" in wanted))
    measure(("f1",), lambda: {"f1": fisher(scaled, Y)})

    rows = []
    for key, kind in MEASURES.items():
        if key in wanted:
            raw = values["n3" if key == "gsi" else key]  # (1 + null,)
            oriented = 1 - raw if kind.easy_is_low else raw
            mean, _, lo, hi = null_summary(oriented[1:])
            rows.append((key, kind.label, float(oriented[0]), float(raw[0]), mean, lo, hi, seconds[key]))
    return pd.DataFrame(rows, columns=COLUMNS)


def rates(Z: torch.Tensor, Y: np.ndarray, eps: float) -> dict[str, np.ndarray]:
    """Return RS and null-corrected RS under labelings of which the first is the real one, each (L,)."""
    values = separabilities(Z, Y, eps)
    mean = values[1:].mean() if len(Y) > 1 else np.nan
    return {"rs": values, "rs_adj": np.array([adjust(v, mean) for v in values])}


def local_rates(Z: torch.Tensor, Y: np.ndarray, eps: float, components: int, seed: int) -> np.ndarray:
    """Return RS inside the cells of a mixture under many labelings, shape (L,)."""
    return cell_rates(Z, Y, mixture_cells(Z.cpu().numpy(), components, seed), eps)[0][0]


def fisher(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return F1 = 1 / (1 + max_f r_f) under many labelings, shape (L,).

    r_f = sum_j n_j (mu_jf - mu_f)^2 / sum_j sum_i (x_if - mu_jf)^2: between over within scatter of feature f. A
    constant feature has r_f = 0; one that is constant inside every class and differs between them makes F1 = 0.
    """
    X = X - X.mean(0)  # (n, d)
    total = (X**2).sum(0)  # (d,)
    one_hot = (Y[..., None] == np.arange(Y.max() + 1)).astype(float)  # (L, n, K)
    means = one_hot.transpose(0, 2, 1) @ X / one_hot.sum(1)[..., None]  # (L, K, d)
    between = (one_hot.sum(1)[..., None] * means**2).sum(1)  # (L, d)
    within = total - between
    within = np.where(within > 1e-12 * total, within, 0)  # what is left of the subtraction is rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total > 1e-24 * len(X), between / within, 0)
    return 1 / (1 + ratio.max(1))


def to_unit_range(X: np.ndarray) -> np.ndarray:
    """Scale every feature to [0, 1]; a constant one becomes 0."""
    span = np.ptp(X, axis=0)
    return (X - X.min(0)) / np.where(span > 0, span, 1)


def standardize(X: np.ndarray) -> np.ndarray:
    """Give every feature mean 0 and standard deviation 1, exactly as scikit-learn's StandardScaler does."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler().fit_transform(X)
