from __future__ import annotations

import uuid
from fractions import Fraction
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import (
    FIELDS,
    ORIGINS,
    Row,
    exact,
    narrowed,
    new_device,
    pack_lists,
    plain_values,
    rows_of_packs,
)

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.values import Kind, Value, kind_of
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.server.query.series import (
    MAX_MESSAGES,
    FieldBuckets,
    FieldRaw,
    GivenUp,
    SeriesData,
    SeriesQuery,
    cost_rows,
    read_series,
)
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.wire.pack import NO_PACK, Pack, pack_from_commits


def read(storage: Storage, device_id: uuid.UUID, **options: Any) -> SeriesData:
    given = {"fields": dict.fromkeys(FIELDS, frozenset()), "start_us": -(10**7), "end_us": 10**7, "points": 800}
    query = SeriesQuery(device_id=device_id, **{**given, **options})
    spans = storage.spans(device_id, start_us=query.start_us, end_us=query.end_us)
    return read_series(storage, PackCache(storage), query, spans)


def _is_number(value: Value) -> bool:
    return kind_of(value) in {Kind.INT, Kind.FLOAT}


def _pairs(rows: list[Row], field: str) -> list[tuple[int, Value]]:
    return [(row.time_us, row.values[field]) for row in rows if field in row.values]


def _runs(pairs: list[tuple[int, Value]]) -> list[tuple[int, int, Value]]:
    """What a naive reader makes of a field's bools and texts."""
    keyed = [(at, (None, None) if _is_number(value) else exact(value), value) for at, value in pairs]
    runs = [list(found) for _, found in groupby(keyed, key=lambda item: item[1])]
    ends = [*(run[0][0] for run in runs[1:]), pairs[-1][0]] if pairs else []
    return [(run[0][0], end, run[0][2]) for run, end in zip(runs, ends, strict=True) if not _is_number(run[0][2])]


ranges = st.tuples(st.integers(-5, 10), st.integers(1, 20))


@settings(max_examples=150, deadline=None)
@given(packs=pack_lists(value=plain_values), window=ranges, fields=st.sets(st.sampled_from(FIELDS), min_size=1))
def test_few_commits_come_one_by_one(storage: Storage, packs: list[Pack], window: tuple[int, int], fields: set[str]):
    start_us, end_us = window[0], window[0] + window[1]
    device_id = new_device(storage, packs)
    data = read(storage, device_id, fields=dict.fromkeys(fields, frozenset()), start_us=start_us, end_us=end_us)
    rows = narrowed(rows_of_packs(packs), fields=fields, start_us=start_us, end_us=end_us)
    assert (data.every_us, data.commits) == (0, len(rows))
    for field, series in data.fields.items():
        pairs = _pairs(rows, field)
        numbers = [(at, exact(value)) for at, value in pairs if _is_number(value)]
        found = series.numbers
        assert isinstance(found, FieldRaw | None)
        shown = [] if found is None else list(zip(found.times.tolist(), map(exact, found.values), strict=True))
        assert shown == numbers
        assert ([] if series.states is None else series.states.runs) == _runs(pairs)
        assert series.kinds == {kind_of(value) for _, value in pairs}


