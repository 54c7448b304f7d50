from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.segments.made import DEVICE, ORIGIN, gathered, packs_of, plain_plan, plans, stored_packs, told

from nikdev_iot.model.times import MAX_TIME_US
from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.segments.gather import Gatherer


@settings(max_examples=15)
@given(plans)
def test_rows_are_those_of_the_packs_by_time_and_number(plan: list[list[tuple]]) -> None:
    packs = packs_of(plan)
    segment = gathered(stored_packs(plan))
    commits = sorted(
        (commit for pack in packs for commit in pack.commits()), key=lambda one: (one.effective_time_us, one.number)
    )
    assert segment.times.tolist() == [commit.effective_time_us for commit in commits]
    assert segment.recorded_times().tolist() == [commit.time_us for commit in commits]
    assert segment.numbers.tolist() == [commit.number for commit in commits]
    assert segment.messages == tuple((row, c.message) for row, c in enumerate(commits) if c.message is not None)
    assert segment.uncertain.tolist() == [row for row, commit in enumerate(commits) if commit.uncertain]
    assert segment.gaps == tuple(gap for pack in packs for gap in pack.gaps)
    rows: list[dict] = [{} for _ in commits]
    for column in segment.columns:
        at = range(len(commits)) if column.at is None else column.at.tolist()
        for row, value in zip(at, column.data.tolist(), strict=True):
            assert column.field_id not in rows[row]
            rows[row][column.field_id] = value
    assert [_exact(row) for row in rows] == [_exact(dict(commit.values)) for commit in commits]
    assert (segment.first, segment.last) == (packs[0].first, packs[-1].last)


def _exact(row: dict) -> dict:
    return {name: (type(value), str(value)) for name, value in row.items()}


@settings(max_examples=15)
@given(plans, st.data())
def test_segments_and_packs_come_to_the_same_as_the_packs_alone(plan: list[list[tuple]], data: st.DataObject) -> None:
    packs = stored_packs(plan)
    gatherer = Gatherer(DEVICE, ORIGIN)
    while packs:
        count = data.draw(st.integers(1, len(packs)))
        if data.draw(st.booleans()):
            gatherer.add_segment(gathered(packs[:count]))
        else:
            for pack in packs[:count]:
                gatherer.add_pack(pack)
        packs = packs[count:]
    assert told(gatherer.finish()) == told(gathered(stored_packs(plan)))


def test_what_does_not_follow_is_refused() -> None:
    one, two, three = stored_packs(plain_plan(packs=3, rows=2))
    gatherer = Gatherer(DEVICE, ORIGIN)
    gatherer.add_pack(one)
    for wrong in (one, three, two._replace(arrival=one.arrival), two._replace(origin=DEVICE)):
        with pytest.raises(ValueError, match="do not follow"):
            gatherer.add_pack(wrong)
    with pytest.raises(ValueError, match="do not follow"):
        gatherer.add_segment(gathered([three]))


def test_a_pack_that_cannot_be_read_says_so() -> None:
    (pack,) = stored_packs(plain_plan(rows=2))
    for wrong in (pack._replace(payload=b"nothing"), pack._replace(last=pack.last + 1)):
        with pytest.raises(StorageCorrupt, match="The pack 1 to"):
            Gatherer(DEVICE, ORIGIN).add_pack(wrong)


def test_a_shift_to_the_end_of_time_is_kept() -> None:
    plan = [[(0, (("a", 1),), None, MAX_TIME_US, False), (5, (("a", 2),), None, 0, False)]]
    assert gathered(stored_packs(plan)).times.tolist() == [5, MAX_TIME_US]
