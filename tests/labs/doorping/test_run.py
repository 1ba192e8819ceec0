"""The lab runs on digits: the door opens, what is kept tells the same numbers, and bad settings are told."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from workbench.contract.errors import LabError
from workbench.data.images.named import open_images
from workbench.labs.doorping import LAB
from workbench.labs.doorping.method.defense_scores import DEFENSES
from workbench.labs.doorping.method.networks import make_network
from workbench.labs.doorping.params import ATTACKS
from workbench.labs.doorping.params import DEFENSES as NAMES
from workbench.labs.doorping.run import load, recheck
from workbench.toolkit.memory import MemoryContext

SMALL = {
    **{"dataset": "digits", "side": 16, "images": 100, "tests": 30, "size": 3, "network": "mlp", "hidden": 32},
    **{"carriers": ["dc", "dd"], "attacks": ["clean", "naive", "clipped", "doorping"], "each": 4, "iterations": 6},
    **{"outer": 5, "inner": 5, "image_rate": 10.0, "renew_steps": 60, "unrolled": 6, "unrolled_each": 1},
    **{"victims": ["mlp", "lenet"], "victims_each": 2, "epochs": 60, "defenses": ["strip", "range"]},
}


@pytest.fixture(scope="module")
def ran(loaded_run):
    params, ctx = LAB.Params.make(**SMALL), MemoryContext(seed=1)
    return loaded_run(params, ctx, LAB.run(params, ctx), 1)


def test_the_door_opens_and_the_clean_set_has_none(ran):
    found = ran.result.metrics
    assert found["asr_doorping"] > 0.9 > 0.3 > found["null_doorping"]
    assert found["cta_clean"] > 0.6 and found["asr_clipped"] < found["asr_doorping"]
    rows = ran.result.tables["victims"].query("attack == 'clean' and carrier == 'dc' and victim == 'mlp'")
    assert ((rows["asr"] - rows["null"]).abs() < 0.1).all()  # a stamp does nothing where nothing was poisoned


def test_rates_come_out_of_the_saved_files_without_our_code(ran):
    """ASR and CTA are computed anew with plain torch, from victims, triggers and images as they lie on the disk."""
    victims, sets = (load_file(ran.folder / "models" / f"{name}.safetensors") for name in ("victims", "sets"))
    held = open_images("digits", MemoryContext().data)
    rng = MemoryContext(seed=1).rng("images")
    rows = [
        np.concatenate([rng.permutation(np.flatnonzero(labels == c))[:most] for c in range(10)])
        for labels, most in ((held.train_labels, 100), (held.test_labels, 30))
    ]
    x, t = (
        torch.nn.functional.interpolate(
            torch.as_tensor(part).movedim(-1, 1) / 255, size=(16, 16), mode="bilinear", antialias=True
        )
        for part in (held.train[rows[0]], held.test[rows[1]])
    )
    t, y = (t - x.mean()) / x.std(), torch.as_tensor(held.test_labels[rows[1]])
    network = make_network("mlp", (1, 16, 16), 10, hidden=32)
    network.load_state_dict(
        {k.removeprefix("dc_doorping/mlp/"): v for k, v in victims.items() if k.startswith("dc_doorping/mlp/")}
    )
    stamped = t.clone()
    stamped[:, :, 12:15, 12:15] = sets["dc_doorping_0/trigger"][:, 12:15, 12:15]
    said = network(stamped).argmax(1)
    row = ran.result.tables["victims"].query(
        "carrier == 'dc' and attack == 'doorping' and victim == 'mlp' and number == 0 and test == 'as is'"
    )
    assert len(row) == 1
    assert float((said[y != 0] == 0).float().mean()) == pytest.approx(row["asr"].item(), abs=0.01)
    assert float((said == 0).float().mean()) == pytest.approx(row["asr_all"].item(), abs=0.01)
    assert float((network(t).argmax(1) == y).float().mean()) == pytest.approx(row["cta"].item(), abs=0.01)


def test_saved_victims_tell_the_recorded_numbers(ran):
    found = recheck(ran)
    assert len(found) == 2 * 2 * (7 + 1)  # the first kind of both carriers, the other kind of doorping by dc
    assert all(again == pytest.approx(told) for told, again in found.values())


def test_sheets_are_pictures_and_clipped_triggers_are_valid(ran):
    assert Image.open(io.BytesIO(ran.result.media["dc_doorping.png"])).size == (4 * 17 - 1, 10 * 17 - 1)
    patch = ran.result.arrays["patch_dc_clipped"]
    assert patch.shape == (7, 3, 3, 1) and patch.min() > -1e-5 and patch.max() < 1 + 1e-5
    free = ran.result.arrays["patch_dc_doorping"]
    assert np.abs(free - 0.5).max() > 0.6  # so leaves the range, and the doors' table tells by how much
    doors = ran.result.tables["doors"].query("carrier == 'dc' and attack == 'doorping'")
    want = [max(float(one.max()) - 1, -float(one.min()), 0) for one in free]
    assert doors["excess"].tolist() == pytest.approx(want, abs=1e-3)
    assert doors["asr as is"].iloc[-1] == pytest.approx(
        ran.result.tables["victims"]
        .query("carrier == 'dc' and attack == 'doorping' and test == 'as is'")["asr"]
        .iloc[0]
    )


def test_the_probe_stamps_as_it_is_asked(ran):
    about = {"carrier": "dc", "attack": "doorping", "victim": "mlp", "image": 100}
    full, none = (LAB.probe(ran, about | {"strength": s}) for s in (1.0, 0.0))
    assert full.metrics["stamped"] == 0 != full.metrics["clean"] == none.metrics["stamped"]
    assert np.array_equal(*none.arrays["pictures"]) and full.arrays["looks"].shape == (2, 16, 16)
    assert LAB.probe(ran, about | {"cut": True}).metrics["excess"] < 1e-4 < full.metrics["excess"]
    own = LAB.probe(ran, about | {"patch": np.ones((2, 3)).tolist(), "at": [1, 4]})
    changed = np.argwhere(own.arrays["pictures"][0] != own.arrays["pictures"][1])
    assert changed[:, 0].min() >= 1 and changed[:, 0].max() <= 2 and changed[:, 1].max() <= 6
    assert LAB.probe(ran, about | {"everyone": True}).metrics["asr"] > 0.9


@pytest.mark.parametrize(
    "request_",
    [
        {"image": -1}, {"image": 10**6}, {"image": "1"}, {"strength": float("nan")}, {"strength": 3}, {"nothing": 1},
        {"at": [1]}, {"patch": [[1.0] * 40]}, {"patch": [[float("inf")]]}, {"attack": "noisy"}, {"victim": "resnet"},
        {"patch": [[1.0]], "at": [16, 0]}, {"patch": [[1.0], [1.0, 2.0]]},
    ],
)  # fmt: skip
def test_a_probe_that_makes_no_sense_is_told(ran, request_):
    with pytest.raises(LabError):
        LAB.probe(ran, request_)


def test_every_attack_carrier_and_defense_goes_through():
    assert tuple(DEFENSES) == NAMES
    small = SMALL | {"attacks": list(ATTACKS), "carriers": ["dsa"], "defenses": list(NAMES), "victims": ["mlp"]}
    ctx = MemoryContext()
    result = LAB.run(LAB.Params.make(**small | {"iterations": 1, "epochs": 10, "victims_each": 1}), ctx)
    rows = result.tables["defenses"]
    assert len(rows) == len(ATTACKS) * len(NAMES) and result.tables["victims"]["attack"].nunique() == len(ATTACKS)
    caught = rows.query("defense == 'range'").set_index("attack")["caught"]
    assert caught["doorping"] and not caught.drop("doorping").any()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"size": 16}, "does not fit"), ({"target": 10}, "no class"), ({"share": 1.0}, "without images"),
        ({"attacks": []}, "attacks"), ({"carriers": []}, "carriers"), ({"victims": []}, "victims"),
        ({"dataset": "own file"}, "No file"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_told(values, word):
    with pytest.raises(LabError, match=word):
        LAB.run(LAB.Params.make(**SMALL | values), MemoryContext())


def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_tables():
    small = SMALL | {"attacks": ["clean", "doorping"], "iterations": 2, "unrolled": 1, "epochs": 5}
    params, whole = LAB.Params.make(**small | {"defenses": ["scan", "strip", "range"]}), MemoryContext(seed=2)
    want = LAB.run(params, whole)
    state, stops, found = None, 0, None
    while found is None or found.partial:
        ctx = MemoryContext(seed=2, stop_after=4, state=state)  # in the midst of everything, in its turn
        found = LAB.run(params, ctx)
        state, stops = ctx.state, stops + 1
    assert stops > 5
    for name, table in want.tables.items():
        table, again = (one.drop(columns="seconds", errors="ignore") for one in (table, found.tables[name]))
        assert table.equals(again), name
    assert found.media == want.media and all(np.array_equal(v, found.arrays[k]) for k, v in want.arrays.items())


def test_two_classes_go_without_neural_cleanse(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    images = rng.integers(0, 100, (60, 16, 16)).astype(np.uint8) + (labels * 120).astype(np.uint8)[:, None, None]
    np.savez(tmp_path / "two.npz", images=images, labels=labels)
    own = {"dataset": "own file", "file": str(tmp_path / "two.npz"), "attacks": ["doorping"], "carriers": ["dc"]}
    small = {"iterations": 1, "epochs": 5, "victims": ["mlp"], "victims_each": 1, "defenses": ["cleanse", "range"]}
    result = LAB.run(LAB.Params.make(**SMALL | own | small), MemoryContext())
    assert not result.partial and any("Neural Cleanse was left out" in note for note in result.notes)
    assert result.tables["defenses"]["caught"].tolist() == [False, True]


@pytest.mark.parametrize("values", [{"size": 1}, {"share": 0.0}, {"each": 1, "outer": 1}])
def test_extremes_have_a_meaning(values):
    small = SMALL | {"attacks": ["doorping"], "carriers": ["dc"], "iterations": 1, "epochs": 5, "victims": ["mlp"]}
    result = LAB.run(LAB.Params.make(**small | values), MemoryContext())
    assert np.isfinite(list(result.metrics.values())).all() and not result.partial


def test_a_probe_of_a_run_that_kept_nothing_is_told(ran, tmp_path):
    from dataclasses import replace

    with pytest.raises(LabError, match="kept no victims"):
        load(replace(ran, folder=tmp_path))
