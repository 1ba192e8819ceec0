"""``workbench.sweep`` and ``workbench.open_sweep``."""

import pytest

import workbench
from workbench.api import sweeps as api


@pytest.fixture(scope="module", autouse=True)
def same_engine(engine):
    """Let the API use the engine of the test session."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "open_engine", lambda scheduler=None: engine)
        yield


def test_a_sweep_is_a_pandas_table_also_another_day():
    found = workbench.sweep("trial", {"darts": [100, 200]}, {"steps": 2}, seeds=range(2), progress=False)
    assert found.status == "done" and "trial sweep of darts (2)" in repr(found)
    assert list(found.table["darts"]) == [100, 200] and list(found.table["pi n"]) == [2, 2]
    again = workbench.open_sweep(found.id)
    assert again.table.equals(found.table) and len(again.runs_table) == 4
    assert "<table" in again._repr_html_()
    with pytest.raises(workbench.LabError, match="complete"):
        again.resume(progress=False)
    with pytest.raises(workbench.LabError, match="no sweep"):
        workbench.open_sweep("nothing")
