"""RELIANT in plain torch: propagation, teachers, students, proxies and the bias loss. Shapes stand on the lines.

n nodes, d features, k proxy columns, 2 classes. Nothing here loops over nodes or edges: a graph is a sparse matrix,
and a matrix that never changes is multiplied once (`Features`); in training only proxy columns are propagated.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Generator, Tensor, nn

warnings.filterwarnings("ignore", message="Sparse (invariant|CSR)")  # torch's word on a format it calls beta
Extra = Tensor | None  # (1, k): the same row for every node; (n, k): a row for each; None: no further columns


# Propagation -----------------------------------------------------------------------------------------------------


class _Propagate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, matrix: Tensor, turned: Tensor) -> Tensor:
        ctx.turned = turned
        return matrix @ x

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        return ctx.turned @ grad.contiguous(), None, None


@dataclass(frozen=True)
class Matrix:
    """A sparse matrix (n, n) and its transpose, both as CSR; ``matrix @ x`` is differentiable in x (n, c)."""

    rows: Tensor
    turned: Tensor

    def __matmul__(self, x: Tensor) -> Tensor:
        return _Propagate.apply(x, self.rows, self.turned)


def sparse(pairs: Tensor, values: Tensor, n: int, alike: bool = True) -> Matrix:
    """Return the matrix with ``values`` (m,) at ``pairs`` (2, m): row (who receives), column (who sends).

    Where both directions weigh `alike`, it is its own transpose.
    """
    make = lambda where: torch.sparse_coo_tensor(where, values, (n, n)).coalesce().to_sparse_csr()  # noqa: E731
    rows = make(pairs)
    return Matrix(rows, rows if alike else make(pairs.flip(0)))


def both_ways(edges: Tensor, n: int, loops: bool) -> Tensor:
    """Return (2, m) directed pairs of undirected edges (m, 2), with a self loop for every node if wanted."""
    pairs = torch.cat([edges.T, edges.T.flip(0)], 1)
    return torch.cat([pairs, torch.arange(n, device=edges.device).expand(2, n)], 1) if loops else pairs


def symmetric(edges: Tensor, n: int) -> Matrix:
    """Return D^-1/2 (A + I) D^-1/2, as GCN and SGC propagate (Kipf and Welling 2017)."""
    pairs = both_ways(edges, n, loops=True)
    root = torch.bincount(pairs[0], minlength=n).float().rsqrt()  # (n,), at least one neighbor: itself
    return sparse(pairs, root[pairs[0]] * root[pairs[1]], n)


def mean_of_neighbors(edges: Tensor, n: int) -> Matrix:
    """Return D^-1 A, as GraphSAGE's mean aggregator; a node without neighbors receives zeros."""
    pairs = both_ways(edges, n, loops=False)
    degree = torch.bincount(pairs[0], minlength=n).float().clamp(min=1)
    return sparse(pairs, 1 / degree[pairs[0]], n, alike=False)


def counted(edges: Tensor, n: int) -> Matrix:
    """Return A + I, all ones: sums over a node and its neighbors."""
    pairs = both_ways(edges, n, loops=True)
    return sparse(pairs, torch.ones(pairs.shape[1], device=edges.device), n)


