"""A journal's file of 0 bytes: told from a new one, and what its log holds is saved."""

from __future__ import annotations

import shutil

import pytest

from nikdev_iot.journal.emptied import give_a_page, has_nothing, is_emptied
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.salvage import salvage


@pytest.mark.parametrize("witness", ["nikdev-x.db-push", "nikdev-x.db.damaged-1", "config.json"])
def test_what_lies_beside_an_empty_file_says_whether_there_was_a_journal(tmp_path, witness):
    path = tmp_path / "nikdev-x.db"
    assert not has_nothing(path)
    assert not is_emptied(path)
    path.touch()
    assert has_nothing(path)
    assert not is_emptied(path)
    (tmp_path / witness).touch()
    assert is_emptied(path)
    path.write_bytes(b"x")
    assert not is_emptied(path)


def test_a_log_counts_where_there_is_something_in_it(tmp_path):
    path = tmp_path / "my.db"
    path.touch()
    (tmp_path / "config.json").touch()  # of whatever program: this journal is not named as `nikdev init` names it
    log = tmp_path / "my.db-wal"
    log.touch()
    assert not is_emptied(path)
    log.write_bytes(b"x")
    assert is_emptied(path)
    give_a_page(path)
    assert has_nothing(path)


def test_commits_that_only_the_log_has_are_saved(tmp_path):
    path = tmp_path / "there" / "nikdev-x.db"
    with Journal.open(path) as journal:
        for number in range(1, 6):
            journal.commit({"n": number})
        origin = journal.origin
        (tmp_path / "cut").mkdir()
        shutil.copyfile(f"{path}-wal", tmp_path / "cut" / "nikdev-x.db-wal")
    path = tmp_path / "cut" / "nikdev-x.db"
    path.touch()
    saved = salvage(path, now_us=5, only_emptied=True)
    assert saved.was_empty
    assert (saved.commits, saved.lost, saved.knows_origin) == (5, 0, True)
    assert "was empty" in str(saved)
    with Journal.open(path) as journal:
        assert journal.origin == origin
        assert journal.check() == []
    assert salvage(path, now_us=5, only_emptied=True) is None
