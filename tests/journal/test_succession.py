"""A change that was just made, and a program that saves the damaged journal meanwhile."""

from __future__ import annotations

import shutil

import pytest

from nikdev_iot.journal.errors import JournalGone, JournalLocked, JournalReplaced
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.lock import FileLock
from nikdev_iot.journal.outcome import Outcome
from nikdev_iot.journal.replacement import finish, mark_path, saved_path
from nikdev_iot.journal.salvage import salvage
from nikdev_iot.journal.succession import Watch, holds


def test_a_commit_that_was_copied_is_kept_and_one_that_was_not_is_refused(path, clock):
    with Journal.open(path, clock=clock) as journal:
        journal.commit({"a": 1}, time_us=7)
        body = journal._database._connection.execute("SELECT body FROM commits").fetchone()[0]
        assert salvage(path, now_us=5) is not None
        outcome = Outcome()
        outcome.execute(journal._database._connection, "SELECT 1")
        journal._database.make_sure("commit", outcome, holds(1, 7, None, body, None))
        assert outcome.is_done
        for other in (holds(2, 7, None, body, None), holds(1, 8, None, body, None), None):
            outcome.execute(journal._database._connection, "SELECT 1")
            with pytest.raises(JournalReplaced) as caught:
                journal._database.make_sure("commit", outcome, other)
            assert not outcome.is_done
        assert "another program has put what could be read of it in its place" in caught.value.message
        assert "what is staged stays staged" in caught.value.hint


def test_what_follows_is_told_that_there_is_a_new_journal(path):
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
        assert not journal.is_replaced()
        for _ in range(2):  # the second time the new one is saved: it still knows of both
            assert salvage(path, now_us=5) is not None
        assert journal.is_replaced()
        with pytest.raises(JournalReplaced):
            journal.commit({"a": 2})
        with pytest.raises(JournalReplaced):
            journal.status()


def test_another_file_that_somebody_put_there_is_no_successor(path, tmp_path):
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
        shutil.copy(path, tmp_path / "copy")
        (tmp_path / "copy").replace(path)
        assert not journal.is_replaced()
        with pytest.raises(JournalGone) as caught:
            journal.commit({"a": 2})
        assert type(caught.value) is JournalGone


def test_the_mark_of_a_program_that_was_killed_stands_in_nobodys_way(path):
    with Journal.open(path) as journal:
        mark_path(path).touch()
        assert journal.commit({"a": 1}).number == 1
        assert not mark_path(path).exists()
        mark_path(path).touch()
        with Journal.open(path) as other:
            assert other.commit({"a": 2}).number == 2
        assert not mark_path(path).exists()


def test_a_commit_ends_what_a_killed_program_saved_and_is_not_left_behind_in_the_old_file(path, tmp_path):
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
    saving = tmp_path / "elsewhere" / path.name
    shutil.copytree(path.parent, saving.parent)
    salvage(saving, now_us=5)
    with Journal.open(path) as journal:
        shutil.copy(saving, saved_path(path))
        mark_path(path).touch()
        # It names the file of its own folder; whoever cannot find itself in it was replaced by somebody else.
        with pytest.raises(JournalGone):
            journal.commit({"a": 2})
            journal.commit({"a": 3})
    assert not saved_path(path).exists()
    finish(path)
    with Journal.open(path) as journal:
        assert journal.status().unpushed == 1


def test_a_salvage_that_does_not_end_is_not_waited_for_for_ever(path):
    with Journal.open(path, busy_timeout_s=0.05) as journal:
        lock = FileLock(mark_path(path))
        assert lock.acquire()
        outcome = Outcome()
        with pytest.raises(JournalLocked, match="has been saving what can be read of it for too long"):
            journal.commit({"a": 1}, outcome=outcome)
        assert not outcome.is_done
        with pytest.raises(JournalLocked):
            Journal.open(path, busy_timeout_s=0.05)
        lock.release(remove=True)
        assert journal.commit({"a": 1}).number == 2


def test_where_there_is_no_file_there_is_nothing_to_watch(path):
    assert Watch.of(path) is None
