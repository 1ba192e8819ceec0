"""Installs the workbench into the environment that runs this file; the Makefile calls it. Standard library only.

    python tools/install.py core       torch, and the packages of constraints.txt
    python tools/install.py torch      torch alone, in the build that fits the machine
    python tools/install.py dev        what the tests need, and a Chromium
    python tools/install.py desktop    napari and Open3D; a failure is told and costs nothing else
    python tools/install.py jupyterlab settings for JupyterLab in this environment; part of core

Environment: TORCH=cpu|cuda overrules the look for an NVIDIA GPU; TORCH_INDEX is the address of a package index
that holds the CPU builds of PyTorch, where pip's own settings know none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-qq"]
CHROMIUM = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def main(arguments: list[str]) -> int:
    """Run the steps named on the command line; 0 unless one that is needed failed."""
    steps = {"torch": torch, "core": core, "dev": dev, "desktop": desktop, "jupyterlab": jupyterlab}
    try:
        for name in arguments or ["core"]:
            steps[name]()
    except (subprocess.CalledProcessError, RuntimeError) as error:
        say(str(error))
        return 1
    return 0


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def call(command: list[str]) -> None:
    subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL)


def core() -> None:
    """Install torch first, in the right build, then everything else around it."""
    torch()
    say("Installing the pinned packages (a few minutes the first time) ...")
    call([*PIP, "-c", str(CONSTRAINTS), "-e", "."])
    jupyterlab()


def jupyterlab() -> None:
    """Write the settings with which JupyterLab asks for no build and looks for no news or updates on the network.

    Open3D brings Dash, whose extension is source that JupyterLab would build. A user's own settings go before these.
    A wheel of the workbench brings the same files along; an editable installation cannot.
    """
    tree = ROOT / "tools" / "jupyterlab"
    for file in tree.rglob("*.json"):
        place = Path(sys.prefix) / file.relative_to(tree)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
        except OSError as error:
            say(f"A setting for JupyterLab could not be written ({error}); it may offer a build when it starts.")


def dev() -> None:
    say("Installing what the tests need ...")
    call([*PIP, "-c", str(CONSTRAINTS), "-e", ".[dev,language]"])
    if not any(shutil.which(name) for name in CHROMIUM):
        if sys.platform == "darwin":
            call([sys.executable, "-m", "playwright", "install", "chromium"])
        else:
            system_packages("apt-test.txt", "the browser tests")
    nginx()


def nginx() -> None:
    """Unpack Debian's nginx into this environment, for the test of the deployment guide.

    Installed by the system's packages it would start, and listen on port 80 of somebody's laptop.
    """
    place = Path(sys.prefix) / "system"
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:{place}/usr/sbin") or not shutil.which("apt-get"):
        return
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"cwd": folder, "stdin": subprocess.DEVNULL, "capture_output": True}
        subprocess.run(["apt-get", "download", "nginx"], **quiet)
        packages = [str(file) for file in Path(folder).glob("*.deb")]
        if not packages:
            say("nginx could not be downloaded; the test of the guide's proxy is left out.")
        for package in packages:
            subprocess.run(["dpkg-deb", "--extract", package, str(place)], check=True, **quiet)


def desktop() -> None:
    """Install the desktop viewers if this machine can have them; say why if it can not."""
    if not system_packages("apt.txt", "the desktop viewers"):
        return
    say("Installing the desktop viewers, napari and Open3D (about 1.5 GB) ...")
    try:
        call([*PIP, "-c", str(CONSTRAINTS), "-e", ".[desktop]"])
    except subprocess.CalledProcessError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        say(f"The desktop viewers could not be installed for Python {version}; everything in the browser works.")
        say("To see why and to try again: make desktop")


# torch ----------------------------------------------------------------------------------------------------------


def pinned(name: str) -> str:
    """Return the requirement of a package in constraints.txt, such as ``torch==2.13.0``."""
    found = re.search(rf"^{name}==[^\s;]+", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise RuntimeError(f"{CONSTRAINTS.name} does not pin {name}.")
    return found[0]


def wants_cuda() -> bool:
    """Tell whether the CUDA build is wanted: TORCH says so, or an NVIDIA GPU answers."""
    choice = os.environ.get("TORCH", "")
    if choice in ("cpu", "cuda"):
        return choice == "cuda"
    return has_gpu()


def has_gpu() -> bool:
    if not shutil.which("nvidia-smi"):
        return False
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    return listed.returncode == 0 and "GPU 0" in listed.stdout


def is_cuda_build(metadata: dict) -> bool:
    """Tell from a wheel's metadata whether it brings the CUDA libraries along."""
    needs = metadata.get("requires_dist") or []
    return any(re.match(r"(nvidia|cuda)-", need) and "extra ==" not in need for need in needs)


