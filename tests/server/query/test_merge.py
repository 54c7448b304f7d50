from __future__ import annotations

import uuid

from hypothesis import given
from tests.server.query.made import pack_lists, rows_of_packs, rows_of_table, stored_pack

from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.merge import merge

DEVICE = uuid.UUID(int=9)


@given(pack_lists())
def test_merged_packs_are_in_the_order_of_time_origin_and_number(packs):
    found = rows_of_table(merge([decode_table(stored_pack(pack, DEVICE)) for pack in packs]))
    assert [row.exact() for row in found] == [row.exact() for row in rows_of_packs(packs)]


@given(pack_lists())
def test_merging_in_steps_and_in_any_order_gives_the_same(packs):
    tables = [decode_table(stored_pack(pack, DEVICE)) for pack in packs]
    at_once = merge(tables)
    step_by_step = merge([])
    for table in reversed(tables):
        step_by_step = merge([step_by_step, table])
    assert [row.exact() for row in rows_of_table(step_by_step)] == [row.exact() for row in rows_of_table(at_once)]
