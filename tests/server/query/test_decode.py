from __future__ import annotations

import uuid
import zlib
from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.query.made import ORIGINS, pack_lists, plain_values, rows_of_pack, rows_of_table, stored_pack

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.values import Kind, Value, kind_of
from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.pack import NO_PACK, Pack, pack_from_commits

DEVICE = uuid.UUID(int=9)
PACK = Pack(
    origin=ORIGINS[0],
    first=1,
    count=4,
    parent=NO_PACK,
    times=array("q", [30, 10, 20, 10]),
    columns=(
        Column("a", None, array("q", [1, 2, 3, 4])),
        Column("b", array("I", [0, 2]), ["x", "y"]),
        Column("b", array("I", [1]), array("B", [1])),
    ),
)


@given(pack_lists())
def test_a_table_holds_the_commits_of_its_pack_by_time_and_number(packs):
    for pack in packs:
        for level in (0, 1):
            found = rows_of_table(decode_table(stored_pack(pack, DEVICE, level=level)))
            expected = sorted(rows_of_pack(pack), key=lambda row: row.place)
            assert [row.exact() for row in found] == [row.exact() for row in expected]


def test_a_clock_that_steps_back_leaves_numbers_with_their_values():
    rows = rows_of_table(decode_table(stored_pack(PACK, DEVICE)))
    assert [(row.time_us, row.number, row.values) for row in rows] == [
        (10, 2, {"a": 2, "b": True}),
        (10, 4, {"a": 4}),
        (20, 3, {"a": 3, "b": "y"}),
        (30, 1, {"a": 1, "b": "x"}),
    ]


def test_two_columns_of_one_field_and_kind_are_joined():
    columns = (
        Column("a", array("I", [1, 3]), array("q", [20, 40])),
        Column("a", array("I", [0, 2]), array("q", [10, 30])),
    )
    pack = replace(PACK, times=array("q", [1, 2, 3, 4]), columns=columns)
    rows = rows_of_table(decode_table(stored_pack(pack, DEVICE)))
    assert [row.values["a"] for row in rows] == [10, 20, 30, 40]


@pytest.mark.parametrize(
    "change",
    [
        lambda stored: stored._replace(payload=stored.payload[:-1]),
        lambda stored: stored._replace(payload=zlib.compress(b"\xff" * stored.content_bytes)),
        lambda stored: stored._replace(payload=zlib.compress(b"\xa0"), content_bytes=1),
        lambda stored: stored._replace(codec=9),
        lambda stored: stored._replace(content_bytes=stored.content_bytes + 1),
    ],
)
def test_what_is_no_pack_is_said_to_be_corrupt(change):
    with pytest.raises(StorageCorrupt, match="The pack 1 to 4 of origin") as caught:
        decode_table(change(stored_pack(PACK, DEVICE)))
    assert "backup" in caught.value.hint


@given(
    st.lists(
        st.tuples(st.text("abc", min_size=1, max_size=3), plain_values), min_size=1, unique_by=lambda pair: pair[0]
    ),
    st.integers(1, 300),
    st.integers(-(10**15), 10**15),
)
def test_packs_of_one_commit_are_read_by_template_as_any_other(
    pairs: list[tuple[str, Value]], number: int, time_us: int
):
    for first in (number, number + 1):  # the second time, there is a template where there can be one
        pack = pack_from_commits(ORIGINS[2], [Commit(first, time_us + first, tuple(pairs))], parent=NO_PACK)
        table = decode_table(stored_pack(pack, uuid.UUID(int=1), level=first % 2))
        assert [row.exact() for row in rows_of_table(table)] == [row.exact() for row in rows_of_pack(pack)]
        assert {key: column.data.dtype.kind for key, column in table.columns.items()} == {
            (name, kind_of(value)): {Kind.BOOL: "b", Kind.INT: "i", Kind.FLOAT: "f", Kind.TEXT: "O"}[kind_of(value)]
            for name, value in pairs
        }
