"""The catalog: every source in miniature, every failure in words, and the real entries where they are at hand."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import MODALITIES
from workbench.data.catalog import archives, cache, catalog, sources
from workbench.data.catalog.catalog import Entry, fetch, listing, resolve, state
from workbench.data.catalog.sources import Source

BLOB = bytes(range(256)) * 4000  # a megabyte
SHARED = Path(os.environ.get("WORKBENCH_DATA_MIRROR") or Path(__file__).parents[4] / "shared" / "data")
MIRRORED = [
    entry
    for entry in catalog.catalog().values()
    if any(s.kind == "mirror" and (SHARED / s.where).exists() for s in entry.sources)
]


def sha(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


@pytest.fixture
def shelf(monkeypatch):
    """Put entries of the test's own into the catalog."""
    rows: dict[str, Entry] = {}
    monkeypatch.setattr(catalog, "catalog", lambda: rows)

    def add(*found: Source, blob: bytes = BLOB, **values) -> Entry:
        values = {"file": "thing.bin", "size": len(blob), "sha256": sha(blob), **values}
        own = Source("mirror", f"thing/{values['file']}".rstrip("/"))
        rows["thing"] = Entry("thing", "A thing", MODALITIES[0], "For a test.", "CC0", sources=(*found, own), **values)
        return rows["thing"]

    return add


@pytest.fixture
def tree(tmp_path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "sub dir" / "b.txt").write_bytes(b"beta")
    return folder


def leftovers(home: Path) -> list[str]:
    """What a failed download must not leave in the cache, outside of what a resume needs."""
    found = (p.relative_to(home / "data").as_posix() for p in (home / "data").rglob("*") if p.is_file())
    return [name for name in found if not name.startswith(".partial/") and name != "verified.json"]


# The declarations


@pytest.mark.parametrize("entry", catalog.catalog().values(), ids=str)
def test_entry_is_complete(entry):
    assert re.fullmatch(r"[a-z0-9_]+", entry.name)
    assert entry.modality in MODALITIES
    assert entry.title and entry.what.endswith(".") and entry.licence
    assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256) and entry.size > 0
    assert entry.noncommercial == bool(re.search(r"\bNC\b|-NC-|[Nn]oncommercial", entry.licence))
    for source in entry.sources:
        assert source.kind in sources.KINDS
        if source.kind in ("wheel", "sdist"):
            assert re.fullmatch(r"[\w.-]+==[\d.]+", source.where) and source.path


def test_listing_names_every_entry():
    rows = listing()
    assert [row["name"] for row in rows] == list(catalog.catalog())
    assert {"digits": "here", "wine": "here", "nuscenes_frame": "absent", "kitti_frame": "fetch"}.items() <= {
        row["name"]: row["state"] for row in rows
    }.items()


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer", "iris"])
def test_tables_of_scikit_learn_are_here(name):
    path, digest = resolve(name)
    assert sha(path.read_bytes()) == digest == catalog.get_entry(name).sha256
    assert catalog.get_entry(name).state == "here"


@pytest.mark.parametrize("entry", MIRRORED, ids=lambda e: e.name)
def test_mirror_holds_what_the_catalog_says(entry, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(SHARED))
    assert state(entry) == "mirror"
    path, digest = resolve(entry.name)
    assert SHARED in path.parents
    assert digest == entry.sha256 == cache.fresh_sha256(path, entry.files)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is the oracle of this test")
def test_folder_digest_is_that_of_sha256sum(tree):
    said = subprocess.run(["sha256sum", "a.txt", "sub dir/b.txt"], cwd=tree, capture_output=True, check=True).stdout
    assert cache.sums(tree).encode() == said
    assert cache.sha256(tree) == sha(said)


# Mirror and installed


def test_mirror_folder_is_read_in_place(shelf, tmp_path, monkeypatch):
    shelf(Source("mirror", "some/where.bin"))
    (tmp_path / "m" / "some").mkdir(parents=True)
    (tmp_path / "m" / "some" / "where.bin").write_bytes(BLOB)
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(tmp_path / "m"))
    assert resolve("thing") == (tmp_path / "m" / "some" / "where.bin", sha(BLOB))


def test_a_cache_is_a_mirror_for_others(shelf, tmp_path, monkeypatch, site):
    site.files["/thing.bin"] = BLOB
    shelf(Source("url", f"{site.url}/thing.bin"))
    fetch("thing")
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(cache.cache()))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "another"))
    site.files.clear()
    assert resolve("thing")[0].read_bytes() == BLOB


