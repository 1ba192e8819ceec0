"""Made-up scores for the tests of claims and views, and tiny parameters for real runs."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.labs.eam.params import ATTENTION, CT_ONLY, EAM, JOINT, MR_ONLY, Params

TINY = Params.presets["tiny"]


def scores(seeds=5, subjects=12, steps=1500, shots=(1, 3, 10), **shift):
    """Return scores of four arms; `shift` moves the mean Dice of a named condition."""
    rng = np.random.default_rng(0)
    effect = {"eam_MR": 0.05, "eam_CT": 0.02, "joint_MR": 0.05, "joint_CT": 0.03, "few": 0.0, "attention": 0.01} | shift
    rows, networks = [], []
    for arm in (MR_ONLY, CT_ONLY, JOINT, EAM, ATTENTION):
        for count in (0,) if arm == CT_ONLY else shots:
            for seed in range(seeds):
                networks.append({"arm": arm, "few": "MR", "shots": count, "seed": seed, "steps": steps})
                for modality in ("CT", "MR"):
                    for k in range(subjects):
                        base = 0.6 + effect["few"] * (count < 10) + 0.01 * k
                        base += effect[f"joint_{modality}"] if arm in (JOINT, EAM, ATTENTION) else 0
                        base += effect["attention"] if arm == ATTENTION else 0
                        base += effect[f"eam_{modality}"] if arm == EAM else 0
                        for organ in ("liver", "spleen"):
                            dice = base + rng.normal(0, 0.01)
                            where = ("MR", count, seed, "test", f"{modality} {k}", modality, organ, dice)
                            rows.append((arm, *where))
    columns = ["arm", "few", "shots", "seed", "split", "subject", "modality", "organ", "dice"]
    return Result(tables={"scores": pd.DataFrame(rows, columns=columns), "networks": pd.DataFrame(networks)})


@pytest.fixture(scope="session")
def scored():
    """Return the function that makes up scores."""
    return scores


@pytest.fixture(scope="session")
def tiny():
    """Return parameters of a run of seconds."""
    return TINY
