"""Going back, taking over what a copy pushed, and going on under another origin: in the journal alone."""

from __future__ import annotations

import uuid

import pytest

from nikdev_iot.journal.identity import Own
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import Acknowledged
from nikdev_iot.wire.frame import hash_content
from nikdev_iot.wire.pack import NO_PACK, encode_content

NEW = uuid.UUID(int=9)


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.db") as journal:
        for number in range(1, 7):
            journal.commit({"n": number}, time_us=number)
        yield journal
        assert journal.check() == []


def push(journal, count):
    """Push a pack that the server acknowledges; return its hash."""
    pack = journal.next_pack(max_commits=count, max_bytes=10_000)
    pack_hash = hash_content(encode_content(pack))
    journal.record_sent(pack, pack_hash)
    journal.settle(pack_hash)
    return pack_hash


def numbers(journal):
    pack = journal.next_pack(max_commits=100, max_bytes=10_000)
    return pack and [(commit.number, commit.values[0][1]) for commit in pack.commits()]


def test_an_acknowledged_pack_is_known_by_its_hash(journal):
    first, second = push(journal, 2), push(journal, 1)
    assert [journal.pushed(found) for found in (first, second, b"x" * 32)] == [2, 3, None]


def test_going_back_queues_what_follows(journal):
    first, _ = push(journal, 2), push(journal, 2)
    journal.rewind(2, first)
    assert numbers(journal) == [(3, 3), (4, 4), (5, 5), (6, 6)]
    assert journal.status().unpushed == 4
    journal.rewind(0, NO_PACK)
    assert [number for number, _ in numbers(journal)] == [1, 2, 3, 4, 5, 6]
    push(journal, 9)
    assert journal.status().unpushed == 0


def test_a_gap_that_was_declared_is_declared_again(journal):
    journal.set_rejected({2: "no"})
    push(journal, 3)
    journal.rewind(0, NO_PACK)
    pack = journal.next_pack(max_commits=9, max_bytes=10_000)
    assert [(gap.first, gap.count, gap.reason) for gap in pack.gaps] == [(2, 1, "no")]


@pytest.mark.parametrize("before", [0, 2, 4])
def test_taking_over_what_a_copy_pushed(journal, before):
    if before:
        push(journal, before)
    assert journal.adopt(4, (4, b"m" * 32)) == 4 - before
    assert journal.acknowledged.number == 4
    assert (journal.acknowledged.hash, journal.pushed(b"m" * 32)) == (b"m" * 32, 4)
    assert numbers(journal) == [(5, 5), (6, 6)]
    assert journal.next_pack(max_commits=1, max_bytes=10_000).parent == b"m" * 32
    push(journal, 9)


def test_taking_over_all_of_a_journal_that_ends_before_the_server(journal):
    assert journal.adopt(6, (9, b"m" * 32)) == 6
    assert journal.status().unpushed == 0
    journal.commit({"n": 7}, time_us=7)
    assert numbers(journal) == [(7, 7)]


def test_taking_over_twice_from_one_mark(journal):
    """The journal ends before the server does; what is new in it is thrown away, and so is no difference."""
    assert journal.adopt(6, (9, b"m" * 32)) == 6
    journal.commit({"n": 7}, time_us=7)
    journal.reset_unpushed()
    assert journal.adopt(7, (9, b"m" * 32)) == 0
    assert (journal.acknowledged.number, journal.acknowledged.hash) == (7, b"m" * 32)
    assert journal.check() == []


def test_what_was_set_aside_and_is_there_all_the_same_counts_as_stored(journal):
    journal.set_rejected({2: "no", 5: "no"})
    assert journal.adopt(4, (4, b"m" * 32), held=[2]) == 4
    assert [found.number for found in journal.rejected()] == [5]


@pytest.mark.parametrize("before", [0, 2, 4])
def test_going_on_under_another_origin(journal, before):
    if before:
        push(journal, before)
    old = journal.origin
    assert journal.fork(4, NEW) == max(3 - before, 0)
    assert journal.origin == NEW != old
    assert journal.in_flight() == []
    assert numbers(journal) == [(1, 4), (2, 5), (3, 6)]
    assert journal.commit({"n": 7}, time_us=7).number == 4
    assert [(entry.origin, entry.number) for entry in journal.log(limit=5)] == [
        (NEW, 4),
        (NEW, 3),
        (NEW, 2),
        (NEW, 1),
        (old, 3),
    ]
    push(journal, 9)
    assert journal.status().unpushed == 0


