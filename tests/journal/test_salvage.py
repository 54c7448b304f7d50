"""What is left of a journal on a disk that fails: set aside as it was, saved as far as it can be read."""

from __future__ import annotations

import random
import shutil
import sqlite3
import uuid

import pytest
from tests.journal.budgets import bounded, fill

from nikdev_iot.journal import salvage as salvaging
from nikdev_iot.journal.errors import JournalDamaged
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.salvage import salvage
from nikdev_iot.wire.frame import hash_content
from nikdev_iot.wire.pack import encode_content

COUNT = 3_000
PAGE = 4_096


def values_of(number):
    return {"n": number, "text": f"reading {number} " * 3, "f": number / 7}


@pytest.fixture
def made(tmp_path):
    """A journal of 3000 commits, 1000 of them acknowledged, 1 set aside, 1 value staged; all of it in the one file."""
    path = tmp_path / "nikdev-x.db"
    with Journal.open(path, durability="normal") as journal:
        journal.commit_many([(number, values_of(number), None) for number in range(1, COUNT + 1)])
        pack = journal.next_pack(max_commits=1_000, max_bytes=1 << 24)
        pack_hash = hash_content(encode_content(pack))
        journal.record_sent(pack, pack_hash)
        journal.settle(pack_hash)
        journal.set_rejected({2_000: "too hot"})
        journal.set_epoch(b"e" * 16)
        journal.stage({"s": 1})
        return path, journal.origin, journal.acknowledged


