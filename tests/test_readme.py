"""What the documents say is so: each command runs, each file named exists, the table of labs is the list of labs."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from workbench.contract.lab import labs
from workbench.data.catalog.sources import BUNDLED
from workbench.data.music.groove import from_rows
from workbench.data.music.midi import to_midi

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "docs/adding-a-lab.md",
    "docs/deploy.md",
    "docs/drives.md",
    "docs/graphs.md",
    "docs/grooves.md",
    "docs/images.md",
    "docs/scans.md",
    "docs/tables.md",
)
INSTALLS = "docs/adding-a-lab.md"  # installs a package, so it gets an environment of its own
BIN = Path(sys.executable).parent
SERVERS = ("dask scheduler", "dask worker")
OUTSIDE = ("DISPLAY", "WAYLAND_DISPLAY", "MAKEFLAGS", "ARGS")  # of the make that runs the tests, not for theirs
# Commands that are not run here, because the test named (or CI itself) runs them.
ELSEWHERE = {
    "make serve": "tests/test_readme.py::test_make_serve_opens_the_page",
    "make test": ".ci/run",
    "make lint": ".ci/run",
    "make pins": "tests/test_install.py::test_pins_are_what_was_installed_without_builds",
}


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def commands(document: str) -> list[str]:
    """Return the lines of every bash block, in order."""
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```$", read(document), re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def end(process: subprocess.Popen) -> None:
    """End a server with all its children."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def own_drive(folder: Path) -> None:
    """Write the folder of the guide to drives: its own example, with a sweep and an image of that size."""
    [example] = re.findall(r"^```json\n(.*?)^```$", read("docs/drives.md"), re.MULTILINE | re.DOTALL)
    told = json.loads(example) | {"points": "sweep.bin"}
    folder.mkdir()
    (folder / "calibration.json").write_text(json.dumps(told), encoding="utf-8")
    points = np.random.default_rng(0).uniform((-30, -30, -2, 0), (30, 30, 2, 1), (2000, 4))
    points.astype("<f4").tofile(folder / "sweep.bin")
    front = told["cameras"]["front"]
    Image.new("RGB", (front["width"], front["height"])).save(folder / front["image"])


