"""Cells and layouts of text files: the numbers and classes that pandas reads if it is told what a file is like."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas._libs.parsers import STR_NA_VALUES

from workbench.contract.errors import LabError
from workbench.data.tables.cells import GAPS, is_number, read_cells
from workbench.data.tables.table import read_table

CASES = Path(__file__).parents[2] / "cases"


def read(folder, text: str | pd.DataFrame, target: str | None = None):
    """The table of a text, or of a frame written as Parquet."""
    if isinstance(text, pd.DataFrame):
        text.to_parquet(folder / "t.parquet")
        return read_table(folder / "t.parquet", target)
    (folder / "t.csv").write_text(text, encoding="utf-8")
    return read_table(folder / "t.csv", target)


# file -> how pandas has to be told to read it, columns that are features, and a word of the note
FILES = {
    "none_class.csv": ({"keep_default_na": False}, ["sleep", "stress"], "'None' in 'label' is a class"),
    "dupcol.csv": ({}, ["a", "b"], "'label.1' has the name of the class column"),
    "iris_id.csv": ({}, ["a", "b"], "'Id' numbers the rows from 1"),
    "late_comma.csv": ({"sep": ";", "decimal": ","}, ["a", "b"], "decimal comma"),
    "mixed.csv": ({"na_values": ["n.d.", "-", "<0.01"]}, ["a", "b"], "1 cell that is no number is a gap: 'n.d.'"),
    "minus.csv": ({}, ["a", "b"], "U+2212"),
    "us_thousand.csv": ({"thousands": ","}, ["sales", "val"], "'1,438.71' is read as 1438.71"),
    "comment.csv": ({"comment": "#"}, ["a", "b"], "2 comment lines were skipped"),
    "sep_line.csv": ({"sep": ";", "skiprows": 1}, ["a", "b"], "separated by ';'"),
}


@pytest.mark.parametrize("name", FILES)
def test_people_s_files_are_read_as_pandas_reads_them_if_told_how(name):
    options, features, note = FILES[name]
    text = (CASES / name).read_text(encoding="utf-8").replace("\u2212", "-")
    theirs = pd.read_csv(io.StringIO(text), **options).dropna()
    target = "Species" if "Species" in theirs else "label"
    table = read_table(CASES / name)
    assert table.feature_names == features and any(note in words for words in table.notes)
    np.testing.assert_allclose(table.X, theirs[features].to_numpy(float), rtol=1e-12)
    assert [table.class_names[k] for k in table.y] == theirs[target].astype(str).tolist()


@pytest.mark.parametrize("name", sorted(FILES))
def test_parquet_and_csv_of_a_table_give_the_same_classes(tmp_path, name):
    options = FILES[name][0] | {"dtype": str, "keep_default_na": False}
    frame = pd.read_csv(CASES / name, **{k: v for k, v in options.items() if k not in ("decimal", "thousands")})
    ours, parquet = read_table(CASES / name), read(tmp_path, frame)
    assert parquet.class_names == ours.class_names and parquet.y.tolist() == ours.y.tolist()
    assert parquet.feature_names == ours.feature_names
    np.testing.assert_array_equal(parquet.X, ours.X)


SPELLINGS = {
    "1": 1, "-1.5": -1.5, "+2": 2, "1e3": 1000, "\u22123": -3, "1,234.50": 1234.5, "1,234,567": 1234567, " 7 ": 7,
    "1\u202f234.5": 1234.5, "1'234.5": 1234.5, "12 345": 12345, ".5": 0.5,
}  # fmt: skip


def test_spellings_of_a_number():
    column = pd.DataFrame({"v": [*SPELLINGS, *(f"{k}.25" for k in range(30))]})
    read, _ = read_cells(column)
    assert read["v"][: len(SPELLINGS)].tolist() == list(SPELLINGS.values())
    assert all(map(is_number, SPELLINGS)) and not any(map(is_number, ("a", "2020-01-01", "1.5 kg", "", "-", "#1")))


COMMAS = {  # file -> the column p; 40 rows, i counts them
    "us, tab": ("p\tq\ty\n", lambda i: f"1,{100 + i}.5\t1,{200 + i}\t", lambda i: (1100.5 + i, 1200 + i)),
    "us told by points": ("p;q;y\n", lambda i: f"{i}.5;1,{200 + i};", lambda i: (i + 0.5, 1200 + i)),
    "german": ("p;q;y\n", lambda i: f"{i},5;1.{200 + i},5;", lambda i: (i + 0.5, 1200.5 + i)),
    "german thousands": ("p;q;y\n", lambda i: f"{i},5;1.{200 + i};", lambda i: (i + 0.5, 1200 + i)),
    "german in quotes": ("p,q,y\n", lambda i: f'"{i},5","-{i},25",', lambda i: (i + 0.5, -i - 0.25)),
    "german, blanks": ("p q y\n", lambda i: f"{i},5 {2 * i},25 ", lambda i: (i + 0.5, 2 * i + 0.25)),
    "open, by the semicolon": ("p;q;y\n", lambda i: f"{i % 7};1,{200 + i};", lambda i: (i % 7, 1.2 + i / 1000)),
    "us in quotes": ("p,q,y\n", lambda i: f'"1,{100 + i}",{i % 7},', lambda i: (1100 + i, i % 7)),
}


@pytest.mark.parametrize("case", COMMAS)
def test_what_a_comma_is_follows_from_the_file(tmp_path, case):
    head, row, values = COMMAS[case]
    table = read(tmp_path, head + "".join(row(i) + "ab"[i * i % 3 % 2] + "\n" for i in range(40)))
    np.testing.assert_allclose(table.X, [values(i) for i in range(40)], rtol=1e-12)
    assert any("comma" in note or "is read as" in note for note in table.notes)  # never without a word


def rows(cell, n=60) -> str:
    return "v,w,y\n" + "".join(f"{cell(i)},{i * i % 11},{'ab'[i * i % 5 % 2]}\n" for i in range(n))


@pytest.mark.parametrize("word", sorted({"n.d.", "-", "<0.01", "> 99", "#DIV/0!", "oops", "12 kg", *STR_NA_VALUES}))
def test_what_is_no_number_costs_its_cell_not_the_column(tmp_path, word):
    table = read(tmp_path, rows(lambda i: word if i in (3, 40) else i / 4))
    assert table.feature_names == ["v", "w"] and (table.missing, table.dropped) == (2, 2)
    told = [note for note in table.notes if "no numbers are gaps" in note]
    usual = word in STR_NA_VALUES
    assert not told if usual else told == [f"Column 'v': 2 cells that are no numbers are gaps: {word!r}."]


def test_pandas_words_for_a_gap_are_ours():
    assert STR_NA_VALUES - {""} <= GAPS


WORDS = {
    "codes and a letter": lambda i: "K" if i in (2, 7) else i % 4,
    "many strays": lambda i: f"w{i % 3}" if i % 4 == 0 else i / 4,
    "colors": lambda i: f"#ff00{i % 3}0",
    "plus and minus": lambda i: "+-"[i % 2],
}


@pytest.mark.parametrize("case", WORDS)
def test_a_column_of_words_stays_one(tmp_path, case):
    table = read(tmp_path, rows(WORDS[case]))
    assert len(table.X) == 60 and "w" in table.feature_names and "v" not in table.feature_names
    if case != "many strays":  # 48 different words
        assert all(f"v={WORDS[case](i)}" in table.feature_names for i in range(10))


def test_labels_lose_their_blanks_and_say_so(tmp_path):
    text = "".join(f"{i / 2},{'ab'[i % 2]}{' ' * (i % 3)}\n" for i in range(30))
    table = read(tmp_path, "v,y\n" + text)
    assert table.class_names == ["a", "b"] and "Blanks around 20 classes of 'y' were removed." in table.notes


def test_only_an_empty_cell_is_no_class_among_words_and_a_word_is_no_number(tmp_path):
    labels = ["None", "NA", "?", "", "x"] * 8
    for frame in (pd.DataFrame({"v": np.arange(40) / 2, "y": labels}), None):
        text = "v,y\n" + "".join(f"{i / 2},{label}\n" for i, label in enumerate(labels))
        table = read(tmp_path, text if frame is None else frame)
        assert table.class_names == ["?", "NA", "None", "x"] and table.dropped == 8
    numbers = read(tmp_path, "v,y\n" + "".join(f"{i / 2},{'NA' if i == 3 else i % 2}\n" for i in range(40)))
    assert numbers.class_names == ["0", "1"] and numbers.dropped == 1


def test_bytes_in_parquet_are_words(tmp_path):
    labels, odd = [b"a ", b"b"] * 20, [b"\xff\x00", b"1", None, b"c"] * 10
    table = read(tmp_path, pd.DataFrame({"v": np.arange(40) / 3, "u": odd, "y": labels}))
    assert table.class_names == ["a", "b"] and table.feature_names == ["v", "u=1", "u=c", "u=\ufffd\0"]


BODY = "".join(f"{i / 2},{i * i % 11},{'ab'[i % 2]}\n" for i in range(60))
LAYOUTS = {  # text -> names of the features
    "comments above, between and below": (
        "# one\n#\nv,w,y\n" + BODY.replace("\n9.5,", "\n# two, three\n9.5,") + "# end\n",
        "vw",
    ),
    "percent comments": ("% one\nv,w,y\n" + BODY, "vw"),
    "names in the comment": ("# about it\n# v,w,y\n" + BODY, "vw"),
    "sep, no header": ("sep=,\n" + BODY, None),
    "quoted sep": ('"sep=;"\r\n' + ("v,w,y\n" + BODY).replace(",", ";"), "vw"),
    "delimiters at some ends": ("v,w,y\n" + BODY.replace("a\n", "a,,\n"), "vw"),
    "delimiters at the end of a late line": ("v,w,y\n" + BODY.replace("\n29.5,9,b", "\n29.5,9,b,,"), "vw"),
    "delimiters at all ends": ("v,w,y,\n" + BODY.replace("\n", ",\n"), "vw"),
    "a delimiter at the header's end": ("v,w,y,\n" + BODY, "vw"),
    "blanks around cells": ("v , w , y\n" + BODY.replace(",", " , "), "vw"),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_a_table_give_the_same_table(tmp_path, layout):
    text, names = LAYOUTS[layout]
    table = read(tmp_path, text)
    assert table.X.tolist() == [[i / 2, i * i % 11] for i in range(60)] and table.class_names == ["a", "b"]
    assert table.feature_names == (list(names) if names else ["column 1", "column 2"])
    assert any("comment" in note for note in table.notes) == ("comment" in layout)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# one\nv,w,y\n" + BODY.replace("\n9.5,", "\n9.5,9,9,9,"), "line 22 has 6 cells"),
        ("v,w,y\n" + BODY + BODY.replace("\n9.5,", "\n9.5,9,9,9,"), "line 81 has 6 cells, the table has 3 columns"),
        ("# one\n\nv,w,y\n0.0,0,a\n# two\n0.5\n" + BODY, "line 6 has 1"),
    ],
    ids=("long", "long and late", "short"),
)
def test_a_ragged_line_is_told_by_its_number(tmp_path, text, words):
    with pytest.raises(LabError, match=words):
        read(tmp_path, text)


HEADERS = {  # first row, rows below -> is it a header?
    "words over numbers": ("v,w,y", "{i},{j},{k}", True),
    "0 1 over whole numbers": ("0,1", "{j},{k}", False),
    "0 1 2 over whole numbers": ("0,1,2", "{j},{j},{k}", False),
    "0 1 2 over fractions": ("0,1,2", "{i},{j},{k}", True),
    "0 to 5 over whole numbers": ("0,1,2,3,4,5", "{j},{j},{j},{j},{j},{k}", True),
    "years": ("country,1990,1991,y", "c{k},{i},{j},{k}", True),
    "a gap in the first row": ("n.d.,3,a", "{i},{j},a{k}", False),
    "a gap of R": ("NA,3,1", "{i},{j},{k}", False),
    "a Unicode minus": ("\u22121.5,3,1", "{i},{j},{k}", False),
    "names over names": ("v,shape,kind", "w{i},s{k},a{k}", True),
    "different names only": ("alice,bob", "p{i},q{i}", False),
    "names, one that is a class": ("who,label", "p{i},a{k}", True),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_first_row_is_a_header_only_where_that_is_sure(case):
    from workbench.data.tables.delimited import parse

    first, below, expected = HEADERS[case]
    text = first + "\n" + "".join(below.format(i=i + 0.5, j=i * i % 7, k=i % 2) + "\n" for i in range(40))
    raw = parse(text, "t.csv", 100, 100)
    assert len(raw.frame) == 41 - expected
    assert (list(raw.frame) == first.split(",")) is expected
    assert any("no header" in note for note in raw.notes) is not expected
