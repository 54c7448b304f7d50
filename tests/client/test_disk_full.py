"""A disk that runs full, at each thing that writes: nothing is lost, all is told, and it goes on when there is room."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.networks import DEVICE, KEY, Reply, Request, StubServer, scripted, url_of
from tests.disks import Disk, SmallDisk, disk, mounted_or_skipped

from nikdev_iot import Api, PushException
from nikdev_iot.journal.errors import DiskFull
from nikdev_iot.journal.journal import Journal
from nikdev_iot.journal.reserve import RESERVE_BYTES
from nikdev_iot.journal.salvage import salvage

KINDS = ["small", "limited"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and mounts are POSIX's")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path, request.param) as found:
        yield found


def made(place: Disk, port: int = 9) -> Api:
    return Api(
        {
            "storagePath": place.folder / "device",
            "storageFilename": "journal.db",
            "deviceId": DEVICE,
            "apiKey": KEY,
            "baseUrl": url_of(port),
        }
    )


def fails(error: Any, *, operation: str, says: str) -> None:
    """Check the one error that all of this ends in."""
    assert type(error) is DiskFull
    assert error.operation == operation
    assert f"journal.db could not {operation}: the disk is full." in error.message
    assert says in error.hint
    assert "Make room on the disk: then it goes on, without a restart." in error.hint


def commit(api: Api, number: int) -> None:
    api.add_value("n", number)
    api.add_value("text", "x" * 500)
    assert api.commit() is not None


def numbers(api: Api) -> list[object]:
    return [(api.show(entry.number) or pytest.fail("gone")).values["n"] for entry in reversed(api.log(limit=1_000))]  # type: ignore[index]


def test_a_commit_on_a_full_disk_stays_staged_and_goes_through_when_there_is_room(place: Disk) -> None:
    with made(place) as api:
        for number in range(5):
            commit(api, number)
        place.fill()
        api.add_value("n", 5)
        api.add_value("text", "x" * 500)
        reached = 5
        with pytest.raises(DiskFull) as caught:  # a page or two of the log may be left
            for reached in range(5, 1_000):
                commit(api, reached)
        fails(
            caught.value,
            operation="commit",
            says="What is staged stays staged, and every commit that was made is kept.",
        )
        assert api.staged()["n"] == reached
        assert numbers(api) == list(range(reached))
        api.add_value("more", True)
        with pytest.raises(DiskFull):
            api.commit()
        place.make_room()
        receipt = api.commit()
        assert receipt is not None
        assert receipt.number == reached + 1
        assert dict((api.show(receipt.number) or pytest.fail("gone")).values or {}) == {
            "n": reached,
            "text": "x" * 500,
            "more": True,
        }
        assert api.staged() == {}
    with Journal.open(place.folder / "device" / "journal.db") as journal:
        assert journal.check() == []


def test_closing_on_a_full_disk_keeps_the_staged_values_in_memory(place: Disk) -> None:
    api = made(place)
    commit(api, 1)
    api.add_value("n", 2)
    api.add_value("text", "y" * 50_000)
    place.fill()
    with pytest.raises(DiskFull) as caught:
        api.close()
    fails(caught.value, operation="stage", says="what this program has staged, it has.")
    assert api.staged()["n"] == 2
    place.make_room()
    api.close()
    with made(place) as again:
        assert again.staged()["n"] == 2
        again.reset()


@pytest.mark.parametrize("is_there", [False, True])
def test_opening_on_a_full_disk_goes_on_with_the_same_object(place: Disk, is_there: bool) -> None:
    if is_there:
        with made(place) as before:
            commit(before, 0)
    api = made(place)
    api.add_value("n", 1)
    place.fill()
    with pytest.raises(DiskFull) as caught:
        api.commit()
    assert "the disk is full" in caught.value.message
    assert str(place.folder) in caught.value.path
    place.make_room()
    assert api.commit() is not None
    assert numbers(api) == ([0, 1] if is_there else [1])
    api.close()


@pytest.mark.parametrize("when", ["before it is sent", "before it is acknowledged"])
def test_a_push_on_a_full_disk_loses_and_doubles_nothing(place: Disk, when: str) -> None:
    server = StubServer()
    is_full = False

    def fill(request: Request) -> Reply | None:
        nonlocal is_full
        if request.method == "POST" and not is_full:
            _fill_wholly(place)
            is_full = True
        return None

    with scripted(server) as port, made(place, port) as api:
        commit(api, 0)
        api.push()
        # What is left of the log's pages is used up: the next change to it needs room.
        for number in range(1, 120):
            commit(api, number)
        if when == "before it is sent":
            _fill_wholly(place)
            _use_up(api)
            with pytest.raises(DiskFull) as caught:
                api.push()
            fails(caught.value, operation="push", says="Every commit is kept, and queued.")
            assert server.numbers == [1]
        else:
            server.intervene = fill
            with pytest.raises(DiskFull) as caught:
                api.push()
            assert caught.value.operation in {"acknowledge", "push"}
            assert is_full
        place.make_room()
        queued = api.status().unpushed
        assert queued > 0
        api.push()
        assert api.status().unpushed == 0
        count = len(numbers(api))
    assert server.numbers == list(range(1, count + 1))


def _use_up(api: Api) -> None:
    with pytest.raises(DiskFull):
        for number in range(1_000):
            commit(api, number)
    api.reset()


def _fill_wholly(place: Disk) -> None:
    """Leave not even the reserve."""
    for path in place.folder.rglob("*-reserve"):
        path.unlink()
    place.fill()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted_or_skipped(tmp_path / "disk", unchecked="that a full disk frees itself") as folder:
        yield SmallDisk(folder)


def _commit_until_full(api: Api, first: int) -> int:
    """Commit until there is no room; return the number of the commit that did not fit."""
    for number in range(first, 10_000):
        try:
            commit(api, number)
        except DiskFull:
            api.reset()
            return number
    pytest.fail("never full")


def _checked(place: Disk, api: Api, server: StubServer, count: int) -> None:
    """Check that of `count` commits each is on the server once, and the last one here."""
    assert api.push().pushed <= count
    assert api.status().unpushed == 0
    assert server.numbers == list(range(1, count + 1))
    last = api.show(count)
    assert last is not None
    assert dict(last.values or {})["n"] == count - 1
    api.close()
    with Journal.open(place.folder / "device" / "journal.db") as journal:
        assert journal.check() == []


@pytest.mark.parametrize("is_started_anew", [False, True])
def test_a_disk_that_the_journal_has_filled_is_free_again_after_a_push(small: SmallDisk, is_started_anew: bool) -> None:
    server = StubServer()
    with scripted(server) as port:
        api = made(small, port)
        full = _commit_until_full(api, 0)
        assert full > 100
        small.fill()  # whatever is left beside the reserve, another program has
        if is_started_anew:
            api.close()
            small.fill()
            api = made(small, port)
        assert api.push().pushed == full
        for number in range(full, full + 300):  # pushed commits leave for them
            commit(api, number)
            if number % 50 == 0:
                api.push()
        _checked(small, api, server, full + 300)


def test_pushed_commits_leave_for_new_ones_on_a_full_disk(small: SmallDisk) -> None:
    server = StubServer()
    reserve = small.folder / "device" / "journal.db-reserve"
    with scripted(server) as port, made(small, port) as api:
        for number in range(100):
            commit(api, number)
        api.push()
        small.fill()
        for number in range(100, 1_500):
            commit(api, number)
            if number % 100 == 99:
                api.push()
        kept = reserve.stat().st_size
        assert RESERVE_BYTES // 3 <= kept < RESERVE_BYTES
        small.make_room()
        for number in range(1_500, 1_520):
            commit(api, number)
        assert reserve.stat().st_size > kept
        _checked(small, api, server, 1_520)


def test_pushes_that_fail_leave_the_reserve_to_the_one_that_succeeds(small: SmallDisk) -> None:
    server = StubServer()
    is_down = True

    def fail(request: Request) -> Reply | None:
        return Reply(status=503) if is_down and request.method == "POST" else None

    server.intervene = fail
    with scripted(server) as port, made(small, port) as api:
        full = 0
        for _ in range(20):
            full = _commit_until_full(api, full)
            with pytest.raises(PushException):
                api.push()
        is_down = False
        assert api.push().pushed == full
        commit(api, full)
        _checked(small, api, server, full + 1)


def test_saving_what_can_be_read_of_a_damaged_journal_waits_for_room(place: Disk) -> None:
    path = place.folder / "device" / "journal.db"
    with Journal.open(path) as journal:
        journal.commit_many((number, {"n": number, "text": "x" * 500}, None) for number in range(60))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 8192)
        file.write(b"\xff" * 4096)
    damaged = path.read_bytes()
    place.fill()
    with pytest.raises(DiskFull) as caught:
        salvage(path, now_us=0)
    fails(caught.value, operation="save what can be read of it", says="The damaged file is as it was.")
    assert path.read_bytes() == damaged
    place.make_room()
    found = salvage(path, now_us=0)
    assert found is not None
    assert found.aside.read_bytes() == damaged
    assert 50 < found.commits < 60
    with Journal.open(path) as journal:
        assert journal.check() == []


def test_the_command_line_says_so_and_exits_with_5(tmp_path: Path) -> None:
    def nikdev(*words: str, prelude: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", f'{prelude} exec "$@"', "sh", sys.executable, "-m", "nikdev_iot.cli", *words],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("NIKDEV_")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert nikdev("init", "--url", url_of(9), "--device", DEVICE, "--key", KEY).returncode == 0
    assert nikdev("add", "a=1").returncode == 0
    done = nikdev("commit", prelude="ulimit -f 0;")
    assert (done.returncode, done.stdout) == (5, "")
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert nikdev("commit").stdout.startswith("Commit 1 ")
