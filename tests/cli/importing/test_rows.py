from __future__ import annotations

from datetime import UTC

import pytest

from nikdev_iot.cli.importing.cells import FileRefused, Row
from nikdev_iot.cli.importing.rows import LISTED, BadRows, LineNote, RowReader
from nikdev_iot.cli.importing.selection import Missing, Selection, SelectionOptions
from nikdev_iot.cli.importing.times import TimeReader
from nikdev_iot.cli.importing.zones import zone_named
from nikdev_iot.model.values import Kind


def _reader(*, missing=(), typed=False, skip_bad=False, zone=UTC, time_format="epoch-us", **options):
    return RowReader(
        selection=Selection(SelectionOptions(time=("t",), **options)),
        times=TimeReader(time_format=time_format, zone=zone),
        missing=Missing(missing),
        typed=typed,
        skip_bad=skip_bad,
    )


def _rows(*cells):
    return [Row(line, row) for line, row in enumerate(cells, 2)]


def _typed(commits):
    return [(time_us, [(name, type(value), value) for name, value in values.items()]) for time_us, values, _ in commits]


def test_cells_become_values_of_their_kinds():
    reader = _reader()
    found = list(reader.commits(_rows({"t": "5", "a": "21", "b": "21.0", "c": "true", "d": "x", "e": ""})))
    assert _typed(found) == [(5, [("a", int, 21), ("b", float, 21.0), ("c", bool, True), ("d", str, "x")])]
    assert reader.tally.fields["e"].empty == 1
    assert reader.tally.fields["a"].kinds == {Kind.INT: 1}


def test_json_keeps_its_kinds_and_a_text_stays_one():
    reader = _reader(typed=True, floats=("g",))
    cells = {"t": 5, "a": 21, "b": 21.0, "c": True, "d": "21", "e": None, "f": "", "g": "21"}
    assert _typed(reader.commits(_rows(cells))) == [
        (5, [("a", int, 21), ("b", float, 21.0), ("c", bool, True), ("d", str, "21"), ("g", float, 21.0)])
    ]


def test_columns_as_float_or_text():
    reader = _reader(floats=("a", "b"), texts=("c", "d"))
    cells = {"t": "5", "a": "21", "b": "x", "c": "021", "d": "nan"}
    assert _typed(reader.commits(_rows(cells))) == [
        (5, [("a", float, 21.0), ("b", str, "x"), ("c", str, "021"), ("d", str, "nan")])
    ]


def test_missing_is_exactly_what_was_said():
    reader = _reader(missing=("-200", "n/a", "NaN"))
    rows = _rows({"t": "1", "a": "-200", "b": "n/a", "c": " -200 ", "d": "NaN", "e": "-200.0", "f": "1"})
    assert _typed(reader.commits(rows)) == [(1, [("e", float, -200.0), ("f", int, 1)])]
    assert reader.tally.fields["a"].missing == 1
    assert reader.tally.like_missing == {"-200.0": 1}


def test_rows_without_values_are_skipped_and_counted():
    reader = _reader(missing=("-",))
    rows = _rows({"t": "1", "a": ""}, {"t": "2", "a": "-"}, {"t": "", "a": ""}, {}, {"t": "3", "a": "1"})
    assert [time_us for time_us, *_ in reader.commits(rows)] == [3]
    tally = reader.tally
    assert (tally.rows, tally.commits, tally.without_values, tally.blank) == (3, 1, 2, 2)


def test_equal_times_are_two_commits_in_their_order():
    found = list(_reader().commits(_rows({"t": "7", "a": "1"}, {"t": "7", "a": "2"}, {"t": "6", "a": "3"})))
    assert found == [(7, {"a": 1}, None), (7, {"a": 2}, None), (6, {"a": 3}, None)]


def test_the_span_of_times():
    reader = _reader()
    list(reader.commits(_rows({"t": "7", "a": "1"}, {"t": "2", "a": "2"}, {"t": "6", "a": "3"})))
    assert (reader.tally.first_us, reader.tally.last_us) == (2, 7)


def test_a_bad_row_is_named_and_nothing_follows_it():
    reader = _reader()
    rows = _rows({"t": "1", "a": "1"}, {"t": "x", "a": "2"}, {"t": "3", "a": "3"}, {"t": "4", "a": "inf"})
    given = []
    with pytest.raises(BadRows) as caught:
        given.extend(reader.commits(rows))
    assert [note.line for note in caught.value.problems] == [3, 5]
    assert "2 of 4 rows cannot be read" in caught.value.message
    assert "line 3: has the time 'x'" in caught.value.message
    assert "line 5: The value inf of field 'a'" in caught.value.message
    assert "Nothing was imported" in caught.value.hint


