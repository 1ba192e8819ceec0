"""A zip from elsewhere: what we export comes back byte for byte, and nothing hostile or damaged leaves a trace."""

import io
import json
import math
import pickle
import stat
import struct
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from workbench.contract.errors import LabError
from workbench.contract.result import Result
from workbench.runs.record import Run
from workbench.runs.store import open_store
from workbench.transfer import bundle
from workbench.transfer import import_run as imports
from workbench.transfer.bundle import OWN, open_bundle
from workbench.transfer.export import export, pieces, zip_of
from workbench.transfer.import_run import import_run

SLOW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def finished(folder: Path, result: Result, **values) -> Run:
    """Return a run of the trial lab that has ended, with this result in its folder."""
    result.save(folder)
    (folder / "log.txt").write_text("12:00:00 threw 50 darts\n")
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "board.safetensors").write_bytes(save({"hits": np.array([3, 4])}))
    (folder / "provenance.json").write_text(json.dumps({"version": "0.1.0", "python": "3.11", "packages": {}}))
    given = {
        "id": "a" * 32,
        "lab": "trial",
        "name": "a run, far away",
        "status": "done",
        "params": {"darts": 50, "steps": 5, "pause": 0.0, "mood": "good"},
        "preset": "",
        "seed": 3,
        "device": "cpu",
        "created": datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        "seconds": 1.5,
        "metrics": result.metrics,
    }
    return Run(**given | values, folder=folder)


def some_result() -> Result:
    return Result(
        metrics={"pi": 3.1},
        samples={"pi": [3.0, 3.2, math.nan]},
        curves={"estimate": ([0, 1, 2], [3.0, math.nan, 3.1])},
        tables={"last": pd.DataFrame({"x": [0.1, 0.2], "y": [0.3, None], "who": ["ä", None]})},
        arrays={"board": np.arange(12, dtype=np.float32).reshape(3, 4), "none": np.zeros((0, 3)), "one": np.array(7)},
        media={"board.png": b"\x89PNG\r\n\x1a\n", "case_0.npz": plain_arrays()},
        notes=["Darts are simulated."],
    )


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        name: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and OWN.fullmatch(name := path.relative_to(folder).as_posix()) and name != "run.json"
    }


def everything() -> tuple[set[str], set[str]]:
    """Return what an import could leave behind: the runs there are, and the files below the home."""
    store = open_store()
    experiments = [found.experiment_id for found in store.client.search_experiments()]
    runs = {run.info.run_id for run in store.client.search_runs(experiments, max_results=10_000)}
    files = {str(path) for path in (store.root / "runs").rglob("*") if path.parent != store.root / "runs"}
    return runs, files | {str(path) for path in store.root.iterdir() if not path.name.startswith("runs")}


@pytest.fixture(scope="module")
def good(tmp_path_factory, home) -> bytes:
    """Return the bytes of an honest zip."""
    open_store()
    return zip_of(pieces(finished(tmp_path_factory.mktemp("good"), some_result()), figures=False))


def repacked(good: bytes, change=None, **files: bytes | None) -> bytes:
    """Return the zip with files put in, replaced or (None) left out; its manifest is made to fit."""
    with zipfile.ZipFile(io.BytesIO(good)) as box:
        kept = {name: box.read(name) for name in box.namelist()}
    files = {name.replace("__", "/").replace("_DOT_", "."): blob for name, blob in files.items()}
    kept = {name: blob for name, blob in (kept | files).items() if blob is not None}
    if change:
        change(kept)
    import hashlib

    manifest = json.loads(kept["manifest.json"])
    manifest["files"] = {name: hashlib.sha256(blob).hexdigest() for name, blob in kept.items()}
    kept["manifest.json"] = json.dumps(manifest).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as box:
        for name, blob in kept.items():
            box.writestr(name, blob)
    return file.getvalue()


