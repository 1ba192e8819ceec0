"""Finds the packages, so that a new lab is a new folder and nothing here; all else stands in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["workbench", "workbench.*"]),
        "workbench_widgets",
        *(f"workbench_widgets.{name}" for name in find_packages("widgets")),
    ],
    package_dir={"workbench": "workbench", "workbench_widgets": "widgets"},
)