def test_bad_rows_are_skipped_when_asked_for_and_counted():
    reader = _reader(skip_bad=True)
    rows = _rows({"t": "1", "a": "1"}, {"t": "x", "a": "2"}, {"t": "3", "a": "3"})
    assert [time_us for time_us, *_ in reader.commits(rows)] == [1, 3]
    assert (reader.tally.bad, reader.tally.commits) == (1, 2)
    assert [note.line for note in reader.tally.problems] == [3]


def test_only_the_first_bad_rows_are_listed():
    reader = _reader()
    with pytest.raises(BadRows) as caught:
        list(reader.commits(_rows(*({"t": "x", "a": "1"} for _ in range(LISTED + 7)))))
    assert len(caught.value.problems) == LISTED
    assert "and 7 more" in caught.value.message


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"t": "1", "a": "9223372036854775808"}, "beyond 64 bits"),
        ({"t": "1", "a": "x" * 70_000}, "the longest text has"),
        ({"t": "", "a": "1"}, "has no time"),
        ({"a": "1"}, "has no time"),
    ],
)
def test_what_makes_a_row_bad(cells, problem):
    reader = _reader()
    with pytest.raises((BadRows, FileRefused), match=problem):
        list(reader.commits(_rows({"t": "1", "a": "1"}, cells)))


def test_what_cannot_be_a_float_exactly_is_bad():
    with pytest.raises(BadRows, match="no float is exactly"):
        list(_reader(floats=("a",)).commits(_rows({"t": "1", "a": str(2**53 + 1)})))


def test_rows_that_where_leaves_out_are_not_looked_at():
    reader = _reader(where=("id=1",))
    rows = [
        Row(2, {"t": "1", "id": "1", "a": "1"}),
        Row(3, {"t": "never", "id": "2", "a": "nan"}),
        Row(4, {"id": "2"}, "ends after 1 of 3 cells"),
        Row(5, {"t": "5", "id": "1", "a": "5"}),
    ]
    assert [time_us for time_us, *_ in reader.commits(rows)] == [1, 5]
    assert (reader.tally.rows, reader.tally.elsewhere, reader.tally.bad) == (4, 2, 0)


def test_where_that_no_row_meets_is_told():
    with pytest.raises(FileRefused, match=r"None of the 1 rows has id=2 or 3"):
        list(_reader(where=("id=2", "id=3")).commits(_rows({"t": "1", "id": "1"})))


def test_a_name_that_no_row_has_is_told_at_the_end():
    with pytest.raises(FileRefused, match=r"no column 'tmp' \(--columns\)"):
        list(_reader(columns=("tmp",)).commits(_rows({"t": "1", "temp": "1"})))


def test_a_key_that_is_no_field_id_is_the_file_s_fault():
    with pytest.raises(FileRefused, match=r"line 2: The column 'a/b' cannot be a Field ID"):
        list(_reader(skip_bad=True).commits(_rows({"t": "1", "a/b": "1"})))


def test_a_missing_zone_is_told_once():
    reader = _reader(zone=None, time_format=None, skip_bad=True)
    with pytest.raises(FileRefused, match=r"^line 2: The time '2026-01-01' has no offset"):
        list(reader.commits(_rows({"t": "2026-01-01", "a": "1"}, {"t": "2026-01-02", "a": "1"})))


def test_two_keys_that_become_one_field_are_a_bad_row():
    with pytest.raises(BadRows, match="has the field 'a' twice"):
        list(_reader(rename=("b=a",)).commits(_rows({"t": "1", "a": "1", "b": "2"})))


def test_local_times_that_never_were_are_kept_and_listed():
    reader = _reader(time_format=None, zone=zone_named("Europe/Rome"))
    rows = _rows({"t": "2025-03-30 01:30", "a": "1"}, {"t": "2025-03-30 02:30", "a": "2"})
    assert len(list(reader.commits(rows))) == 2
    assert reader.tally.never_lines == [LineNote(3, "2025-03-30 02:30")]


def test_an_item_of_an_array_is_named_beside_its_line():
    reader = _reader(typed=True)
    with pytest.raises(BadRows, match="line 1, item 2: has no time"):
        list(reader.commits([Row(1, {"t": 1, "a": 1}, "", 1), Row(1, {"t": None, "a": 1}, "", 2)]))


def test_no_rows_at_all_are_no_error():
    assert list(_reader().commits([])) == []
