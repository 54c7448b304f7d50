"""A saved journal takes the place of the damaged one, whatever comes in between."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from nikdev_iot.journal.errors import JournalDamaged
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.lock import FileLock
from nikdev_iot.journal.migrations import APPLICATION_ID
from nikdev_iot.journal.replacement import finish, put_in_place, saved_path
from nikdev_iot.journal.salvage import salvage

IN_LOG = 20
SAVED = b"SQLite format 3\0" + bytes(52) + APPLICATION_ID.to_bytes(4, "big") + b"saved"
ON_DISK = {"rename", "replace", "link", "unlink", "fsync", "open", "mkdir", "rmdir", "copyfile"}


class Cut(BaseException):
    """What a power cut does, as far as a test can do it within its process."""


def cut_at(step, call, *args, **options):
    """Run `call`, cut off before its disk operation number `step`; return whether it got to its end."""
    count = 0

    def watch(_, event, function):
        nonlocal count
        if event == "c_call" and function.__name__ in ON_DISK and not isinstance(function.__self__, str):
            count += 1
            if count == step:
                sys.setprofile(None)
                raise Cut

    sys.setprofile(watch)
    try:
        call(*args, **options)
    except Cut:
        return False
    finally:
        sys.setprofile(None)
    return True


@pytest.fixture
def damaged(tmp_path):
    """A journal that cannot be opened, and whose newest commits are in its log alone."""
    path = tmp_path / "made" / "nikdev-x.db"
    with Journal.open(path, durability="normal") as journal:
        journal.commit_many([(number, {"n": number}, None) for number in range(200)])
    folder = tmp_path / "damaged"
    folder.mkdir()
    with Journal.open(path, durability="normal") as journal:
        for number in range(200, 200 + IN_LOG):
            journal.commit({"n": number})
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", folder / f"{path.name}{suffix}")
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'origins'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with (folder / path.name).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    return folder / path.name


def begin_again(path):
    """Do what a program does that opens it; return its commits."""
    finish(path)
    try:
        journal = Journal.open(path)
    except JournalDamaged:
        assert salvage(path, now_us=5) is not None
        journal = Journal.open(path)
    with journal:
        assert journal.check() == []
        return sorted(journal.show(entry.number).values["n"] for entry in journal.log(limit=1_000))


def test_a_salvage_that_is_cut_off_anywhere_loses_no_commit_of_the_log(damaged, tmp_path):
    step = 0
    while True:
        step += 1
        path = shutil.copytree(damaged.parent, tmp_path / f"cut-{step}") / damaged.name
        # Another program has it open: else SQLite moves what is in the log to the file when it is closed.
        with closing(sqlite3.connect(path)) as other:
            other.execute("SELECT count(*) FROM boots").fetchone()
            is_done = cut_at(step, salvage, path, now_us=5)
            assert begin_again(path) == list(range(200 + IN_LOG)), step
        names = sorted(found.name.removeprefix(path.name) for found in path.parent.iterdir())
        assert not saved_path(path).exists()
        assert {".damaged-1", ".damaged-1-wal"} <= set(names), (step, names)
        assert not any(".salvage" in name for name in names), (step, names)
        if is_done:
            break
    print(f"cut off at each of {step - 1} steps")
    assert step > 10


def test_cut_off_again_and_again_it_is_put_in_place_once(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"damaged")
    saved_path(path).write_bytes(SAVED)
    tmp_path.joinpath("x.db-wal").write_bytes(b"log")
    step = 0
    while not cut_at(step := step + 1, finish, path):
        assert path.read_bytes() == b"damaged" or not saved_path(path).exists()
        if not saved_path(path).exists():
            saved_path(path).write_bytes(SAVED)
            path.write_bytes(b"damaged")
            break
    finish(path)
    assert path.read_bytes() == SAVED
    assert tmp_path.joinpath("x.db.damaged-1-wal").read_bytes() == b"log"
    assert tmp_path.joinpath("x.db.damaged-1").read_bytes() == b"damaged"


def test_without_links_it_is_a_copy_that_is_set_aside(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    path = tmp_path / "x.db"
    path.write_bytes(b"damaged")
    saved_path(path).write_bytes(SAVED)
    aside = put_in_place(path)
    assert (path.read_bytes(), aside.read_bytes()) == (SAVED, b"damaged")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["x.db", "x.db.damaged-1"]


def test_where_nothing_was_saved_nothing_happens(tmp_path):
    path = tmp_path / "x.db"
    finish(path)
    path.write_bytes(b"sound")
    finish(path)
    assert [found.name for found in tmp_path.iterdir()] == ["x.db"]


def test_another_program_that_is_at_it_is_waited_for(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"damaged")
    saved_path(path).write_bytes(SAVED)
    lock = FileLock(tmp_path / "x.db-salvage")
    assert lock.acquire()
    finish(path, wait_s=0.05)
    assert path.read_bytes() == b"damaged"
    lock.release(remove=True)
    finish(path)
    assert path.read_bytes() == SAVED


@pytest.mark.parametrize("what", ["a note", "an empty file", "a folder", "a pipe", "a link to a journal", "no file"])
def test_nothing_but_a_saved_journal_takes_the_place_of_a_sound_one(tmp_path, what):
    path = tmp_path / "x.db"
    with Journal.open(path) as journal:
        journal.commit({"n": 0})
    saved = saved_path(path)
    if what == "a note":
        saved.write_text("SQLite format 3 is what my journal is in")
    elif what == "an empty file":
        saved.touch()
    elif what == "a folder":
        saved.mkdir()
    elif what == "a pipe":
        os.mkfifo(saved)
    elif what == "a link to a journal":
        Journal.open(tmp_path / "other.db").close()
        saved.symlink_to(tmp_path / "other.db")
    else:
        saved = tmp_path / "x.db.saved"  # what somebody calls a copy
        shutil.copy(path, saved)
    assert begin_again(path) == [0]
    assert os.path.lexists(saved)


def test_behind_a_link_the_log_is_saved_too(damaged, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(damaged)
    with closing(sqlite3.connect(damaged)) as other:
        other.execute("SELECT count(*) FROM boots").fetchone()
        assert begin_again(link) == list(range(200 + IN_LOG))
    assert link.is_symlink()
    assert Path(f"{damaged}.damaged-1-wal").exists()
