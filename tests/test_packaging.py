"""The package holds all it needs, every list of packages says the same, and compute and UI stay apart."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from workbench.contract.lab import labs

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UI_PACKAGES = {"bokeh", "datashader", "holoviews", "napari", "open3d", "panel", "panel_material_ui"}
CONDA_NAMES = {"pytorch": "torch", "python-safetensors": "safetensors"}
BUNDLED = (".py", ".js", ".css", ".svg", ".toml")
KEPT = {"recorded", "bundled"}  # folders whose files all come along


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirements: list[str]) -> dict[str, str]:
    """Return name -> range of a list of requirements."""
    parsed = [Requirement(text) for text in requirements]
    return {normal(CONDA_NAMES.get(need.name, need.name)): str(need.specifier) for need in parsed}


def declared(*extras: str) -> list[str]:
    return PROJECT["dependencies"] + [need for extra in extras for need in PROJECT["optional-dependencies"][extra]]


def our_files() -> list[str]:
    """Return the paths that git knows or would take: what a clean clone holds."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


# lists of packages ----------------------------------------------------------------------------------------------


def test_conda_and_pip_name_the_same_packages():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = [text for text in listed if isinstance(text, str) and not re.match(r"(python[<>=]|pip$)", text)]
    pip = [text for entry in listed if isinstance(entry, dict) for text in entry["pip"] if text != "-e ."]
    assert named(conda + pip) == named(declared("dev", "desktop", "language"))


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return named([line for line in lines if line and not line.startswith("#")])


def test_every_declared_package_is_pinned_exactly():
    pinned = pins()
    wanted = named(declared("dev", "desktop", "language", "bench"))
    assert not sorted(set(wanted) - set(pinned))
    assert all(re.fullmatch(r"==[^+]+", version) for version in pinned.values())
    for name, allowed in wanted.items():
        assert Requirement(f"x{allowed}").specifier.contains(pinned[name].removeprefix("=="), prereleases=True), name


def test_what_is_tested_here_is_what_is_pinned():
    here = {normal(d.name): d.version.split("+")[0] for d in importlib.metadata.distributions()}
    apart = {n: (here[n], v) for n, v in pins().items() if n in here and f"=={here[n]}" != v}
    assert not apart, "make test installs the pins; run it, or make pins"


def test_every_import_is_declared():
    """A package that only another one happens to bring along is not ours to import."""
    provides = importlib.metadata.packages_distributions()
    ours = {normal(name) for name in named(declared("desktop", "language"))} | {"workbench"}
    files = [ROOT / f for f in our_files() if f.endswith(".py") and f.startswith(("workbench/", "widgets/"))]
    missing = {}
    for path in files:
        known = ours | {"pytest"} if "testing" in path.parts else ours
        for module in imports(path) - set(sys.stdlib_module_names) - {"workbench", "workbench_widgets"}:
            brought = {normal(name) for name in provides.get(module, [module])}
            if not brought & known:
                missing.setdefault(module, []).append(str(path.relative_to(ROOT)))
    # Panel is built on tornado, and distributed is a part of dask: one cannot be had without the other.
    assert not {m: f for m, f in missing.items() if m not in ("tornado", "dask", "mlflow")}


def imports(path: Path) -> set[str]:
    """Return the top-level packages that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


# the wheel ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(wheel_file) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_file)


def test_the_wheel_holds_every_file_of_the_packages(clone, wheel):
    inside = {re.sub(r"^workbench_widgets/", "widgets/", name) for name in wheel.namelist()}
    files = [path.relative_to(clone) for name in ("workbench", "widgets") for path in (clone / name).rglob("*.*")]
    wanted = {str(f) for f in files if f.suffix in BUNDLED or f.name == "README.md" or KEPT & set(f.parts)}
    assert len(wanted) > 30 and "workbench/template/src/mylab/run.py" in wanted
    assert not sorted(wanted - inside)


def test_the_wheel_brings_the_settings_of_jupyterlab(wheel):
    tree = ROOT / "tools" / "jupyterlab"
    wanted = {str(file.relative_to(tree)) for file in tree.rglob("*.json")}
    assert wanted == {name.partition(".data/data/")[2] for name in wheel.namelist() if ".data/data/" in name}


def test_a_new_lab_folder_is_packed_without_an_edit(wheel):
    names = ["__init__.py", "README.md", "recorded/run.json", "recorded/tables/a.parquet"]
    assert {f"workbench/labs/newcomer/{name}" for name in names} <= set(wheel.namelist())


def test_the_wheel_registers_every_lab(wheel):
    name = next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    points = wheel.read(name).decode()
    folders = {p.parent.name for p in (ROOT / "workbench" / "labs").glob("*/__init__.py")}
    assert folders == set(re.findall(r"^(\w+) = workbench\.labs\.\1:LAB", points, re.MULTILINE))


# apart ----------------------------------------------------------------------------------------------------------


def run_python(code: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_web_server_does_not_import_torch():
    """The page, the engine, the store, and the views and forms of every lab."""
    heavy = run_python(
        "import importlib, importlib.util, json, sys\n"
        "import workbench.app, workbench.runs.store, workbench.engine, workbench.doctor, workbench.cli\n"
        "from workbench.contract.lab import labs\n"
        "for lab in labs().values():\n"
        "    if lab.state == 'works':\n"
        "        importlib.import_module(lab.module + '.views'), lab.Params\n"
        "heavy = ('torch', 'monai', 'transformers', 'napari', 'open3d', 'pytest')\n"
        "print(json.dumps([m for m in heavy if m in sys.modules]))"
    )
    assert json.loads(heavy) == []


def test_listing_labs_imports_no_interface():
    loaded = run_python(
        "import json, sys\nfrom workbench.contract import labs\nlabs()\n"
        "other = ('torch', 'panel', 'holoviews', 'distributed', 'mlflow', 'pytest')\n"
        "print(json.dumps([m for m in other if m in sys.modules]))"
    )
    assert json.loads(loaded) == []


def test_compute_in_the_labs_does_not_import_the_ui():
    """Like the contract of import-linter, for every file of a lab whatever its name."""
    files = [p for p in (ROOT / "workbench" / "labs").rglob("*.py") if "views" not in p.relative_to(ROOT).parts]
    assert not {str(p): found for p in files if (found := imports(p) & UI_PACKAGES)}


def test_every_lab_loads():
    ours = [lab for lab in labs().values() if lab.module.startswith("workbench.labs.")]
    broken = {lab.name: lab.error for lab in ours if lab.state == "broken"}
    assert not broken
