"""What the system says; that errors say it, `test_connection.py` and `tests/client/test_disk_full.py` show."""

from __future__ import annotations

import fcntl
import resource
from pathlib import Path

from nikdev_iot.journal.obstacles import holder, is_full, is_gone, refusal


def test_nothing_stands_in_the_way_of_a_file_of_ones_own(tmp_path):
    path = tmp_path / "j.db"
    for _ in range(2):
        assert refusal(path) is None
        assert not is_gone(path)
        assert not is_full(path)
        assert holder(path) is None
        path.write_bytes(b"x")


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
