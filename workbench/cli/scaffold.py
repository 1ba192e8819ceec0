"""``workbench new-lab``: a package of its own with a small lab that runs and passes the contract tests as it stands."""

from __future__ import annotations

import importlib.util
import keyword
import re
from pathlib import Path

from workbench.contract.errors import LabError
from workbench.contract.lab import labs

# Its package lies below src/: else a Python that is started beside the new folder takes that folder for the package.
TEMPLATE = Path(__file__).parents[1] / "template"
PLACEHOLDER = "mylab"  # a name that Python can import, so the template itself is linted, formatted and readable


def write_lab(name: str, folder: Path) -> Path:
    """Write the package of a new lab below `folder`, and return its own folder.

    Parameters
    ----------
    name
        Name of the lab and of its Python package.
    folder
        Where the package's folder is put; it is made if it is missing.

    Raises
    ------
    LabError
        If the name cannot be used, or there is something of that name already.
    """
    check_name(name)
    target = folder / name
    if target.exists():
        raise LabError(f"{target} exists already.", "Choose another name or another --folder.")
    for source in sorted(TEMPLATE.rglob("*")):
        if source.is_dir() or "__pycache__" in source.parts:
            continue
        path = target / str(source.relative_to(TEMPLATE)).replace(PLACEHOLDER, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source.read_text(encoding="utf-8").replace(PLACEHOLDER, name), encoding="utf-8")
    return target


def check_name(name: str) -> None:
    """Refuse a name that cannot be a lab and a package.

    Raises
    ------
    LabError
        If it is no lower-case identifier, or names a lab or another Python package.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name):
        raise LabError(
            f"{name!r} is no name for a lab.",
            "Use small letters, digits and _, a letter first, at most 40, and no word of the Python language.",
        )
    if name in labs():
        raise LabError(f"There is a lab {name!r} already.", "Choose another name.")
    if importlib.util.find_spec(name) is not None:
        raise LabError(f"Python already finds a package {name!r} here.", "Choose another name.")
