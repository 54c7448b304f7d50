from __future__ import annotations

import uuid

import pytest

from nikdev_iot.journal.records import CommitState
from nikdev_iot.model.commits import Gap


@pytest.fixture
def queue(journal):
    journal.commit_many((at, {"n": at}, None) for at in range(1, 11))
    return journal


def pushed(journal):
    pack = journal.next_pack(max_commits=1000, max_bytes=1 << 20)
    sent = journal.record_sent(pack, uuid.uuid4().bytes * 2)
    journal.settle(sent.hash)
    return pack


def test_rejecting_counts_what_is_newly_set_aside(queue):
    assert queue.set_rejected({2: "too hot", 3: "too hot", 99: "never made", 0: "nor this", -1: "nor this"}) == 2
    assert queue.set_rejected({2: "again", 4: "new"}) == 1
    assert [(c.number, c.reason, c.declared) for c in queue.rejected()] == [
        (2, "too hot", False),
        (3, "too hot", False),
        (4, "new", False),
    ]
    assert queue.rejected(limit=2) == queue.rejected()[:2]
    assert queue.rejected(limit=0) == []


def test_reasons_are_kept_as_readable_text(queue):
    queue.set_rejected({1: "no:\n \x1b[2Jnot\u202e this\ud800", 2: "\x07" * 3_000})
    first, second = (commit.reason for commit in queue.rejected())
    assert first == "no: \\x1b[2Jnot\\u202e this\\ud800"
    assert second == "\\x07" * 500


def test_what_is_acknowledged_cannot_be_rejected(queue):
    pushed(queue)
    assert queue.set_rejected({1: "late"}) == 0
    assert queue.set_all_unpushed_rejected("late") == 0
    assert queue.reset_unpushed() == 0


def test_all_come_back_under_their_own_numbers(queue):
    assert queue.set_all_unpushed_rejected("wrong key") == 10
    assert (queue.status().unpushed, queue.status().rejected) == (0, 10)
    assert queue.restore_rejected() == 10
    assert list(pushed(queue).numbers()) == list(range(1, 11))


def test_some_come_back(queue):
    queue.set_all_unpushed_rejected("wrong key")
    assert queue.restore_rejected([3, 7, 3, 99, 0, -5]) == 2
    assert list(pushed(queue).numbers()) == [3, 7]
    assert [c.number for c in queue.rejected()] == [1, 2, 4, 5, 6, 8, 9, 10]
    assert [c.declared for c in queue.rejected()] == [True] * 5 + [False] * 3


def test_what_the_server_knows_as_a_gap_comes_back_under_a_new_number(queue):
    queue.set_rejected({1: "no", 10: "no"})
    pushed(queue)
    assert queue.restore_rejected() == 2
    # 10 is behind everything the server has heard of: it keeps its number.
    pack = pushed(queue)
    assert (list(pack.numbers()), list(pack.times)) == ([10, 11], [10, 1])
    assert queue.restore_rejected() == 0
    assert queue.show(1) is None


def test_discarding_leaves_the_rejected_alone_and_their_numbers_unused(queue):
    queue.set_rejected({5: "no"})
    assert queue.reset_unpushed() == 9
    assert queue.reset_unpushed() == 0
    assert [entry.state for entry in queue.log(limit=99)] == [CommitState.REJECTED]
    assert queue.commit({"n": 11}).number == 11
    pack = pushed(queue)
    assert pack.gaps == (
        Gap(1, 4, "discarded by the user"),
        Gap(5, 1, "no"),
        Gap(6, 5, "discarded by the user"),
    )


def test_what_is_discarded_is_gone_from_the_file(path, journal):
    journal.commit({"secret": "between us"})
    journal.commit({"secret": "between us"}, message="between us")
    journal.reset_unpushed()
    rows = journal._database._connection.execute("SELECT id, shape, body, message FROM commits").fetchall()
    assert rows == [(2, None, b"", None)]


def test_a_reason_that_is_no_text_is_made_one(queue):
    queue.set_rejected({1: "half \ud800 a pair", 2: "long " * 1000})
    reasons = [commit.reason for commit in queue.rejected()]
    assert reasons[0] == "half \\ud800 a pair"
    assert len(reasons[1]) == 2000
    assert pushed(queue).gaps[1].reason == ("long " * 1000)[:300]


def rows_changed(journal):
    with journal._database.plain("count") as connection:
        return connection.total_changes


def test_a_long_queue_is_set_aside_at_once(journal):
    journal.commit_many((at, {"n": at}, None) for at in range(100_000))
    before = rows_changed(journal)
    assert journal.set_all_unpushed_rejected("wrong key") == 100_000
    assert journal.restore_rejected() == 100_000
    assert rows_changed(journal) - before < 10
