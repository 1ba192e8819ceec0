"""GraphAKD's discriminators (He et al. 2022), after the authors' code: who made this, teacher or student?"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from workbench.labs.reliant.method.model import linear

EDGES = 5_000  # drawn anew for each step: the released code takes all of them


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

    def pairs(self, unit: Tensor, edges: Tensor) -> Tensor:
        """Return (m,): how the ends of each edge (m, 2) resemble each other, by rows of length one."""
        return (unit[edges[:, 0]] * unit[edges[:, 1]]) @ self.local * self.local_scale

    def against(self, unit: Tensor, summary: Tensor) -> Tensor:
        """Return (n,): how each node resembles a summary (hidden,)."""
        return unit @ (self.whole * summary) * self.whole_scale

    def loss(self, teacher: Made, student: Made, known: Known, edges: Tensor) -> Tensor:
        """Return what the discriminators lower: they tell teacher from student, and classes apart."""
        student = student.detached
        score_t, score_s = self.scores(teacher.logits), self.scores(student.logits)
        loss = 0.5 * (told(score_t[:, 2], 1) + told(score_s[:, 2], 0))
        loss = loss + 0.5 * (known.entropy(score_t[:, :2]) + known.entropy(score_s[:, :2]))
        loss = loss + told(self.pairs(teacher.unit, edges), 1) + told(self.pairs(student.unit, edges), 0)
        for summary, real, false in ((teacher, teacher, student), (student, student, teacher)):
            loss = (
                loss
                + told(self.against(real.unit, summary.whole), 1)
                + told(self.against(false.unit, summary.whole), 0)
            )
        return loss

    def fooled(self, teacher: Made, student: Made, known: Known, edges: Tensor) -> Tensor:
        """Return what the student lowers to be taken for the teacher; the discriminators stay as they are."""
        score = self.scores(student.logits)
        loss = known.entropy(student.logits) + 0.5 * (known.entropy(score[:, :2]) + told(score[:, 2], 1))
        loss = loss + (student.logits - teacher.logits).abs().sum() / len(student.logits)
        loss = loss + told(self.pairs(student.unit, edges), 1)
        loss = loss + told(self.against(student.unit, teacher.whole), 1)
        return loss + told(self.against(student.unit, student.detached.whole), 1)


class Made:
    """Output of a network for all nodes: logits (n, 2) and its hidden layer, with rows of length one."""

    def __init__(self, logits: Tensor, layer: Tensor):
        self.logits, self.unit = logits, F.normalize(layer)  # (n, 2), (n, hidden)
        self.whole = torch.sigmoid(layer.mean(0))  # (hidden,)

    @property
    def detached(self) -> Made:
        """The same, cut from the graph of gradients."""
        other = Made.__new__(Made)
        other.logits, other.unit, other.whole = self.logits.detach(), self.unit.detach(), self.whole.detach()
        return other


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