def refused(blob: bytes, tmp_path: Path) -> str:
    """Import bytes that must be refused in words and leave nothing; return the words."""
    before = everything()
    file = tmp_path / "home.zip"
    file.write_bytes(blob)
    with pytest.raises(LabError) as error:
        import_run(file)
    assert everything() == before
    assert not list(open_store().root.glob(".import-*"))
    assert error.value.cause and error.value.hint
    return str(error.value)


# what comes back ------------------------------------------------------------------------------------------------


def test_a_run_comes_back_whole_under_an_id_of_its_own(tmp_path, good):
    (tmp_path / "far.zip").write_bytes(good)
    run, twin = (import_run(tmp_path / "far.zip", user="anna") for _ in range(2))
    assert len({run.id, twin.id, "a" * 32}) == 3
    assert (run.status, run.seed, run.name, run.seconds) == ("done", 3, "a run, far away", 1.5)
    assert run.created == datetime(2026, 3, 1, 12, 30, tzinfo=UTC) and run.user == "anna"
    assert run.params["darts"] == 50 and run.claims()["near"].verdict == "holds"
    note = open_store().client.get_run(run.id).data.tags["mlflow.note.content"]
    assert note == f"Imported from far.zip, where it was run {'a' * 32}."
    history = open_store().client.get_metric_history(run.id, "estimate")
    assert [(point.step, point.value) for point in history] == [(0, 3.0), (2, 3.1)]


@pytest.mark.parametrize("status", ["stopped", "failed", "lost", "recorded"])
def test_a_run_keeps_its_status(tmp_path, status):
    error = {"cause": "c", "hint": "h", "traceback": "t"} if status in ("failed", "lost") else None
    run = finished(tmp_path / "run", some_result(), status=status, error=error)
    found = import_run(export(run, tmp_path / "run.zip", figures=False))
    assert found.status == ("done" if status == "recorded" else status) and found.error == error


def test_a_run_that_failed_before_it_had_a_result_comes_back_too(tmp_path):
    (tmp_path / "run").mkdir()
    error = {"cause": "no board", "hint": "", "traceback": ""}
    run = finished(tmp_path / "run", Result(), status="failed", error=error)
    (tmp_path / "run" / "result.json").unlink()
    assert import_run(export(run, tmp_path / "run.zip", figures=False)).error["cause"] == "no board"


names = st.from_regex(r"[a-z][a-z0-9_\-]{0,8}", fullmatch=True).filter(lambda name: bundle.hostile_name(name) == "")
numbers = st.just(math.nan) | st.floats(min_value=-1e200, max_value=1e200)
frames = st.builds(
    lambda a, b: pd.DataFrame({"number": a[: len(b)], "text": b[: len(a)]}),
    st.lists(numbers, max_size=20),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=20),
)
arrays = st.builds(
    lambda shape, kind: np.arange(math.prod(shape)).reshape(shape).astype(kind),
    st.lists(st.integers(0, 5), max_size=3),
    st.sampled_from(["f4", "f8", "i2", "u1", "?", "c8", "U3", ">f4"]),
)
results = st.builds(
    Result,
    metrics=st.dictionaries(st.just("pi"), numbers),
    samples=st.dictionaries(st.just("pi"), st.lists(numbers, max_size=5)),
    curves=st.dictionaries(
        st.sampled_from(["loss", "RS of input", "val/acc"]),
        st.lists(numbers, max_size=9).map(lambda values: (list(range(len(values))), values)),
        max_size=2,
    ),
    tables=st.dictionaries(names, frames, max_size=2),
    arrays=st.dictionaries(names, arrays, max_size=2),
    media=st.dictionaries(names.map(lambda name: f"{name}.wav"), st.binary(max_size=50), max_size=2),
    notes=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=2),
    partial=st.booleans(),
)


