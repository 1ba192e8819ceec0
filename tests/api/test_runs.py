"""``import workbench``: run, open again, probe, show."""

import pytest

import workbench
from workbench.api import runs as api


@pytest.fixture(scope="module", autouse=True)
def same_engine(engine):
    """Let the API use the engine of the test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "open_engine", lambda scheduler=None: engine)
        yield


def test_run_open_probe_and_show():
    run = workbench.run("trial", darts=300, seed=2, progress=False)
    assert run.status == "done" and run.params["darts"] == 300 and 2 < run.metrics["pi"] < 4
    again = workbench.open_run(run.id)
    assert again.metrics == run.metrics and again.claims()["near"].verdict == "holds"
    assert again.probe(share=0.5).metrics["pi"] == pytest.approx(run.metrics["pi"] / 2)
    assert set(again.views()) == {"Board"} and again.views()["Board"]() is not None
    assert "pi=" in repr(run) and "done" in repr(run)


def test_mistakes_raise_in_words():
    with pytest.raises(workbench.LabError, match="no lab"):
        workbench.run("nope")
    with pytest.raises(workbench.LabError, match="no board"):
        workbench.run("trial", mood="careful", progress=False)
    with pytest.raises(workbench.LabError, match="no run"):
        workbench.open_run("nothing")


def test_labs_are_listed():
    assert {"rs", "amos"} <= {lab.name for lab in workbench.labs()}
