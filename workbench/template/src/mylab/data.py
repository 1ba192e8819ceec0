"""Fisher's irises: 150 flowers, four lengths in centimeters each, three species. They come with scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_iris

SPECIES = ("setosa", "versicolor", "virginica")
MEASUREMENTS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def flowers() -> tuple[np.ndarray, np.ndarray]:
    """Return the measurements in centimeters (150, 4) and the species (150,), an index into `SPECIES`."""
    return load_iris(return_X_y=True)


def held_out(y: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return a mask (n,) that holds out that share of each species at random."""
    mask = np.zeros(len(y), dtype=bool)
    for species in np.unique(y):
        mine = rng.permutation(np.flatnonzero(y == species))
        mask[mine[: max(1, round(share * len(mine)))]] = True
    return mask