@SLOW
@given(results)
def test_export_and_import_keep_every_byte(result):
    with tempfile.TemporaryDirectory() as place:
        run = finished(Path(place) / "run", result)
        found = import_run(export(run, Path(place) / "run.zip", figures=False))
        assert bytes_of(found.folder) == bytes_of(run.folder)
        for kind in ("metrics", "samples", "curves", "notes", "partial"):
            np.testing.assert_equal(getattr(found.result, kind), getattr(run.result, kind))
        assert all(found.result.tables[name].equals(run.result.tables[name]) for name in result.tables)
        assert set(found.result.arrays) == set(result.arrays) and set(found.result.media) == set(result.media)


def test_what_repeats_itself_for_long_is_no_bomb(tmp_path):
    zeros = Result(metrics={"pi": 3.0}, arrays={"mask": np.zeros(3_000_000, np.uint8)}, tables={})
    zeros.curves = {"flat": (list(range(300_000)), [0.0] * 300_000)}
    zeros.tables = {"same": pd.DataFrame({"a": [0] * 700_000})}
    run = finished(tmp_path / "run", zeros)
    (tmp_path / "run" / "log.txt").write_text("12:00:00 still here\n" * 200_000)
    with open_bundle(export(run, tmp_path / "run.zip", figures=False)) as box:
        bundle.unpack(box, tmp_path / "again")
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "run")


# what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../evil.json", "leaves its folder"),
        ("tables/../../evil.parquet", "leaves its folder"),
        ("/etc/evil", "absolute"),
        ("C:\\evil.json", "absolute"),
        ("c:/evil.json", "absolute"),
        ("\\\\host\\share\\evil", "absolute"),
        ("tables\\set.parquet", "characters"),
        ("tables/..\\..\\evil.parquet", "leaves its folder"),
        ("tables/con.parquet", "Windows"),
        ("media/NUL.png", "Windows"),
        ("media/a.png.", "plain path"),
        ("tables//a.parquet", "plain path"),
        ("media/a:b.png", "characters"),
        ("media/a\x01.png", "characters"),
        ("evil.sh", "no file of a run"),
        ("models/evil.pkl", "no file of a run"),
        ("models/evil.pt", "no file of a run"),
        ("arrays/evil.npz", "no file of a run"),
        ("media/inner.zip", "no file of a run"),
        ("tables/deep/er.parquet", "no file of a run"),
        (".git/config", "no file of a run"),
        ("RESULT.JSON", "there twice"),
        ("Tables/Last.parquet", "there twice"),
    ],
)
def test_hostile_and_unknown_names_are_refused(good, tmp_path, name, said):
    file = io.BytesIO(good)
    with zipfile.ZipFile(file, "a") as box:
        box.writestr(zipfile.ZipInfo("x"), b"evil")
        box.filelist[-1].filename = box.filelist[-1].orig_filename = name
    text = refused(file.getvalue(), tmp_path)
    assert said in text
    assert not (tmp_path.parent / "evil.json").exists() and not (open_store().root.parent / "evil.json").exists()


def test_links_and_devices_are_refused(good, tmp_path):
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        file = io.BytesIO(good)
        with zipfile.ZipFile(file, "a") as box:
            link = zipfile.ZipInfo("media/link.png")
            link.external_attr = (kind | 0o777) << 16
            box.writestr(link, "/etc/passwd")
        assert "a link or a device" in refused(file.getvalue(), tmp_path)


