"""The table reader: right numbers from every format, words for everything else."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.contract.errors import LabError
from workbench.data.catalog.catalog import resolve
from workbench.data.tables import columns, delimited
from workbench.data.tables import table as tables
from workbench.data.tables.table import DataCard, data_card, read_table

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: bytes | str | pd.DataFrame):
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path, index=False)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(30, 3)), columns=["a", "b", "c"])
    return numbers.assign(species=np.repeat(["cat", "dog", "eel"], 10))


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer", "iris"])
def test_catalog_tables_equal_scikit_learn(name):
    from sklearn import datasets

    table, oracle = read_table(resolve(name)[0]), getattr(datasets, f"load_{name}")()
    np.testing.assert_array_equal(table.X, oracle.data)
    np.testing.assert_array_equal(table.y, oracle.target)
    assert table.class_names == [str(n) for n in oracle.target_names]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("header", [True, False])
def test_delimiters_and_headers(write, frame, delimiter, header):
    path = write("t.csv", frame.to_csv(sep=delimiter, header=header, index=False))
    table = read_table(path)
    np.testing.assert_allclose(table.X, frame[["a", "b", "c"]])
    assert table.class_names == ["cat", "dog", "eel"]
    assert table.feature_names == (["a", "b", "c"] if header else ["column 1", "column 2", "column 3"])
    assert any("no header" in note for note in table.notes) is not header


@pytest.mark.parametrize(
    "name", ["t.csv", "t.tsv", "t.txt", "t.csv.gz", "t.parquet", "t.npz", "matrix.npz", "t.npy", "T.CSV"]
)
def test_formats_agree(tmp_path, frame, name):
    X, y = frame[["a", "b", "c"]].to_numpy(), np.repeat([0, 1, 2], 10)
    numbers = frame.assign(species=y)
    path = tmp_path / name
    if name.endswith(".parquet"):
        numbers.to_parquet(path)
    elif name == "t.npz":
        np.savez(path, X=X, y=y)
    elif name == "matrix.npz":
        np.savez_compressed(path, numbers.to_numpy())
    elif name.endswith(".npy"):
        np.save(path, numbers.to_numpy())
    else:
        numbers.to_csv(path, index=False)
    table = read_table(path)
    np.testing.assert_allclose(table.X, X)
    np.testing.assert_array_equal(table.y, y)
    assert table.X.dtype == np.float64 and table.y.dtype == np.int64
    assert table.class_names == ["0", "1", "2"]


def test_class_column_is_chosen_by_rule_and_said(write, frame):
    path = write("t.csv", frame.rename(columns={"b": "Label"}).assign(Label=["one", "two"] * 15).to_csv(index=False))
    table = read_table(path)
    assert table.target == "Label" and "Class column: Label (by its name)." in table.notes
    assert read_table(path, target="species").notes[0] == "Class column: species (as given)."
    assert "species=cat" in table.feature_names and "Label=one" in read_table(path, target="species").feature_names
    with pytest.raises(LabError, match="no column 'sort'"):
        read_table(path, target="sort")


def test_words_become_one_hot_up_to_a_limit(write):
    rows = [f"{i / 2},{'abc'[i % 3]},word{i},{i % 2}" for i in range(30)]
    table = read_table(write("t.csv", "n,letter,text,y\n" + "\n".join(rows)))
    assert table.feature_names == ["n", "letter=a", "letter=b", "letter=c"]
    np.testing.assert_array_equal(table.X[:3, 1:], np.eye(3))
    assert any("'text' has 30 different words" in note for note in table.notes)


def test_missing_values_drop_rows_or_refuse(write):
    rows = [f"{'' if i < 4 else '?' if i == 4 else i},{i % 2}" for i in range(20)]
    table = read_table(write("t.csv", "n,y\n" + "\n".join(rows)))
    assert len(table.X) == 15 and table.missing == 5
    assert any("5 of 20 rows" in note for note in table.notes)
    card = data_card(table)  # where it is a warning
    assert any("5 of 20 rows" in text for text in card.warnings) and not any("5 of 20" in note for note in card.notes)
    with pytest.raises(LabError, match="more than half"):
        read_table(
            write(
                "u.csv", "n,m,y\n" + "\n".join(f"{i if i < 11 else ''},{i if i > 8 else ''},{i % 2}" for i in range(20))
            )
        )
    table = read_table(
        write("v.csv", "n,m,y\n" + "\n".join(f"{i / 2},{i if i < 9 else ''},{i % 2}" for i in range(20)))
    )
    assert table.X.shape == (20, 1) and "Column 'm' has a value in only 9 rows and was left out." in table.notes


def test_row_names_are_no_feature(write, frame):
    table = read_table(write("t.csv", frame.to_csv()))
    assert table.feature_names == ["a", "b", "c"]
    assert any("row names" in note for note in table.notes)
    frame.index.name = None
    assert "column 0" not in read_table(write("t.parquet", frame.reset_index(drop=True))).feature_names


def test_numbered_header(write):
    path = write("t.csv", pd.DataFrame(np.arange(12.0).reshape(4, 3)).assign(target=[0, 1, 0, 1]).to_csv(index=False))
    assert read_table(path).X.shape == (4, 3)


def test_images_in_an_npz_are_flattened(tmp_path):
    np.savez(tmp_path / "t.npz", images=np.zeros((6, 4, 5)), labels=np.arange(6) % 2)
    assert read_table(tmp_path / "t.npz").X.shape == (6, 20)


def test_other_encodings(write):
    assert read_table(write("t.csv", "größe,y\n1,ä\n2,ö\n".encode("cp1252"))).class_names == ["ä", "ö"]
    assert read_table(write("u.csv", "größe,y\n1,ä\n2,ö\n".encode("utf-16"))).feature_names == ["größe"]
    assert read_table(write("v.csv", "\ufeffgröße,y\n1,ä\n2,ö\n")).feature_names == ["größe"]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"", "empty"),
        ("t.csv", b"   \n\n", "no data"),
        ("t.csv", PNG, "a PNG image"),
        ("t.parquet", PNG, "a PNG image"),
        ("t.npz", PNG, "a PNG image"),
        ("t.csv", b"a\0b,c\n1,2", "zero bytes"),
        ("t.csv", b"a,b,c\n1,2,0\n1,2\n3,4,1\n", "line 3 has 2 cells"),
        ("t.csv", b"x,y\n1,a\n2,a\n3,a\n", "one class only"),
        ("t.csv", b"x,y\n,a\n,b\n,a\n", "No column holds numbers"),
        ("t.csv", b"x,z,y\n1,,a\n2,,b\n,,a\n", "z has no value|one class|dropped"),
        ("t.csv", b"y\n1\n2\n", "columns"),
        ("t.csv", b"x,y\n" + b"".join(b"%d,%f\n" % (i, i / 7) for i in range(50)), "quantity, not a class"),
        ("t.csv", b"x,y\n" + b"".join(b"%d,w%d\n" % (i, i) for i in range(150)), "150 classes"),
        ("t.csv.gz", b"\x1f\x8b\x08" + bytes(20), "gzip"),
        ("t.parquet", b"PAR1" + bytes(50), "cannot be read"),
        ("t.npz", b"PK\x03\x04" + bytes(50), "is no NPZ file"),
        ("t.npy", b"\x93NUMPY\x01\x00" + bytes(50), "cannot be read"),
        ("t.xlsx", b"PK\x03\x04", "no suffix of a table"),
        ("t.pkl", b"\x80\x04.", "no suffix of a table"),
    ],
)
def test_what_is_wrong_is_said(write, name, content, words):
    path = write(name, content)
    if "has no value" in words:
        assert any("'z' has no value" in note for note in read_table(path).notes)
        return
    with pytest.raises(LabError, match=words) as caught:
        read_table(path)
    assert caught.value.cause


def test_truncated_files(tmp_path, frame):
    frame.to_parquet(tmp_path / "t.parquet")
    np.savez(tmp_path / "t.npz", X=np.zeros((50, 3)), y=np.arange(50) % 2)
    np.save(tmp_path / "t.npy", np.zeros((50, 3)))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(frame.to_csv().encode()))
    for path in tmp_path.glob("t.*"):
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(LabError, match=r"cut off|whole gzip"):
            read_table(path)


def test_nothing_is_unpickled(tmp_path):
    objects = np.array([{"a": 1}, None, "x"] * 4, dtype=object)
    np.savez(tmp_path / "t.npz", X=objects.reshape(6, 2), y=np.arange(6) % 2)
    np.save(tmp_path / "t.npy", objects.reshape(6, 2))
    for path in tmp_path.glob("t.*"):
        with pytest.raises(LabError, match="cannot be read|holds Python objects"):
            read_table(path)


def test_arrays_of_the_wrong_shape(tmp_path):
    def saved(**arrays):
        np.savez(tmp_path / "t.npz", **arrays)
        return tmp_path / "t.npz"

    y = np.arange(6) % 2
    for arrays, words in [
        ({"X": np.zeros((6, 2)), "y": np.zeros(5)}, "equal length"),
        ({"X": np.zeros(6), "y": y}, "equal length"),
        ({"X": np.zeros((6, 2)), "weights": y}, "Name the arrays"),
        ({"a": np.zeros((2, 3, 4))}, "shape"),
        ({"X": np.zeros((6, 2), dtype=complex), "y": y}, "complex"),
        ({"X": np.full((6, 2), np.nan), "y": y}, "No column|no value|half"),
        ({"X": np.zeros((6, 2_500)), "y": y}, "2,000 features"),
    ]:
        with pytest.raises(LabError, match=words):
            read_table(saved(**arrays))


def test_limits_hold_before_memory_does(tmp_path, write, monkeypatch):
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(bytes(tables.MAX_BYTES + 1), 1))
    with pytest.raises(LabError, match="unpacks to more than"):
        read_table(tmp_path / "bomb.csv.gz")
    np.savez_compressed(tmp_path / "bomb.npz", X=np.zeros((30_000, 1_000)), y=np.zeros(30_000))
    with pytest.raises(LabError, match="unpacks to more than"):
        read_table(tmp_path / "bomb.npz")
    pd.DataFrame({"x": np.zeros(tables.MAX_ROWS + 1), "y": 0}).to_parquet(tmp_path / "long.parquet")
    with pytest.raises(LabError, match="200,001 rows"):
        read_table(tmp_path / "long.parquet")
    with pytest.raises(LabError, match="200,001 rows|200,000 is the limit"):
        read_table(write("long.csv", "x,y\n" + "1,2\n" * (tables.MAX_ROWS + 5)))
    with pytest.raises(LabError, match="2,500 columns"):
        read_table(write("wide.csv", ",".join(map(str, range(2500))) + "\n" + ",".join(["1"] * 2500)))
    pd.DataFrame({"x": ["w" * 5000] * 50, "y": np.arange(50) % 2}).to_parquet(tmp_path / "words.parquet")
    with pytest.raises(LabError, match="long texts"):
        read_table(tmp_path / "words.parquet")
    pd.DataFrame({"x": [[1, 2]] * 50, "y": np.arange(50) % 2}).to_parquet(tmp_path / "nested.parquet")
    with pytest.raises(LabError, match="lists or records"):
        read_table(tmp_path / "nested.parquet")
    monkeypatch.setattr(tables, "MAX_BYTES", 10)
    with pytest.raises(LabError, match="is the limit"):
        read_table(write("big.csv", "x,y\n1,2\n3,4\n"))


@pytest.mark.parametrize("path", ["/no/such.csv", "", "/", "/dev/null", "a\0b.csv"])
def test_no_file(path):
    with pytest.raises(LabError):
        read_table(path)


def test_data_card(write):
    rows = [f"1,{i / 2},{i if i else ''},{'rare' if i < 3 else 'usual'}" for i in range(60)]
    card = data_card(write("t.csv", "const,n,m,class\n" + "\n".join(rows)))
    assert isinstance(card, DataCard)
    assert (card.rows, card.features, card.dtype) == (59, 3, "float64")
    assert card.classes == {"rare": 2, "usual": 57}
    assert card.missing == 1 and len(card.sha256) == 64 and card.name == "t.csv"
    assert list(card.preview.columns) == ["const", "n", "m", "class"] and len(card.preview) == 10
    words = " ".join(card.warnings)
    assert "smallest class has 2 rows" in words and "unbalanced" in words and "constant" in words
    twice = data_card(write("u.csv", "x,y\n" + "1,a\n2,b\n" * 20))
    assert any("38 rows repeat" in w for w in twice.warnings)
    assert data_card(read_table(write("v.csv", "x,y\n1,a\n2,b\n"))).sha256 == ""


@QUICK
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(4, 12), st.integers(1, 4)), elements=st.floats(-1e6, 1e6)),
    st.sampled_from(["csv", "parquet", "npz", "npy"]),
)
def test_round_trip(tmp_path, X, suffix):
    y = np.arange(len(X)) % 2
    frame = pd.DataFrame(X, columns=[f"f{k}" for k in range(X.shape[1])]).assign(y=y)
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    elif suffix == "parquet":
        frame.to_parquet(path)
    elif suffix == "npz":
        np.savez(path, X=X, y=y)
    else:
        np.save(path, frame.to_numpy())
    table = read_table(path)
    np.testing.assert_allclose(table.X, X, rtol=1e-12)
    np.testing.assert_array_equal(table.y, y)


HEADS = [b"", b"PAR1", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x1f\x8b\x08", b"x,y\n1,2\n"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(HEADS), st.binary(max_size=200), st.sampled_from(["csv", "tsv", "csv.gz", "parquet", "npz", "npy"])
)
def test_random_bytes_give_a_table_or_words(tmp_path, head, tail, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(head + tail)
    answer_or_words(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab01.,;\t \"\n'#-+einf?|", max_size=120))
def test_random_text_gives_a_table_or_words(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    answer_or_words(path)


@QUICK
@given(st.integers(0, 5000), st.integers(0, 255), st.sampled_from(["parquet", "npz", "npy"]))
def test_one_flipped_byte_gives_a_table_or_words(tmp_path, where, value, suffix):
    buffer = io.BytesIO()
    X, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    if suffix == "parquet":
        pd.DataFrame(X, columns=list("abc")).assign(y=y, w=["u", "v"] * 10).to_parquet(buffer)
    elif suffix == "npz":
        np.savez(buffer, X=X, y=y)
    else:
        np.save(buffer, np.column_stack([X, y]))
    blob = bytearray(buffer.getvalue())
    blob[where % len(blob)] = value
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(blob)
    answer_or_words(path)


def answer_or_words(path) -> None:
    try:
        table = read_table(path)
    except LabError as error:
        assert error.cause
        return
    n, d = table.X.shape
    assert table.y.shape == (n,) and len(table.feature_names) == d > 0
    assert np.isfinite(table.X).all() and 2 <= len(table.class_names) <= columns.MAX_CLASSES
    assert set(np.unique(table.y)) == set(range(len(table.class_names)))


def test_sniffing_never_reads_quotes_wrong():
    frame = delimited.parse('name,y\n"a, b",1\n"c, d",2\n', "t.csv", 10, 10).frame
    assert list(frame.name) == ["a, b", "c, d"]


def test_decimal_commas_are_read_where_semicolons_separate(write):
    table = read_table(write("t.csv", "n;m;y\n" + "\n".join(f"{i},5;1{i},25;{'ab'[i % 2]}" for i in range(10))))
    assert table.X[3].tolist() == [3.5, 13.25] and table.feature_names == ["n", "m"]
    assert any("decimal comma" in note for note in table.notes)


def test_a_header_alone_is_told_as_such(write):
    with pytest.raises(LabError, match="one line only"):
        read_table(write("t.csv", "height,width,class\n"))


def test_pairs_in_a_file_with_points_are_words(tmp_path):
    rows = "".join(f'"{k % 3},{k % 2}",{k / 4 + 0.1},{"xy"[k % 5 > 2]}\n' for k in range(40))
    (tmp_path / "t.csv").write_text("pos,b,class\n" + rows)
    assert "b" in read_table(tmp_path / "t.csv").feature_names
    assert len(read_table(tmp_path / "t.csv").feature_names) == 7, "six pairs, one column each"
