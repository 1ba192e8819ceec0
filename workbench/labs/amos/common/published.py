"""Numbers of others on the true AMOS22, each read in the named place; what is only recalled is not here.

They are not comparable with each other across tables, nor with AMOS-sim: other cases, other training.
"""

from __future__ import annotations

import pandas as pd

REVISITED = "nnU-Net Revisited, 360 cases, mean DSC of 5-fold cross validation"
UX = "3D UX-Net, fine-tuned, CT, 180 to train and 20 to test out of imagesTr"
REP_CT, REP_MR = "Rep3D, from scratch, AMOS-CT", "Rep3D, from scratch, AMOS-MR (13 organs)"
TABLES: dict[str, dict[str, float]] = {
    REVISITED: {
        "nnU-Net": 0.8864, "nnU-Net ResEnc M": 0.8877, "nnU-Net ResEnc L": 0.8941, "nnU-Net ResEnc XL": 0.8968,
        "MedNeXt L k3": 0.8962, "MedNeXt L k5": 0.8973, "STU-Net S": 0.8808, "STU-Net B": 0.8846, "STU-Net L": 0.8934,
        "SwinUNETR": 0.8381, "SwinUNETRv2": 0.8624, "nnFormer": 0.8155, "CoTr": 0.8802, "U-Mamba Bot": 0.8913,
        "U-Mamba Enc": 0.8838, "No-Mamba base": 0.8904, "Auto3DSeg SegResNet": 0.8727, "Auto3DSeg DiNTS": 0.8235,
        "Auto3DSeg SwinUNETR": 0.8505,
    },
    UX: {"TransBTS": 0.792, "UNETR": 0.762, "nnFormer": 0.790, "SwinUNETR": 0.880, "3D UX-Net": 0.900},
    REP_CT: {
        "nnU-Net": 0.887, "SwinUNETR": 0.871, "3D UX-Net": 0.890, "MedNeXt": 0.897, "STU-Net-H": 0.900, "Rep3D": 0.910,
    },
    REP_MR: {
        "nnU-Net": 0.847, "SwinUNETR": 0.836, "3D UX-Net": 0.841, "MedNeXt": 0.856, "STU-Net-H": 0.848, "Rep3D": 0.864,
    },
}  # fmt: skip
"""Setting -> network -> mean DSC."""


def anchors() -> pd.DataFrame:
    """Return ``setting``, ``network``, ``dsc`` of every number."""
    rows = [(setting, name, value) for setting, table in TABLES.items() for name, value in table.items()]
    return pd.DataFrame(rows, columns=["setting", "network", "dsc"])
