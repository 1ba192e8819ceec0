"""Find the packages and the settings of JupyterLab, so that a new lab is a new folder and nothing here."""

from pathlib import Path

from setuptools import find_packages, setup

SETTINGS = Path("tools/jupyterlab")  # the tree as it stands in an environment; tools/install.py says what it is for

setup(
    packages=[
        *find_packages(include=["workbench", "workbench.*"]),
        "workbench_widgets",
        *(f"workbench_widgets.{name}" for name in find_packages("widgets")),
    ],
    package_dir={"workbench": "workbench", "workbench_widgets": "widgets"},
    data_files=[(str(file.parent.relative_to(SETTINGS)), [str(file)]) for file in sorted(SETTINGS.rglob("*.json"))],
)
