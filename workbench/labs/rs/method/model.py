"""Rate of Separability (RS): how much of a data set's coding rate its classes explain.

The paper (Xue, Zhang, Jiang, Huo, arXiv 2211.05433) builds RS on the *data coding rate* of Ma et al. (2007) and
MCR2 (Yu et al., 2020). Its method section could not be read, so the rates below are the published ones and the
way they are joined to RS is a **reconstruction**; the null correction and the local form are **ours**.

Everything is torch in float64 on the device of its input, and differentiable: ``1 - separability(Z, y)`` is a loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workbench.contract import LabError

PREPARATIONS = ("frob", "unit", "std", "none")
VARIANTS = ("ratio", "delta", "length")
BATCH_BYTES = 64 * 2**20  # memory that one batch of label permutations may take


@dataclass(frozen=True)
class RSResult:
    """RS of one labeling, with the same number for shuffled labels beside it.

    Attributes
    ----------
    value
        RS: in [0, 1] for ``ratio``, bits per sample for ``delta``, at most 1 for ``length``.
    adjusted
        Null-corrected RS: 0 is what shuffled labels give. NaN without permutations.
    R, Rc
        Coding rate of all samples, and the class-weighted one (bits per sample).
    per_class
        Coding rate of each class in the order of its sorted labels (bits per sample).
    null_mean, null_std, null_lo, null_hi
        Mean, standard deviation, 5th and 95th percentile over permutations of the labels; NaN without any.
    """

    value: float
    adjusted: float
    R: float
    Rc: float
    per_class: tuple[float, ...]
    null_mean: float
    null_std: float
    null_lo: float
    null_hi: float


# --- the data ---------------------------------------------------------------------------------------------------------


def prepare(X: Tensor | np.ndarray, prep: str = "frob", device: str | torch.device | None = None) -> Tensor:
    """Center the samples and put them on a scale on which the distortion epsilon has a meaning.

    Parameters
    ----------
    X
        Samples, shape (n, d).
    prep
        ``frob`` divides by the root mean square row norm: one scalar, so that RS does not change under rotation,
        translation and scale. ``unit`` gives every row norm 1 (the habit of MCR2). ``std`` gives every feature
        standard deviation 1, then divides as ``frob`` does. ``none`` leaves X as it is, not even centered.
    device
        Where to compute; by default where X is.

    Returns
    -------
    Tensor
        Shape (n, d), float64.

    Raises
    ------
    LabError
        If X is no finite table of numbers, or `prep` is unknown.
    """
    if prep not in PREPARATIONS:
        raise LabError(f"There is no preparation {prep!r}.", f"Choose one of {', '.join(PREPARATIONS)}.")
    X = torch.as_tensor(X, device=device).to(torch.float64)
    if X.ndim != 2 or X.numel() == 0:
        raise LabError(f"The samples have shape {tuple(X.shape)}.", "Give a table: a row a sample, a column a feature.")
    if not torch.isfinite(X).all():
        raise LabError("The samples hold missing or infinite values.", "Drop those rows or fill them first.")
    if prep == "none":
        return X
    Z = X - X.mean(0)
    if prep == "std":
        Z = Z / positive(Z.square().mean(0).sqrt())
    norm = Z.norm(dim=1, keepdim=True) if prep == "unit" else Z.square().sum(1).mean().sqrt()
    return Z / positive(norm)


def class_index(y: Tensor | np.ndarray, n: int, device: torch.device | str) -> Tensor:
    """Return the labels as 0..K-1, shape (n,); any labels that sort will do.

    Raises
    ------
    LabError
        If there is not one label a sample, one is missing, or there is a single class.
    """
    labels = np.asarray(y.detach().cpu() if isinstance(y, Tensor) else y)
    if labels.shape != (n,):
        raise LabError(f"There are {n} samples, but the labels have shape {labels.shape}.", "Give one label a sample.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise LabError("Some labels are missing.", "Drop those rows first.")
    names, index = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise LabError("There is only one class.", "Separability needs two classes or more.")
    return torch.as_tensor(index, device=device)


# --- coding rates (Ma et al. 2007; MCR2 2020) -------------------------------------------------------------------------


def coding_rate(Z: Tensor, eps: float = 0.5, n: Tensor | float | None = None) -> Tensor:
    """Bits per sample needed to code Z up to a squared error of eps^2.

    R(Z, eps) = 1/2 log2 det( I + d / (n eps^2) Z^T Z )

    `eps` stands squared, as in the paper of MCR2 (its official code passes eps where the paper has eps^2).

    Parameters
    ----------
    Z
        Samples, shape (..., n, d); leading dimensions are a batch.
    n
        Number of samples where rows of Z are padding (zeros), shape (...); by default all rows count.

    Returns
    -------
    Tensor
        Shape (...), bits.
    """
    rows, d = Z.shape[-2:]
    scale = d / (eps**2 * torch.as_tensor(rows if n is None else n, dtype=Z.dtype, device=Z.device))
    gram = Z.mT @ Z if d <= rows else Z @ Z.mT  # det(I + a Z^T Z) = det(I + a Z Z^T): take the smaller, (m, m)
    gram = torch.eye(gram.shape[-1], dtype=Z.dtype, device=Z.device) + scale[..., None, None] * gram
    root = torch.linalg.cholesky(gram)
    return root.diagonal(dim1=-2, dim2=-1).log2().sum(-1)  # 1/2 log det G = sum log diag chol G


def class_coding_rate(Z: Tensor, y: Tensor, eps: float = 0.5, center: bool = True) -> Tensor:
    """Coding rate of the classes, each coded by itself, weighted by size.

    R_c(Z, eps | y) = sum_j n_j/n 1/2 log2 det( I + d / (n_j eps^2) Z_j^T Z_j )

    With `center` (a reconstruction, and not MCR2) the class mean is first taken off Z_j: without it two classes at
    +m and -m have equal second moments, and their separation is invisible. A class of one sample then has rate 0.

    Parameters
    ----------
    Z
        Samples, shape (n, d).
    y
        Class of each sample, 0..K-1, shape (n,), or (p, n) for p labelings at once.

    Returns
    -------
    Tensor
        Shape () or (p,), bits per sample.
    """
    rates, counts, _ = class_rates(Z, y, eps, center)
    return (rates * counts).sum(-1) / Z.shape[0]


def class_rates(Z: Tensor, y: Tensor, eps: float, center: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Return rate (bits per sample), size and mean of every class: shapes (..., K), (..., K), (..., K, d)."""
    batch, n, classes = y.shape[:-1], y.shape[-1], int(y.max()) + 1
    flat = y.reshape(-1, n)  # (p, n)
    order = flat.argsort(dim=1, stable=True)  # samples class by class
    counts = torch.nn.functional.one_hot(flat, classes).sum(1)  # (p, K)
    starts = counts.cumsum(1) - counts
    rates, means = [], []
    for j in range(classes):
        size, start = counts[:, j, None], starts[:, j, None]  # (p, 1)
        place = torch.arange(max(int(size.max()), 1), device=Z.device)  # (m,), m = the largest class j of any labeling
        own = (place < size).to(Z.dtype)[..., None]  # (p, m, 1): 0 marks padding
        Zj = Z[order.gather(1, (start + place).clamp_max(n - 1))] * own  # (p, m, d)
        divisor = size.clamp_min(1).to(Z.dtype)  # (p, 1)
        mean = Zj.sum(1) / divisor  # (p, d)
        if center:
            Zj = (Zj - mean[:, None]) * own
        rates.append(coding_rate(Zj, eps, n=divisor[:, 0]))
        means.append(mean)
    shape = (*batch, classes)
    return torch.stack(rates, 1).reshape(shape), counts.reshape(shape), torch.stack(means, 1).reshape(*shape, -1)


