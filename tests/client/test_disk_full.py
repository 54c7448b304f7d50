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
from tests.disks import Disk, disk

from nikdev_iot import Api
from nikdev_iot.journal.errors import DiskFull
from nikdev_iot.journal.journal import Journal
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
            place.fill()
            is_full = True
        return None

    with scripted(server) as port, made(place, port) as api:
        commit(api, 0)
        api.push()
        # What is left of the log's pages is used up: the next change to it needs room.
        for number in range(1, 120):
            commit(api, number)
        if when == "before it is sent":
            place.fill()
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
