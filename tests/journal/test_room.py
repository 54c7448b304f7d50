from __future__ import annotations

import itertools
import sqlite3

import pytest
from tests.journal.budgets import LIMIT, TEXT, bounded, fill, push, push_all

from nikdev_iot.journal.budget import Budget, StorageLimitReached
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import Fate

SLACK = 100_000
"""What one transaction may take of the log beyond its share."""
DROPPING = ["drop-oldest", "thin-out"]


def size(path):
    return sum(file.stat().st_size for file in path.parent.iterdir() if file.name in {path.name, f"{path.name}-wal"})


def fill_up(journal):
    with pytest.raises(StorageLimitReached):
        fill(journal, 10_000)
    return journal.newest


def test_refuse_keeps_all_that_was_committed_and_goes_on_when_it_was_pushed(path, clock):
    with bounded(path, clock) as journal:
        with pytest.raises(StorageLimitReached, match="300000 bytes") as caught:
            fill(journal, 10_000)
        assert "Nothing was committed" in caught.value.hint
        count = journal.newest
        assert count > 50
        assert size(path) <= LIMIT + SLACK
        for _ in range(5):
            with pytest.raises(StorageLimitReached):
                journal.commit({"n": 1, "t": TEXT})
        assert journal.status().unpushed == count
        assert journal.gone(1, count) == []
        push(journal)
        assert fill(journal, 1)[0].number == count + 1
        push_all(journal)
        assert journal.check() == []


@pytest.mark.parametrize("policy", ["refuse", *DROPPING])
def test_the_files_stay_within_the_limit(path, clock, policy):
    """Whoever pushes now and then, and whoever never does."""
    with bounded(path, clock, policy) as journal:
        largest = 0
        for turn in range(8):
            if policy == "refuse" or turn == 6:
                push_all(journal)
            for _ in range(10):
                fill(journal, 5)
                largest = max(largest, size(path))
        assert LIMIT // 2 < largest <= LIMIT + SLACK
        assert journal.newest == 400
        assert journal.check() == []


def test_the_oldest_go_and_the_record_says_which(path, clock):
    with bounded(path, clock, "drop-oldest") as journal:
        receipts = fill(journal, 200)
        (gone,) = journal.gone(1, 200)
        assert (gone.first, gone.fate) == (1, Fate.DROPPED)
        status = journal.status()
        assert status.dropped == gone.count == 200 - status.unpushed
        assert status.dropped_values == 2 * gone.count
        assert (status.limit_bytes, status.policy) == (LIMIT, "drop-oldest")
        assert gone.reason.startswith(
            f"storage limit of {LIMIT} bytes reached, dropped, oldest first: {gone.count} commits, "
            f"{2 * gone.count} values, of "
        )
        assert journal.show(gone.last) is None
        pack = push(journal)
        assert [(gap.first, gap.count, gap.reason) for gap in pack.gaps] == [(1, gone.count, gone.reason)]
        assert pack.times[0] == receipts[gone.count].time_us
        push_all(journal)
        fill(journal, 200)
        assert len([found for found in journal.gone(1, 400) if found.fate is Fate.DROPPED]) == 2


def test_thinned_out_the_whole_time_remains(path, clock):
    with bounded(path, clock, "thin-out") as journal:
        fill(journal, 700)
        numbers = [entry.number for entry in reversed(journal.log(limit=2000))]
        assert numbers[0] == 1
        assert numbers[-30:] == list(range(671, 701))
        steps = [after - before for before, after in itertools.pairwise(numbers)]
        assert {1, 100} <= set(steps)
        assert steps.count(100) >= 4
        assert max(steps) < 200
        packs = push_all(journal)
        assert sum(gap.count for pack in packs for gap in pack.gaps) == 700 - len(numbers)
        assert all("thinned out, 1 in 100 kept" in gap.reason for pack in packs for gap in pack.gaps)


