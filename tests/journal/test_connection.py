from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import stat
import subprocess
import sys
import time

import pytest
from tests.disks import mounted_or_skipped

from nikdev_iot.journal.errors import JournalGone, JournalLocked, NotPermitted, PushLocked
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.errors import JournalError

from .processes import finish, run, start


def open_fails(path, **options):
    with pytest.raises(JournalError) as caught:
        Journal.open(path, **options)
    error = caught.value
    assert error.path == str(path)
    assert error.operation == "open"
    assert error.hint
    assert str(path) in error.message
    return error


def test_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "j.db"
    Journal.open(path).close()
    assert path.stat().st_size > 0


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Journal.open("j.db") as journal:
        assert journal.path == tmp_path / "j.db"
        journal.close()
        monkeypatch.chdir("/")
        assert journal.commit({"a": 1}).number == 1


def test_a_folder_is_no_journal(tmp_path):
    assert "is a folder" in open_fails(tmp_path).message


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    open_fails(tmp_path / "file" / "deeper" / "j.db")


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 100)
    assert "not a journal" in open_fails(path).message
    assert path.read_text() == "dear diary, " * 100
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "another program" in open_fails(path).message
    assert path.read_bytes() == before


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path):
    path = tmp_path / "j.db"
    Journal.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    error = open_fails(path)
    assert "version 99" in error.message
    assert "Upgrade" in error.hint
    assert path.read_bytes() == before


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "j.db"
    with Journal.open(path) as journal:
        journal.commit_many((at, {"a": at}, None) for at in range(1000))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    assert "damaged" in open_fails(path).message


@pytest.mark.skipif(os.name != "posix", reason="users and permissions of POSIX")
@pytest.mark.parametrize("when", ["folder", "file"])
def test_a_place_that_this_user_may_not_write_to(tmp_path, when):
    """In a process of its own, for root may write anywhere."""
    folder = tmp_path / "device"
    path = folder / "j.db"
    if when == "file":
        with Journal.open(path) as journal:
            journal.commit({"a": 1})
        path.chmod(0o444)
    else:
        folder.mkdir()
    folder.chmod(0o555)
    # A folder of pytest's is not to be entered by others.
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    out = run(
        """
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            Journal.open(path).commit({"a": 2})
        except JournalError as error:
            print(type(error).__name__, "|", error.message, "|", error.hint)
        """,
        path,
    )
    owner = pwd.getpwuid(os.getuid()).pw_name
    folder.chmod(0o755)
    assert len(out) == 1, out
    kind, message, hint = out[0].split(" | ")
    assert kind == "NotPermitted"
    refused = path if when == "file" else folder
    assert message.startswith(f"The journal {path} could not ")
    assert f": {refused} belongs to {owner}, and this user (" in message
    assert "may not write to it" in message
    assert hint.startswith("Nothing was lost: every commit that was made is kept. Give this user read and write")
    if when == "file":
        path.chmod(0o644)
        with Journal.open(path) as journal:
            assert [entry.number for entry in journal.log(limit=9)] == [1]


def test_a_lock_held_for_too_long(path):
    with Journal.open(path) as holder, Journal.open(path, busy_timeout_s=0.05) as journal:
        with holder._database.write("hold"), pytest.raises(JournalLocked, match=r"(itself|program) kept it locked"):
            journal.commit({"a": 1})
        assert journal.commit({"a": 1}).number == 1


