from __future__ import annotations

from tests.journal.budgets import bounded, fill, push, push_all

from nikdev_iot.journal import eviction
from nikdev_iot.journal.records import Fate


def count(journal, table):
    with journal._database.plain("test") as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_acknowledged_commits_go_the_oldest_first(path, clock):
    with bounded(path, clock) as journal:
        fill(journal, 40)
        push_all(journal)
        fill(journal, 50)
        (gone,) = journal.gone(1, 90)
        assert (gone.first, gone.fate) == (1, Fate.EVICTED)
        assert 0 < gone.last < 40
        assert journal.gone_number(gone.last) is not None
        assert journal.gone_number(gone.last + 1) is None
        assert journal.status().unpushed == 50
        assert journal.check() == []


def test_their_packs_become_one_and_the_chain_stays_whole(path, clock):
    with bounded(path, clock) as journal:
        for _ in range(100):
            fill(journal, 2)
            push(journal)
        gone = journal.gone(1, 200)[0]
        assert gone.last > 100
        # One for those that have gone, and one for each two commits that are there.
        assert count(journal, "packs") <= 2 + (200 - gone.last) // 2
        assert journal.check() == []


def test_one_that_was_set_aside_stays_when_those_around_it_go(path, clock):
    with bounded(path, clock) as journal:
        fill(journal, 40)
        journal.set_rejected({5: "too hot"})
        for _ in range(4):
            push_all(journal)
            fill(journal, 40)
        assert [(gone.first, gone.last) for gone in journal.gone(1, 20)] == [(6, 20), (1, 4)]
        assert journal.show(5).reason == "too hot"
        assert journal.check() == []


def test_a_server_set_back_behind_them_is_told_of_the_gap(path, clock):
    with bounded(path, clock) as journal:
        fill(journal, 60)
        push_all(journal)
        fill(journal, 60)
        (gone,) = journal.gone(1, 120)
        journal.rewind(0, bytes(32))
        pack = push(journal)
        assert [(gap.first, gap.last, gap.reason) for gap in pack.gaps] == [
            (1, gone.last, "evicted from the device's local history")
        ]
        push_all(journal)
        assert journal.check() == []


def test_commits_kept_when_others_were_thinned_out_join_them(path, clock):
    with bounded(path, clock, "thin-out") as journal:
        fill(journal, 400)
        before = count(journal, "holes")
        assert before > 10
        push_all(journal)
        for _ in range(2):
            fill(journal, 30)
            push_all(journal)
        gone = max(journal.gone(1, 400), key=lambda gone: gone.count)
        assert gone.reason.startswith("evicted from the device's local history; before that: storage limit of 300000")
        assert count(journal, "holes") < before / 2
        assert journal.check() == []


def test_old_records_are_forgotten_and_still_counted(path, clock, monkeypatch):
    monkeypatch.setattr(eviction, "_MOST_RECORDS", 3)
    with bounded(path, clock, "drop-oldest") as journal:
        for _ in range(8):
            fill(journal, 90)
            push_all(journal)
        assert count(journal, "drops") <= 5
        assert count(journal, "holes") <= 12
        assert journal.status().dropped > 8 * 10
        there = {entry.id for entry in journal.log(limit=5000)}
        gone = [number for found in journal.gone(1, 720) for number in range(found.first, found.last + 1)]
        assert sorted(gone) == sorted(set(range(1, 721)) - there)
        assert journal.check() == []
