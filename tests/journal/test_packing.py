from __future__ import annotations

import uuid
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.journal.packing import Rows, pack_rows
from nikdev_iot.journal.shapes import shape_of
from nikdev_iot.model.commits import Commit
from nikdev_iot.wire.pack import NO_PACK, Pack, encode_content, pack_from_commits

from .strategies import rows as any_rows


def turned(commits):
    """Rows as the journal would have them, and the shapes they name."""
    places, shapes, rows = {}, [], []
    for number, (time_us, values, message) in enumerate(commits, 1):
        shape = shape_of(values)
        place = places.setdefault((shape.fields, shape.kinds), len(shapes))
        if place == len(shapes):
            shapes.append(shape)
        rows.append((number, time_us, place, shape.encode(values.values()), message))
    return Rows.of(rows), shapes


@given(st.lists(any_rows, min_size=1, max_size=20))
def test_slicing_gives_the_same_bytes_as_putting_values_together_one_by_one(commits):
    rows, shapes = turned(commits)
    packed = pack_rows(rows, shapes.__getitem__)
    origin = uuid.UUID(int=1)
    sliced = Pack(
        origin=origin,
        first=1,
        count=len(commits),
        parent=NO_PACK,
        times=packed.times,
        columns=packed.columns,
        messages=packed.messages,
    )
    slow = pack_from_commits(
        origin,
        [
            Commit(number, time_us, tuple(values.items()), message)
            for number, (time_us, values, message) in enumerate(commits, 1)
        ],
        parent=NO_PACK,
    )
    assert encode_content(sliced) == encode_content(slow)


def test_two_sensors_taking_turns_share_the_column_of_a_common_field():
    commits = [(at, {"t": float(at), ("a" if at % 2 else "b"): at}, None) for at in range(6)]
    rows, shapes = turned(commits)
    packed = pack_rows(rows, shapes.__getitem__)
    assert [(c.field_id, c.at and list(c.at), list(c.data)) for c in packed.columns] == [
        ("t", None, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("b", [0, 2, 4], [0, 2, 4]),
        ("a", [1, 3, 5], [1, 3, 5]),
    ]


def test_no_rows_give_no_columns():
    packed = pack_rows(Rows.of([]), lambda _: pytest.fail("there is no shape to ask for"))
    assert (packed.times, packed.columns, packed.messages) == (array("q"), (), ())


@pytest.mark.parametrize("values", [{"a": 1.0, "b": 2}, {"a": 1, "t": "text"}, {"b": True}])
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"\0"])
def test_a_body_of_the_wrong_length_is_named_by_its_row(values, damage):
    rows, shapes = turned([(0, values, None)] * 3)
    rows.bodies[1] = damage(rows.bodies[1])
    with pytest.raises(ValueError, match=r"^row 2: "):
        pack_rows(rows, shapes.__getitem__)


@pytest.mark.parametrize("values", [{"a": 1, "t": "text"}, {"b": True}])
def test_a_body_that_cannot_be_one_of_its_shape_is_named_by_its_row(values):
    rows, shapes = turned([(0, values, None)] * 3)
    rows.bodies[1] = b"\xff" * len(rows.bodies[1])
    with pytest.raises(ValueError, match=r"^row 2: "):
        pack_rows(rows, shapes.__getitem__)
