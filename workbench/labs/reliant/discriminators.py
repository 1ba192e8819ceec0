"""GraphAKD's discriminators (He et al. 2022), after the authors' code: who made these scores, this layer, this summary?"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from workbench.labs.reliant.model import linear

EDGES = 20_000  # drawn anew for each step: the released code takes all of them


class Discriminators(nn.Module):
    """One on class scores (which also names the class), one on pairs of linked nodes, one on nodes against the whole.

    Parameters
    ----------
    hidden
        Width of both the teacher's and the student's hidden layer.
    """

    def __init__(self, hidden: int, generator: Generator):
        super().__init__()
        self.inner, self.outer = linear(2, 2, generator), linear(2, 3, generator)
        self.outer.bias = None
        self.local, self.whole = nn.Parameter(torch.ones(hidden)), nn.Parameter(torch.ones(hidden))
        self.local_scale, self.whole_scale = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.5))

    def scores(self, logits: Tensor) -> Tensor:
        """Return (n, 3): two classes, and whether the teacher made them."""
        return self.outer(torch.relu(logits + self.inner(logits)))

    def pairs(self, layer: Tensor, edges: Tensor) -> Tensor:
        """Return (m,): how the ends of each edge (m, 2) resemble each other."""
        unit = F.normalize(layer)
        return (unit[edges[:, 0]] * self.local * unit[edges[:, 1]]).sum(1) * self.local_scale

    def against(self, layer: Tensor, summary: Tensor) -> Tensor:
        """Return (n,): how each node resembles a summary (hidden,)."""
        return (F.normalize(layer) * self.whole) @ summary * self.whole_scale

    def loss(self, teacher: tuple[Tensor, Tensor], student: tuple[Tensor, Tensor], known: Known, edges: Tensor) -> Tensor:
        """Return what the discriminators lower: they tell teacher from student, and classes apart."""
        (logits_t, layer_t), (logits_s, layer_s) = teacher, (student[0].detach(), student[1].detach())
        score_t, score_s = self.scores(logits_t), self.scores(logits_s)
        loss = 0.5 * (told(score_t[:, 2], 1) + told(score_s[:, 2], 0))
        loss = loss + 0.5 * (known.entropy(score_t[:, :2]) + known.entropy(score_s[:, :2]))
        loss = loss + told(self.pairs(layer_t, edges), 1) + told(self.pairs(layer_s, edges), 0)
        sum_t, sum_s = (torch.sigmoid(layer.mean(0)) for layer in (layer_t, layer_s))
        loss = loss + told(self.against(layer_t, sum_t), 1) + told(self.against(layer_s, sum_t), 0)
        return loss + told(self.against(layer_s, sum_s), 1) + told(self.against(layer_t, sum_s), 0)

    def fooled(self, teacher: tuple[Tensor, Tensor], student: tuple[Tensor, Tensor], known: Known, edges: Tensor) -> Tensor:
        """Return what the student lowers to be taken for the teacher."""
        (logits_t, layer_t), (logits_s, layer_s) = teacher, student
        score = self.scores(logits_s)
        loss = known.entropy(logits_s) + 0.5 * (known.entropy(score[:, :2]) + told(score[:, 2], 1))
        loss = loss + (logits_s - logits_t).abs().sum() / len(logits_s)
        loss = loss + told(self.pairs(layer_s, edges), 1)
        sum_t, sum_s = torch.sigmoid(layer_t.mean(0)), torch.sigmoid(layer_s.mean(0).detach())
        loss = loss + told(self.against(layer_s, sum_t), 1)
        return loss + told(self.against(layer_s, sum_s), 1) + told(self.against(layer_t, sum_s), 0)


class Known:
    """The labels that a training may use: rows and their classes."""

    def __init__(self, rows: Tensor, labels: Tensor):
        self.rows, self.labels = rows, labels[rows].long()

    def entropy(self, logits: Tensor) -> Tensor:
        """Return the cross entropy of logits (n, 2) on these rows."""
        return F.cross_entropy(logits[self.rows], self.labels)


def told(scores: Tensor, real: int) -> Tensor:
    """Return the binary cross entropy of scores against "it is the teacher's"."""
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(real)))


def drawn_edges(edges: Tensor, generator: Generator) -> Tensor:
    """Return at most `EDGES` of the edges (m, 2)."""
    if len(edges) <= EDGES:
        return edges
    return edges[torch.randint(len(edges), (EDGES,), generator=generator).to(edges.device)]
