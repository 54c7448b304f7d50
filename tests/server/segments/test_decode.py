from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from tests.server.segments.made import gathered, plain_plan, plans, stored_packs, told
from tests.server.segments.worked_example import example, example_segment

from nikdev_iot.model.values import Kind
from nikdev_iot.server.segments.decode import SegmentReader, decode_segment
from nikdev_iot.server.segments.encode import encode_segment
from nikdev_iot.server.segments.records import SegmentDamaged
from nikdev_iot.server.segments.statistics import blocks_of, statistics_of


@settings(max_examples=15)
@given(plans)
def test_a_segment_comes_back(plan: list[list[tuple]]) -> None:
    segment = gathered(stored_packs(plan))
    assert told(decode_segment(*encode_segment(segment))) == told(segment)


def test_a_large_segment_comes_back() -> None:
    segment = gathered(stored_packs(plain_plan(packs=30, rows=300)))
    assert told(decode_segment(*encode_segment(segment))) == told(segment)


def test_the_summary_is_read_without_the_body() -> None:
    segment = gathered(stored_packs(plain_plan(packs=3, rows=2_500, fields=2)))

    def no_body() -> bytes:
        raise AssertionError("the body was read")

    reader = SegmentReader(encode_segment(segment).summary, no_body)
    assert (reader.device_id, reader.origin) == (segment.device_id, segment.origin)
    assert (reader.first, reader.last, reader.row_count, reader.pack_count) == (1, 7_500, 7_500, 3)
    assert (reader.first_arrival, reader.last_arrival) == (10, 16)
    assert (reader.min_time_us, reader.max_time_us) == (segment.times[0], segment.times[-1])
    assert (reader.first_time_us, reader.last_time_us) == (segment.times[0], segment.times[-1])
    blocks = blocks_of(segment.times, segment.numbers, reader.block_us)
    assert reader.blocks.begins.tolist() == blocks.begins.tolist()
    for head, column in zip(reader.columns, segment.columns, strict=True):
        assert (head.field_id, head.kind, head.is_every) == (column.field_id, Kind.FLOAT, True)
        found, expected = reader.statistics(head), statistics_of(column, segment.times, segment.numbers, blocks)
        for name in ("lows", "highs", "firsts", "lasts", "totals"):
            assert getattr(found.numbers, name).tolist() == getattr(expected.numbers, name).tolist()
        assert found.counts.tolist() == expected.counts.tolist()
    assert reader.gaps == reader.messages == ()


@settings(max_examples=15)
@given(plans)
def test_statistics_come_back(plan: list[list[tuple]]) -> None:
    segment = gathered(stored_packs(plan))
    encoded = encode_segment(segment)
    reader = SegmentReader(encoded.summary, lambda: encoded.body)
    for head, column in zip(reader.columns, segment.columns, strict=True):
        found = reader.statistics(head)
        expected = statistics_of(column, segment.times, segment.numbers, reader.blocks)
        assert found is not None
        assert _listed(found) == _listed(expected)


def _listed(found) -> list:
    arrays = [found.blocks, found.counts, *(getattr(found.places, name) for name in found.places.__slots__)]
    if found.numbers is not None:
        arrays += [getattr(found.numbers, name) for name in found.numbers.__slots__]
    return [item.tolist() if isinstance(item, np.ndarray) else item for item in arrays]


def test_any_damaged_byte_is_noticed() -> None:
    summary, body = example()
    assert told(decode_segment(summary, body)) == told(example_segment())
    for place in range(len(summary) + len(body)):
        damaged = bytearray(summary + body)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(SegmentDamaged):
            _read_all(bytes(damaged[: len(summary)]), bytes(damaged[len(summary) :]))


def test_larger_damage_is_noticed_too() -> None:
    summary, body = encode_segment(gathered(stored_packs(plain_plan(packs=2, rows=200))))
    chance = random.Random(7)
    for _ in range(200):
        one, other = bytearray(summary), bytearray(body)
        chosen = chance.choice((one, other))
        at, size = chance.randrange(len(chosen)), chance.randrange(1, 40)
        if chance.random() < 0.3:
            del chosen[at:]
        else:
            before = bytes(chosen[at : at + size])
            chosen[at : at + size] = chance.randbytes(len(before))
            if chosen[at : at + size] == before:
                continue
        with pytest.raises(SegmentDamaged):
            _read_all(bytes(one), bytes(other))


def _read_all(summary: bytes, body: bytes) -> None:
    reader = SegmentReader(summary, lambda: body)
    for head in reader.columns:
        reader.statistics(head)
    assert reader.blocks is not None
    decode_segment(summary, body)


def test_a_body_of_another_segment_is_refused() -> None:
    one = encode_segment(gathered(stored_packs(plain_plan(rows=50, seed=1))))
    other = encode_segment(gathered(stored_packs(plain_plan(rows=50, seed=2))))
    with pytest.raises(SegmentDamaged, match="its body"):
        decode_segment(one.summary, other.body)
    reader = SegmentReader(one.summary, lambda: b"")
    with pytest.raises(SegmentDamaged, match="has 0 bytes"):
        len(reader.times)
