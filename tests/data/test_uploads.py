"""Uploads: whatever the name, the bytes end up in one folder, once, unharmed and harmless."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.contract.errors import LabError
from workbench.data import uploads
from workbench.data.uploads import safe_name, save_upload

HOSTILE = [
    "../../etc/passwd.csv",
    "/etc/cron.d/evil.csv",
    "..\\..\\windows\\system32\\evil.csv",
    "C:\\evil.csv",
    "a\0b.csv",
    "....csv",
    "con.csv",
    "LPT1.csv",
    "x" * 5000 + ".csv",
    "💥\u202egnp.csv",
    "name\nwith\rlines.csv",
    "~/.ssh/keys.csv",
    "$(rm -rf ~).csv",
    "<img src=x onerror=alert(1)>.csv",
    "．．／evil.csv",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless(name, home):
    path = save_upload(name, b"a,b\n1,2\n")
    assert path.parent.parent == home / "uploads"
    assert path.resolve() == path
    assert path.suffix == ".csv" and path.read_bytes() == b"a,b\n1,2\n"
    assert set(path.name) & set("/\\\0\n\r<>$~:'\"") == set()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_any_name_is_one_harmless_component(name):
    safe = safe_name(name)
    assert safe not in ("", ".", "..") and not set(safe) & set("/\\\0:")
    assert 0 < len(safe.encode()) <= uploads.MAX_NAME
    assert not safe.startswith(".") and not safe.endswith((".", " "))
    assert safe_name(safe) == safe
    assert safe.partition(".")[0].strip().lower() not in uploads.RESERVED


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=50), st.binary(min_size=1, max_size=50))
def test_any_upload_stays_in_its_folder(home, name, blob):
    path = save_upload(name + ".csv", blob)
    assert path.parent.parent == home / "uploads" and path.read_bytes() == blob
    assert path.parent.name == hashlib.sha256(blob).hexdigest()[:16]


def test_same_name_never_overwrites_and_same_file_is_kept_once(home):
    first, second = save_upload("data.csv", b"one"), save_upload("data.csv", b"two")
    assert first != second and (first.read_bytes(), second.read_bytes()) == (b"one", b"two")
    assert save_upload("data.csv", b"one") == first
    assert len(list((home / "uploads").glob("*/*"))) == 2


def test_ordinary_names_stay_readable():
    assert safe_name("Meine Daten (Kopie 2).csv") == "Meine Daten (Kopie 2).csv"
    assert safe_name("température-été.parquet") == "température-été.parquet"
    assert safe_name("数据.npz") == "数据.npz"
    assert safe_name("é" * 100 + ".csv.gz").endswith("é.csv.gz")


@pytest.mark.parametrize("name", ["evil.exe", "table.pkl", "table.csv.py", "csv", "", ".", "..", "/", "table.xlsx"])
def test_other_suffixes_are_refused(name):
    with pytest.raises(LabError, match="cannot be used here"):
        save_upload(name, b"x")


def test_limits(monkeypatch):
    with pytest.raises(LabError, match="empty"):
        save_upload("a.csv", b"")
    with pytest.raises(LabError, match="limit"):
        save_upload("a.csv", b"x" * 11, limit=10)
    monkeypatch.setattr(uploads, "MAX_FILES", 2)
    save_upload("a.csv", b"1")
    save_upload("a.csv", b"2")
    with pytest.raises(LabError, match="uploaded already"):
        save_upload("a.csv", b"3")
    assert save_upload("a.csv", b"2").read_bytes() == b"2"  # what is kept already is no new file