class Features:
    """The features of a graph with all that is propagated only once.

    Parameters
    ----------
    x
        (n, d) standardized features.
    edges
        (m, 2) undirected edges.
    """

    def __init__(self, x: Tensor, edges: Tensor):
        self.x, self.edges = x, edges

    @cached_property
    def sym(self) -> Matrix:
        return symmetric(self.edges, len(self))

    @cached_property
    def mean(self) -> Matrix:
        return mean_of_neighbors(self.edges, len(self))

    @cached_property
    def sums(self) -> Matrix:
        return counted(self.edges, len(self))

    @cached_property
    def one(self) -> Tensor:
        return torch.ones(len(self), 1, device=self.x.device)  # (n, 1)

    @cached_property
    def sym_x(self) -> Tensor:
        return self.sym @ self.x  # (n, d)

    @cached_property
    def sym2_x(self) -> Tensor:
        return self.sym @ self.sym_x  # (n, d)

    @cached_property
    def mean_x(self) -> Tensor:
        return self.mean @ self.x  # (n, d)

    @cached_property
    def sym2_one(self) -> Tensor:
        return self.sym @ (self.sym @ self.one)  # (n, 1): what a constant column becomes, a trace of the degree

    @cached_property
    def mean_one(self) -> Tensor:
        return self.mean @ self.one  # (n, 1): 1, or 0 without neighbors

    def without(self, column: int) -> Features:
        """Return the same graph with one feature less."""
        keep = [k for k in range(self.x.shape[1]) if k != column]
        other = Features(self.x[:, keep], self.edges)
        for name in ("sym", "mean", "sums", "one", "sym2_one", "mean_one"):
            if name in vars(self):
                vars(other)[name] = vars(self)[name]
        for name in ("sym_x", "sym2_x", "mean_x"):
            if name in vars(self):
                vars(other)[name] = vars(self)[name][:, keep]
        return other

    def __len__(self) -> int:
        return len(self.x)

    def plain(self, extra: Extra) -> Tensor:
        """Return [X, extra] (n, d + k)."""
        return self.x if extra is None else torch.cat([self.x, extra.expand(len(self), -1)], 1)

    def twice(self, extra: Extra) -> Tensor:
        """Return S² [X, extra] (n, d + k); a row that is the same for all needs no propagation."""
        if extra is None:
            return self.sym2_x
        moved = self.sym2_one * extra if len(extra) == 1 else self.sym @ (self.sym @ extra)
        return torch.cat([self.sym2_x, moved], 1)

    def averaged(self, extra: Extra) -> Tensor:
        """Return D^-1 A [X, extra] (n, d + k)."""
        if extra is None:
            return self.mean_x
        return torch.cat([self.mean_x, self.mean_one * extra if len(extra) == 1 else self.mean @ extra], 1)


# Networks --------------------------------------------------------------------------------------------------------


def linear(inputs: int, outputs: int, generator: Generator) -> nn.Linear:
    """Return a linear layer drawn from our generator: Glorot's uniform weights, no bias at first."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = (6 / (inputs + outputs)) ** 0.5
    with torch.no_grad():
        layer.weight.copy_((2 * torch.rand(outputs, inputs, generator=generator) - 1) * bound)
        layer.bias.zero_()
    return layer


def dropped(h: Tensor, share: float, generator: Generator | None) -> Tensor:
    """Return h with a share of its cells set to zero and the others scaled up; unchanged without a generator."""
    if generator is None or share == 0:
        return h
    mask = torch.rand(h.shape, generator=generator) >= share  # on the CPU, so that every device drops the same
    return h * mask.to(h.device) / (1 - share)


class Gcn(nn.Module):
    """A graph convolutional network: every layer is S h W + b."""

    def __init__(self, inputs: int, hidden: int, depth: int, dropout: float, generator: Generator):
        super().__init__()
        widths = [inputs, *[hidden] * (depth - 1), 2]
        self.layers = nn.ModuleList(linear(a, b, generator) for a, b in zip(widths, widths[1:], strict=False))
        self.dropout = dropout

    def forward(self, features: Features, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return logits (n, 2) and the last hidden layer (n, hidden); with a generator, cells are dropped."""
        h = torch.relu(self.layers[0](features.sym_x))  # (n, hidden); S X is known
        for layer in self.layers[1:-1]:
            h = torch.relu(
                features.sym @ nn.functional.linear(dropped(h, self.dropout, generator), layer.weight) + layer.bias
            )
        last = self.layers[-1]
        narrow = nn.functional.linear(
            dropped(h, self.dropout, generator), last.weight
        )  # (n, 2): narrow first, then sent
        return features.sym @ narrow + last.bias, h


