"""Made-up scores for the tests of claims and views."""

import numpy as np
import pandas as pd
import pytest

from workbench.contract.result import Result
from workbench.data.volumes.organs import AMOS

SMALL = (4, 11, 12, 13)


def scores(seeds=3, cases=6, **shift):
    """Return scores of four teams; `shift` moves the mean DSC of a named condition."""
    rng = np.random.default_rng(0)
    effect = {
        "joint_mr": 0.05,
        "joint_ct": 0.02,
        "unetr": -0.1,
        "small": -0.2,
        "site": -0.1,
        "cross": -0.4,
        "nsd": 0.0,
    } | shift
    rows = []
    for network, arm in (
        ("BasicUNet", "joint"),
        ("BasicUNet", "CT only"),
        ("BasicUNet", "MR only"),
        ("UNETR", "joint"),
    ):
        for seed in range(seeds):
            for modality in ("CT", "MR"):
                for k in range(2 * cases):
                    site = "AB"[k % 2]
                    base = 0.7 + rng.normal(0, 0.01)
                    base += effect[f"joint_{modality.lower()}"] if arm == "joint" else 0
                    base += effect["unetr"] if network == "UNETR" else 0
                    base += effect["site"] if site == "B" else 0
                    base += effect["cross"] if arm == f"{'MR' if modality == 'CT' else 'CT'} only" else 0
                    for organ in range(1, 14):
                        dsc = base + (effect["small"] if organ in SMALL else 0) + rng.normal(0, 0.01)
                        nsd = dsc + (effect["nsd"] if network == "UNETR" else 0)
                        rows.append(
                            (network, arm, seed, f"{modality}{k}", modality, site, organ, AMOS[organ], dsc, nsd, "both")
                        )
    columns = ["network", "arm", "seed", "case", "modality", "site", "organ", "name", "dsc", "nsd", "state"]
    return Result(tables={"scores": pd.DataFrame(rows, columns=columns)})


@pytest.fixture(scope="session")
def scored():
    """Return the function that makes up scores."""
    return scores
