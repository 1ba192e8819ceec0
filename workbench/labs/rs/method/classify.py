"""The classifiers that separability is compared with, cross-validated."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

CLASSIFIERS = {
    "lr": lambda: LogisticRegression(max_iter=200),
    "svc": lambda: SVC(kernel="rbf", C=1.0, gamma="scale"),
    "knn": lambda: KNeighborsClassifier(5),
    "qda": lambda: QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=1e-3),  # covariances may be singular
}
THREE = ("lr", "svc", "knn")
FOLDS = 3


def folds(y: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the fold number (n,) of every row, each class spread evenly over the folds."""
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]  # class after class, shuffled inside
    fold = np.empty(len(y), int)
    fold[order] = np.arange(len(y)) % count
    return fold


def accuracy(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator, names: tuple[str, ...] = THREE, held_out: bool = False
) -> dict[str, float]:
    """Return the accuracy of each classifier: the mean of three folds, or of one of them held out.

    Parameters
    ----------
    x, y
        Points (n, d) and labels (n,); features are standardized on the training rows.
    rng
        Draws the folds.
    names
        Keys of `CLASSIFIERS`.
    held_out
        Train on two folds and test on the third only: a third of the time, for answers at slider speed.
    """
    fold = folds(y, FOLDS, rng)
    scores: dict[str, list[float]] = {name: [] for name in names}
    for k in range(1 if held_out else FOLDS):
        train = fold != k
        mean, std = x[train].mean(0), x[train].std(0)
        z = (x - mean) / np.where(std > 1e-12, std, 1)
        for name in names:
            scores[name].append(_score(CLASSIFIERS[name](), z[train], y[train], z[~train], y[~train]))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def _score(model, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged, collinear: such a classifier is scored as it is
        return float((model.fit(x, y).predict(x_test) == y_test).mean())