class Sage(nn.Module):
    """GraphSAGE with the mean aggregator: h W1 + b + (mean of neighbors) W2. Teacher, and a small student."""

    def __init__(self, inputs: int, hidden: int, depth: int, dropout: float, generator: Generator):
        super().__init__()
        widths = [inputs, *[hidden] * (depth - 1), 2]
        pairs = list(zip(widths, widths[1:], strict=False))
        self.own = nn.ModuleList(linear(a, b, generator) for a, b in pairs)
        self.near = nn.ModuleList(linear(a, b, generator) for a, b in pairs)
        for layer in self.near:
            layer.bias = None
        self.dropout = dropout

    def forward(
        self, features: Features, generator: Generator | None = None, extra: Extra = None
    ) -> tuple[Tensor, Tensor]:
        """Return logits (n, 2) and the last hidden layer (n, hidden)."""
        h = torch.relu(self.own[0](features.plain(extra)) + self.near[0](features.averaged(extra)))  # (n, hidden)
        for own, near in zip(self.own[1:-1], self.near[1:-1], strict=True):
            h = dropped(h, self.dropout, generator)
            h = torch.relu(own(h) + features.mean @ near(h))
        wet = dropped(h, self.dropout, generator)
        return self.own[-1](wet) + features.mean @ self.near[-1](wet), h


class Sgc(nn.Module):
    """The student of two propagations and a small perceptron: relu(S² [X, extra] W1) W2."""

    def __init__(self, inputs: int, width: int, generator: Generator):
        super().__init__()
        self.first, self.last = linear(inputs, width, generator), linear(width, 2, generator)

    def forward(
        self, features: Features, generator: Generator | None = None, extra: Extra = None
    ) -> tuple[Tensor, Tensor]:
        """Return logits (n, 2) and the hidden layer (n, width)."""
        h = torch.relu(self.first(features.twice(extra)))
        return self.last(h), h