@settings(max_examples=150, deadline=None)
@given(packs=pack_lists(value=plain_values, times=st.integers(0, 60_000)), points=st.integers(1, 6))
def test_many_commits_come_in_buckets(storage: Storage, packs: list[Pack], points: int):
    device_id = new_device(storage, packs)
    data = read(storage, device_id, start_us=0, end_us=70_000, points=points)
    rows = narrowed(rows_of_packs(packs), fields=FIELDS, start_us=0, end_us=70_000)
    assert data.commits == len(rows)
    if len(rows) <= points:
        assert data.every_us == 0
        return
    every_us = data.every_us
    assert every_us > 0
    for field, series in data.fields.items():
        pairs = [(at, value) for at, value in _pairs(rows, field) if _is_number(value)]
        buckets = {
            start: [v for _, v in found] for start, found in groupby(pairs, lambda p: p[0] // every_us * every_us)
        }
        found = series.numbers
        if not pairs:
            assert found is None
            continue
        assert isinstance(found, FieldBuckets)
        assert found.times.tolist() == list(buckets)
        assert list(found.counts) == [len(values) for values in buckets.values()]
        assert list(found.lows) == [min(values) for values in buckets.values()]
        assert list(found.highs) == [max(values) for values in buckets.values()]
        spread = max(v for _, v in pairs) - min(v for _, v in pairs)
        for mean, values in zip(found.means.tolist(), buckets.values(), strict=True):
            assert min(values) <= mean <= max(values)
            plain = sum(map(Fraction, values)) / len(values)
            assert abs(mean - plain) <= spread * 1e-5 + 1e-9 * (1 + abs(plain))


@settings(max_examples=60, deadline=None)
@given(packs=pack_lists(value=st.booleans() | st.sampled_from(["x", "y"]), times=st.integers(0, 500)))
def test_states_of_many_commits_are_lossless_while_they_are_few(storage: Storage, packs: list[Pack]):
    device_id = new_device(storage, packs)
    rows = narrowed(rows_of_packs(packs), fields=FIELDS, start_us=0, end_us=500)
    points = max([len(_runs(_pairs(rows, field))) for field in FIELDS], default=0) or 1
    data = read(storage, device_id, start_us=0, end_us=500, points=points)
    for field, series in data.fields.items():
        assert ([] if series.states is None else series.states.runs) == _runs(_pairs(rows, field))
        assert series.states is None or not series.states.more


@given(packs=pack_lists())
@settings(max_examples=100, deadline=None)
def test_no_value_is_beyond_what_it_is_shown_in(storage: Storage, packs: list[Pack]):
    """Whatever numbers there are: the largest, the smallest, whole ones beyond what a float holds."""
    device_id = new_device(storage, packs)
    data = read(storage, device_id, points=1)
    if not data.every_us:
        return
    for field, series in data.fields.items():
        values = [v for _, v in _pairs(rows_of_packs(packs), field) if _is_number(v)]
        if not values:
            continue
        found = series.numbers
        assert isinstance(found, FieldBuckets)
        assert (min(found.lows), max(found.highs)) == (min(values), max(values))
        for mean, low, high in zip(found.means.tolist(), found.lows, found.highs, strict=True):
            assert float(low) <= mean <= float(high)


def test_many_small_packs_are_summed_up_together(storage: Storage):
    packs = [
        pack_from_commits(ORIGINS[0], [Commit(n, n * 1000, (("a", n), ("b", n % 2 == 0)))], parent=NO_PACK)
        for n in range(1, 2_501)
    ]
    device_id = new_device(storage, packs)
    data = read(storage, device_id, start_us=0, end_us=2_600_000, points=50)
    numbers, states = data.fields["a"].numbers, data.fields["b"].states
    assert isinstance(numbers, FieldBuckets)
    assert states is not None
    assert sum(numbers.counts) == 2_500
    assert (min(numbers.lows), max(numbers.highs)) == (1, 2_500)
    assert states.more
    assert len(states.runs) <= 200


def test_messages_of_the_range_are_told_and_the_newest_where_they_are_many(storage: Storage):
    commits = [Commit(n, n, (("a", n),), f"message {n}") for n in range(1, 1_001)]
    device_id = new_device(
        storage,
        [pack_from_commits(ORIGINS[0], commits[start : start + 100], parent=NO_PACK) for start in range(0, 1000, 100)],
    )
    few = read(storage, device_id, start_us=10, end_us=13)
    assert [(m.time_us, m.number, m.origin, m.text) for m in few.messages] == [
        (n, n, ORIGINS[0], f"message {n}") for n in (10, 11, 12)
    ]
    many = read(storage, device_id, start_us=0, end_us=901, points=10)
    assert [m.number for m in many.messages] == list(range(901 - MAX_MESSAGES, 901))


def test_a_read_that_nobody_waits_for_ends(storage: Storage):
    device_id = new_device(
        storage,
        [pack_from_commits(ORIGINS[0], [Commit(n, n, (("a", n),))], parent=NO_PACK) for n in range(1, 200)],
    )
    query = SeriesQuery(device_id=device_id, fields={"a": frozenset()}, start_us=0, end_us=1_000, points=10)
    spans = storage.spans(device_id, start_us=0, end_us=1_000)
    assert cost_rows(spans) > len(spans)
    asked = []

    def is_wanted() -> bool:
        asked.append(True)
        return len(asked) < 3

    with pytest.raises(GivenUp):
        read_series(storage, PackCache(storage), query, spans, is_wanted=is_wanted)
    assert len(asked) == 3
