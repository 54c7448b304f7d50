from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.cli.importing.csv_source import DELIMITERS, read_csv, sniff_delimiter
from nikdev_iot.model.errors import ValueRefused


def _lines(text):
    return text.splitlines(keepends=True)


def _read(text, delimiter=","):
    table = read_csv(_lines(text), delimiter=delimiter)
    return table, list(table.rows)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ("alone\n1\n", ","),
        ('"a,x";b\n1;2\n', ";"),
        ('time;note\n1;"a, b, c"\n2;"d, e, f"\n', ";"),
        ("", ","),
    ],
)
def test_the_delimiter_is_found_out(text, delimiter):
    assert sniff_delimiter(_lines(text)) == delimiter


@given(
    st.sampled_from(DELIMITERS),
    st.lists(st.lists(st.text(st.characters(categories=["L", "N", "P", "Zs"])), min_size=3, max_size=3), min_size=1),
)
def test_whatever_a_csv_writer_quotes_comes_back(delimiter, records):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(["a", "b", "c"])
    writer.writerows(records)
    file.seek(0)
    rows = list(read_csv(io.StringIO(file.getvalue(), newline=""), delimiter=delimiter).rows)
    assert [list(row.cells.values()) for row in rows if row.cells] == records
    assert [row.problem for row in rows] == [""] * len(rows)


def test_lines_are_those_on_which_a_row_begins():
    _, rows = _read('a,b\r\n1,"two\r\nlines"\r\n\r\n3,4\r\n')
    assert [(row.line, row.cells) for row in rows] == [
        (2, {"a": "1", "b": "two\r\nlines"}),
        (4, {}),
        (5, {"a": "3", "b": "4"}),
    ]


def test_blank_lines_before_the_header_are_passed_over():
    table, rows = _read("\n\na,b\n1,2\n")
    assert table.columns == ("a", "b")
    assert rows[0].line == 4


def test_unnamed_columns_that_are_always_empty_are_left_out():
    table, rows = _read("a,b,,\n1,2,,\n,,,\n")
    assert table.columns == ("a", "b")
    assert [row.cells for row in rows] == [{"a": "1", "b": "2"}, {"a": "", "b": ""}]
    assert [row.problem for row in rows] == ["", ""]


def test_a_value_in_an_unnamed_column_is_named():
    _, rows = _read("a,,b\n1,x,2\n")
    assert rows[0].problem == "has 'x' in column 2, which has no name in the header"


def test_repeated_names_are_told_with_their_columns():
    table, _ = _read("t,a,b,a\n")
    assert table.columns == ("t", "a", "b")
    assert table.repeated == {"a": (2, 4)}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1,2", "ends after 2 of 3 cells"),
        ("1,2,3,4", "has '4' in column 4, which is beyond the 3 of the header"),
        ("1,2,3,,", ""),
        (",", ""),
    ],
)
def test_rows_that_do_not_fit_the_header(row, problem):
    _, rows = _read(f"a,b,c\n{row}\n")
    assert rows[0].problem == problem


def test_a_row_that_breaks_off_keeps_what_came_before():
    _, rows = _read("a,b,c\n1,2\n")
    assert rows[0].cells == {"a": "1", "b": "2"}


def test_a_quote_that_never_ends_is_a_bad_row():
    _, rows = _read('a,b\n1,2\n3,"four\n5,6\n')
    assert rows[0].problem == ""
    assert rows[1].line == 3
    assert rows[1].problem.startswith("is not CSV: ")
    assert len(rows) == 2


def test_a_broken_quote_harms_its_own_row_only():
    _, rows = _read('a,b\n1,"x"y\n5,6\n')
    assert [bool(row.problem) for row in rows] == [True, False]
    assert rows[1].cells == {"a": "5", "b": "6"}


@pytest.mark.parametrize(("text", "problem"), [("", "is empty"), ("\n\n", "is empty"), (",,\n", "no column")])
def test_no_header(text, problem):
    with pytest.raises(ValueRefused, match=problem):
        _read(text)
