from __future__ import annotations

import uuid

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.query.made import FIELDS, ORIGINS, narrowed, pack_lists, rows_of_packs, rows_of_table, stored_pack

from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.merge import merge
from nikdev_iot.server.query.table import Table, empty_table, split_origin, value_bytes

DEVICE = uuid.UUID(int=9)


def table_of(packs) -> Table:
    return merge([decode_table(stored_pack(pack, DEVICE)) for pack in packs])


@given(pack_lists(), st.integers(0, 30), st.integers(0, 30))
def test_a_slice_holds_the_rows_that_a_list_would(packs, start, stop):
    table = table_of(packs)
    start = min(start, len(table))
    stop = min(max(start, stop), len(table))
    found = table.slice(start, stop)
    assert [row.exact() for row in rows_of_table(found)] == [row.exact() for row in rows_of_packs(packs)[start:stop]]
    assert all(len(column.data) for column in found.columns.values()) or not len(found)


@given(pack_lists(), st.none() | st.sets(st.sampled_from(FIELDS)))
def test_only_keeps_rows_with_a_value_in_the_fields(packs, fields):
    wide = {"start_us": -(2**62), "end_us": 2**62}
    expected = narrowed(rows_of_packs(packs), fields=FIELDS if fields is None else fields, **wide)
    assert [row.exact() for row in rows_of_table(table_of(packs).only(fields))] == [row.exact() for row in expected]


@given(pack_lists())
def test_sizes_grow_with_what_is_held(packs):
    table = table_of(packs)
    costs = table.row_bytes()
    assert len(costs) == len(table)
    for row, cost in zip(rows_of_table(table), costs.tolist(), strict=True):
        assert cost >= sum(len(msgspec.json.encode(v)) + 18 for v in row.values.values())
    assert table.answer_bytes() == costs.sum()
    assert rows_of_table(table.owned()) == rows_of_table(table)
    assert table.size_bytes() >= table.slice(0, len(table) // 2).size_bytes()


@given(st.text('a\x00\n"\\é\U0001f321', max_size=200), st.integers(0, 3))
def test_texts_count_as_they_are_written_and_kept(text, times):
    (size,) = value_bytes(np.array([text * 4**times], dtype=object)).tolist()
    assert size >= max(len(msgspec.json.encode(text * 4**times)), len(text) * 4**times) + 18


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_origin_is_put_together_again(origin):
    high, low = split_origin(origin)
    assert uuid.UUID(int=high << 64 | low) == origin


def test_an_empty_table_has_no_rows():
    assert len(empty_table()) == 0
    assert rows_of_table(empty_table().only({"a"})) == []
