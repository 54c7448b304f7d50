from __future__ import annotations

import pytest

from nikdev_iot.cli.importing.cells import FileRefused, Row
from nikdev_iot.cli.importing.selection import As, Missing, Selection, SelectionOptions, Target

COLUMNS = ("time", "temp", "a,b", "CO/ppm", "x=y", "id")


def test_all_columns_but_the_time():
    selection = Selection(SelectionOptions(time=("time",)), columns=("time", "temp", "id"))
    assert selection.target_of("time") is None
    assert selection.target_of("temp") == Target("temp", As.CELL)
    assert selection.target_of("id") == Target("id", As.CELL)


def _chosen(*columns, known=COLUMNS, **more):
    selection = Selection(SelectionOptions(time=("time",), columns=columns, **more), columns=known)
    return [name for name in known if selection.target_of(name)]


def test_only_those_asked_for():
    assert _chosen("temp, id") == ["temp", "id"]
    assert _chosen("id", "temp") == ["temp", "id"]


def test_a_name_with_a_comma_stands_alone_or_in_quotes():
    assert _chosen("a,b", rename=("a,b=ab",)) == ["a,b"]
    assert _chosen('temp,"a,b"', rename=("a,b=ab",)) == ["temp", "a,b"]


def test_the_time_may_be_a_field_too_where_it_is_asked_for():
    assert _chosen("time,temp") == ["time", "temp"]


def test_a_name_that_is_no_field_id_needs_another_one():
    with pytest.raises(FileRefused, match=r"The column 'CO/ppm' cannot be a Field ID.*--rename 'CO/ppm=NAME'"):
        Selection(SelectionOptions(time=("time",)), columns=("time", "CO/ppm"))
    selection = Selection(SelectionOptions(time=("time",), rename=("CO/ppm=CO ppm",)), columns=("time", "CO/ppm"))
    assert selection.target_of("CO/ppm") == Target("CO ppm", As.CELL)


def test_a_name_with_an_equals_sign():
    selection = Selection(SelectionOptions(time=("time",), where=("x=y=1",)), columns=("time", "x=y"))
    assert selection.where == {"x=y": frozenset({"1"})}


def test_how_cells_are_read():
    selection = Selection(
        SelectionOptions(time=("t",), floats=("a,b",), texts=("c",)), columns=("t", "a", "b", "c", "d")
    )
    assert [selection.target_of(name) for name in "abcd"] == [
        Target("a", As.FLOAT),
        Target("b", As.FLOAT),
        Target("c", As.TEXT),
        Target("d", As.CELL),
    ]


def test_float_and_text_at_once():
    with pytest.raises(FileRefused, match="both --float and --text"):
        Selection(SelectionOptions(time=("t",), floats=("a",), texts=("a",)), columns=("t", "a"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time": ("tme",)}, r"no column 'tme' \(--time\).*Did you mean 'time'.*Its columns: time, temp"),
        ({"time": ("time",), "columns": ("tmp",)}, r"no column 'tmp' \(--columns\)"),
        ({"time": ("time",), "where": ("device=1",)}, r"no column 'device' \(--where\)"),
        ({"time": ("time",), "rename": ("a=b",)}, r"no column 'a' \(--rename\)"),
        ({"time": ("time",), "floats": ("a",)}, r"no column 'a' \(--float\)"),
        ({"time": ("time",), "texts": ("a",)}, r"no column 'a' \(--text\)"),
    ],
)
def test_a_column_that_is_not_there(options, said):
    with pytest.raises(FileRefused, match=said):
        Selection(SelectionOptions(**options), columns=("time", "temp"))


def test_where_columns_show_only_later_names_are_checked_later():
    selection = Selection(SelectionOptions(time=("ts",), columns=("data.tmp",)))
    with pytest.raises(FileRefused, match=r"no column 'data\.tmp'.*Did you mean 'data\.temp'"):
        selection.check_seen({"ts", "data.temp"})


def test_a_repeated_name_matters_only_where_it_is_used():
    repeated = {"a": (2, 4)}
    with pytest.raises(FileRefused, match="columns 2 and 4 have the same name 'a'"):
        Selection(SelectionOptions(time=("t",)), columns=("t", "a", "b"), repeated=repeated)
    with pytest.raises(FileRefused, match="columns 2 and 4"):
        Selection(SelectionOptions(time=("a",), columns=("b",)), columns=("t", "a", "b"), repeated=repeated)
    Selection(SelectionOptions(time=("t",), columns=("b",)), columns=("t", "a", "b"), repeated=repeated)


def test_two_columns_cannot_become_one_field():
    with pytest.raises(FileRefused, match="'a' and 'b' would become one field 'a'"):
        Selection(SelectionOptions(time=("t",), rename=("b=a",)), columns=("t", "a", "b"))


@pytest.mark.parametrize(
    ("where", "cells", "problem", "admitted"),
    [
        ((), {}, "", True),
        (("id=7",), {"id": " 7 "}, "", True),
        (("id=7",), {"id": "8"}, "", False),
        (("id=7",), {"id": "7.0"}, "", False),
        (("id=7", "id=8"), {"id": "8"}, "", True),
        (("id=7", "on=true"), {"id": "7", "on": False}, "", False),
        (("id=7", "on=true"), {"id": 7, "on": True}, "", True),
        (("id=",), {"id": None}, "", True),
        (("id=7",), {}, "", False),
        (("id=7",), {}, "breaks off", None),
        (("id=7",), {"id": "8"}, "breaks off", False),
    ],
)
def test_where(where, cells, problem, admitted):
    selection = Selection(SelectionOptions(time=("t",), where=where))
    assert selection.admits(Row(1, cells, problem)) is admitted


def test_missing_texts_and_the_numbers_they_are():
    missing = Missing(["-200", " NaN ", "n/a", "1e400"])
    assert missing.texts == {"-200", "NaN", "n/a", "1e400"}
    assert -200.0 in missing.numbers
    assert len(missing.numbers) == 2
