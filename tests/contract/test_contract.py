"""What every registered lab must do (`workbench.testing`), and what ours must do besides."""

import re

import pytest

from workbench.contract.lab import labs
from workbench.testing.test_contract import *  # noqa: F403 - an author runs the same tests for a lab of his own

OURS = [name for name, lab in labs().items() if lab.module.startswith("workbench.labs.")]
SHIPPED = [name for name in OURS if labs()[name].state == "works"]


def test_ten_labs_are_listed():
    assert set(OURS) == {*("rs", "eam", "amos", "tinymim", "cmt", "doorping", "pmtiqa", "drums", "reft", "reliant")}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_readme_is_complete(name):
    text = labs()[name].readme.lower()
    for topic in ("scaled down", "read", "reconstruct"):
        assert topic in text
    for claim in labs()[name].claims:
        assert claim.key.lower() in text
    assert re.search(r"\$.+\$", text), "no formulas"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_lab_that_works_has_a_recorded_run_and_a_preset_for_tests(name):
    lab = labs()[name]
    assert lab.recorded and "tiny" in lab.Params.presets and "tiny" not in lab.Params.shown_presets()
