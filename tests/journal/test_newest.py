from __future__ import annotations

import pytest

from nikdev_iot.journal import newest
from nikdev_iot.model.commits import Gap
from nikdev_iot.wire.pack import decode_content, encode_content

PLENTY = {"max_commits": 100_000, "max_bytes": 1 << 30}


def shown(journal):
    """What the newest pack says, over the wire: (number, time, values) of each commit."""
    pack = decode_content(encode_content(journal.newest_queued()))
    return [(commit.number, commit.time_us, dict(commit.values)) for commit in pack.commits()]


def acknowledge(journal):
    pack = journal.next_pack(**PLENTY)
    journal.record_sent(pack, bytes(range(32)))
    journal.settle(bytes(range(32)))


def test_nothing_queued(journal):
    assert journal.newest_queued() is None
    journal.commit({"a": 1})
    acknowledge(journal)
    assert journal.newest_queued() is None


def test_the_newest_alone_without_its_message(journal):
    journal.commit_many((at, {"a": at, "b": "x"}, None) for at in range(1, 501))
    journal.commit({"a": 7, "b": "y"}, message="hello", time_us=900)
    assert shown(journal) == [(501, 900, {"a": 7, "b": "y"})]
    assert journal.newest_queued().messages == ()
    assert journal.newest_queued().gaps == ()


def test_commits_of_different_fields_by_turns_are_all_seen(journal):
    for at in range(30):
        journal.commit({"abc"[at % 3]: at}, time_us=at)
    journal.commit({"c": 30}, time_us=30)
    assert shown(journal) == [(28, 27, {"a": 27}), (29, 28, {"b": 28}), (31, 30, {"c": 30})]
    assert journal.newest_queued().gaps == (Gap(30, 1, ""),)


def test_it_stays_small(journal, monkeypatch):
    monkeypatch.setattr(newest, "_MOST_SHAPES", 3)
    journal.commit_many((at, {f"f{at}": at}, None) for at in range(200))
    assert [number for number, _, _ in shown(journal)] == [198, 199, 200]
    journal.commit_many((at, {"a": at}, None) for at in range(200, 300))
    assert [number for number, _, _ in shown(journal)] == [300]  # what was long ago is not looked for


def test_what_is_set_aside_is_not_shown(journal):
    journal.commit_many((at, {"a": at}, None) for at in range(1, 11))
    journal.set_rejected({9: "no", 10: "no"})
    assert [number for number, _, _ in shown(journal)] == [8]
    journal.set_all_unpushed_rejected("no")
    assert journal.newest_queued() is None


def test_its_time_is_set_right_as_a_push_would(journal, clock):
    journal.commit({"a": 1})
    journal.learn_time(clock.now_us() + 3_600_000_000)
    pack = journal.newest_queued()
    ((row, shift_us),) = pack.shifts
    assert row == 0
    assert shift_us == pytest.approx(3_600_000_000, abs=1_000_000)
    assert pack.shifts == journal.next_pack(**PLENTY).shifts