@pytest.mark.parametrize("how", ["BEGIN EXCLUSIVE", "PRAGMA locking_mode = EXCLUSIVE"])
def test_a_lock_of_another_program_ends_in_time_and_names_it(path, how):
    """It is no program of ours; at the second statement, not even a reader gets in."""
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
    other = start(
        f"""
        import sqlite3
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute({how!r})
        connection.execute("UPDATE meta SET value = value")
        print("locked", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert other.stdout.readline() == "locked\n"
    began = time.monotonic()
    with pytest.raises(JournalLocked) as caught, Journal.open(path, busy_timeout_s=0.2) as journal:
        journal.commit({"a": 2})
    assert 0.2 <= time.monotonic() - began < 10
    assert str(path) in caught.value.message
    if sys.platform == "linux":
        assert f"process {other.pid} (python" in caught.value.message
        assert f"or end process {other.pid}" in caught.value.hint
    assert "every commit that was made is kept" in caught.value.hint
    finish(other)
    with Journal.open(path) as journal:
        assert journal.commit({"a": 2}).number == 2


def test_a_file_system_that_is_read_only(tmp_path):
    """A folder that this user may not write to is checked everywhere: see above."""
    with mounted_or_skipped(tmp_path / "disk", unchecked="what is said of a read-only file system") as disk:
        with Journal.open(disk / "j.db") as journal:
            journal.commit({"a": 1})
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=30)
        with pytest.raises(NotPermitted) as caught, Journal.open(disk / "j.db") as journal:
            journal.commit({"a": 2})
        assert f"{disk / 'j.db'} is on a file system that is read-only" in caught.value.message
        assert "Mount it so that it can be written" in caught.value.hint


@pytest.mark.skipif(os.name != "posix", reason="mounts are POSIX's")
@pytest.mark.parametrize("how", ["unmounted", "renamed"])
def test_a_disk_that_is_taken_away_and_comes_back(tmp_path, how):
    def check(folder, take_away, bring_back):
        with Journal.open(folder / "j.db") as journal:
            journal.commit({"a": 1})
            take_away()
            with pytest.raises(JournalGone) as caught:
                journal.commit({"a": 2})
            assert str(folder / "j.db") in caught.value.message
            assert "what is staged stays staged" in caught.value.hint
            if bring_back is not None:
                bring_back()
                assert journal.commit({"a": 2}).number == 2

    folder = tmp_path / "disk"
    if how == "unmounted":
        with mounted_or_skipped(folder, unchecked="a journal whose disk is unmounted while in use"):
            check(folder, lambda: subprocess.run(["umount", "-l", str(folder)], check=True, timeout=30), None)
    else:
        folder.mkdir()
        away = tmp_path / "away"
        check(folder, lambda: folder.rename(away), lambda: away.rename(folder))


def test_a_full_disk_loses_nothing_and_heals(path):
    with Journal.open(path) as journal:
        made = [journal.commit({"text": "x" * 500}).number for _ in range(10)]
        connection = journal._database._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(JournalError, match="disk is full") as caught:
            while True:
                made.append(journal.commit({"text": "x" * 500}).number)
        assert "every commit that was made is kept" in caught.value.hint
        with pytest.raises(JournalError, match="disk is full"):
            journal.commit_many((1, {"text": "x" * 500}, None) for _ in range(100))
        connection.execute("PRAGMA max_page_count = 1000000")
        made.append(journal.commit({"text": "after"}).number)
        assert made == list(range(1, len(made) + 1))
        assert [entry.number for entry in journal.log(limit=1000)] == made[::-1]
        assert journal.check() == []


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE")
def test_writes_that_fail_half_way_lose_nothing_and_heal(path):
    """The operating system refuses to let the files grow, in the middle of it all."""
    out = run(
        """
        import resource
        journal = Journal.open(path)
        for _ in range(20): journal.commit({"text": "x" * 3000})
        limit = os.stat(f"{path}-wal").st_size + 50_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        made = 20
        try:
            while True:
                journal.commit({"text": "x" * 3000}); made += 1
        except JournalError as error:
            print(error.message)
        try:
            journal.commit({"text": "x" * 3000})
        except JournalError as error:
            print("still")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(journal.commit({"text": "after"}).number == made + 1, made)
        """,
        path,
    )
    assert "disk" in out[0]
    assert out[1] == "still"
    assert out[2].startswith("True")
    with Journal.open(path) as journal:
        assert journal.check() == []
        assert len(journal.log(limit=1000)) == int(out[2].split()[1]) + 1


def test_a_file_that_is_deleted_under_it_is_noticed(path):
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
        shutil.move(path, path.with_name("moved.db"))
        with pytest.raises(JournalGone, match="moved, deleted or replaced"):
            journal.commit({"a": 2})
        shutil.move(path.with_name("moved.db"), path)
        assert journal.commit({"a": 2}).number == 2


def test_an_error_inside_a_transaction_undoes_it(path):
    with Journal.open(path) as journal:
        with pytest.raises(ZeroDivisionError), journal._database.write("try") as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 1)")
            _ = 1 / 0
        assert journal._database._connection.execute("SELECT * FROM meta").fetchall() == []
        assert journal.commit({"a": 1}).number == 1


def test_many_processes_may_make_one_journal_at_the_same_time(path):
    code = """
    sys.stdin.readline()
    with Journal.open(path) as journal:
        print(journal.commit({"a": 1}).number, journal.origin)
    """
    processes = [start(code, path) for _ in range(6)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    lines = [finish(process)[0].split() for process in processes]
    assert sorted(int(number) for number, _ in lines) == [1, 2, 3, 4, 5, 6]
    assert len({origin for _, origin in lines}) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_all_that_is_made_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "a" / "b" / "j.db"
    before = os.umask(0o022)
    try:
        with Journal.open(path) as journal:
            journal.commit({"a": 1})
            journal.stage({"b": 1})
            taken = journal.take_staged()
            with journal.push_lock():
                modes = {file.name[:9]: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            journal.drop_staged(taken.token)
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["j.db", "j.db-wal", "j.db-shm", "j.db-push", "j.db-clai"], 0o600)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)] == [0o700, 0o700]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_mode_of_a_journal_that_is_there_stays(tmp_path):
    path = tmp_path / "j.db"
    Journal.open(path).close()
    path.chmod(0o640)
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_behind_a_link_it_is_as_private_and_locked_by_one_name(tmp_path):
    link, path = tmp_path / "link.db", tmp_path / "disk" / "j.db"
    link.symlink_to(path)
    before = os.umask(0o022)
    try:
        with Journal.open(link) as journal, Journal.open(path) as other:
            journal.commit({"a": 1})
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            with journal.push_lock(), pytest.raises(PushLocked), other.push_lock(timeout_s=0):
                pass
    finally:
        os.umask(before)
    assert link.is_symlink()


def test_a_link_that_leads_to_itself(tmp_path):
    path = tmp_path / "j.db"
    path.symlink_to(path)
    with pytest.raises(JournalError, match="could not open"):
        Journal.open(path)


def test_a_journal_on_a_file_system_without_links(tmp_path, monkeypatch):
    def fail(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)
    with Journal.open(tmp_path / "j.db") as journal:
        assert journal.commit({"a": 1}).number == 1
    assert os.listdir(tmp_path) == ["j.db"]


def test_opening_writes_nothing_to_a_file_that_is_there(path):
    Journal.open(path).close()
    before = path.read_bytes()
    with Journal.open(path) as journal:
        assert journal.status().unpushed == 0
        log = path.with_name(f"{path.name}-wal")
        assert not log.exists() or log.stat().st_size == 0
    assert path.read_bytes() == before
