"""What every component is made of: one ES module out of several files, which imports nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOM = Path(__file__).with_name("dom.js")


class SelfContained:
    """A component whose module imports nothing; stands before Panel's class among the bases."""

    @classmethod
    def _process_importmap(cls) -> dict[str, Any]:
        return {}  # Panel's default names a React on another host


def joined(folder: Path, parts: tuple[str, ...], **constants: Any) -> str:
    """Return one ES module: the constants and ``style.css`` as ``CSS``, ``dom.js``, then the parts of a folder.

    Parameters
    ----------
    folder
        Holds ``style.css`` and the parts.
    parts
        Names of the JavaScript files without their ending, in their order.
    **constants
        What Python and JavaScript share; becomes JSON.
    """
    known = {"CSS": (folder / "style.css").read_text(encoding="utf-8"), **constants}
    files = [DOM, *(folder / f"{part}.js" for part in parts)]
    heads = [f"const {name} = {json.dumps(value)}" for name, value in known.items()]
    return "\n".join(heads + [file.read_text(encoding="utf-8") for file in files])
