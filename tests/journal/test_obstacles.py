"""What the system says; that errors say it, `test_connection.py` and `tests/client/test_disk_full.py` show."""

from __future__ import annotations

import fcntl
import os
import re
import resource
from pathlib import Path

import pytest

from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.obstacles import holder, is_full, is_gone, refusal, strange_kind
from nikdev_iot.model.errors import JournalError


def test_nothing_stands_in_the_way_of_a_file_of_ones_own(tmp_path):
    path = tmp_path / "j.db"
    for _ in range(2):
        assert refusal(path) is None
        assert not is_gone(path)
        assert not is_full(path)
        assert holder(path) is None
        path.write_bytes(b"x")


def test_what_is_no_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert strange_kind(pipe) == "a named pipe (FIFO)"
    assert strange_kind(Path("/dev/null")) == "a device"
    assert strange_kind(tmp_path) is None
    assert strange_kind(tmp_path / "none") is None
    for path, said in ((pipe, "it is a named pipe (FIFO), not a file"), (Path("/dev/zero"), "it is a device, not")):
        with pytest.raises(JournalError, match=re.escape(said)):
            Journal.open(path)


def test_a_folder_that_is_not_there(tmp_path):
    assert is_gone(tmp_path / "gone" / "j.db")
    assert refusal(tmp_path / "gone" / "j.db") is None
    assert not is_full(tmp_path / "gone" / "j.db")


def test_a_limit_on_files_is_like_a_full_disk(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, hard))
    try:
        assert is_full(tmp_path / "j.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_lock_of_this_program_is_named_as_that(tmp_path):
    path = tmp_path / "j.db"
    with path.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        expected = "this program itself" if Path("/proc/locks").exists() else None
        assert holder(tmp_path / "other", path) == expected
    assert holder(path) is None
