from __future__ import annotations

import pytest

from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.records import CommitState
from nikdev_iot.model.errors import JournalError

from .test_sent import send


def test_the_status_of_a_new_journal(journal, path):
    status = journal.status()
    assert (status.staged, status.unpushed, status.rejected, status.in_flight) == (0, 0, 0, 0)
    assert (status.acknowledged_last, status.oldest_unpushed_us, status.origin.int) == (0, None, 7)
    assert status.size_bytes == sum(path.with_name(path.name + end).stat().st_size for end in ("", "-wal"))


def test_the_status_counts_each_commit_once(journal):
    journal.commit_many((at, {"n": at}, None) for at in range(1, 11))
    journal.stage({"a": 1, "b": 2})
    journal.settle(send(journal, 2).hash)
    send(journal, 2)
    journal.set_rejected({3: "no", 9: "no"})
    status = journal.status()
    assert (status.staged, status.unpushed, status.rejected, status.in_flight) == (2, 6, 2, 1)
    assert (status.acknowledged_last, status.oldest_unpushed_us) == (2, 4)


def test_a_row_that_is_missing_is_told_as_damage(path):
    with Journal.open(path) as journal:
        journal.commit({"n": 1})
        journal.commit({"n": 2})
        with journal._database.write("damage") as connection:
            connection.execute("DELETE FROM commits WHERE id = 1")
        with pytest.raises(JournalError, match="is damaged: its row 1 is missing"):
            journal.status()


def test_the_log_tells_where_each_commit_stands_and_why(journal):
    for number in range(1, 5):
        journal.commit({"n": number}, message=f"m{number}", time_us=number)
    journal.settle(send(journal, 1).hash)
    journal.set_rejected({3: "too hot"})
    assert [(e.number, e.time_us, e.message, e.state, e.reason) for e in journal.log(limit=9)] == [
        (4, 4, "m4", CommitState.UNPUSHED, None),
        (3, 3, "m3", CommitState.REJECTED, "too hot"),
        (2, 2, "m2", CommitState.UNPUSHED, None),
        (1, 1, "m1", CommitState.ACKNOWLEDGED, None),
    ]
    assert journal.show(3).reason == "too hot"
    assert journal.show(3).values == {"n": 3}


def test_a_commit_that_is_not_there(journal):
    journal.commit({"n": 1})
    assert journal.show(2) is None
    assert journal.show(0) is None
    assert journal.show(-1) is None
    journal.reset_unpushed()
    assert journal.show(1) is None