class Plp(nn.Module):
    """The student of CPF (Yang et al. 2021): parameterized label propagation beside a perceptron.

    Labels of the training nodes flow along the edges: each node takes in its neighbors' class scores, weighted by a
    softmax of u(x_sender) over them, and mixes them with the perceptron's opinion by a balance of its own. As the
    weight depends on the sender alone, the softmax is a quotient of two sums over neighbors, and needs no value an
    edge.
    """

    def __init__(self, inputs: int, width: int, hops: int, known: Tensor, labels: Tensor, generator: Generator):
        super().__init__()
        self.first, self.last = linear(inputs, width, generator), linear(width, 2, generator)
        self.sender = linear(inputs, 1, generator)
        self.balance = nn.Parameter(torch.zeros(len(labels), 1))
        self.hops = hops
        start = torch.full((len(labels), 2), 0.5)
        start[known] = nn.functional.one_hot(labels[known].long(), 2).float()
        self.register_buffer("start", start, persistent=False)
        mask = torch.zeros(len(labels), 1, dtype=torch.bool)
        mask[known] = True
        self.register_buffer("known", mask, persistent=False)

    def forward(
        self, features: Features, generator: Generator | None = None, extra: Extra = None
    ) -> tuple[Tensor, Tensor]:
        """Return class scores (n, 2), before training nodes are set to their labels, and the perceptron's layer."""
        weight, opinion, hidden = self.inputs(features, extra)
        total = features.sums @ weight  # (n, 1)
        return self.step(features, self.before_last(features, weight, total, opinion), weight, total, opinion), hidden

    def inputs(self, features: Features, extra: Extra = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return each sender's weight (n, 1), the perceptron's opinion (n, 2), and its hidden layer (n, width)."""
        x = features.plain(extra)  # (n, d + k)
        hidden = torch.relu(self.first(x))
        return torch.exp(self.sender(x).clamp(-20, 20)), self.last(hidden), hidden

    def step(self, features: Features, h: Tensor, weight: Tensor, total: Tensor, opinion: Tensor) -> Tensor:
        """Return class scores (n, 2) after one more step from h (n, 2)."""
        taken = (features.sums @ (weight * h)) / total  # (n, 2)
        return torch.relu(torch.sigmoid(self.balance) * taken + torch.sigmoid(-self.balance) * opinion)

    def before_last(self, features: Features, weight: Tensor, total: Tensor, opinion: Tensor) -> Tensor:
        """Return the scores (n, 2) that neighbors send in the last step; training nodes send their labels."""
        h = self.start
        for _ in range(self.hops - 1):
            h = torch.where(self.known, self.start, self.step(features, h, weight, total, opinion))
        return h

    def shares(self, features: Features, node: int, near: Tensor, extra: Extra = None) -> tuple[Tensor, Tensor]:
        """Return what a node's last step is made of: learned shares, and what each part gives to P(class 1).

        Parameters
        ----------
        node
            Whose prediction.
        near
            (m,) the node itself and its neighbors, all of them: their shares sum to the balance $\\sigma(\\lambda)$.

        Returns
        -------
        (Tensor, Tensor)
            Shares (m + 1,), the perceptron's last, together 1; and P less P without that part (m + 1,).
        """
        weight, opinion, _ = self.inputs(features, extra)
        h = self.before_last(features, weight, features.sums @ weight, opinion)
        theirs = torch.sigmoid(self.balance[node])  # (1,)
        shares = torch.cat([theirs * weight[near, 0] / weight[near].sum(), 1 - theirs])  # (m + 1,)
        parts = shares[:, None] * torch.cat([h[near], opinion[node : node + 1]])  # (m + 1, 2)
        chance = lambda scores: torch.softmax(torch.relu(scores), -1)[..., 1]  # noqa: E731
        return shares, chance(parts.sum(0)) - chance(parts.sum(0) - parts)


# The bias loss ---------------------------------------------------------------------------------------------------

# of P1, P3 ... P9: the released code's, and those of the unit step's Legendre series, (2n + 1)/2 times as large
RELEASED = (1 / 2, -1 / 8, 1 / 16, -5 / 128, 7 / 256)
LEGENDRE = (3 / 4, -7 / 16, 11 / 32, -75 / 256, 133 / 512)
STEEPNESS = 10.0  # of the sigmoid


def smooth_step(p: Tensor, kind: str) -> Tensor:
    """Return a smooth version of "p is above one half", for probabilities of any shape.

    Parameters
    ----------
    p
        Probabilities.
    kind
        ``"released"``: the authors' polynomial of degree 9, which runs from 0.074 to 0.926; ``"legendre"``: the true
        series, which overshoots (from -0.12 to 1.12); ``"sigmoid"``.
    """
    if kind == "sigmoid":
        return torch.sigmoid(STEEPNESS * (p - 0.5))
    x = 2 * p - 1
    weights = RELEASED if kind == "released" else LEGENDRE
    before, now = torch.ones_like(x), x  # P0, P1
    total = 0.5 + weights[0] * now
    for degree in range(2, 10):  # Bonnet's recursion
        before, now = now, ((2 * degree - 1) * x * now - (degree - 1) * before) / degree
        if degree % 2:
            total = total + weights[degree // 2] * now
    return total


def bias_loss(logits: Tensor, groups: Sequence[Tensor], kind: str) -> Tensor:
    """Return the squared gap of the smooth rates of two groups, summed over both classes.

    Parameters
    ----------
    logits
        (n, 2).
    groups
        Row numbers of group 0 and of group 1; for equal opportunity, of those whose label is 1. An empty one gives 0.
    kind
        Of `smooth_step`.
    """
    if min(len(rows) for rows in groups) == 0:
        return logits.sum() * 0
    rates = [smooth_step(torch.softmax(logits[rows], 1), kind).mean(0) for rows in groups]  # (2,) each
    return (rates[0] - rates[1]).square().sum()


def new_proxies(n: int, k: int, generator: Generator) -> Tensor:
    """Return proxies (n, k), uniform between 0 and 1 as the authors start them."""
    return torch.rand(n, k, generator=generator)
