from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.segments.made import NOW_US, gathered, plans, stored_packs

from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Kind
from nikdev_iot.server.segments.records import NO_ROWS, SegmentColumn
from nikdev_iot.server.segments.statistics import (
    MAX_BLOCK_ROWS,
    SCALE,
    block_length_us,
    blocks_of,
    statistics_of,
)

_HOUR_US = 3_600_000_000


def _times(count: int, every_us: int) -> np.ndarray:
    return NOW_US + every_us * np.arange(count, dtype=np.int64)


def test_blocks_are_of_a_round_length_and_neither_tiny_nor_huge() -> None:
    assert block_length_us(_times(100_000, 1_000_000)) == _HOUR_US
    assert block_length_us(_times(100_000, 10_000_000)) == _HOUR_US
    assert block_length_us(_times(2_000, 60_000_000)) == 24 * _HOUR_US
    assert block_length_us(_times(2_000, _HOUR_US)) == 28 * 24 * _HOUR_US
    assert block_length_us(_times(100_000, 1_000)) == 1_000_000
    assert block_length_us(_times(1, 1)) == block_length_us(np.full(9_000, NOW_US)) == 1_000_000


def test_one_row_far_off_makes_no_huge_block() -> None:
    times = np.concatenate(([0], _times(50_000, 1_000_000)))
    length_us = block_length_us(times)
    assert length_us == _HOUR_US
    sizes = np.diff(np.append(blocks_of(times, np.arange(50_001), length_us).begins, 50_001))
    assert sizes.max() <= MAX_BLOCK_ROWS


@settings(max_examples=15)
@given(plans, st.sampled_from([1, 7, 1_000_000]))
def test_statistics_are_those_of_the_values(plan: list[list[tuple]], length_us: int) -> None:
    segment = gathered(stored_packs(plan))
    blocks = blocks_of(segment.times, segment.numbers, length_us)
    of_row = (segment.times // length_us).tolist()
    assert len(blocks) == len(set(of_row))
    for column in segment.columns:
        rows = list(range(len(segment))) if column.at is None else column.at.tolist()
        by_block: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            by_block.setdefault(of_row[row], []).append(place)
        found = statistics_of(column, segment.times, segment.numbers, blocks)
        assert found.counts.tolist() == [len(places) for places in by_block.values()]
        assert segment.times[blocks.begins[found.blocks]].tolist() == [
            segment.times[of_row.index(key)] for key in by_block
        ]
        firsts = [rows[places[0]] for places in by_block.values()]
        lasts = [rows[places[-1]] for places in by_block.values()]
        assert found.places.first_times.tolist() == segment.times[firsts].tolist()
        assert found.places.last_times.tolist() == segment.times[lasts].tolist()
        assert found.places.first_numbers.tolist() == segment.numbers[firsts].tolist()
        assert found.places.last_numbers.tolist() == segment.numbers[lasts].tolist()
        if found.numbers is None:
            assert column.kind is Kind.TEXT
            continue
        values = [[column.data[place].item() for place in places] for places in by_block.values()]
        assert found.numbers.lows.tolist() == [min(some) for some in values]
        assert found.numbers.highs.tolist() == [max(some) for some in values]
        assert found.numbers.firsts.tolist() == [some[0] for some in values]
        assert found.numbers.lasts.tolist() == [some[-1] for some in values]
        if column.kind is Kind.FLOAT:
            scale = SCALE if found.numbers.is_scaled else 1.0
            np.testing.assert_allclose(
                found.numbers.totals, [sum(value * scale for value in some) for some in values], rtol=1e-12, atol=1e290
            )
        else:
            pairs = zip(found.numbers.high_sums.tolist(), found.numbers.low_sums.tolist(), strict=True)
            assert [high * 2**32 + low for high, low in pairs] == [sum(some) for some in values]


def test_sums_do_not_overflow() -> None:
    times, numbers = np.arange(4), np.arange(1, 5)
    blocks = blocks_of(times, numbers, 10)
    found = statistics_of(SegmentColumn("f", Kind.FLOAT, None, np.full(4, 1.5e308), NO_ROWS), times, numbers, blocks)
    assert found.numbers.is_scaled
    assert found.numbers.totals.tolist() == [4 * (1.5e308 * SCALE)]
    whole = SegmentColumn("i", Kind.INT, None, np.array([INT64_MAX, INT64_MAX, INT64_MIN, 5]), NO_ROWS)
    found = statistics_of(whole, times, numbers, blocks)
    assert (int(found.numbers.high_sums[0]) << 32) + int(found.numbers.low_sums[0]) == INT64_MAX * 2 + INT64_MIN + 5


def test_no_rows_have_no_blocks() -> None:
    assert len(blocks_of(NO_ROWS, NO_ROWS, 1)) == 0