@pytest.fixture
def place(tmp_path):
    """Return a folder with the files that the documents speak of, and an environment with a home of its own."""
    rows = [f"{i % 7},{i % 5 - 2},{i % 11},{'ab'[i % 7 > 3]}" for i in range(200)]
    (tmp_path / "measurements.csv").write_text("\n".join(["u,v,w,label", *rows]), encoding="utf-8")
    (tmp_path / "groove.mid").write_bytes(to_midi(from_rows(np.eye(16, 6, dtype=bool)[np.arange(320) % 16])))
    people = [f"{20 + i % 41},{i * 7 % 13},{'fm'[i % 3 == 0]},{int(i % 41 + i % 5 > 20)}" for i in range(150)]
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as box:
        box.writestr("nodes.csv", "\n".join(["age,tests,gender,hired", *people]))
        box.writestr(
            "edges.csv", "\n".join(["from,to", *(f"{i},{(i + k) % 150}" for i in range(150) for k in (1, 41))])
        )
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as box:
        for k in range(20):
            with box.open(f"{'cat' if k < 10 else 'dog'}/{k}.png", "w") as file:
                Image.new("RGB", (16, 16), (12 * k, 99, 200 - 9 * k)).save(file, "PNG")
    shutil.copy(BUNDLED / "abdomen_mr" / "image.nii.gz", tmp_path / "scan.nii.gz")
    own_drive(tmp_path / "drive")
    home = tmp_path / "a home"
    return tmp_path, {**os.environ, "WORKBENCH_HOME": str(home), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_runs(document, place, request):
    folder, environment = place
    if document == INSTALLS:
        environment = request.getfixturevalue("new_environment")(folder / "an environment")
    port, servers = free_port(), []
    try:
        for command in commands(document):
            if command in ELSEWHERE:
                continue
            line = command.replace("8786", str(port))
            if command.startswith(SERVERS):
                log = (folder / "servers.log").open("a")
                servers.append(
                    subprocess.Popen(
                        line.split(), cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
                    )
                )
                time.sleep(3)
                assert servers[-1].poll() is None, (folder / "servers.log").read_text()
                continue
            done = subprocess.run(
                ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip() or done.stderr.strip(), f"{command} says nothing"
    finally:
        for server in reversed(servers):
            end(server)


# what cannot run here ----------------------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    """Return the blocks of the deployment guide in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", read("docs/deploy.md"), re.MULTILINE | re.DOTALL)


def check(*command: str, missing: str = "") -> None:
    """Let a tool of the system check a file; without the tool there is nothing to ask."""
    tool = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:{BIN.parent}/system/usr/sbin")
    if tool is None:
        pytest.skip(f"{missing or command[0]} is not installed")
    done = subprocess.run([tool, *command[1:]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shell_lines_of_the_guide_are_shell():
    assert len(blocks("sh")) >= 4
    for block in blocks("sh"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True, timeout=20)


def test_the_service_of_the_guide_is_one_that_systemd_takes(tmp_path):
    [unit] = blocks("ini")
    command = re.search(r"^ExecStart=\S+/workbench (.+)$", unit, re.MULTILINE)[1].split()
    known = subprocess.run([BIN / "workbench", "serve", "--help"], capture_output=True, text=True, timeout=120).stdout
    assert all(word in known for word in command if word.startswith("--"))
    path = tmp_path / "workbench.service"
    path.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit))
    check("systemd-analyze", "verify", "--man=no", str(path))


def test_the_proxy_of_the_guide_is_one_that_nginx_takes(tmp_path):
    [server] = blocks("nginx")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    keys = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*openssl, *keys], check=True, capture_output=True, timeout=60)
    server = server.replace("/etc/ssl/workbench.pem", str(tmp_path / "cert.pem"))
    server = server.replace("/etc/ssl/private/workbench.key", str(tmp_path / "key.pem"))
    server = server.replace("listen 80;", f"listen {free_port()};").replace("443", str(free_port()))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)  # its own are not there for everybody
    around = f"pid {tmp_path}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; {folders}\n{server}\n}}"
    (tmp_path / "nginx.conf").write_text(around)
    check("nginx", "-t", "-e", "stderr", "-c", str(tmp_path / "nginx.conf"))


def test_the_pods_of_the_guide_start_commands_that_there_are():
    [text] = blocks("yaml")
    pods = [part for part in yaml.safe_load_all(text) if part["kind"] == "Deployment"]
    for pod in pods:
        assert pod["spec"]["selector"]["matchLabels"] == pod["spec"]["template"]["metadata"]["labels"]
        [container] = pod["spec"]["template"]["spec"]["containers"]
        help_text = subprocess.run(
            [BIN / "dask", container["command"][1], "--help"], capture_output=True, text=True, timeout=120
        ).stdout
        assert all(
            word in help_text for word in container["command"] if word.startswith("--") and word != "--no-dashboard"
        )
    assert len(pods) == 2


def test_the_python_of_the_guide_is_python():
    for block in blocks("python"):
        compile(block, "docs/deploy.md", "exec")


def test_the_python_of_the_guide_to_scans_runs(capsys):
    found = re.findall(r"^```python\n(.*?)^```$", read("docs/scans.md"), re.MULTILINE | re.DOTALL)
    for block in found:
        exec(block, {})
    said = capsys.readouterr().out
    assert len(found) == 2 and "(117, 91, 20) (3.0, 3.0, 3.0) MR" in said and "6: 'liver'" in said


def test_the_python_of_the_guide_to_images_runs_and_says_what_stands_there(place, capsys, monkeypatch):
    monkeypatch.chdir(place[0])
    [block] = re.findall(r"^```python\n(.*?)^```$", read("docs/images.md"), re.MULTILINE | re.DOTALL)
    exec(block, {})
    first, second = capsys.readouterr().out.splitlines()
    assert f"# {first}" in block and f"# {second}:" in block