# --- RS (reconstruction) ----------------------------------------------------------------------------------------------


def separability(Z: Tensor, y: Tensor, eps: float = 0.5, center: bool = True, variant: str = "ratio") -> Tensor:
    """RS of prepared samples as a differentiable number; ``1 - separability(...)`` is a loss.

    - ``ratio``: RS = 1 - R_c / R, in [0, 1] (default; 0 where R is 0)
    - ``delta``: RS = R - R_c, bits per sample, the gain that MCR2 maximizes if `center` is off
    - ``length``: RS = 1 - sum_j L(X_j) / L(X), with the coding length of Ma et al. (2007) for data of non-zero mean,
      L(X) = (n+d)/2 log2 det( I + d / (eps^2 n) Xc^T Xc ) + d/2 log2(1 + mu^T mu / eps^2)  (recalled); may be < 0

    Parameters
    ----------
    Z
        Samples, shape (n, d), float64, after `prepare`.
    y
        Class of each sample, 0..K-1, shape (n,), or (p, n) for p labelings at once.

    Returns
    -------
    Tensor
        Shape () or (p,).
    """
    if variant not in VARIANTS:
        raise LabError(f"There is no variant {variant!r}.", f"Choose one of {', '.join(VARIANTS)}.")
    n, d = Z.shape
    if variant == "length":
        rates, counts, means = class_rates(Z, y, eps)
        lengths = (counts + d) * rates + d / 2 * (means.square().sum(-1) / eps**2).log1p() / np.log(2)  # (..., K)
        mean = Z.mean(0)
        total = (n + d) * coding_rate(Z - mean, eps) + d / 2 * (mean @ mean / eps**2).log1p() / np.log(2)
        return 1 - (lengths * (counts > 0)).sum(-1) / positive(total)
    R, Rc = coding_rate(Z, eps), class_coding_rate(Z, y, eps, center)
    return (R - Rc) if variant == "delta" else (R - Rc) / positive(R)


