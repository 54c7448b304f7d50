from __future__ import annotations

import uuid
from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.server.query.made import exact, pack_lists, stored_pack

from nikdev_iot.model.values import Kind, kind_of
from nikdev_iot.server.query.aggregates import SCALE, Aggregate, Partial, join, summarize
from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.table import split_origin

DEVICE = uuid.UUID(int=9)
ALL = frozenset(Aggregate)
EVERY_US = 4


def partials_of(packs):
    """For each field and kind, the partial of each pack that has it; and its values with their places."""
    found: dict = {}
    for pack in packs:
        table = decode_table(stored_pack(pack, DEVICE))
        starts = table.times // EVERY_US * EVERY_US
        for key, column in table.columns.items():
            found.setdefault(key, ([], []))[0].append(summarize(table, column, starts, ALL))
        for commit in pack.commits():
            for name, value in commit.values:
                place = (commit.effective_time_us, *split_origin(pack.origin), commit.number)
                found[name, kind_of(value)][1].append((place, value))
    return found


def check(partial: Partial, kind: Kind, placed) -> None:
    buckets = [
        (start, [pair for _, pair in pairs])
        for start, pairs in groupby(
            sorted((place[0] // EVERY_US * EVERY_US, (place, value)) for place, value in placed),
            key=lambda pair: pair[0],
        )
    ]
    assert partial.starts.tolist() == [start for start, _ in buckets]
    assert partial.counts.tolist() == [len(pairs) for _, pairs in buckets]
    assert partial.first is not None
    assert partial.last is not None
    for row, (_, pairs) in enumerate(buckets):
        assert partial.first.key(row) == min(pairs)[0]
        assert exact(partial.first.data.tolist()[row]) == exact(min(pairs)[1])
        assert partial.last.key(row) == max(pairs)[0]
        assert exact(partial.last.data.tolist()[row]) == exact(max(pairs)[1])
        values = [value for _, value in pairs]
        if kind is Kind.TEXT:
            assert partial.lows is partial.highs is partial.totals is partial.high_sums is None
            continue
        assert partial.lows is not None
        assert partial.highs is not None
        assert (partial.lows.tolist()[row], partial.highs.tolist()[row]) == (min(values), max(values))
        if kind is Kind.FLOAT:
            assert partial.totals is not None
            scale = SCALE if partial.is_scaled else 1.0
            terms = [value * scale for value in values]
            assert abs(partial.totals[row] - sum(terms)) <= 1e-12 * sum(map(abs, terms))
        else:
            assert partial.high_sums is not None
            assert partial.low_sums is not None
            assert (int(partial.high_sums[row]) << 32) + int(partial.low_sums[row]) == sum(values)


@given(pack_lists(), st.booleans())
def test_partials_joined_in_any_order_hold_what_python_would_find(packs, backwards):
    for (_, kind), (partials, placed) in partials_of(packs).items():
        joined = join(partials[::-1] if backwards else partials)
        check(joined, kind, placed)
        if len(partials) > 2:
            check(join([join(partials[:2]), *partials[2:]]), kind, placed)


@given(pack_lists(), st.integers(-8, 16))
def test_until_keeps_the_buckets_that_begin_by_then(packs, start_us):
    for (_, kind), (partials, placed) in partials_of(packs).items():
        kept = [pair for pair in placed if pair[0][0] // EVERY_US * EVERY_US <= start_us]
        check(join(partials).until(start_us), kind, kept)


def test_what_is_not_asked_for_is_not_computed():
    table_pack = stored_pack(_one_pack(), DEVICE)
    table = decode_table(table_pack)
    (column,) = table.columns.values()
    partial = summarize(table, column, np.zeros(len(table), dtype=np.int64), frozenset({Aggregate.COUNT}))
    assert partial.counts.tolist() == [2]
    assert partial.first is partial.last is partial.lows is partial.highs is partial.totals is partial.high_sums is None


def _one_pack():
    from nikdev_iot.model.commits import Commit
    from nikdev_iot.wire.pack import NO_PACK, pack_from_commits

    return pack_from_commits(DEVICE, [Commit(1, 1, (("a", 1),)), Commit(2, 2, (("a", 2),))], parent=NO_PACK)
