from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.running import nikdev


def test_a_sound_journal(alone):
    alone.commit("t=1")
    done = nikdev("fsck")
    assert done.code == 0
    assert "is sound" in done.out
    found = nikdev("fsck", "--json").json
    assert (found["ok"], found["problems"]) == (True, [])


def test_a_damaged_one(alone):
    for number in range(50):
        alone.commit(f"t={number}", "note=" + "x" * 500)
    path = nikdev("fsck", "--json").json["journal"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(path, "r+b") as file:  # noqa: PTH123 - a plain file, and a few bytes of it
        file.seek(-6_000, 2)
        file.write(b"\xa5" * 5_000)
    done = nikdev("fsck", "--json")
    assert done.code == 5
    assert done.json["problems"] if done.out else done.error["message"]


def test_what_is_said_of_a_damaged_one_is_short_and_on_lines(alone):
    for number in range(20):
        alone.commit(f"t={number}")
    path = nikdev("fsck", "--json").json["journal"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'commits'").fetchone()
    with open(path, "r+b") as file:  # noqa: PTH123 - a plain file, and a few bytes of it
        file.seek((page - 1) * 4_096 + 10)
        file.write(b"\xff" * 30)  # where the page says where its rows are
    done = nikdev("fsck")
    assert done.code == 5
    assert "more of this kind" in done.out
    assert "\\n" not in done.out
    assert len(done.out.splitlines()) < 10
    assert done.out.count("copy the folder") == 1
    assert ".damaged-1" in done.out


def test_after_a_salvage_that_lost_something_the_exit_code_says_so_once(alone):
    for number in range(20):
        alone.commit(f"t={number}")
    path = nikdev("fsck", "--json").json["journal"]
    for suffix in ("-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)
    Path(path).write_bytes(b"\xff" * 5_000)
    done = nikdev("fsck")
    assert done.code == 5
    assert (done.out + done.err).count("has been set aside") == 1
    assert "is sound" in done.out
    done = nikdev("fsck", "--json")
    assert (done.code, done.json["ok"], done.json["notices"]) == (0, True, [])
    Path(path).write_bytes(b"")
    done = nikdev("fsck", "--json")
    assert (done.code, done.json["ok"], done.json["problems"]) == (5, False, [])
    assert "was empty" in done.json["notices"][0]
