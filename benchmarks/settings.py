"""What trigger size, poisoned share, alpha and the rest do (lab `doorping`): the sweep that its view *Settings* shows.

    python benchmarks/settings.py     a quarter of an hour

Three pairs of settings, two seeds each, all else as the preset `quick` has it. Writes
workbench/labs/doorping/bundled/settings.csv after each run.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import torch

from workbench.contract.lab import get_lab
from workbench.toolkit.memory import MemoryContext

LAB = get_lab("doorping")
PLACE = Path(LAB.folder) / "bundled" / "settings.csv"
ATTACKS = ["clean", "naive", "clipped", "doorping"]
PAIRS = (
    {"size": (2, 4, 8), "share": (0.01, 0.05, 0.2)},
    {"alpha": (2.0, 10.0, 50.0), "k": (1, 5, 10)},
    {"each": (1, 10, 20), "rule": ("sound", "released")},
)
SEEDS = (0, 1)


def main() -> None:
    torch.set_num_threads(1)
    rows, names = [], [name for pair in PAIRS for name in pair]
    PLACE.parent.mkdir(exist_ok=True)
    for pair in PAIRS:
        for values in product(*pair.values()):
            for seed in SEEDS:
                chosen = dict(zip(pair, values, strict=True))
                params = LAB.Params.make("quick", attacks=ATTACKS, defenses=[], **chosen)
                found = LAB.run(params, MemoryContext(seed=seed)).metrics
                about = {name: getattr(params, name) for name in names} | {"seed": seed}
                rows.append(about | {key: round(value, 4) for key, value in found.items()})
                pd.DataFrame(rows).to_csv(PLACE, index=False)
                print(chosen, seed, {key: round(value, 2) for key, value in found.items()}, flush=True)


if __name__ == "__main__":
    main()