def torch() -> None:
    """Install the pinned torch: the CUDA build beside an NVIDIA GPU, and never by accident elsewhere.

    On Linux the registry's own torch is the CUDA build, several GB. So pip is asked first what it would take;
    only if that is the CUDA build, uv is asked for the CPU build, whose index it knows by itself.
    """
    requirement = pinned("torch")
    if satisfied(requirement):
        return
    index = ["--extra-index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
    if wants_cuda():
        say(f"Installing {requirement} for the NVIDIA GPU ...")
        call([*PIP, requirement])
    elif sys.platform != "linux" or not is_cuda_build(candidate(requirement, index)):
        say(f"Installing {requirement} for the CPU ...")
        call([*PIP, *index, requirement])
    else:
        say(f"Installing {requirement} for the CPU, by uv ...")
        try:
            call([*PIP, "-c", str(CONSTRAINTS), "uv"])
            call([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
                 + ["--torch-backend=cpu", requirement])  # fmt: skip
        except subprocess.CalledProcessError:
            raise RuntimeError(
                f"No CPU build of {requirement} was found, and the CUDA build takes several GB for nothing here.\n"
                "Give the address of PyTorch's CPU packages (its 'Get started' page shows it for Linux, Pip, CPU):\n"
                "    make serve TORCH_INDEX=ADDRESS\n"
                "or take the CUDA build all the same:\n"
                "    make serve TORCH=cuda"
            ) from None


def satisfied(requirement: str) -> bool:
    """Tell whether that version is installed, in any build."""
    name, version = requirement.split("==")
    code = f"import importlib.metadata as m; print(m.version({name!r}).split('+')[0])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return found.stdout.strip() == version


def candidate(requirement: str, index: list[str]) -> dict:
    """Return the metadata of the wheel that pip would take."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        call([*PIP, "--dry-run", "--no-deps", "--ignore-installed", "--report", str(report), *index, requirement])
        return json.loads(report.read_text(encoding="utf-8"))["install"][0]["metadata"]


# system packages ------------------------------------------------------------------------------------------------


def read_list(path: Path) -> list[str]:
    """Return the names in a list of packages, one a line, with # comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def missing_packages(names: list[str]) -> list[str]:
    """Return those Debian packages that are not installed."""
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n", *names]
    shown = subprocess.run(query, capture_output=True, text=True).stdout.splitlines()
    here = {line.removeprefix("installed ") for line in shown if line.startswith("installed ")}
    return [name for name in names if name not in here]


def system_packages(file: str, purpose: str) -> bool:
    """Install the Debian packages of a list when we may, else print the command; tell whether all are there."""
    if sys.platform == "darwin":
        return True  # macOS brings OpenGL and windows along
    names = read_list(ROOT / file)
    if not shutil.which("apt-get"):
        say(f"For {purpose} the system needs the equivalents of these Debian packages: {' '.join(names)}")
        return True
    missing = missing_packages(names)
    if not missing:
        return True
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if not prefix or may_sudo():
        say(f"Installing {len(missing)} system packages for {purpose} ...")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        quiet = {"env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        subprocess.run([*prefix, "apt-get", "update"], **quiet)
        if subprocess.run([*prefix, *install], **quiet).returncode == 0:
            return True
    say(f"These system packages are missing for {purpose}; this command installs them:")
    say(f"    sudo {' '.join(install)}")
    return False


def may_sudo() -> bool:
    return bool(shutil.which("sudo")) and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
