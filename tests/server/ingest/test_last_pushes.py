from __future__ import annotations

import uuid

import pytest

from nikdev_iot.server.ingest.last_pushes import LastPushes
from nikdev_iot.server.storage.records import Device

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def device(last_push_us: int | None = None) -> Device:
    return Device(id=ONE, account_id=uuid.UUID(int=9), name="d", created_us=0, last_push_us=last_push_us)


def test_what_was_noted_is_known_at_once_and_taken_once():
    pushes = LastPushes()
    pushes.note([ONE, OTHER, ONE], 5)
    pushes.note([ONE], 7)
    assert pushes.of(ONE) == 7
    assert sorted(pushes.take()) == [(ONE, 7), (OTHER, 5)]
    pushes.settle(stored=True)
    assert pushes.take() == []


def test_what_was_written_is_known_until_the_next_is():
    pushes = LastPushes()
    pushes.note([ONE], 5)
    pushes.take()
    assert pushes.of(ONE) == 5
    pushes.settle(stored=True)
    assert pushes.of(ONE) == 5
    pushes.settle(stored=True)  # of a transaction without chores
    assert pushes.of(ONE) == 5
    pushes.note([OTHER], 6)
    pushes.take()
    pushes.settle(stored=True)
    assert pushes.of(ONE) is None


def test_what_was_not_written_is_taken_again_unless_a_newer_one_is_there():
    pushes = LastPushes()
    pushes.note([ONE, OTHER], 5)
    pushes.take()
    pushes.note([ONE], 8)
    pushes.settle(stored=False)
    assert sorted(pushes.take()) == [(ONE, 8), (OTHER, 5)]


@pytest.mark.parametrize(("stored_us", "merged_us"), [(None, 5), (3, 5), (9, 9)])
def test_records_get_what_the_store_does_not_say_yet(stored_us: int | None, merged_us: int):
    pushes = LastPushes()
    assert pushes.merged([device(stored_us)]) == [device(stored_us)]
    pushes.note([ONE], 5)
    assert pushes.merged([device(stored_us)]) == [device(merged_us)]