def test_what_is_stored_behind_the_fork_is_not_sent_again(journal):
    journal.set_rejected({5: "no"})
    old = journal.origin
    assert journal.fork(2, NEW, held=[5], stored=[(3, 3), (5, 6)]) == 4
    pack = journal.next_pack(max_commits=9, max_bytes=10_000)
    assert [(commit.number, commit.values[0][1]) for commit in pack.commits()] == [(1, 2), (3, 4)]
    assert [(gap.first, gap.count, gap.reason) for gap in pack.gaps] == [(2, 1, f"stored under the origin {old}")]
    assert journal.rejected() == []
    states = {entry.values["n"]: entry.state.value for n in range(1, 6) if (entry := journal.show(n))}
    assert states == {2: "unpushed", 3: "acknowledged", 4: "unpushed", 5: "acknowledged", 6: "acknowledged"}
    assert {own.number for own in journal.digests(1, 9) if not own.is_queued} == {2, 4, 5}
    push(journal, 9)
    assert journal.status().unpushed == 0


def test_a_commit_whose_number_is_a_gap_there_gets_a_new_one(journal):
    assert journal.adopt(4, (4, b"m" * 32), spent=[1, 3]) == 2
    assert numbers(journal) == [(5, 5), (6, 6), (7, 1), (8, 3)]
    assert journal.fork(6, NEW, spent=[5]) == 0
    assert numbers(journal) == [(1, 6), (2, 1), (3, 3), (4, 5)]


def test_a_fork_can_be_undone(journal):
    first = push(journal, 2)
    old = journal.origin
    assert journal.before is None
    journal.fork(4, NEW, stored=[(5, 5)])
    assert (journal.before.origin, journal.before.reach) == (old, 5)
    journal.fork(1, uuid.UUID(int=10), stored=[(3, 3)])
    assert (journal.before.origin, journal.before.reach) == (NEW, 3)
    push(journal, 9)
    journal.unfork()
    assert journal.origin == NEW
    assert numbers(journal) == [(1, 4), (3, 6)]
    journal.unfork()
    assert (journal.origin, journal.before) == (old, None)
    assert journal.acknowledged == Acknowledged(2, first)
    assert journal.pushed(first) == 2
    assert numbers(journal) == [(3, 3), (4, 4), (5, 5), (6, 6)]
    assert journal.commit({"n": 7}, time_us=7).number == 7


def test_another_program_learns_that_a_fork_was_undone(journal, tmp_path):
    with Journal.open(tmp_path / "journal.db") as other:
        journal.fork(4, NEW)
        assert other.commit({"n": 7}, time_us=7).number == 4
        journal.unfork()
        receipt = other.commit({"n": 8}, time_us=8)
        assert (receipt.number, receipt.origin) == (8, journal.origin)
        journal.fork(4, uuid.UUID(int=11))
        assert (other.commit({"n": 9}, time_us=9).number, other.origin) == (6, uuid.UUID(int=11))


def test_a_fork_without_anything_before_it_reaches_nowhere(journal):
    journal.fork(1, NEW)
    assert journal.before.reach == 0


def test_a_pack_in_flight_is_forgotten_with_its_origin(journal):
    pack = journal.next_pack(max_commits=9, max_bytes=10_000)
    journal.record_sent(pack, b"h" * 32)
    journal.fork(1, NEW)
    assert journal.in_flight() == []
    assert numbers(journal)[0] == (1, 1)


def test_digests_of_what_is_here(journal):
    journal.set_rejected({2: "no"})
    push(journal, 3)
    pack = journal.next_pack(max_commits=9, max_bytes=10_000)
    found = journal.digests(1, 100)
    assert [(own.number, own.is_queued) for own in found] == [
        (1, True),
        (2, False),
        (3, True),
        (4, True),
        (5, True),
        (6, True),
    ]
    assert [(own.number, own.digest) for own in found[4:]] == pack.digests()
    assert journal.digests(5, 6) == found[4:6]
    assert journal.digests(7, 9) == []
    journal.reset_unpushed()
    assert journal.digests(5, 9) == [Own(5, None, False), Own(6, None, False)]
