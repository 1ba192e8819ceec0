"""Scores of mask files against reference files: two files, or folders with one file a case, as AMOS has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbench.contract.errors import LabError
from workbench.contract.result import json_values
from workbench.data.volumes.organs import AMOS, amos_number, to_amos
from workbench.data.volumes.volume import Labels, Volume, read_labels
from workbench.toolkit.segmentation.ranking import leaderboard
from workbench.toolkit.segmentation.scores import Rules, rules_dict, score_case, summarize

ENDINGS = (".nii.gz", ".nii", ".npz")
INNER = ("labelsVa", "labelsTs", "labelsTr", "results", "labels")  # where a folder in the AMOS layout keeps its masks


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation.

    Attributes
    ----------
    scores
        One row for each team, case and organ; see `score_case`.
    rules
        How it was measured.
    notes
        What the reader must know: masks whose position differs a little, cases without a prediction.
    """

    scores: pd.DataFrame
    rules: Rules
    notes: list[str]

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row a team with ranks and intervals; see `workbench.toolkit.segmentation.ranking.leaderboard`."""
        return leaderboard(self.scores)

    def organs(self, team: str | None = None) -> pd.DataFrame:
        """Return one row an organ: means over cases and the counts of absent organs."""
        rows = self.scores if team is None else self.scores[self.scores["team"] == team]
        return summarize(rows, "name")

    def to_dict(self) -> dict:
        """Return everything as JSON values; a missing number is null."""
        teams = {team: self.organs(team).to_dict(orient="records") for team in dict.fromkeys(self.scores["team"])}
        return json_values(
            {
                "rules": rules_dict(self.rules),
                "notes": self.notes,
                "leaderboard": self.leaderboard.to_dict(orient="records"),
                "organs": teams,
                "cases": self.scores.to_dict(orient="records"),
            }
        )


def evaluate(
    predictions: Mapping[str, Path],
    reference: Path,
    rules: Rules = Rules(),  # noqa: B008 - frozen
    organs: Mapping[int, str] | None = None,
    missing: str = "refuse",
    progress: Callable[[int, int, str], None] = lambda done, total, stage: None,
) -> Evaluation:
    """Score the masks of one or several teams.

    Parameters
    ----------
    predictions
        Team -> a mask, or a folder of masks named as the reference's.
    reference
        A mask, or a folder of masks; a folder in the AMOS layout may be given whole, its ``labelsVa`` is taken then, or
        the first there is of ``labelsTs`` and ``labelsTr``.
    rules
        How agreement is measured.
    organs
        Number -> name; AMOS's fifteen by default.
    missing
        A case without a prediction: ``"refuse"``, as the challenge does, or ``"zero"``: every organ of it is missed.
    progress
        Called after each case.

    Raises
    ------
    LabError
        If a file cannot be read, a case has no prediction, or a mask does not lie in its reference's native space: the
        same voxels, at most half a voxel apart.
    """
    organs = dict(AMOS if organs is None else organs)
    truths = cases_in(reference)
    rows, notes = [], []
    total, done = len(truths) * len(predictions), 0
    for team, place in predictions.items():
        guesses = {next(iter(truths)): place} if _is_file(place) and len(truths) == 1 else cases_in(place)
        lacking = [case for case in truths if case not in guesses]
        if lacking and missing != "zero":
            names_of_missing = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
            raise LabError(
                f"{place} has no mask for {len(lacking)} of {len(truths)} cases: {names_of_missing}.",
                "Every case needs one, named as its reference; or let missing ones count zero (--missing zero).",
            )
        if lacking:
            notes.append(f"{team}: {len(lacking)} cases have no prediction; every organ of them counts as missed.")
        if extra := len(set(guesses) - set(truths)):
            notes.append(f"{team}: {extra} masks have no reference and were left out.")
        for case, path in truths.items():
            truth = renumbered(read_labels(path), organs, path.name, notes)
            guess = native(guesses[case], truth, path, organs, notes) if case in guesses else None
            voxels = guess.voxels if guess is not None else truth.voxels * 0
            table = score_case(voxels, truth.voxels, truth.spacing, organs, rules)
            table.insert(0, "case", case)
            table.insert(0, "team", team)
            rows.append(table)
            done += 1
            progress(done, total, team)
    return Evaluation(pd.concat(rows, ignore_index=True), rules, notes)


def native(path: Path, truth: Labels, reference: Path, organs: Mapping[int, str], notes: list[str]) -> Labels:
    """Read a prediction and hold it to the grid of its reference; small differences of position are noted.

    Both are turned to one orientation by their headers, so that masks stored in another order of axes compare right.
    """
    like = Volume(truth.voxels, truth.affine, "", reference.name)
    guess = read_labels(path, like)
    if "affine differs" in guess.note:
        notes.append(f"{path.name}: {guess.note}")
    return renumbered(guess, organs, path.name, notes)


def renumbered(labels: Labels, organs: Mapping[int, str], name: str, notes: list[str]) -> Labels:
    """Bring a mask whose own header names its organs otherwise than AMOS numbers them to AMOS's numbers; it is noted.

    Only when AMOS's organs are asked for: a mask of TotalSegmentator has the liver as number 5, AMOS's esophagus.
    """
    if dict(organs) != dict(AMOS):
        return labels
    named = {k: amos_number(organ) for k, organ in labels.names.items() if organ != f"label {k}"}
    if all(number in (0, k) for k, number in named.items()) and (not named or any(named.values())):
        return labels
    notes.append(f"{name}: its organs were found by the names in its header and given AMOS's numbers.")
    return to_amos(labels)


def cases_in(place: Path) -> dict[str, Path]:
    """Return the masks of a folder by case, in order; of a file, that one.

    Raises
    ------
    LabError
        If there is none.
    """
    place = Path(place)
    if _is_file(place):
        return {case_name(place): place}
    if not place.is_dir():
        raise LabError(f"There is no file or folder {place}.", "Check the path.")
    found = _masks(place)
    for inner in INNER:
        if not found and (place / inner).is_dir():
            found = _masks(place / inner)
    if not found:
        raise LabError(f"{place} holds no masks.", f"Masks end in {', '.join(ENDINGS)}, as amos_0001.nii.gz does.")
    return found


def case_name(path: Path) -> str:
    """Return the name of a mask without its ending.

    >>> case_name(Path("labelsVa/amos_0008.nii.gz"))
    'amos_0008'
    """
    return next((path.name[: -len(e)] for e in ENDINGS if path.name.lower().endswith(e)), path.stem)


def _masks(folder: Path) -> dict[str, Path]:
    files = sorted(p for p in folder.iterdir() if p.name.lower().endswith(ENDINGS) and not p.name.startswith("."))
    return {case_name(p): p for p in files}


def _is_file(place: Path) -> bool:
    return Path(place).is_file()


def percent(value: float) -> str:
    """Return a share from 0 to 1 with four digits, or a dash for what does not count.

    >>> percent(0.97741), percent(math.nan)
    ('0.9774', '–')
    """
    return f"{value:.4f}" if math.isfinite(value) else "–"
