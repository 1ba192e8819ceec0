"""The terminal: same words, strict JSON, soft Ctrl-C, errors in words."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import trial_lab

COMMAND = [sys.executable, "-m", "workbench.cli"]


def call(*words, code=0, **more):
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=180, **more)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_labs_as_json():
    rows = {row["name"]: row for row in json.loads(call("labs", "--json").stdout)}
    assert rows["rs"]["state"] == "works" and {"quick", "claims"} <= set(rows["rs"]["presets"])
    assert rows["reft"]["state"] == "planned" and rows["amos"]["title"]
    assert "Darts" in call("labs").stdout


def test_run_as_json_and_find_it_again():
    done = json.loads(call("run", "trial", "--set", "darts=500", "--seed", "4", "--json").stdout)
    assert done["lab"] == "trial" and done["status"] == "done" and done["seed"] == 4 and done["device"] == "cpu"
    assert done["params"]["darts"] == 500 and done["seconds"] > 0 and 2.5 < done["metrics"]["pi"] < 3.7
    assert done["claims"] == [{"key": "near", "verdict": "holds", "numbers": {"error": pytest.approx(0, abs=0.2)}}]
    listed = json.loads(call("runs", "trial", "--json").stdout)
    assert done["run_id"] in [run["run_id"] for run in listed]
    assert done["run_id"] in call("runs").stdout


def test_run_in_words():
    text = call("run", "trial", "--preset", "claims").stdout
    assert "Pi" in text and "holds" in text and "Darts find pi." in text


def test_a_finished_run_is_asked():
    fields = call("probe", "recorded-rs").stdout
    assert "label_noise" in fields and "0 to 1" in fields
    asked = ("probe", "recorded-rs", "--set", "set=moons", "--set", "n=200", "--set", "null=2")
    answer = json.loads(call(*asked, "--json").stdout)
    assert answer["metrics"]["milliseconds"] > 0 and len(answer["tables"]["points"]) == 200
    assert "measures" in call(*asked).stdout
    assert "0 to 1" in call("probe", "recorded-rs", "--set", "label_noise=2", code=2).stderr


def test_a_failed_run_has_its_reason_and_exit_code():
    assert "There is no board." in call("run", "trial", "--set", "mood=careful", code=1).stderr
    assert json.loads(call("run", "trial", "--set", "mood=careful", "--json", code=1).stdout)["status"] == "failed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nope"], "no lab 'nope'"),
        (["run", "reft"], "planned"),
        (["run", "trial", "--set", "darts"], "has no '='"),
        (["run", "trial", "--set", "dart=1"], "no parameter 'dart'"),
        (["run", "trial", "--set", "darts=1"], "does not fit"),
        (["run", "trial", "--preset", "slow"], "no preset"),
        (["new-lab", "rs"], "a lab 'rs' already"),
        (["data", "fetch", "nothing"], "nothing"),
        (["data", "card", "/no/such.csv"], "/no/such.csv"),
        (["serve", "--address", "0.0.0.0"], "without a login"),
        (["serve", "--proxy", "workbench.example.org"], "without a login"),
    ],
)
def test_mistakes_are_told_in_words(words, said):
    assert said in call(*words, code=2).stderr


def test_ctrl_c_stops_softly_and_the_run_resumes():
    child = subprocess.Popen(
        [*COMMAND, "run", "trial", "--set", "steps=150", "--set", "pause=0.05", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell are deaf to it, and so would be their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    from workbench.runs.store import open_store

    for _ in range(600):
        time.sleep(0.1)
        active = open_store().runs("trial", status=("running",))
        if active and active[0].progress.get("done", 0) > 3:
            break
    os.kill(child.pid, signal.SIGINT)
    stopped = json.loads(child.communicate(timeout=60)[0])
    assert child.returncode == 1 and stopped["status"] == "stopped" and stopped["metrics"]["pi"] > 2
    resumed = json.loads(call("resume", stopped["run_id"], "--json").stdout)
    assert resumed["status"] == "done" and resumed["run_id"] == stopped["run_id"]
    assert "is done" in call("resume", stopped["run_id"], code=2).stderr


def test_data_list_and_card(tmp_path):
    rows = {row["name"]: row for row in json.loads(call("data", "list", "--json").stdout)}
    assert rows["digits"]["state"] == "here" and rows["digits"]["licence"]
    file = tmp_path / "mine.csv"
    file.write_text("a,b,label\n" + "".join(f"{i},{i % 5},{'xy'[i % 2]}\n" for i in range(40)))
    assert "40" in call("data", "card", str(file)).stdout
    assert "digits" in call("data", "fetch", "digits").stdout


def test_the_card_of_midi_files(tmp_path):
    from workbench.data.music.groove import from_rows
    from workbench.data.music.midi import to_midi

    (tmp_path / "mine.mid").write_bytes(to_midi(from_rows([[1, 0, 0, 0, 0, 0]] * 16, meter=(4, 4))))
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    shown = call("data", "card", str(tmp_path)).stdout
    assert "4/4" in shown and "broken.mid" in shown
    assert "no MIDI file" in call("data", "card", str(tmp_path / "broken.mid"), code=2).stderr


def test_the_card_of_scans(tmp_path):
    from workbench.data.catalog.sources import BUNDLED

    for path in (BUNDLED / "abdomen_mr", Path(shutil.make_archive(tmp_path / "both", "zip", BUNDLED / "abdomen_mr"))):
        shown = " ".join(call("data", "card", str(path)).stdout.split())
        assert "117 × 91 × 20" in shown and "3 × 3 × 3 mm" in shown and "liver 499 mL" in shown
    (tmp_path / "bad.nii").write_bytes(b"hello")
    assert "no NIfTI file" in call("data", "card", str(tmp_path / "bad.nii"), code=2).stderr
    np.savez(tmp_path / "scan.npz", image=np.zeros((9, 9, 9)), spacing=[1, 1, 2])
    assert "1 × 1 × 2 mm" in call("data", "card", str(tmp_path / "scan.npz")).stdout


def test_the_card_of_images(tmp_path):
    from PIL import Image

    for k in range(4):
        (tmp_path / "set" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9), 60 * k).save(tmp_path / "set" / "ab"[k % 2] / f"{k}.png")
    np.savez(tmp_path / "set.npz", images=np.zeros((4, 9, 9), np.uint8), labels=list("abab"))
    for name in ("set", "set.zip", "set.npz"):
        if name == "set.zip":
            shutil.make_archive(tmp_path / "set", "zip", tmp_path / "set")
        shown = " ".join(call("data", "card", str(tmp_path / name)).stdout.split())
        assert "a 1 + 1, b 1 + 1" in shown and "9 × 9 pixels, gray" in shown
    (tmp_path / "set" / "a" / "0.png").write_bytes(b"hello")
    assert "0.png is no image" in call("data", "card", str(tmp_path / "set"), code=2).stderr


def test_doctor_as_json():
    done = subprocess.run([*COMMAND, "doctor", "--json"], capture_output=True, text=True, timeout=180)
    found = json.loads(done.stdout)
    assert found["checks"] and (done.returncode == 0) == found["ok"]


def test_record(tmp_path):
    """`workbench record` writes the claims run beside a copy of the lab."""
    shutil.copytree(trial_lab.__path__[0], tmp_path / "trial_lab")
    shutil.copytree(trial_lab.__path__[0] + "-1.0.dist-info", tmp_path / "trial_lab-1.0.dist-info")
    call("record", "trial", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    kept = json.loads((tmp_path / "trial_lab" / "recorded" / "run.json").read_text())
    assert kept["preset"] == "claims" and kept["status"] == "done" and kept["params"]["steps"] == 20
    assert (tmp_path / "trial_lab" / "recorded" / "models" / "board.safetensors").exists()


def test_brackets_in_an_error_are_brackets():
    assert "[/x]" in call("star", "[/x]", code=2).stderr
    assert "[/x]" in call("run", "trial", "--set", "darts=[/x]", code=2).stderr