@torch.no_grad()
def separabilities(
    Z: Tensor, Y: np.ndarray, eps: float = 0.5, center: bool = True, variant: str = "ratio"
) -> np.ndarray:
    """Return RS under many labelings Y, shape (L, n), as numbers, shape (L,); batches keep the memory bounded."""
    size = max(1, BATCH_BYTES // (8 * Z.numel()))  # labelings a batch
    parts = [torch.as_tensor(Y[i : i + size], device=Z.device) for i in range(0, len(Y), size)]
    return np.array([v for part in parts for v in separability(Z, part, eps, center, variant).tolist()])


def rs(
    X: Tensor | np.ndarray,
    y: Tensor | np.ndarray,
    eps: float = 0.5,
    prep: str = "frob",
    center: bool = True,
    variant: str = "ratio",
    null: int = 20,
    rng: np.random.Generator | int = 0,
    device: str | torch.device | None = None,
) -> RSResult:
    """Rate of Separability of a labeled table, and the same for shuffled labels.

    RS is biased upward when there are few samples a dimension (two classes, random labels, d = 64: 0.27 at n = 50,
    0.014 at n = 1,000). Our correction, which leaves 0 for labels that mean nothing:

    RS_adj = (RS - m) / (1 - m),  m = mean RS over `null` permutations of y   (``delta``: RS - m)

    Parameters
    ----------
    X, y
        Samples, shape (n, d), and labels, shape (n,).
    eps
        Distortion, on the scale that `prep` gives; the default 0.5 belongs to ``frob``.
    prep, center, variant
        See `prepare`, `class_coding_rate` and `separability`.
    null
        Number of label permutations; 0 for none.
    rng
        Source of the permutations: a generator, or a seed.
    device
        Where to compute; by default where X is.

    Raises
    ------
    LabError
        If X holds missing values, y a single class, or an option is unknown.
    """
    if not eps > 0:
        raise LabError(f"The distortion eps is {eps}.", "It must be above 0.")
    with torch.no_grad():
        Z = prepare(X, prep, device)
        labels = class_index(y, len(Z), Z.device)
        rates, counts, _ = class_rates(Z, labels, eps, center)
        value = float(separability(Z, labels, eps, center, variant))
        shuffled = permutations(labels.cpu().numpy(), null, rng)
    mean, std, lo, hi = null_summary(separabilities(Z, shuffled, eps, center, variant))
    return RSResult(
        value=value,
        adjusted=value - mean if variant == "delta" else adjust(value, mean),
        R=float(coding_rate(Z, eps)),
        Rc=float((rates * counts).sum() / len(Z)),
        per_class=tuple(rates.tolist()),
        null_mean=mean,
        null_std=std,
        null_lo=lo,
        null_hi=hi,
    )


# --- RS-local (ours, in the spirit of the authors' 2023 follow-up) ----------------------------------------------------


def rs_local(
    X: Tensor | np.ndarray,
    y: Tensor | np.ndarray,
    components: int = 8,
    eps: float = 0.5,
    null: int = 20,
    rng: np.random.Generator | int = 0,
    device: str | torch.device | None = None,
) -> RSResult:
    """RS inside the cells of a Gaussian mixture: sees structure that no single Gaussian has.

    A mixture of `components` Gaussians is fitted to X without the labels, every sample goes to its likeliest cell,
    and RS_local = sum_c n_c/n RS(X_c, y_c), with RS = 1 in a cell of one class. `adjusted` takes the permutation
    null off, as in `rs`. The follow-up (Jiang, Xue, Zhang 2023, doi 10.12000/JR23125) joins RS to a Gaussian mixture
    in a form we could not read: **this one is ours**.

    R and Rc are weighted over the cells; `per_class` holds the RS of each cell instead.

    Raises
    ------
    LabError
        As `rs`, or if there are fewer samples than components.
    """
    Z = prepare(X, "frob", device)
    labels = class_index(y, len(Z), Z.device).cpu().numpy()
    rng = np.random.default_rng(rng)
    cells = mixture_cells(Z.detach().cpu().numpy(), components, seed=int(rng.integers(2**31)))
    sums, per_cell = cell_rates(Z, np.concatenate([labels[None], permutations(labels, null, rng)]), cells, eps)
    value, R, Rc = sums[:, 0].tolist()
    mean, std, lo, hi = null_summary(sums[0, 1:])
    return RSResult(value, adjust(value, mean), R, Rc, per_cell, mean, std, lo, hi)


@torch.no_grad()
def cell_rates(Z: Tensor, Y: np.ndarray, cells: np.ndarray, eps: float) -> tuple[np.ndarray, tuple[float, ...]]:
    """Return RS, R and R_c weighted over the cells under many labelings, shape (3, L), and the first RS of each cell.

    Parameters
    ----------
    Z
        Samples, shape (n, d).
    Y
        Labelings, shape (L, n).
    cells
        Cell of each sample, shape (n,).
    """
    sums, per_cell = np.zeros((3, len(Y))), []
    for cell in np.unique(cells):
        rows = np.flatnonzero(cells == cell)
        own, own_labels = (
            prepare(Z[torch.as_tensor(rows, device=Z.device)]),
            torch.as_tensor(Y[:, rows]),
        )  # (m, d), (L, m)
        R, Rc = coding_rate(own, eps), class_coding_rate(own, own_labels.to(Z.device), eps)  # (), (L,)
        pure = (own_labels == own_labels[:, :1]).all(1).to(Z.device)
        values = torch.stack([torch.where(pure, 1.0, (R - Rc) / positive(R)), R.expand_as(Rc), Rc])  # (3, L)
        sums += len(rows) / len(Z) * values.cpu().numpy()
        per_cell.append(float(values[0, 0]))
    return sums, tuple(per_cell)


def mixture_cells(Z: np.ndarray, components: int, seed: int) -> np.ndarray:
    """Fit a Gaussian mixture to Z, shape (n, d), and return each sample's cell, shape (n,)."""
    from sklearn.mixture import GaussianMixture

    if not 1 <= components <= len(Z):
        raise LabError(f"{len(Z)} samples cannot fill {components} components.", "Ask for fewer components.")
    if components == 1:
        return np.zeros(len(Z), dtype=int)
    return GaussianMixture(components, reg_covar=1e-6, random_state=seed).fit_predict(Z)


# --- the null ---------------------------------------------------------------------------------------------------------


def permutations(y: np.ndarray, count: int, rng: np.random.Generator | int) -> np.ndarray:
    """Return `count` random permutations of the labels y, shape (count, n)."""
    return np.random.default_rng(rng).permuted(np.broadcast_to(y, (count, len(y))), axis=1)


def null_summary(values: list[float] | np.ndarray) -> tuple[float, float, float, float]:
    """Return mean, standard deviation, 5th and 95th percentile; NaN for no values."""
    if len(values) == 0:
        return (np.nan,) * 4
    lo, hi = np.percentile(values, (5, 95))
    return float(np.mean(values)), float(np.std(values)), float(lo), float(hi)


def adjust(value: float, null_mean: float) -> float:
    """Move the null to 0 and keep 1 where it is; 0 where the null is 1 already."""
    return (value - null_mean) / (1 - null_mean) if null_mean != 1 else 0.0


def positive(value: Tensor) -> Tensor:
    """Return a divisor that is never 0, for quotients whose numerator is then 0 too."""
    return torch.where(value == 0, torch.ones_like(value), value)
