"""The organs of AMOS, their numbers, names and colors, and masks of other sets brought to them."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from workbench.data.volumes.volume import Labels

AMOS: Mapping[int, str] = {
    1: "spleen",
    2: "right kidney",
    3: "left kidney",
    4: "gallbladder",
    5: "esophagus",
    6: "liver",
    7: "stomach",
    8: "aorta",
    9: "inferior vena cava",
    10: "pancreas",
    11: "right adrenal gland",
    12: "left adrenal gland",
    13: "duodenum",
    14: "bladder",
    15: "prostate/uterus",
}
"""Number and name of the 15 organs, as AMOS's ``dataset.json`` numbers them; it calls 9 "postcava"."""

OTHER_NAMES = {
    "postcava": 9,
    "ivc": 9,
    "kidney right": 2,
    "kidney left": 3,
    "adrenal gland right": 11,
    "adrenal gland left": 12,
    "urinary bladder": 14,
    "prostate": 15,
    "uterus": 15,
}
GOLDEN = 0.618034  # of a turn of the color circle: the colors of neighboring numbers, and of all so far, stay apart


def to_amos(labels: Labels) -> Labels:
    """Return a mask with AMOS's numbers; what is no organ of AMOS becomes background.

    Organs are found by their names, in TotalSegmentator's spelling (``kidney_right``) or AMOS's.
    """
    numbers = {k: amos_number(name) for k, name in labels.names.items()}
    table = np.zeros(int(max(labels.voxels.max(initial=0), *labels.names, 0)) + 1, np.uint8)
    for old, new in numbers.items():
        table[old] = new
    return replace(labels, voxels=table[labels.voxels], names={n: AMOS[n] for n in sorted({*numbers.values()} - {0})})


def amos_number(name: str) -> int:
    """Return the number of an organ in AMOS, 0 if it is none of the fifteen."""
    plain = " ".join(name.lower().replace("_", " ").replace("oesophagus", "esophagus").split())
    return next((k for k, known in AMOS.items() if known == plain), OTHER_NAMES.get(plain, 0))


def colors(numbers: Iterable[int]) -> dict[int, str]:
    """Return a color ``"#rrggbb"`` for each organ's number, the same wherever that number shows.

    Hues go round the color circle by the golden ratio, in three lightnesses, so that any number of structures has
    colors of its own; a legend always names them too.
    """
    found = {}
    for k in numbers:
        red, green, blue = colorsys.hls_to_rgb(k * GOLDEN % 1, (0.55, 0.68, 0.42)[k % 3], (0.85, 0.7)[k % 2])
        found[k] = "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in (red, green, blue)))
    return found


DIFFERENCES: Mapping[int, str] = {1: "missed", 2: "too much", 3: "another organ"}
"""What `difference` marks."""


def difference(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return where two masks differ: uint8, 1 organ missed, 2 background taken for one, 3 one organ for another."""
    differs = truth != prediction
    kind = np.where(prediction == 0, 1, np.where(truth == 0, 2, 3)).astype(np.uint8)
    return np.where(differs, kind, np.uint8(0))
