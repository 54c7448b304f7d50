from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from nikdev_iot.journal import lock as lock_module
from nikdev_iot.journal.errors import PushLocked
from nikdev_iot.journal.lock import FileLock, hold_push_lock
from nikdev_iot.model.errors import JournalError

from .processes import finish, kill, start

HOLDER = """
from nikdev_iot.journal.lock import hold_push_lock
with hold_push_lock(path, None, name="j", timeout_s=5):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


def hold(path, timeout_s=0.0):
    return hold_push_lock(path, threading.Lock(), name="the.db", timeout_s=timeout_s)


def test_each_lock_object_is_a_holder_of_its_own(tmp_path):
    one, two = FileLock(tmp_path / "x"), FileLock(tmp_path / "x")
    assert one.acquire()
    assert not two.acquire()
    one.release()
    one.release()
    assert two.acquire()
    two.release(remove=True)
    assert os.listdir(tmp_path) == []
    with pytest.raises(FileNotFoundError):
        two.acquire(create=False)


def test_a_lock_that_is_forgotten_is_released(tmp_path):
    lock = FileLock(tmp_path / "x")
    assert lock.acquire()
    del lock
    assert FileLock(tmp_path / "x").acquire()


def test_one_process_at_a_time(tmp_path):
    other = start(HOLDER, tmp_path / "x")
    assert other.stdout.readline() == "held\n"
    with pytest.raises(PushLocked, match=r"pushing the journal the\.db") as caught, hold(tmp_path / "x", 0.05):
        pytest.fail("held by two")
    assert "kept" in caught.value.hint
    if sys.platform == "linux":
        assert f"Another program, process {other.pid} (python" in caught.value.message
    threading.Timer(0.1, lambda: (other.stdin.write("\n"), other.stdin.flush())).start()
    with hold(tmp_path / "x", 10):
        pass
    assert finish(other) == ["released"]


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    other = start(HOLDER, tmp_path / "x")
    assert other.stdout.readline() == "held\n"
    kill(other)
    with hold(tmp_path / "x", 5):
        pass


def test_it_waits_no_longer_than_asked(tmp_path):
    with hold(tmp_path / "x"):
        began = time.monotonic()
        with pytest.raises(PushLocked), hold(tmp_path / "x", 0.1):
            pytest.fail("held twice")
        assert 0.1 <= time.monotonic() - began < 5


def test_it_is_released_by_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "x"):
        _ = 1 / 0
    with hold(tmp_path / "x"):
        pass


def test_a_forked_child_holds_nothing(tmp_path):
    """The parent dies while it pushes; its child lives on."""
    other = start(
        """
        from nikdev_iot.journal.lock import FileLock
        lock = FileLock(path)
        assert lock.acquire()
        child = os.fork()
        if child:
            print(child, flush=True)
            time.sleep(60)
        os.close(1)
        time.sleep(60)
        """,
        tmp_path / "x",
    )
    child = int(other.stdout.readline())
    try:
        with pytest.raises(PushLocked), hold(tmp_path / "x"):
            pytest.fail("the parent holds it")
        kill(other)
        with hold(tmp_path / "x", 5):
            pass
    finally:
        os.kill(child, 9)


def test_a_lock_file_that_cannot_be_made_is_an_error_of_the_journal(tmp_path):
    with pytest.raises(JournalError, match=r"the\.db could not push") as caught, hold(tmp_path / "no" / "x"):
        pytest.fail("held")
    assert not isinstance(caught.value, PushLocked)


def test_a_file_that_its_last_holder_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    path = tmp_path / "x"
    take = lock_module._lock

    def take_late(fd):
        path.unlink()
        return take(fd)

    with monkeypatch.context() as patch:
        patch.setattr(lock_module, "_lock", take_late)
        assert not FileLock(path).acquire()
    assert FileLock(path).acquire()
