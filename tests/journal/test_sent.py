"""What becomes of packs under way when the queue changes behind them: each case of the book, told once."""

from __future__ import annotations

import uuid

import pytest

from nikdev_iot.journal.errors import StalePack
from nikdev_iot.journal.records import CommitState
from nikdev_iot.model.commits import Gap
from nikdev_iot.model.errors import JournalError


def fill(journal, count):
    for at in range(1, count + 1):
        journal.commit({"n": at}, time_us=at, message=f"m{at}")


def send(journal, max_commits=100):
    """Record the next pack as sent, under a hash of its own."""
    pack = journal.next_pack(max_commits=max_commits, max_bytes=1 << 20)
    return journal.record_sent(pack, uuid.uuid4().bytes * 2)


def states(journal):
    return {entry.number: entry.state.value[:3] for entry in reversed(journal.log(limit=1000))}


def test_a_record_is_there_after_a_restart_and_gives_the_same_pack(journal):
    fill(journal, 5)
    journal.set_rejected({2: "no"})
    pack = journal.next_pack(max_commits=3, max_bytes=1 << 20)
    sent = journal.record_sent(pack, b"h" * 32)
    assert (sent.first, sent.last, sent.gaps, sent.hash) == (1, 4, (Gap(2, 1, "no"),), b"h" * 32)
    journal.close()
    assert journal.in_flight() == [sent]
    assert journal.pack_in_flight(sent) == pack
    journal.restore_rejected()
    assert journal.pack_in_flight(sent) == pack


def test_recording_the_same_pack_again_is_harmless(journal):
    fill(journal, 2)
    pack = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    journal.record_sent(pack, b"h" * 32)
    journal.record_sent(pack, b"h" * 32)
    assert len(journal.in_flight()) == 1


def test_the_attempt_that_arrived_is_settled_and_the_others_go(journal):
    fill(journal, 6)
    large, small = send(journal, 6), send(journal, 2)
    assert journal.in_flight() == [large, small]
    assert journal.settle(small.hash) == 2
    assert journal.in_flight() == []
    assert (journal.acknowledged.number, journal.acknowledged.hash) == (2, small.hash)
    with pytest.raises(JournalError, match="has not sent"):
        journal.settle(large.hash)
    following = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    assert (following.first, following.parent) == (3, small.hash)
    assert list(states(journal).values()) == ["ack"] * 2 + ["unp"] * 4


def test_what_was_set_aside_after_sending_is_acknowledged_all_the_same(journal):
    fill(journal, 4)
    sent = send(journal, 3)
    assert journal.set_all_unpushed_rejected("wrong key") == 4
    assert journal.settle(sent.hash) == 3
    assert list(states(journal).values()) == ["ack", "ack", "ack", "rej"]
    assert journal.restore_rejected() == 1
    assert list(journal.next_pack(max_commits=9, max_bytes=1 << 20).numbers()) == [4]


def test_what_was_thrown_away_after_sending_is_acknowledged_all_the_same(journal):
    fill(journal, 4)
    sent = send(journal, 3)
    assert journal.reset_unpushed() == 4
    assert states(journal) == {1: "dis", 2: "dis", 3: "dis"}
    assert journal.status().unpushed == 0
    assert journal.settle(sent.hash) == 3
    assert states(journal) == {1: "ack", 2: "ack", 3: "ack"}
    assert journal.show(2).values == {"n": 2}


def test_what_was_thrown_away_goes_for_good_when_the_pack_did_not_arrive(journal):
    fill(journal, 4)
    sent = send(journal, 3)
    journal.reset_unpushed()
    journal.drop_sent(sent.hash)
    assert journal.log(limit=9) == []
    journal.drop_sent(sent.hash)
    assert journal.commit({"n": 5}).number == 5
    pack = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    assert pack.gaps == (Gap(1, 3, "discarded by the user"), Gap(4, 1, "discarded by the user"))
    assert list(pack.numbers()) == [5]


def test_what_was_declared_a_gap_and_restored_meanwhile_gets_a_new_number(journal):
    fill(journal, 3)
    journal.set_rejected({1: "no", 2: "no"})
    sent = send(journal)
    assert journal.restore_rejected([2]) == 1
    assert states(journal) == {1: "rej", 2: "unp", 3: "unp"}
    assert journal.settle(sent.hash) == 1
    assert states(journal) == {1: "rej", 3: "ack", 4: "unp"}
    moved = journal.show(4)
    assert (moved.time_us, moved.message, dict(moved.values)) == (2, "m2", {"n": 2})
    # And the other one, restored only now, too.
    assert journal.restore_rejected() == 1
    assert journal.show(5).time_us == 1
    pack = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    assert (pack.first, list(pack.times)) == (4, [2, 1])


def test_what_was_restored_before_anything_arrived_keeps_its_number(journal):
    fill(journal, 3)
    journal.set_rejected({1: "no"})
    send(journal)
    journal.restore_rejected()
    assert list(send(journal).gaps) == []
    journal.settle(journal.in_flight()[1].hash)
    assert states(journal) == {1: "ack", 2: "ack", 3: "ack"}


@pytest.mark.parametrize(
    "change",
    [
        lambda journal: journal.set_rejected({2: "no"}),
        lambda journal: journal.reset_unpushed(),
        lambda journal: journal.restore_rejected(),
        lambda journal: journal.settle(send(journal, 1).hash),
    ],
)
def test_a_pack_that_the_queue_has_left_behind_is_not_sent(journal, change):
    fill(journal, 3)
    journal.set_rejected({1: "no"})
    pack = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    change(journal)
    with pytest.raises(StalePack, match="changed while it was being pushed"):
        journal.record_sent(pack, b"h" * 32)
    assert journal.in_flight() == []


def test_commits_made_meanwhile_do_not_make_a_pack_stale(journal):
    fill(journal, 3)
    pack = journal.next_pack(max_commits=9, max_bytes=1 << 20)
    fill(journal, 1)
    assert journal.record_sent(pack, b"h" * 32).last == 3


def test_the_packs_pushed_stay_as_history(journal):
    fill(journal, 4)
    hashes = []
    for _ in range(2):
        hashes.append(send(journal, 2).hash)
        journal.settle(hashes[-1])
    rows = journal._database._connection.execute("SELECT first, count, hash, parent FROM packs ORDER BY id").fetchall()
    assert rows == [(1, 2, hashes[0], bytes(32)), (3, 2, hashes[1], hashes[0])]
    assert [entry.state for entry in journal.log(limit=9)] == [CommitState.ACKNOWLEDGED] * 4
