"""Writes constraints.txt: the newest set that the ranges in pyproject.toml allow, as pip resolves and installs it.

`make pins` calls it. It builds a throw-away environment with every extra (torch keeps its pin, since another torch is
a decision and not an update), so what is written has been installed together. `make test` then tells if it works.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from install import CONSTRAINTS, ROOT, pinned

HEADER = """\
# The exact set that was tested together; `make pins` writes this file. Ranges stand in pyproject.toml.
# The same pins hold for Python 3.11, 3.12 and 3.13.
"""


def main() -> None:
    torch = pinned("torch")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([python, ROOT / "tools" / "install.py", "torch"], check=True)
        subprocess.run([*pip, "install", "-qq", torch, "uv", f"{ROOT}[desktop,language,dev,bench]"], check=True)
        frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    CONSTRAINTS.write_text(HEADER + "\n".join(pins(frozen)) + "\n", encoding="utf-8")
    print(f"{CONSTRAINTS.name}: {len(pins(frozen))} packages. Now run: make test")


def pins(frozen: str) -> list[str]:
    """Return the pins of a ``pip freeze``, without builds (``+cpu``), ourselves and the CUDA libraries."""
    kept = []
    for line in frozen.splitlines():
        name, equals, version = line.partition("==")
        if equals and not re.match(r"(nvidia|cuda)-|triton$|workbench$", name):
            kept.append(f"{name}=={version.split('+')[0]}")
    return sorted(kept, key=str.lower)


if __name__ == "__main__":
    main()