def test_damaged_mirror_is_refused(shelf, tmp_path, monkeypatch):
    shelf(Source("mirror", "where.bin"))
    (tmp_path / "where.bin").write_bytes(b"x" * len(BLOB))
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(tmp_path))
    with pytest.raises(LabError, match="another version, or damaged"):
        resolve("thing")


def test_a_change_after_verification_is_seen(shelf, tmp_path, monkeypatch):
    shelf(Source("mirror", "where.bin"))
    file = tmp_path / "where.bin"
    file.write_bytes(BLOB)
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(tmp_path))
    resolve("thing")
    file.write_bytes(b"x" * len(BLOB))
    os.utime(file, ns=(1, 1))
    with pytest.raises(LabError):
        resolve("thing")


def test_verified_files_are_not_read_again(tmp_path, monkeypatch):
    file = tmp_path / "big.bin"
    file.write_bytes(BLOB)
    first = cache.sha256(file)
    monkeypatch.setattr(cache, "_file_sha256", lambda path: pytest.fail("read again"))
    assert cache.sha256(file) == first


def test_mirror_on_the_web_gives_files_and_folders(shelf, site, tree, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", f"{site.url}/m")
    shelf(Source("mirror", "one.bin"))
    site.files["/m/one.bin"] = BLOB
    assert resolve("thing")[0].read_bytes() == BLOB
    digest = cache.sha256(tree)
    entry = shelf(Source("mirror", "set"), file="", size=9, sha256=digest)
    site.files |= {"/m/set/SHA256SUMS": cache.sums(tree).encode(), "/m/set/a.txt": b"alpha"}
    site.files["/m/set/sub%20dir/b.txt"] = b"beta"
    shutil.rmtree(cache.cache() / "thing")
    path, got = resolve("thing")
    assert got == digest == entry.sha256
    assert (path / "sub dir" / "b.txt").read_bytes() == b"beta"


def test_offline_says_what_would_help(shelf):
    shelf(Source("mirror", "some/where.bin"))
    with pytest.raises(LabError) as caught:
        resolve("thing")
    assert "WORKBENCH_DATA_MIRROR" in caught.value.hint
    assert "MIRROR/some/where.bin" in caught.value.hint
    assert "workbench data fetch thing" in caught.value.hint


def test_unknown_name():
    with pytest.raises(LabError, match="no data set 'nothing'"):
        resolve("nothing")


# A web address


def test_url_with_progress(shelf, site, home):
    site.files["/thing.bin"] = BLOB
    shelf(Source("url", f"{site.url}/thing.bin"))
    seen = []
    path, digest = resolve("thing", lambda *step: seen.append(step))
    assert path == home / "data" / "thing" / "thing.bin"
    assert path.read_bytes() == BLOB and digest == sha(BLOB)
    assert (len(BLOB), len(BLOB), "downloading thing.bin") in seen
    assert state(catalog.get_entry("thing")) == "here"


def test_broken_connection_goes_on_where_it_broke(shelf, site):
    site.files["/thing.bin"] = BLOB
    site.cut = 2
    shelf(Source("url", f"{site.url}/thing.bin"))
    assert fetch("thing").read_bytes() == BLOB
    first, second, third = [int((wanted or "bytes=0-")[6:-1]) for _, wanted in site.asked]
    assert first == 0 < second < third  # the last, incomplete block of an answer is asked for again


def test_next_attempt_resumes(shelf, site, home):
    site.files["/thing.bin"] = BLOB
    site.cut = 3
    shelf(Source("url", f"{site.url}/thing.bin"))
    with pytest.raises(LabError, match="breaks off"):
        fetch("thing")
    assert leftovers(home) == []
    assert fetch("thing").read_bytes() == BLOB
    assert site.asked[-1][1] is not None


def test_server_without_ranges_starts_again(shelf, site):
    site.files["/thing.bin"] = BLOB
    site.cut, site.ranges = 1, False
    shelf(Source("url", f"{site.url}/thing.bin"))
    assert fetch("thing").read_bytes() == BLOB


def test_interrupted_download_leaves_nothing_half_and_resumes(shelf, site, home):
    site.files["/thing.bin"] = BLOB
    shelf(Source("url", f"{site.url}/thing.bin"))

    def stop(done, total, stage):
        if done > 300_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("thing", stop)
    assert leftovers(home) == []
    assert fetch("thing").read_bytes() == BLOB
    assert site.asked[-1][1] is not None


def test_wrong_checksum(shelf, site, home):
    site.files["/thing.bin"] = b"x" * len(BLOB)
    shelf(Source("url", f"{site.url}/thing.bin"))
    with pytest.raises(LabError, match="checksum differs"):
        fetch("thing")
    assert leftovers(home) == []
    site.files["/thing.bin"] = BLOB  # and the wrong bytes are not resumed from
    assert fetch("thing").read_bytes() == BLOB


def test_missing_page_and_next_source(shelf, site):
    site.files["/right.bin"] = BLOB
    shelf(Source("url", f"{site.url}/gone.bin"), Source("url", f"{site.url}/right.bin"))
    assert fetch("thing").read_bytes() == BLOB
    shutil.rmtree(cache.cache())
    site.files.clear()
    with pytest.raises(LabError, match="answers 404"):
        fetch("thing")


def test_dead_server(shelf):
    shelf(Source("url", "http://127.0.0.1:9/thing.bin"))
    with pytest.raises(LabError, match="cannot be reached"):
        fetch("thing")


def test_url_of_an_archive(shelf, site, tree, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as box:
        box.write(tree / "a.txt", "top/a.txt")
        box.write(tree / "sub dir" / "b.txt", "top/sub dir/b.txt")
        box.writestr("other/c.txt", "not ours")
    site.files["/a.zip"] = (tmp_path / "a.zip").read_bytes()
    shelf(Source("url", f"{site.url}/a.zip", "top"), file="", size=9, sha256=cache.sha256(tree))
    assert cache.members(fetch("thing")) == ["a.txt", "sub dir/b.txt"]


def test_two_at_once_download_once(shelf, site):
    site.files["/thing.bin"] = BLOB
    shelf(Source("url", f"{site.url}/thing.bin"))
    found = []
    threads = [threading.Thread(target=lambda: found.append(fetch("thing"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(site.asked) == 1


def test_noncommercial_is_downloaded_only_when_asked(shelf, site):
    site.files["/thing.bin"] = BLOB
    shelf(Source("url", f"{site.url}/thing.bin"), noncommercial=True)
    with pytest.raises(LabError, match="non-commercial"):
        resolve("thing")
    assert site.asked == []
    fetch("thing")
    assert resolve("thing")[1] == sha(BLOB)


def test_unwritable_home_is_said(shelf, site, tmp_path, monkeypatch):
    (tmp_path / "flat").write_text("a file, not a folder")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "flat"))
    shelf(Source("url", f"{site.url}/thing.bin"))
    with pytest.raises(LabError, match="cannot be kept"):
        fetch("thing")


# Packages


def test_wheel_by_pip_without_import(shelf, tmp_path, monkeypatch, home):
    make_wheel(tmp_path / "tiny_data-1.0-py3-none-any.whl")
    offline_pip(monkeypatch, tmp_path)
    shelf(Source("wheel", "tiny-data==1.0", "tiny_data/thing.bin"))
    seen = []
    assert fetch("thing", lambda *step: seen.append(step[2])).read_bytes() == BLOB
    assert "downloading tiny-data==1.0" in seen and "tiny_data" not in sys.modules
    assert leftovers(home) == ["thing/thing.bin"]


def test_wheel_that_pip_cannot_find(shelf, tmp_path, monkeypatch):
    offline_pip(monkeypatch, tmp_path)
    shelf(Source("wheel", "tiny-data==1.0", "tiny_data/thing.bin"))
    with pytest.raises(LabError, match="Python package tiny-data==1.0: .*No matching distribution"):
        fetch("thing")


def test_pip_download_can_be_interrupted(shelf, tmp_path, monkeypatch, home):
    offline_pip(monkeypatch, tmp_path)
    shelf(Source("wheel", "tiny-data==1.0", "tiny_data/thing.bin"))

    def stop(done, total, stage):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("thing", stop)
    assert leftovers(home) == []


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb builds the package of this test")
def test_deb_without_root(shelf, tmp_path, monkeypatch):
    root = tmp_path / "deb"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: tiny-data\nVersion: 1\nArchitecture: all\nMaintainer: a test <a@b.c>\nDescription: tiny\n"
    )
    (root / "usr" / "share" / "tiny").mkdir(parents=True)
    (root / "usr" / "share" / "tiny" / "thing.bin").write_bytes(BLOB)
    subprocess.run(["dpkg-deb", "--build", root, tmp_path / "tiny.deb"], check=True, capture_output=True)
    shim = tmp_path / "bin" / "apt-get"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\n[ "$1" = download ] && cp {tmp_path}/tiny.deb ./tiny-data_1_all.deb\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    shelf(Source("deb", "tiny-data", "usr/share/tiny/thing.bin"))
    assert fetch("thing").read_bytes() == BLOB
    shutil.rmtree(cache.cache())
    shim.write_text("#!/bin/sh\necho 'E: Unable to locate package tiny-data' >&2; exit 100\n")
    with pytest.raises(LabError, match="Debian package tiny-data: apt-get: E: Unable to locate"):
        fetch("thing")


def test_npm_package_without_its_scripts(shelf, tmp_path, monkeypatch):
    (tmp_path / "package" / "data").mkdir(parents=True)
    (tmp_path / "package" / "data" / "thing.bin").write_bytes(BLOB)
    with tarfile.open(tmp_path / "tiny.tgz", "w:gz") as box:
        box.add(tmp_path / "package", "package")
    shim = tmp_path / "bin" / "npm"
    shim.parent.mkdir()
    shim.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n[ "$1" = pack ] && cp {tmp_path}/tiny.tgz ./tiny-1.0.0.tgz\n'
    )
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    entry = shelf(Source("npm", "tiny@1.0.0", "package/data/thing.bin"))
    assert state(entry) == "fetch" and fetch("thing").read_bytes() == BLOB
    assert "--ignore-scripts tiny@1.0.0" in (tmp_path / "asked").read_text()
    shutil.rmtree(cache.cache())
    shim.write_text("#!/bin/sh\necho 'npm error code E404' >&2; echo 'npm error 404 Not Found' >&2; exit 1\n")
    with pytest.raises(LabError, match="npm package tiny@1.0.0: npm: npm error code E404 npm error 404 Not Found"):
        fetch("thing")
    monkeypatch.setenv("PATH", "")
    assert state(entry) == "absent"


def test_what_is_bundled_is_read_in_place(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BUNDLED", tmp_path)
    entry = shelf(Source("bundled", "some/thing.bin"))
    assert state(entry) == "absent"
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "thing.bin").write_bytes(BLOB)
    assert state(entry) == "here" and resolve("thing") == (tmp_path / "some" / "thing.bin", sha(BLOB))


def test_a_size_known_roughly_leaves_it_to_the_checksum(shelf, home, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_DATA_MIRROR", str(tmp_path))
    shelf(Source("mirror", "where.bin"), size=123, about=True)
    (tmp_path / "where.bin").write_bytes(BLOB)
    assert resolve("thing")[1] == sha(BLOB)
    (tmp_path / "where.bin").write_bytes(BLOB[:-1])
    with pytest.raises(LabError, match="another version, or damaged"):
        resolve("thing")


# Archives that nobody should trust


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt", "a\\..\\evil.txt"])
def test_archive_never_leaves_its_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as box:
        box.writestr("good.txt", "good")
        box.writestr(name, "evil")
    place = archives.extract(tmp_path / "a.zip", "", tmp_path / "deep" / "place")
    assert cache.members(place) == ["good.txt"]
    assert not list(tmp_path.rglob("*evil*"))


def test_links_in_tar_are_left_out(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as box:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        box.addfile(link)
        box.add(__file__, "good.py")
    assert cache.members(archives.extract(tmp_path / "a.tar", ".", tmp_path / "place")) == ["good.py"]


def test_swollen_and_damaged_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("zeros", bytes(10_000_000))
    with pytest.raises(LabError, match="unpacks to more than"):
        archives.extract(tmp_path / "a.zip", "", tmp_path / "b", limit=1_000_000)
    with pytest.raises(LabError, match="holds no 'ones'"):
        archives.extract(tmp_path / "a.zip", "ones", tmp_path / "c")
    (tmp_path / "half.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:500])
    with pytest.raises(LabError, match="is no zip archive, or is cut off"):
        archives.extract(tmp_path / "half.zip", "", tmp_path / "d")


# Files of the user's own


def test_own_file_and_folder(tree):
    assert resolve(f"file:{tree / 'a.txt'}") == (tree / "a.txt", sha(b"alpha"))
    assert resolve(f"file:{tree}")[1] == cache.sha256(tree)


@pytest.mark.parametrize("name", ["file:relative.csv", "file:", "file:/no/such/file", "file:/dev/zero", "file:/a\0b"])
def test_own_file_that_cannot_be(name):
    with pytest.raises(LabError):
        resolve(name)


def test_catalog_imports_neither_torch_nor_ui():
    code = (
        "import sys, workbench.data.catalog.catalog, workbench.data.tables.table, workbench.data.uploads;"
        "print({'torch', 'panel', 'bokeh', 'holoviews', 'pooch', 'requests', 'pyarrow.parquet'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"


def make_wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as box:
        info = "tiny_data-1.0.dist-info"
        box.writestr("tiny_data/__init__.py", "raise SystemExit('imported')")
        box.writestr("tiny_data/thing.bin", BLOB)
        box.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n")
        box.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        box.writestr(f"{info}/RECORD", "")


def offline_pip(monkeypatch, folder: Path) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
