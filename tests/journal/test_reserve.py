"""The file that keeps room on the disk; what it is for is in tests/client/test_disk_full.py."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest
from tests.disks import SmallDisk, mounted_or_skipped
from tests.journal.budgets import push_all

from nikdev_iot.journal.budget import Budget
from nikdev_iot.journal.errors import DiskFull
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.reserve import RESERVE_BYTES, Reserve

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="mounts are POSIX's")
TEXT = "x" * 500


@pytest.fixture
def small(tmp_path):
    with mounted_or_skipped(tmp_path / "disk", unchecked="that a reserve takes what there is") as folder:
        yield SmallDisk(folder)


def test_it_is_whole_and_its_room_can_be_had_for_a_while(tmp_path):
    reserve = Reserve(tmp_path / "journal.db")
    assert (reserve.size_bytes(), reserve.ahead_bytes()) == (None, None)
    reserve.make()
    assert reserve.path == tmp_path / "journal.db-reserve"
    assert (reserve.size_bytes(), reserve.ahead_bytes()) == (RESERVE_BYTES, RESERVE_BYTES // 2)
    with reserve.given_up() as room_bytes:
        assert (room_bytes, reserve.size_bytes()) == (RESERVE_BYTES, 0)
    assert reserve.size_bytes() == RESERVE_BYTES


def test_it_takes_what_there_is_until_it_is_whole(small):
    reserve = Reserve(small.folder / "journal.db")
    reserve.make()
    small.fill()
    with reserve.given_up():
        (small.folder / "other").write_bytes(bytes(RESERVE_BYTES * 3 // 4))
    assert 0 < reserve.size_bytes() <= RESERVE_BYTES // 4
    assert reserve.ahead_bytes() == 0
    (small.folder / "other").unlink()
    assert reserve.ahead_bytes() == RESERVE_BYTES // 2
    assert reserve.size_bytes() == RESERVE_BYTES


def test_a_disk_that_has_not_twice_the_room_has_none(small):
    (small.folder / "other").write_bytes(bytes(RESERVE_BYTES))
    reserve = Reserve(small.folder / "journal.db")
    reserve.make()
    assert reserve.size_bytes() is None


def test_only_who_has_a_budget_makes_it(tmp_path):
    with Journal.open(tmp_path / "a.db") as journal:
        journal.commit({"n": 1})
    with Journal.open(tmp_path / "b.db", budget=Budget.of(None)) as journal:
        journal.commit({"n": 1})
    assert [path.name for path in tmp_path.glob("*-reserve")] == ["b.db-reserve"]


def _fill(journal):
    with suppress(DiskFull):
        while True:
            journal.commit({"n": 1, "t": TEXT})


def test_whoever_pushes_writes_in_the_room_of_the_reserve(small, clock):
    path = small.folder / "journal.db"
    with Journal.open(path, clock=clock, budget=Budget.of(None)) as journal:
        _fill(journal)
        small.fill()
        count = journal.newest
        with pytest.raises(DiskFull):
            journal.stage({"t": "y" * 50_000})
        journal.learn_time(clock.now_us() + 10**12)
        assert journal.knows_time
        journal.set_epoch(bytes(16))
        assert journal.epoch == bytes(16)
        push_all(journal)
        assert journal.status().unpushed == 0
        assert journal.commit({"n": 2, "t": TEXT}).number == count + 1
        assert journal.check() == []


def test_an_import_that_the_disk_has_no_room_for_changes_nothing(small, clock):
    with Journal.open(small.folder / "journal.db", clock=clock, budget=Budget.of(None)) as journal:
        receipts = [journal.commit({"n": number, "t": TEXT}) for number in range(50)]
        push_all(journal)
        small.fill()
        with pytest.raises(DiskFull):
            journal.commit_many((number, {"n": number, "t": TEXT}, None) for number in range(2_000))
        assert [journal.show(receipt.number) is None for receipt in receipts] == [False] * 50
        for number in range(300):
            journal.commit({"n": number, "t": TEXT})
            if number % 20 == 0:
                push_all(journal)
        assert journal.newest == 350
        assert journal.show(1) is None
        assert journal.check() == []


def test_without_any_room_the_time_is_learned_later(small, clock):
    path = small.folder / "journal.db"
    with Journal.open(path, clock=clock, budget=Budget.of(None)) as journal:
        _fill(journal)
        journal._database.reserve.path.unlink()
        small.fill()
        _fill(journal)
        journal.learn_time(clock.now_us() + 10**12)
        assert not journal.knows_time
        with pytest.raises(DiskFull):
            journal.set_epoch(bytes(16))
        small.make_room()
        journal.learn_time(clock.now_us() + 10**12)
        assert journal.knows_time
