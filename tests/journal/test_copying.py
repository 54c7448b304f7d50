"""A journal that is copied while others have it open."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from nikdev_iot.journal import copying
from nikdev_iot.journal.copying import copy_whole, held_open
from nikdev_iot.journal.journal import Journal


def test_file_and_log_are_copied_as_they_are(path, tmp_path):
    copy = tmp_path / "copy"
    with Journal.open(path) as journal, ExitStack() as opened:
        journal.commit({"a": 1})
        copy_whole(path, copy, opened)
        for suffix in ("", "-wal"):
            assert Path(f"{path}{suffix}").read_bytes() == Path(f"{copy}{suffix}").read_bytes()
    with Journal.open(copy) as journal:
        assert journal.status().unpushed == 1


def test_what_changes_meanwhile_is_copied_again(path, tmp_path, monkeypatch):
    copy, real, left = tmp_path / "copy", copying.shutil.copyfileobj, [3]

    def commit_meanwhile(source, target, size):
        real(source, target, size)
        if left[0]:
            left[0] -= 1
            journal.commit({"a": 2}, message="x" * 9_000)

    with Journal.open(path) as journal, ExitStack() as opened:
        journal.commit({"a": 1})
        monkeypatch.setattr(copying.shutil, "copyfileobj", commit_meanwhile)
        copy_whole(path, copy, opened)
        monkeypatch.undo()
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("SELECT count(*) FROM commits").fetchone() == (4,)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere what is open is not renamed, and is not held")
def test_who_closes_it_meanwhile_leaves_the_log(path):
    log = path.with_name(f"{path.name}-wal")
    with Journal.open(path) as journal:
        journal.commit({"a": 1})
        with held_open(path):
            journal.close()
            assert log.stat().st_size
    assert not log.exists()