@pytest.mark.parametrize("policy", DROPPING)
def test_what_a_pack_under_way_holds_stays(path, clock, policy):
    with bounded(path, clock, policy) as journal:
        fill(journal, 40)
        pack = journal.next_pack(max_commits=30, max_bytes=1 << 20)
        sent = journal.record_sent(pack, b"h" * 32)
        fill(journal, 200)
        assert journal.status().dropped > 100
        again = journal.pack_in_flight(sent)
        assert (again.times, again.columns, again.gaps) == (pack.times, pack.columns, pack.gaps)
        assert all(gone.first > 30 for gone in journal.gone(1, 240))
        assert journal.settle(b"h" * 32) == 30
        fill(journal, 60)
        assert journal.gone_number(30).fate is Fate.EVICTED
        assert journal.check() == []


def test_what_was_set_aside_goes_by_the_policy_alone(path, clock):
    with bounded(path, clock) as journal:
        fill(journal, 40)
        journal.set_all_unpushed_rejected("wrong key")
        count = fill_up(journal)
        assert journal.status().rejected == 40
    with bounded(path, clock, "drop-oldest") as journal:
        fill(journal, 20)
        assert journal.status().rejected < 40
        assert journal.gone_number(1).fate is Fate.DROPPED
        assert journal.rejected()[-1].number == 40
        assert journal.newest == count + 20
        assert push(journal).gaps[0].reason.startswith("storage limit")
        assert journal.check() == []


def test_one_that_is_too_large_is_refused_and_costs_no_other(path, clock):
    with bounded(path, clock, "drop-oldest") as journal:
        fill(journal, 30)
        with pytest.raises(StorageLimitReached, match="too many for it"):
            journal.commit({"t": "x" * LIMIT})
        assert journal.status().unpushed == 30
        journal.commit({"t": "x" * (LIMIT // 8)})


@pytest.mark.parametrize("policy", ["refuse", "drop-oldest"])
def test_an_import_makes_room_or_is_refused_whole(path, clock, policy):
    rows = [(at, {"n": at, "t": TEXT}, None) for at in range(40)]
    with bounded(path, clock, policy) as journal:
        fill(journal, 60)
        if policy == "refuse":
            with pytest.raises(StorageLimitReached):
                journal.commit_many(rows)
            assert journal.status().unpushed == 60
            journal.commit_many(rows, beyond_limit=True)
        else:
            journal.commit_many(rows)
            assert journal.status().dropped > 10
        assert journal.newest == 100
        assert journal.check() == []


def test_a_lower_limit_is_reached_step_by_step_and_the_file_becomes_shorter(path, clock):
    with bounded(path, clock, limit=4 * LIMIT) as journal:
        fill(journal, 300)
        push_all(journal)
    assert size(path) > 2 * LIMIT
    with bounded(path, clock) as journal:
        for _ in range(60):
            fill(journal, 1)
            if size(path) <= LIMIT + SLACK:
                break
        assert size(path) <= LIMIT + SLACK
        assert journal.check() == []


def test_a_file_from_before_stays_as_long_as_it_is(path, clock):
    path.parent.mkdir()
    sqlite3.connect(path).execute("VACUUM").connection.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA auto_vacuum = NONE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    with Journal.open(path, clock=clock, durability="normal") as journal:
        fill(journal, 150)
    grown = path.stat().st_size
    with bounded(path, clock, "drop-oldest") as journal:
        fill(journal, 150)
        assert journal.status().unpushed < 150
    assert path.stat().st_size <= grown


def test_without_a_policy_nothing_is_refused(path, clock):
    with Journal.open(path, clock=clock, durability="normal", budget=Budget(LIMIT, None)) as journal:
        fill(journal, 60)
        push_all(journal)
        fill(journal, 150)
        status = journal.status()
        assert (status.unpushed, status.dropped, status.limit_bytes, status.policy) == (150, 0, None, None)
        assert journal.gone_number(59).fate is Fate.EVICTED
        assert journal.check() == []
