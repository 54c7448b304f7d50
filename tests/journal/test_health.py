from __future__ import annotations

import subprocess
import sys

import pytest
from tests.unmeasured import unmeasured

from nikdev_iot.journal.errors import JournalDamaged
from nikdev_iot.journal.health import look
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.errors import JournalError


@pytest.fixture
def used(path, clock):
    with Journal.open(path, clock=clock, busy_timeout_s=0.1) as journal:
        journal.commit_many((at, {"t": f"{at:01000}"}, None) for at in range(1, 400))
        yield journal


def test_a_whole_journal(used, path):
    files = [path, path.with_name(f"{path.name}-wal")]
    before = [file.read_bytes() for file in files]
    found = used.health(within_s=60)
    assert (found.problems, found.is_whole) == ((), True)
    assert [file.read_bytes() for file in files] == before
    assert used.commit({"t": "x"}).number == 400


def test_the_time_is_over_before_all_is_read(used):
    found = used.health(within_s=0)
    assert (found.problems, found.is_whole) == ((), False)
    assert used.health(within_s=60).is_whole  # nothing of it stays behind


def test_an_id_that_no_journal_comes_to(used):
    used._database._connection.execute("UPDATE commits SET id = 9223372036854775807 WHERE id = 399")
    assert used.health(within_s=60).problems == (
        "the newest row is number 9223372036854775807, which no journal comes to",
    )


def test_the_clock_ends_it(used):
    times = iter([0.0, *[1.0] * 100_000])
    assert not look(used._database._connection, within_s=0.5, monotonic=lambda: next(times)).is_whole


def test_a_page_that_was_written_over(used, path):
    used.close()
    with path.open("r+b") as file:
        file.seek(40 * 4096)
        file.write(b"\x55" * 4096)
    try:
        found = used.health(within_s=60)
        assert found.problems
        assert found.is_whole
    except JournalDamaged as error:  # where it cannot even begin
        assert "damaged" in str(error)


LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_another_program_that_keeps_it_locked(used, path):
    with subprocess.Popen(
        [sys.executable, "-c", LOCKING, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=unmeasured(),
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(JournalError, match="kept it locked for too long"):
            used.health(within_s=1)
        other.communicate()
    assert used.health(within_s=60).is_whole