def test_bombs_are_refused_before_they_go_off(good, tmp_path, monkeypatch):
    bomb = repacked(good, arrays__bomb_DOT_npy=b"\0" * 40_000_000)
    assert len(bomb) < len(good) + 100_000 and "would grow" in refused(bomb, tmp_path)
    monkeypatch.setattr(bundle, "MAX_BYTES", 2000)
    assert "GB unpacked" in refused(good, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(bundle, "MAX_FILES", 5)
    assert "5 is the limit" in refused(good, tmp_path)


def test_a_zip_that_lies_about_sizes_is_refused(good, tmp_path):
    blob = bytearray(good)
    with zipfile.ZipFile(io.BytesIO(good)) as box:
        entry = box.getinfo("tables/last.parquet")
    for at in (blob.rindex(b"tables/last.parquet") - 46 + 24,):  # the size in the central directory
        blob[at : at + 4] = struct.pack("<I", entry.file_size - 7)
    assert "damaged" in refused(bytes(blob), tmp_path)


def test_a_small_table_that_would_fill_the_memory_is_refused(good, tmp_path, monkeypatch):
    table = io.BytesIO()
    pd.DataFrame({"a": ["x" * 1000] * 50_000}).to_parquet(table)
    assert len(table.getvalue()) < 20_000  # 50 MB in memory
    monkeypatch.setattr(imports, "MAX_BYTES", 10_000_000)
    assert "GB unpacked" in refused(repacked(good, tables__last_DOT_parquet=table.getvalue()), tmp_path)


def pickled_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return file.getvalue()


def pickled_arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, cases=np.array([{"a": 1}], dtype=object))
    return file.getvalue()


def plain_arrays() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, scan=np.zeros((2, 3), np.int16))
    return file.getvalue()


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"arrays__bad_DOT_npy": pickled_array()}, "bad.npy"),
        ({"arrays__bad_DOT_npy": pickle.dumps(Trap())}, "bad.npy"),
        ({"models__board_DOT_safetensors": pickle.dumps(Trap())}, "board.safetensors"),
        ({"models__board_DOT_safetensors": b""}, "board.safetensors"),
        ({"tables__last_DOT_parquet": b"PAR1PAR1"}, "last.parquet"),
        ({"tables__last_DOT_parquet": b""}, "last.parquet"),
        ({"media__case_DOT_npz": pickled_arrays()}, "case.npz"),
        ({"media__case_DOT_npz": b"PK"}, "case.npz"),
        ({"result_DOT_json": json.dumps({"metrics": dict.fromkeys(map(str, range(20_000)), 1.0)}).encode()}, "20,000"),
        ({"media__inner_DOT_png": zip_of(iter([("a", b"b")]))}, "zip within the zip"),
        ({"result_DOT_json": None}, "holds no result.json"),
        ({"run_DOT_json": None}, "holds no run.json"),
        ({"result_DOT_json": b"{"}, "result.json is damaged"),
        ({"result_DOT_json": b"[]"}, "holds no object"),
        ({"result_DOT_json": b"\xff\xfe"}, "result.json is damaged"),
        ({"result_DOT_json": b'{"metrics": {"pi": NaN}}'}, "NaN"),
        ({"result_DOT_json": b'{"metrics": {"pi": 1e999}}'}, "1e999"),
        ({"result_DOT_json": b'{"metrics": {}, "metrics": {}}'}, "twice"),
        ({"result_DOT_json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000}, "damaged"),
        ({"result_DOT_json": b'{"metrics": {"pi": "3"}}'}, "no number"),
        ({"result_DOT_json": b'{"metrics": {"pi": 1' + b"0" * 400 + b"}}"}, "no number"),
        ({"provenance_DOT_json": b"NaN"}, "provenance.json is damaged"),
    ],
)
def test_what_is_no_piece_of_a_result_is_refused(good, tmp_path, monkeypatch, files, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused(repacked(good, **files), tmp_path)
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lab": "nobody"}, "no lab 'nobody'"),
        ({"lab": "reft"}, "planned"),
        ({"lab": "rs"}, "does not fit the lab 'rs'"),
        ({"params": {"darts": 5}}, "does not fit the lab 'trial'"),
        ({"params": {"arrows": 5}}, "no parameter 'arrows'"),
        ({"params": 5}, "params"),
        ({"status": "running"}, "'running'"),
        ({"status": "great"}, "'great'"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"seconds": "long"}, "seconds"),
        ({"created": "yesterday"}, "date"),
        ({"created": "9999-12-31T23:59:59+00:00"}, "date"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 1000}, "name"),
        ({"error": {"cause": 5}}, "error"),
    ],
)
def test_a_record_that_cannot_be_is_refused(good, tmp_path, values, said):
    def change(kept):
        kept["run.json"] = json.dumps(json.loads(kept["run.json"]) | values).encode()

    assert said in refused(repacked(good, change), tmp_path)


