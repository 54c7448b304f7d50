from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.cli.importing.json_source import flatten, read_json_array, read_json_lines
from nikdev_iot.model.errors import ValueRefused

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
OBJECTS = st.dictionaries(st.text(st.characters(exclude_characters=".")), SCALARS)


@pytest.mark.parametrize(
    ("item", "cells"),
    [
        ({"a": 1, "b": {"c": True, "d": {"e": None}}}, {"a": 1, "b.c": True, "b.d.e": None}),
        ({"a": [1, {"b": 2}]}, {"a.0": 1, "a.1.b": 2}),
        ({"a": {}, "b": []}, {}),
    ],
)
def test_nested_keys_are_joined_by_dots(item, cells):
    assert flatten(item) == cells


def test_two_ways_to_one_name_are_refused():
    with pytest.raises(ValueRefused, match=r"has 'a\.b' twice"):
        flatten({"a": {"b": 1}, "a.b": 2})


@given(st.lists(OBJECTS), st.sampled_from([None, 1]))
def test_objects_come_back_from_an_array_and_from_lines(objects, indent):
    array = list(read_json_array(json.dumps(objects, indent=indent)))
    assert [row.cells for row in array] == objects
    assert [row.item for row in array] == list(range(1, len(objects) + 1))
    lines = list(read_json_lines(json.dumps(item) for item in objects))
    assert [row.cells for row in lines] == objects
    assert [row.line for row in lines] == list(range(1, len(objects) + 1))
    for row, item in zip(array, objects, strict=True):
        assert [type(cell) for cell in row.cells.values()] == [type(value) for value in item.values()]


def test_items_of_an_array_know_their_line():
    rows = list(read_json_array('\n[ {"a": 1},\n  {"a":\n 2}, {"a": 3}\n]'))
    assert [(row.line, row.item, row.cells) for row in rows] == [(2, 1, {"a": 1}), (3, 2, {"a": 2}), (4, 3, {"a": 3})]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[{"a": 1}, {"a": }]', "line 1, column 18"),
        ('[{"a": 1}\n{"a": 2}]', "line 2, column 1"),
        ('[{"a": 1},\n', "line 2, column 1"),
        ('[{"a": 1}', "line 1, column 10"),
        ("[", "line 1, column 2"),
    ],
)
def test_an_array_that_breaks_off_is_named_with_its_place(text, place):
    with pytest.raises(ValueRefused, match=f"^{place}: the file is not JSON"):
        list(read_json_array(text))


def test_no_array():
    with pytest.raises(ValueRefused, match=r"does not begin with \["):
        list(read_json_array('{"a": 1}'))


def test_lines_that_are_no_objects_are_bad_rows():
    rows = list(read_json_lines(['{"a": 1}\n', "\n", "{\n", "7\n", '{"a": 1, "a": 2}\n']))
    assert [row.line for row in rows] == [1, 3, 4, 5]
    assert rows[0].problem == ""
    assert rows[1].problem.startswith("is not JSON: ")
    assert rows[2].problem == "is not a JSON object"
    assert rows[3].problem == "has 'a' twice"


def test_nesting_without_end_is_a_bad_row():
    deep = '{"a": ' * 100_000 + "1" + "}" * 100_000
    (row,) = read_json_lines([deep])
    assert row.problem


def test_an_int_with_too_many_digits_is_a_bad_row():
    (row,) = read_json_lines(['{"a": ' + "9" * 5000 + "}"])
    assert row.problem.startswith("is not JSON")
