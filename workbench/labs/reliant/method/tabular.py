"""Baselines without a graph: logistic regression on the nodes' features, plain and reweighed; and on proxies alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from workbench.labs.reliant.common.measures import auc, reweighing
from workbench.labs.reliant.method.training import Task


def predicted(task: Task) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and probabilities (n_test,) of logistic regression, as it is and with reweighed rows."""
    from sklearn.linear_model import LogisticRegression

    x, y, s = (t.cpu().numpy() for t in (task.features.x, task.y, task.s))
    train, test = task.train.cpu().numpy(), task.test.cpu().numpy()
    for name, weight in (("lr", None), ("reweighed", reweighing(y[train], s[train]))):
        model = LogisticRegression(max_iter=1000).fit(x[train], y[train], sample_weight=weight)
        yield name, model.predict_proba(x[test])[:, 1]


def told_by(columns: torch.Tensor, task: Task) -> float:
    """Return how well columns (n, k) tell the group: AUC on test nodes of a linear probe learned on training nodes."""
    from sklearn.linear_model import LogisticRegression

    x, s = columns.detach().cpu().numpy(), task.s.cpu().numpy()
    train, test = task.train.cpu().numpy(), task.test.cpu().numpy()
    if len(np.unique(s[train])) < 2:
        return float("nan")
    spread = x[train].std(0)
    z = (x - x[train].mean(0)) / np.where(spread > 1e-9, spread, 1)
    return auc(LogisticRegression().fit(z[train], s[train]).predict_proba(z[test])[:, 1], s[test])