def test_half_a_character_is_refused(good, tmp_path):
    def change(kept):
        kept["run.json"] = kept["run.json"].replace(b"far away", b"\\ud800")

    assert "run.json is damaged" in refused(repacked(good, change), tmp_path)


def test_a_format_of_tomorrow_is_told_apart(good, tmp_path):
    def change(kept):
        kept["manifest.json"] = json.dumps(json.loads(kept["manifest.json"]) | {"version": 2}).encode()

    assert "not known here" in refused(repacked(good, change), tmp_path)


def test_a_file_that_the_manifest_does_not_name_is_refused(good, tmp_path):
    file = io.BytesIO(good)
    with zipfile.ZipFile(file, "a") as box:
        box.writestr("media/more.png", b"more")
    assert "not the file that the manifest names" in refused(file.getvalue(), tmp_path)


def test_a_file_that_is_none_is_refused(tmp_path, home):
    for path, said in ((tmp_path / "none.zip", "No such file"), (tmp_path, "cannot be read")):
        with pytest.raises(LabError, match=said):
            import_run(path)


def test_a_store_that_fails_half_way_keeps_nothing(good, tmp_path, monkeypatch):
    store = open_store()
    for step in ("update", "close"):
        monkeypatch.setattr(store, step, lambda *_, **__: 1 / 0)
        assert "could not be kept" in refused(good, tmp_path)
        monkeypatch.undo()


# fuzz -----------------------------------------------------------------------------------------------------------


def survives(blob: bytes, place: Path) -> None:
    """Import any bytes: either a whole run or a `LabError`, and nothing else left behind."""
    before = everything()
    file = place / "fuzz.zip"
    file.write_bytes(blob)
    try:
        run = import_run(file)
    except LabError as error:
        assert error.cause
        assert everything() == before
    else:
        runs, files = everything()
        assert runs - before[0] == {run.id}
        assert all(Path(name).is_relative_to(run.folder.parent) for name in files - before[1])
        assert len(run.result.tables["last"]) == 2 and run.result.arrays["board"].shape == (3, 4)
    assert not list(open_store().root.glob(".import-*"))


@FUZZ
@given(st.binary(max_size=400), st.booleans())
def test_random_bytes_never_harm(noise, signed):
    with tempfile.TemporaryDirectory() as place:
        survives(b"PK\x03\x04" * signed + noise, Path(place))


@FUZZ
@given(st.data())
def test_torn_zips_never_harm(good, data):
    with tempfile.TemporaryDirectory() as place:
        survives(good[: data.draw(st.integers(0, len(good) - 1))], Path(place))


@FUZZ
@given(st.data())
def test_flipped_bytes_never_harm(good, data):
    blob = bytearray(good)
    with zipfile.ZipFile(io.BytesIO(good)) as box:  # most bytes are of the report: aim at what is read
        spots = [entry.header_offset + 30 for entry in box.infolist() if OWN.fullmatch(entry.filename)]
        spots += [box.start_dir, len(good) - 22]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(spots)) + data.draw(st.integers(-30, 400))
        blob[min(at, len(blob) - 1)] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as place:
        survives(bytes(blob), Path(place))


@FUZZ
@given(st.data())
def test_damaged_pieces_never_harm(good, data):
    with zipfile.ZipFile(io.BytesIO(good)) as box:
        name = data.draw(st.sampled_from([n for n in box.namelist() if OWN.fullmatch(n)]))
        blob = bytearray(box.read(name))
    for _ in range(data.draw(st.integers(1, 6))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as place:
        try:
            survives(repacked(good, **{name: bytes(blob)}), Path(place))
        except (AssertionError, OSError, ValueError):
            if not name.startswith("tables/"):  # a table may be whole and say other things than before
                raise
