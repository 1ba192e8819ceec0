"""A stranger's package: written by `workbench new-lab`, built, installed in a fresh environment, and tested there."""

import json
import subprocess
from pathlib import Path

import pytest

from workbench.cli.scaffold import write_lab
from workbench.contract.errors import LabError

# One package whose labs are broken in every way in which a package can be: entry point -> what its module holds.
BROKEN = {
    "cracked": ("raise RuntimeError('no luck today')", "RuntimeError: no luck today"),
    "quitter": ("raise SystemExit(3)", "SystemExit: 3"),
    "hollow": ("LAB = {}", "is a dict, not a Lab"),
    "formless": (
        "from pebbles import LAB as L\nfrom dataclasses import replace\n"
        "LAB = replace(L, name='formless', module='formless')",
        "No module named 'formless'",
    ),
    "foreign": (
        "from pebbles import LAB as L\nfrom dataclasses import replace\n"
        "LAB = replace(L, name='foreign', modality='Smells')",
        "modality 'Smells'",
    ),
    "rs": (
        "from pebbles import LAB as L\nfrom dataclasses import replace\nLAB = replace(L, name='rs')",
        "the name 'rs'",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def call(new_environment, place):
    """Return a function that runs a command in a fresh environment, and returns what it prints."""
    environment = new_environment(place / "env")

    def call(*command, code=0):
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr * (code != 0)

    return call


@pytest.fixture(scope="module")
def pebbles(call, place):
    """Install a new lab from its wheel, and a broken package beside it."""
    said = call("workbench", "new-lab", "pebbles")
    assert [line.split()[0] for line in said.splitlines() if line.startswith("    ")] == ["pip", "workbench", "pytest"]
    build(call, place / "pebbles")
    broken = place / "broken"
    points = "\n".join(f'{name} = "{name}_broken:LAB"' for name in BROKEN)
    broken.mkdir()
    (broken / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "broken"\nversion = "1"\n[project.entry-points."workbench.labs"]\n{points}\n'
        f"[tool.setuptools]\npy-modules = {[f'{name}_broken' for name in BROKEN]}\n"
    )
    for name, (code, _) in BROKEN.items():
        (broken / f"{name}_broken.py").write_text(code)
    build(call, broken)
    return "pebbles"


def build(call, folder: Path) -> None:
    """Make a wheel of a package and install it."""
    out = folder.parent / f"{folder.name}-wheel"
    call("pip", "wheel", "-q", "--no-deps", "-w", str(out), str(folder))
    call("pip", "install", "-q", "--no-deps", *map(str, out.glob("*.whl")))


def test_it_is_listed_and_the_broken_ones_with_their_errors(call, pebbles):
    rows = {row["name"]: row for row in json.loads(call("workbench", "labs", "--json"))}
    assert rows["pebbles"]["state"] == "works" and rows["pebbles"]["error"] == ""
    assert rows["rs"]["state"] == "works" and rows["rs"]["title"] == "Rate of Separability"
    text = " ".join(call("workbench", "labs").split())
    for name, (_, error) in BROKEN.items():
        row = rows["rs of broken" if name == "rs" else name]
        assert row["state"] == "broken" and error in row["error"]
        assert error in text


def test_it_runs_as_it_stands_beside_a_broken_one(call, pebbles):
    done = json.loads(call("workbench", "run", pebbles, "--json"))
    assert done["status"] == "done" and done["error"] is None
    assert 0.85 < done["metrics"]["accuracy"] < 1 and done["claims"][0]["verdict"] == "holds"
    assert "no luck today" in call("workbench", "run", "cracked", code=2)


def test_it_passes_the_contract_tests_as_it_stands(call, pebbles):
    said = call("pytest", "-p", "no:cacheprovider", "--pyargs", "workbench.testing", "--lab", pebbles)
    assert "13 passed, 2 skipped" in said  # it ships no recorded run yet
    assert "There is no lab 'nobody'" in call("pytest", "--pyargs", "workbench.testing", "--lab", "nobody", code=2)


def test_the_contract_tests_find_what_is_wrong(call, place, pebbles):
    """A lab that draws its own random numbers, ignores a stop and imports the page where it computes."""
    call("workbench", "new-lab", "dice")
    file = place / "dice" / "src" / "dice" / "run.py"
    text = file.read_text()
    for old, new in {
        'ctx.rng(f"split/{split}")': "np.random.default_rng()",
        "if ctx.should_stop():": "if False:",
        "import pandas as pd": "import pandas as pd\nimport holoviews",
    }.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    build(call, place / "dice")
    said = call("pytest", "--pyargs", "workbench.testing", "--lab", "dice", code=1)
    failed = {line.split("::")[1].split("[")[0] for line in said.splitlines() if line.startswith("FAILED")}
    assert failed == {
        "test_same_seed_same_numbers",
        "test_a_stop_is_obeyed_with_a_partial_result",
        "test_a_stopped_run_resumes_and_ends_with_the_same_numbers",
        "test_pages_import_no_compute_and_compute_no_pages",
    }


def test_its_probe_answers_and_its_mistakes_are_told_in_words(call, pebbles):
    code = f"""
from workbench.toolkit.memory import MemoryContext
from workbench.contract import LabError, LoadedRun, get_lab
lab = get_lab({pebbles!r})
params = lab.Params.make(splits=2)
run = LoadedRun("", params, lab.run(params, MemoryContext()), None, "cpu")
print(lab.probe(run, {{"flower": [5.1, 3.5, 1.4, 0.2]}}).tables["answer"]["species"].iloc[0])
try:
    lab.probe(run, {{"flower": [1]}})
except LabError as error:
    print(error)
"""
    said = call("python", "-c", code)
    assert said.startswith("setosa") and "does not fit" in said and "Sepal length" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My-Lab", "small letters"),
        ("2nd", "small letters"),
        ("naïve", "small letters"),
        ("", "small letters"),
        ("../up", "small letters"),
        ("class", "Python language"),
        ("rs", "a lab 'rs' already"),
        ("shattered", "a lab 'shattered' already"),
        ("numpy", "a package 'numpy'"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_in_words(tmp_path, name, said):
    with pytest.raises(LabError, match=said):
        write_lab(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_exists_is_left_alone(tmp_path):
    written = write_lab("gravel", tmp_path / "new")
    assert not [path for path in written.rglob("*") if path.is_file() and "mylab" in path.read_text() + path.name]
    (written / "mine.txt").write_text("mine")
    with pytest.raises(LabError, match="exists already"):
        write_lab("gravel", tmp_path / "new")
    assert (written / "mine.txt").read_text() == "mine"
