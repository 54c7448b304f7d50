from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.outcome import Outcome
from nikdev_iot.model.errors import JournalError


def test_it_tells_what_was_changed_and_what_was_not():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        outcome = Outcome()
        assert not outcome.is_done
        assert outcome.execute(connection, "INSERT INTO t SELECT ? WHERE 0", (1,)).rowcount == 0
        assert not outcome.is_done
        with pytest.raises(sqlite3.Error):
            outcome.execute(connection, "COMMIT")
        assert not outcome.is_done
        assert outcome.execute(connection, "INSERT INTO t SELECT ?", (1,)).lastrowid == 1
        assert outcome.is_done


@pytest.mark.parametrize("again", [False, True])  # with what comes first, and in one statement
def test_a_commit_that_failed_was_not_made_and_one_that_returned_was(path, again):
    with Journal.open(path) as journal, Journal.open(path, busy_timeout_s=0) as other:
        if again:
            other.commit({"a": 0})
        failed, done = Outcome(), Outcome()
        with journal._database.write("hold"), pytest.raises(JournalError):
            other.commit({"a": 1}, outcome=failed)
        other.commit({"a": 1}, outcome=done)
        assert (failed.is_done, done.is_done) == (False, True)


def test_staging_saving_and_dropping_tell_too(journal):
    outcomes = [Outcome() for _ in range(3)]
    journal.stage({"a": 1}, outcome=outcomes[0])
    token = journal.take_staged().token
    journal.save_staged({"b": 1}, token=token, outcome=outcomes[1])
    journal.drop_staged(journal.take_staged().token, outcome=outcomes[2])
    assert [outcome.is_done for outcome in outcomes] == [True] * 3
    untouched = Outcome()
    journal.stage({}, outcome=untouched)
    assert not untouched.is_done
