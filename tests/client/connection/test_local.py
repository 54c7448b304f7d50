from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.client.conftest import MakeApi
from tests.client.connection.fronts import states, step
from tests.client.networks import closed_port, url_of
from tests.unmeasured import unmeasured

from nikdev_iot import Api, ConnectionReport, JournalError, PushException
from nikdev_iot.client.auto_push import PushState
from nikdev_iot.client.connection import Cause, State, Step, examine, local

DAY_US = 86_400_000_000


@pytest.fixture
def offline(make_api: MakeApi) -> Api:
    return make_api(baseUrl=url_of(closed_port()))


def commit(api: Api, *, time_s: float | None = None) -> None:
    api.add_value("a", 1)
    api.commit(time=time_s)


def failure(report: ConnectionReport, name: str) -> Step:
    found = step(report, name)
    assert (found.state, found.cause) == (State.FAILED, Cause.JOURNAL), str(report)
    return found


# -- the journal ---------------------------------------------------------------------------------------------------


def test_a_journal_in_order(offline: Api) -> None:
    commit(offline)
    before = offline.log()
    found = step(offline.test_connection(), "journal")
    assert found.state is State.OK
    assert found.found.endswith("kB, no fault found")
    assert found.details["path"] == offline.status().journal_path
    assert found.details["size_bytes"] > 0
    assert found.details["is_whole"] is True
    assert offline.log() == before


def test_no_journal_yet(offline: Api, tmp_path: Path) -> None:
    report = offline.test_connection()
    assert "the first commit makes it" in step(report, "journal").found
    assert step(report, "queue").found == "nothing waits to be pushed"
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be(make_api: MakeApi, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = make_api(storagePath=str(tmp_path / "file")).test_connection()
    found = failure(report, "journal")
    assert str(tmp_path / "file") in found.found
    assert "storagePath" in found.todo
    assert step(report, "queue").found == "not tried, because of 'journal'"
    assert report.can_write


def test_a_folder_where_the_file_should_be(offline: Api, make_api: MakeApi, tmp_path: Path) -> None:
    (tmp_path / "device" / "journal.db").mkdir(parents=True)
    found = failure(make_api(storageFilename="journal.db").test_connection(), "journal")
    assert "is a folder" in found.found


def test_a_damaged_journal_is_looked_at_and_left_alone(offline: Api) -> None:
    commit(offline)
    path = Path(offline.status().journal_path)
    offline.close()
    raw = bytearray(path.read_bytes())
    raw[4096 : 4096 * 3] = b"\x55" * 8192
    path.write_bytes(raw)
    found = failure(offline.test_connection(), "journal")
    assert "damaged" in found.found
    assert "nikdev fsck" in found.todo
    assert path.read_bytes()[4096:] == raw[4096:]
    assert [file for file in path.parent.iterdir() if "damaged" in file.name] == []


def test_a_tree_that_is_damaged_further_in(offline: Api) -> None:
    for _ in range(3):
        offline.add_value("a", "x" * 60_000)
        offline.commit()
    path = Path(offline.status().journal_path)
    offline.close()
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"x" * 4000) // 4096 * 4096 - 4096 * 3
    raw[at : at + 4] = b"\xff\xff\xff\xff"  # the number of the page that goes on
    path.write_bytes(raw)
    report = offline.test_connection()
    found = failure(report, "journal")
    assert "damaged" in found.found
    assert found.details.get("problems", ["it could not be read"])


def test_a_journal_of_another_device(offline: Api, make_api: MakeApi) -> None:
    commit(offline)
    name = Path(offline.status().journal_path).name
    other = make_api(deviceId="6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44", storageFilename=name)
    assert "belongs to the device" in failure(other.test_connection(), "journal").found


LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_journal_that_another_program_keeps_locked(monkeypatch: pytest.MonkeyPatch, offline: Api) -> None:
    monkeypatch.setattr(local, "LOCK_S", 0.2)
    commit(offline)
    path = offline.status().journal_path
    offline.close()
    with subprocess.Popen(
        [sys.executable, "-c", LOCKING, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=unmeasured()
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        report = offline.test_connection()
        other.communicate()
    assert "locked" in failure(report, "journal").found
    assert step(report, "queue").found == "not tried, because of 'journal'"


def test_commits_in_memory(make_api: MakeApi) -> None:
    api = make_api(stageUnpushedEntries=False)
    commit(api)
    report = api.test_connection()
    assert report.ok
    assert "in memory" in step(report, "journal").found
    assert step(report, "journal").state is State.NOTE
    assert "1 commit not pushed yet" in step(report, "queue").found
    api.push()


def filled(api: Api, count: int) -> Step:
    """Commit until the storage limit is reached, or `count` times; return the step of the journal."""
    for _ in range(count):
        api.add_value("a", "x" * 20_000)
        try:
            api.commit()
        except JournalError:
            api.reset()
            break
    else:
        assert api.config.storage_policy != "refuse"
    return step(api.test_connection(), "journal")


def test_a_storage_limit(make_api: MakeApi) -> None:
    api = make_api(storageLimit=1_000_000)
    commit(api)
    found = step(api.test_connection(), "journal")
    assert found.state is State.OK
    assert " of at most 1 MB, no fault found" in found.found
    full = filled(api, 100)
    assert full.state is State.WARNING, full
    assert "close to its limit" in full.found
    assert full.details["limit_bytes"] == 1_000_000
    api.push()
    assert step(api.test_connection(), "journal").state is State.OK


def test_what_was_dropped_at_the_limit(make_api: MakeApi) -> None:
    api = make_api(storageLimit=1_000_000, storagePolicy="drop-oldest")
    assert filled(api, 100).state is State.OK
    dropped = api.status().dropped
    assert dropped > 0
    queue = step(api.test_connection(), "queue")
    assert f"{dropped} commits dropped at the storage limit, ever" in queue.found
    assert queue.details["dropped"] == dropped


ON_A_DISK = """
import os, subprocess, sys
sys.path[:0] = {path!r}
from nikdev_iot import Api
subprocess.run(["mount", "-t", "tmpfs", "-o", "size={size}", "none", {folder!r}], check=True)
api = Api({{"storagePath": {folder!r}, "deviceId": {device!r}, "apiKey": {device!r}, "baseUrl": "http://127.0.0.1:9"}})
api.add_value("a", 1)
api.commit()
api.close()
{then}
for step in api.test_connection().steps:
    print(step.name, step.state.value, step.cause, step.found, step.todo, sep="|")
"""


def on_a_disk_of_its_own(folder: Path, *, size: str, then: str = "") -> dict[str, list[str]]:
    device = "6f1c2a3e-0b7d-4a51-9a52-0d2f7c1e9b44"
    code = ON_A_DISK.format(path=sys.path, folder=str(folder), device=device, size=size, then=then)
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=unmeasured(),
    )
    if done.returncode and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip(f"this system gives no file system of its own: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return {line.split("|")[0]: line.split("|")[1:] for line in done.stdout.splitlines()}


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts a small file system")


@needs_linux
def test_a_full_disk(tmp_path: Path) -> None:
    state, cause, found, todo = on_a_disk_of_its_own(tmp_path, size="2m")["disk"]
    assert (state, cause) == ("failed", "journal")
    assert "of 2.1 MB free" in found
    assert "Make room" in todo


@needs_linux
def test_a_disk_with_little_room_that_is_read_only(tmp_path: Path) -> None:
    remount = f'subprocess.run(["mount", "-o", "remount,ro", {str(tmp_path)!r}], check=True)'
    found = on_a_disk_of_its_own(tmp_path, size="100m", then=remount)
    assert found["disk"][0] == "warning"
    assert found["journal"][:2] == ["failed", "journal"]
    assert "read-only" in found["journal"][2] + found["journal"][3]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_this_user_may_not_write(offline: Api, tmp_path: Path) -> None:
    offline.test_connection()  # loads what it needs
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    os.seteuid(65_534)
    try:
        report = offline.test_connection()
    finally:
        os.seteuid(0)
    assert "this user may not write to" in failure(report, "journal").found


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_this_user_may_not_even_enter(offline: Api, tmp_path: Path) -> None:
    commit(offline)
    offline.test_connection()  # loads what it needs
    for folder in tmp_path.parents[:3]:
        folder.chmod(0o755)
    tmp_path.chmod(0o700)
    os.seteuid(65_534)
    try:
        report = offline.test_connection()
    finally:
        os.seteuid(0)
    assert "cannot be used: Permission denied" in failure(report, "journal").found
    assert step(report, "queue").found == "not tried, because of 'journal'"


# -- the queue -----------------------------------------------------------------------------------------------------


def test_what_waits_and_since_when(offline: Api) -> None:
    commit(offline, time_s=time.time() - 7_300)
    commit(offline)
    found = step(offline.test_connection(), "queue")
    assert found.state is State.OK
    assert found.found.startswith("2 commits not pushed yet, the oldest for 2 hours (since 20")
    assert found.details["unpushed"] == 2
    assert found.details["oldest_age_s"] == pytest.approx(7_300, abs=100)


def test_what_waits_for_long(offline: Api) -> None:
    commit(offline, time_s=time.time() - 3.5 * 86_400)
    found = step(offline.test_connection(), "queue")
    assert found.state is State.WARNING
    assert "the oldest for 3 days" in found.found
    assert "push() sends what waits" in found.todo


@pytest.mark.parametrize("time_s", [86_400.0, 4_000_000_000.0])
def test_what_a_wrong_clock_recorded(offline: Api, time_s: float) -> None:
    commit(offline, time_s=time_s)
    found = step(offline.test_connection(), "queue")
    assert "by a clock that was wrong" in found.found
    assert found.details["oldest_age_s"] is None
    assert found.state is State.OK


def test_what_was_set_aside(make_api: MakeApi) -> None:
    api = make_api(apiKey="0f8fad5b-d9cb-469f-a165-70867728950e")
    commit(api)
    with pytest.raises(PushException):
        api.push()
    found = step(api.test_connection(), "queue")
    assert found.state is State.WARNING
    assert found.found == "nothing waits to be pushed; 1 commit set aside"
    assert "rejected() says why" in found.todo


def test_a_push_in_the_background_that_fails(make_api: MakeApi) -> None:
    api = make_api(baseUrl=url_of(closed_port()), autoPush=True)
    commit(api)
    until = time.monotonic() + 20
    while api.push_state is None or not api.push_state.failures:
        assert time.monotonic() < until
        time.sleep(0.01)
    found = step(api.test_connection(), "queue")
    assert found.state is State.WARNING
    assert "autoPush: waiting after " in found.found
    assert "the last: Nothing accepts connections" in found.found
    assert (found.details["push_phase"], found.details["push_failures"]) == ("waiting", api.push_state.failures)


@pytest.mark.parametrize("phase", ["idle", "stopped"])
def test_a_push_in_the_background_that_works(offline: Api, phase: str) -> None:
    commit(offline)
    report = examine(
        offline.config,
        offline._store.commits,
        now_us=lambda: time.time_ns() // 1000,
        push_state=lambda: PushState(phase=phase),  # type: ignore[arg-type]
    )
    found = step(report, "queue")
    assert found.state is State.OK
    assert found.found.endswith(f"; autoPush: {phase}")


def test_all_of_it_without_a_network(offline: Api) -> None:
    report = offline.test_connection()
    assert states(report, State.FAILED) == ["tcp"]
    disk = step(report, "disk")
    assert disk.details["free_bytes"] <= disk.details["total_bytes"]
    assert "free where the journal is" in disk.found