def test_the_python_of_the_guide_to_drives_runs(place, capsys, monkeypatch):
    monkeypatch.chdir(place[0])
    known: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```$", read("docs/drives.md"), re.MULTILINE | re.DOTALL):
        exec(block, known)
    said = capsys.readouterr().out
    assert "(2000, 5) ['front'] ['car']" in said and "6 cameras, SIMULATED" in said
    assert type(known["view"]).__name__ == "Column"


def test_commands_left_out_are_run_by_the_test_named():
    said = {command for document in DOCUMENTS for command in commands(document)}
    assert set(ELSEWHERE) <= said
    for where in ELSEWHERE.values():
        file, _, test = where.partition("::")
        assert f"def {test}(" in read(file) if test else "make test" in read(file)


def test_ci_runs_every_check_by_make_test():
    dry = subprocess.run(["make", "-n", "-B", "test"], cwd=ROOT, capture_output=True, text=True).stdout
    for check in ("ruff check", "ruff format --check", "lint-imports", "pytest tests", "--nbval-lax"):
        assert check in dry


def test_make_serve_opens_the_page(place):
    """With everything installed, `make serve` is ``panel serve workbench/app.py`` on localhost."""
    folder, environment = place
    environment = {k: v for k, v in environment.items() if k not in OUTSIDE}
    port = free_port()
    venv = os.path.relpath(BIN.parent, ROOT)  # make reads a path with a blank as two
    command = ["make", "-o", f"{venv}/.core", "serve", f"PORT={port}", f"VENV={venv}", "DESKTOP=0"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        page = ""
        for _ in range(240):
            assert server.poll() is None, (folder / "log").read_text()
            try:
                with urllib.request.urlopen(f"http://localhost:{port}/app", timeout=60) as answer:
                    page = answer.read().decode()
                    break
            except OSError:
                time.sleep(0.5)
        assert "<title>Workbench</title>" in page
        assert f"http://localhost:{port}/app" in (folder / "log").read_text()
        listening = {c.laddr.ip for c in _connections(server.pid) if c.status == "LISTEN" and c.laddr.port == port}
        assert listening and listening <= {"127.0.0.1", "::1"}
    finally:
        end(server)


def _connections(pid: int) -> list:
    import psutil

    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return [connection for process in family for connection in process.net_connections("tcp")]


# what the words say ---------------------------------------------------------------------------------------------


def test_the_table_of_labs_is_the_list_of_labs():
    rows = re.findall(r"^\| `(\w+)` (.+?) \| (.+?) \| (.+?) \| (works|planned) \|$", read("README.md"), re.MULTILINE)
    listed = {name: (title, modality, state) for name, title, _, modality, state in rows}
    ours = [lab for lab in labs().values() if lab.module.startswith("workbench.labs.")]
    assert listed == {lab.name: (lab.title, lab.modality, lab.state) for lab in ours}
    assert all(str(labs()[name].paper.year) in paper for name, _, paper, _, _ in rows)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_named_exists(document):
    text = read(document)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    paths = [path.rstrip("/") for path in re.findall(r"`((?:workbench|notebooks|docs|tests)/[\w./]+)`", text)]
    missing = [link for link in links if not (ROOT / document).parent.joinpath(link).exists()]
    missing += [path for path in paths if not path.startswith("workbench/labs/mylab") and not (ROOT / path).exists()]
    assert not missing


def test_every_python_call_in_the_readme_is_one_the_package_has():
    import workbench

    called = set(re.findall(r"workbench\.(\w+)\(", read("README.md")))
    assert called and all(callable(getattr(workbench, name)) for name in called)


def test_settings_named_in_the_readme_are_known_to_the_makefile():
    named = set(re.findall(r"`(?:make serve )?([A-Z_]+)=", read("README.md")))
    makefile = read("Makefile") + read("tools/install.py")
    assert {"PORT", "PYTHON", "DESKTOP", "TORCH", "TORCH_INDEX"} <= named
    assert all(name in makefile for name in named)
