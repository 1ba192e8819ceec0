"""The AMOS22 release on the disk: its folders, its ``dataset.json``, its table of scanners.

The traps it knows: the key is spelled "licence"; all entries, those of ``test`` too, are dicts; old downloads have no
``labelsVa``; readme and web site disagree on how many test cases there are, so files are counted, not believed; and the
modality stands nowhere but in the number of a case.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.data.volumes.organs import AMOS
from workbench.data.volumes.volume import Labels, Volume, read_labels, read_volume

PARTS = {"training": "Tr", "validation": "Va", "test": "Ts"}
FIRST_MR = 500  # cases from this number on are MR; converters in the wild say <= 410, < 500 and <= 500
NAME = re.compile(r"amos_(\d+)\.nii(\.gz)?$")
META = "labeled_data_meta_0000_0599.csv"


@dataclass(frozen=True)
class Case:
    """One scan of a release.

    Attributes
    ----------
    name, number
        ``amos_0507`` and 507.
    part
        ``training``, ``validation`` or ``test``.
    modality
        ``"CT"`` or ``"MR"``, by the number.
    image, label
        Files; `label` is None where masks are not public.
    meta
        What the table says of it: site, scanner, sex, age; empty where there is no table.
    """

    name: str
    number: int
    part: str
    modality: str
    image: Path
    label: Path | None
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def site(self) -> str:
        """The hospital, or the scanner where no site is told; "" if neither is."""
        return self.meta.get("site") or self.meta.get("model") or ""


@dataclass(frozen=True)
class Release:
    """A folder in the AMOS22 layout.

    Attributes
    ----------
    folder
        Where it is.
    cases
        In the order of parts and numbers.
    labels
        Number -> organ, without the background.
    licence, description
        As ``dataset.json`` says.
    notes
        What does not add up in it.
    """

    folder: Path
    cases: tuple[Case, ...]
    labels: Mapping[int, str]
    licence: str
    description: str
    notes: tuple[str, ...] = ()

    def part(self, part: str, modality: str = "", labeled: bool = True) -> list[Case]:
        """Return the cases of a part, of one modality if it is named, those with masks only unless told otherwise."""
        return [
            c
            for c in self.cases
            if c.part == part and (not modality or c.modality == modality) and (c.label is not None or not labeled)
        ]


def open_release(folder: Path | str, first_mr: int = FIRST_MR) -> Release:
    """Read what a folder in the AMOS22 layout holds; no voxel is read.

    Parameters
    ----------
    folder
        ``amos22`` itself, or the folder it lies in.
    first_mr
        Number of the first MR case.

    Raises
    ------
    LabError
        If it is no such folder, or ``dataset.json`` cannot be read.
    """
    folder = Path(folder).expanduser()
    if not (folder / "imagesTr").is_dir() and (folder / "amos22" / "imagesTr").is_dir():
        folder = folder / "amos22"
    if not (folder / "imagesTr").is_dir():
        raise LabError(f"{folder} is no AMOS22 release.", "It holds imagesTr, labelsTr and dataset.json.")
    header = _told(folder / "dataset.json")
    meta = read_meta(folder)
    cases, notes = [], []
    for part, end in PARTS.items():
        images = _numbered(folder / f"images{end}")
        masks = _numbered(folder / f"labels{end}")
        for number, image in sorted(images.items()):
            modality = "CT" if number < first_mr else "MR"
            case = Case(
                image.name.split(".")[0], number, part, modality, image, masks.get(number), meta.get(number, {})
            )
            cases.append(case)
        listed = len(header.get(part) or [])
        if header and listed != len(images):
            notes.append(f"dataset.json lists {listed} {part} cases, images{end} holds {len(images)}; the files count.")
        if stray := sorted(set(masks) - set(images)):
            notes.append(f"labels{end} holds {len(stray)} masks without an image, such as amos_{stray[0]:04d}.")
        if images and not masks and part != "test":
            notes.append(f"There is no labels{end} (downloads before the challenge's end lack labelsVa).")
    if not cases:
        raise LabError(f"{folder} holds no scan.", "Scans are named imagesTr/amos_0001.nii.gz.")
    names = {int(k): str(v) for k, v in (header.get("labels") or {}).items() if str(k).isdigit() and int(k)}
    licence = str(header.get("licence") or header.get("license") or "not told")
    return Release(folder, tuple(cases), names or dict(AMOS), licence, str(header.get("description", "")), tuple(notes))


def read_case(case: Case) -> tuple[Volume, Labels | None]:
    """Read a scan and its mask, turned to one orientation and on one grid.

    Raises
    ------
    LabError
        If a file is damaged, or the mask lies elsewhere than its scan.
    """
    volume = read_volume(case.image, case.modality)
    return volume, read_labels(case.label, volume, AMOS) if case.label is not None else None


def write_description(
    folder: Path, cases: Mapping[str, list[str]], name: str, description: str, licence: str, labels: Mapping[int, str]
) -> None:
    """Write ``dataset.json`` as AMOS has it: part -> case names; all entries are dicts."""
    entries = {
        part: [
            {"image": f"./images{end}/{c}.nii.gz"} | ({"label": f"./labels{end}/{c}.nii.gz"} if part != "test" else {})
            for c in cases.get(part, [])
        ]
        for part, end in PARTS.items()
    }
    head = {
        "name": name,
        "description": description,
        "licence": licence,  # AMOS's own spelling
        "release": "1.0",
        "tensorImageSize": "3D",
        "labels": {"0": "background"} | {str(k): v for k, v in labels.items()},
    }
    counts = {f"num{part.capitalize()}": len(entries[part]) for part in PARTS}
    (folder / "dataset.json").write_text(json.dumps(head | counts | entries, indent=1) + "\n", encoding="utf-8")


def read_meta(folder: Path) -> dict[int, dict[str, str]]:
    """Return the table of scanners by number: ``site``, ``model``, ``maker``, ``sex``, ``age``, if told."""
    path = folder / META
    if not path.exists():
        return {}
    known = {"site": "site", "model": "model", "manufacturer": "maker", "sex": "sex", "age": "age"}
    rows: dict[int, dict[str, str]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            plain = {(k or "").lower(): (v or "").strip() for k, v in row.items() if isinstance(v, str)}
            number = next((v for k, v in plain.items() if k in ("amos_id", "id", "case", "name")), "")
            digits = re.search(r"\d+", number)
            if digits:
                header = {}
                for words, key in known.items():  # "manufacturer's model" is the model, not the maker
                    found = (v for k, v in plain.items() if words in k and (key != "maker" or "model" not in k))
                    header[key] = next(found, "")
                rows[int(digits[0])] = header
    return rows


def _told(path: Path) -> dict:
    if not path.exists():
        return {}
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise LabError(f"{path} cannot be read: {error}", "Unpack the release again.") from error
    if not isinstance(header, dict):
        raise LabError(f"{path} is no description of a data set.", "Unpack the release again.")
    return header


def _numbered(folder: Path) -> dict[int, Path]:
    if not folder.is_dir():
        return {}
    found = ((NAME.search(p.name), p) for p in folder.iterdir())
    return {int(match[1]): p for match, p in found if match}
