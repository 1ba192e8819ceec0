"""What a preset took on this machine says how long it will take."""

from workbench.engine.durations import usual_seconds
from workbench.runs.store import Store

HERE, THERE, CLUSTER = "local:ada:17:1000", "local:bob:17:1000", "tcp://10.0.0.1:8786"


def finished(store, preset, owner, seconds, status="done"):
    run = store.create("trial", {}, seed=0, preset=preset, device="cpu", scheduler=owner)
    store.update(run.id, seconds=seconds)
    store.close(run.id, status)


def test_the_median_of_the_last_runs_of_a_preset_on_this_machine(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'runs.db'}", tmp_path)
    assert usual_seconds(store, "trial", "quick", HERE) is None
    for seconds in (900.0, 10.0, 20.0, 30.0, 40.0, 50.0):  # the first one is too long ago
        finished(store, "quick", HERE, seconds)
    finished(store, "quick", THERE, 1.0)
    finished(store, "quick", CLUSTER, 2.0)
    finished(store, "", HERE, 3.0)
    finished(store, "quick", HERE, 4.0, "stopped")
    assert usual_seconds(store, "trial", "quick", "local:ada:99:2000") == 30.0
    assert usual_seconds(store, "trial", "quick", THERE) == 1.0
    assert usual_seconds(store, "trial", "quick", CLUSTER) == 2.0
    assert usual_seconds(store, "trial", "claims", HERE) is None