def check_saved(path, saved, origin, acknowledged):
    """What was saved is sound, unaltered and under its own number; the rest is declared."""
    assert saved.aside.exists()
    with Journal.open(path) as journal:
        assert journal.check() == []
        assert (journal.origin, journal.acknowledged) == (origin, acknowledged)
        entries = journal.log(limit=2 * COUNT)
        assert len(entries) == saved.commits
        for entry in entries[:: max(len(entries) // 200, 1)]:
            assert dict(journal.show(entry.number).values) == values_of(entry.number)
        number = journal.commit({"n": 0}).number
        assert number > max([acknowledged.number, *(entry.number for entry in entries)])
        pack = journal.next_pack(max_commits=10 * COUNT, max_bytes=1 << 26)
        assert (pack.first, pack.parent) == (acknowledged.number + 1, acknowledged.hash)
        return entries


def test_a_sound_journal_is_saved_whole(made):
    path, origin, acknowledged = made
    before = path.read_bytes()
    saved = salvage(path, now_us=5)
    assert (saved.commits, saved.lost, saved.staged, saved.knows_origin) == (COUNT, 0, 1, True)
    assert saved.aside.read_bytes() == before
    check_saved(path, saved, origin, acknowledged)
    with Journal.open(path) as journal:
        assert [found.number for found in journal.rejected()] == [2_000]
        assert journal.peek_staged() == {"s": 1}
        assert journal.epoch == b"e" * 16


def test_commits_that_are_only_in_the_log_are_saved(tmp_path):
    path = tmp_path / "nikdev-x.db"
    journal = Journal.open(path)
    for number in range(1, 20):
        journal.commit(values_of(number), time_us=number)
    copy = tmp_path / "copy" / path.name
    copy.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    journal.close()
    assert salvage(copy, now_us=5).commits == 19


@pytest.mark.parametrize("seed", range(4))
def test_pages_that_are_lost_take_their_own_commits_alone(made, seed):
    path, origin, acknowledged = made
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    with sqlite3.connect(path) as connection:
        pages = (
            [
                page
                for (page,) in connection.execute(
                    "SELECT pageno FROM dbstat WHERE name = 'commits' AND pagetype = 'leaf'"
                )
            ]
            if _has_dbstat(connection)
            else range(20, len(data) // PAGE - 1)
        )
    connection.close()
    for page in dice.sample(list(pages), 3):
        at = (page - 1) * PAGE
        data[at : at + PAGE] = dice.choice([bytes(PAGE), dice.randbytes(PAGE)])
    path.write_bytes(data)
    saved = salvage(path, now_us=5)
    print(f"{saved.commits} commits saved, {saved.lost} lost")
    assert saved.commits >= COUNT - 3 * 200
    assert saved.commits + saved.lost >= COUNT - 200  # the end of the journal may be what is lost
    if saved.knows_origin:
        check_saved(path, saved, origin, acknowledged)


def test_a_page_above_the_commits_takes_none_of_them_along(made):
    path, origin, acknowledged = made
    with sqlite3.connect(path) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'commits'").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(random.Random(1).randbytes(PAGE))
    saved = salvage(path, now_us=5)
    assert (saved.commits, saved.lost, saved.staged) == (COUNT, 0, 1)
    check_saved(path, saved, origin, acknowledged)


def test_commits_on_pages_that_were_set_free_do_not_come_back(path, clock):
    with bounded(path, clock, policy="drop-oldest") as journal:
        fill(journal, 6_000)
        there = [entry.number for entry in journal.log(limit=6_000) if entry.state != "dropped"]
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'commits'").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))
    saved = salvage(path, now_us=5)
    assert saved.commits == len(there)
    with Journal.open(path) as journal:
        assert journal.check() == []


def test_a_journal_of_which_nothing_can_be_read_says_so(tmp_path):
    path = tmp_path / "nikdev-x.db"
    path.write_bytes(b"rubbish" * 1_000)
    text = str(salvage(path, now_us=5))
    assert "Nothing in it could be read, not even how many commits there were." in text
    assert "0 could not be read" not in text


def _has_dbstat(connection):
    try:
        connection.execute("SELECT 1 FROM dbstat LIMIT 1").fetchone()
    except sqlite3.Error:
        return False
    return True


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_short(made, keep):
    path, *_ = made
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    saved = salvage(path, now_us=5)
    print(f"{saved.commits} commits saved of {keep:.0%} of the file")
    with Journal.open(path) as journal:
        assert journal.check() == []
        assert journal.commit({"n": 1})


@pytest.mark.parametrize(
    "content", [b"\0" * 50_000, b"not a database at all" * 999, b"SQLite format 3\0" + b"x" * 9_000]
)
def test_rubbish_gives_a_new_journal(tmp_path, content):
    path = tmp_path / "nikdev-x.db"
    path.write_bytes(content)
    with pytest.raises(JournalDamaged):
        Journal.open(path)
    saved = salvage(path, now_us=5, new_uuid=lambda: uuid.UUID(int=8))
    assert (saved.commits, saved.knows_origin) == (0, False)
    assert saved.aside.read_bytes() == content
    with Journal.open(path) as journal:
        assert journal.origin == uuid.UUID(int=8)
        assert journal.commit({"n": 1}).number == 1


@pytest.mark.parametrize("seed", range(10))
def test_random_damage_never_stops_it_and_never_alters_a_value(made, seed):
    path, origin, _ = made
    dice = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(dice.choice([1, 5, 50])):
        at = dice.randrange(len(data))
        size = dice.choice([1, 8, 500])
        data[at : at + size] = dice.randbytes(size)
    path.write_bytes(data)
    saved = salvage(path, now_us=5)
    with Journal.open(path) as journal:
        assert journal.check() == []
        if saved.knows_origin and journal.origin == origin:
            for entry in journal.log(limit=2 * COUNT)[:: COUNT // 50]:
                found = dict(journal.show(entry.number).values)
                assert found.keys() == {"n", "text", "f"}  # changed bytes within a value cannot be told
        journal.commit({"n": 1})


def test_two_programs_do_not_save_it_twice(made):
    path, *_ = made
    from nikdev_iot.journal.lock import FileLock

    lock = FileLock(path.with_name(f"{path.name}-salvage"))
    assert lock.acquire()
    assert salvage(path, now_us=5, wait_s=0) is None
    lock.release(remove=True)
    assert salvage(path, now_us=5).aside.name == "nikdev-x.db.damaged-1"
    assert salvage(path, now_us=5).aside.name == "nikdev-x.db.damaged-2"
    assert sorted(found.name for found in path.parent.iterdir()) == [
        "nikdev-x.db",
        "nikdev-x.db.damaged-1",
        "nikdev-x.db.damaged-2",
    ]


def test_what_was_dropped_stays_declared(path, clock):
    with bounded(path, clock, "drop-oldest") as journal:
        fill(journal, 120)
        before, status = journal.gone(1, 120), journal.status()
    salvage(path, now_us=1)
    with Journal.open(path, clock=clock) as journal:
        assert journal.gone(1, 120) == before
        assert (journal.status().dropped, journal.status().unpushed) == (status.dropped, status.unpushed)
        assert journal.check() == []


def test_a_long_journal_is_saved_piece_by_piece(made):
    """All at once it would not fit into a small device's memory."""
    path, *_ = made
    held, most = 0, 0

    class Row(tuple):
        __slots__ = ()

        def __new__(cls, items):
            nonlocal held, most
            held += 1
            most = max(most, held)
            return super().__new__(cls, items)

        def __del__(self):
            nonlocal held
            held -= 1

    real = salvaging._reader

    def counting(copy):
        connection = real(copy)
        connection.row_factory = lambda _, row: Row(row)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(salvaging, "_reader", counting)
        assert salvage(path, now_us=5).commits == COUNT
    assert 0 < most < 10
