from __future__ import annotations

import sqlite3

import pytest

from nikdev_iot.journal.rows import delete_rows, move_rows


def test_the_newest_row_cannot_be_deleted_for_its_number_would_be_given_again(journal):
    journal.commit({"a": 1})
    journal.commit({"a": 2})
    connection = journal._database._connection
    with pytest.raises(sqlite3.IntegrityError, match="newest commit must stay"):
        connection.execute("DELETE FROM commits")
    assert journal.status().unpushed == 2


def test_deleting_leaves_the_newest_empty(journal):
    for at in range(1, 4):
        journal.commit({"a": at})
    with journal._database.write("test") as connection:
        connection.execute("INSERT INTO holes VALUES (2, 3, 2, '', 0, NULL)")
        delete_rows(connection, 2, 3)
    assert [entry.number for entry in journal.log(limit=9)] == [1]
    assert journal.commit({"a": 4}).number == 4


def test_moving_keeps_everything_but_the_number(journal):
    journal.commit({"a": 1}, message="m")
    journal.commit({"b": "two"})
    before = journal._database._connection.execute("SELECT * FROM commits ORDER BY id").fetchall()
    with journal._database.write("test") as connection:
        move_rows(connection, 1, 2, at_us=5)
    after = journal._database._connection.execute("SELECT * FROM commits ORDER BY id").fetchall()
    assert [row[0] for row in after] == [3, 4]
    assert [row[1:] for row in after] == [row[1:] for row in before]
