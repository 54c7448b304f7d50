from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.segments.made import gathered, packs_of, plain_plan, plans, stored_packs, told

from nikdev_iot.server.segments.decode import decode_segment
from nikdev_iot.server.segments.encode import encode_segment
from nikdev_iot.server.segments.erase import erase
from nikdev_iot.server.segments.records import NO_ROWS, Segment
from nikdev_iot.server.segments.unpack import Unpacker
from nikdev_iot.wire.limits import UNLIMITED
from nikdev_iot.wire.pack import decode_content, decompress


def _hidden(data: st.DataObject, segment: Segment) -> dict[int, np.ndarray]:
    if not len(segment) or not segment.columns:
        return {}
    rows = st.sets(st.integers(0, len(segment) - 1)).map(lambda found: np.array(sorted(found), dtype=np.int64))
    return data.draw(st.dictionaries(st.integers(0, len(segment.columns) - 1), rows))


@settings(max_examples=15)
@given(plans, st.data())
def test_what_is_hidden_is_gone_and_nothing_else(plan: list[list[tuple]], data: st.DataObject) -> None:
    whole = gathered(stored_packs(plan))
    expected = {
        (int(whole.numbers[row]), column.field_id): value
        for column in whole.columns
        for row, value in _items(whole, column)
    }
    digests = {number: digest for pack in packs_of(plan) for number, digest in pack.digests()}
    segment, gone = whole, set()
    for _ in range(2):  # the second time, some commits have lost values before
        hidden = _hidden(data, whole)
        for index, rows in hidden.items():
            had = {row for row, _ in _items(whole, whole.columns[index])}
            gone |= {(int(whole.numbers[row]), whole.columns[index].field_id) for row in rows.tolist() if row in had}
        segment = decode_segment(*encode_segment(erase(segment, hidden)))
    taken: set[tuple[int, str]] = set()
    found = {}
    for pack in Unpacker(segment).packs(segment.packs):
        content = decode_content(decompress(pack.payload, pack.codec, pack.content_bytes), UNLIMITED)
        found |= {(one.number, name): value for one in content.commits() for name, value in one.values}
        taken |= {(one.number, name) for one in pack.erased for name in one.field_ids}
        known = {one.number: one.digest for one in pack.erased}
        assert known.keys() == {number for number, _ in gone if pack.first <= number <= pack.last}
        for number, digest in content.digests():
            assert known.get(number, digest) == digests[number]
    assert taken == gone
    assert found == {key: value for key, value in expected.items() if key not in gone}


def _items(segment: Segment, column) -> list[tuple]:
    at = range(len(segment)) if column.at is None else column.at.tolist()
    return list(zip(at, column.data.tolist(), strict=True))


def test_nothing_hidden_is_the_same_segment() -> None:
    segment = gathered(stored_packs(plain_plan()))
    assert erase(segment, {}) is segment
    assert erase(segment, {0: NO_ROWS}) is segment
    once = erase(segment, {1: np.array([3, 4])})
    assert told(erase(once, {1: np.array([4])})) == told(once)


def test_no_value_is_left_in_the_bytes() -> None:
    plan = [[(n, (("a", f"secret {n}"), ("b", n)), None, 0, False) for n in range(3)]]
    segment = erase(gathered(stored_packs(plan)), {0: np.array([1])})
    raw = b"".join(encode_segment(segment))
    texts = decode_segment(*encode_segment(segment)).columns[0].data.tolist()
    assert texts == ["secret 0", "secret 2"]
    assert b"secret 1" not in raw
