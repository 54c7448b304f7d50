"""Ctrl-C, or a SIGTERM turned into an exception, wherever Python lets it in: no value is lost, none is committed twice.

CPython runs signal handlers where a function begins, where a call of one written in C has ended, and where a loop
turns. A profiler sees the first two and raises at them, in turn; real signals, at times of chance, meet the third too.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from nikdev_iot.client.config import Config
from nikdev_iot.client.staging import Staging
from nikdev_iot.journal.journal import Journal

# What is raised in a finalizer goes nowhere, and Python says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class InterruptError(BaseException):
    """What a signal handler raises."""


def is_interrupted(work: Callable[[], object], *, at: int) -> bool:
    """Raise at the place number `at`; False where there are not that many."""
    left = at

    def profile(_: FrameType, event: str, __: object) -> None:
        nonlocal left
        if event in {"call", "c_return"}:
            left -= 1
            if not left:
                sys.setprofile(None)
                raise InterruptError

    sys.setprofile(profile)
    try:
        work()
    except InterruptError:
        return True
    finally:
        sys.setprofile(None)
    return False


def made(folder: Path, **options: object) -> Staging:
    return Staging(
        Config.from_dict(
            {"storagePath": folder, "storageFilename": "journal.db", "durability": "normal", **options}, environ={}
        )
    )


def committed(journal: Journal) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for entry in journal.log(limit=10_000):
        shown = journal.show(entry.number)
        assert shown is not None
        found.update((shown.values or {}).items())
    return found


def in_another_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "a lock was left behind"


@pytest.mark.parametrize("way", ["plain", "with staged rows", "to memory"])
def test_a_commit_that_is_interrupted_was_made_or_not(tmp_path: Path, way: str) -> None:
    staging = made(tmp_path, stageUnpushedEntries=way != "to memory")
    staging.add("warm", 0)
    staging.commit(None, None)
    expected = {("warm", 0)}
    with Journal.open(tmp_path / "journal.db", durability="normal") as other:
        for at in count(1, 1 if way == "plain" else 3):
            if way != "plain":
                other.stage({"earlier": at})
                expected.add(("earlier", at))
                staging._state.claimed = False
            staging.add("now", at)
            expected.add(("now", at))
            goes_on = is_interrupted(lambda: staging.commit(None, None), at=at)
            staged = staging.staged()
            before = committed(staging.commits())
            in_another_thread(staging.commits().status)
            assert set(staged.items()).isdisjoint(before)
            assert set(staged.items()) | set(before) == expected
            receipt = staging.commit(None, None)
            assert (receipt is None) is (not staged)
            if not goes_on:
                break
        assert other.peek_staged() == {}
    assert at > 20
    assert committed(staging.commits()) == dict.fromkeys(expected, 1)
    staging.finish()


@pytest.mark.parametrize("takes", [False, True])
def test_a_close_that_is_interrupted_keeps_the_values_here_or_there(tmp_path: Path, takes: bool) -> None:
    with Journal.open(tmp_path / "journal.db", durability="normal") as journal:
        for at in count(1, 1 if takes else 13):  # without, opening is on the way, which is tested below
            staging = made(tmp_path)
            if takes:
                journal.stage({"earlier": at})
                staging._claim()
            staging.add("now", at)
            goes_on = is_interrupted(staging.close, at=at)
            expected = {"now": at, **({"earlier": at} if takes else {})}
            assert staging.staged() == expected
            staging.close()
            assert journal.peek_staged() == expected
            journal.drop_staged()
            if not goes_on:
                break
    assert at > 20


def test_a_reset_that_is_interrupted_leaves_all_or_nothing(tmp_path: Path) -> None:
    staging = made(tmp_path)
    with Journal.open(tmp_path / "journal.db", durability="normal") as journal:
        for at in count(1):
            journal.stage({"earlier": at})
            staging._state.claimed = False
            staging.add("now", at)
            goes_on = is_interrupted(staging.reset, at=at)
            assert staging.staged() in ({}, {"earlier": at, "now": at})
            staging.reset()
            assert staging.staged() == {}
            if not goes_on:
                break
    assert at > 20
    staging.close()


def test_a_first_commit_that_is_interrupted_anywhere(tmp_path: Path) -> None:
    """Opening, making the file and taking over are on its way: at each 47th place."""
    for at in range(1, 100_000, 47):
        folder = tmp_path / str(at)
        with Journal.open(folder / "journal.db", durability="normal") as journal:
            journal.stage({"earlier": 1})
        staging = made(folder)
        staging.add("now", 2)
        goes_on = is_interrupted(lambda staging=staging: staging.commit(None, None), at=at)
        assert staging.staged() in ({}, {"earlier": 1, "now": 2})
        staging.commit(None, None)
        staging.close()
        with Journal.open(folder / "journal.db") as journal:
            assert committed(journal) == {("earlier", 1): 1, ("now", 2): 1}
            assert journal.peek_staged() == {}
        if not goes_on:
            break
    assert at > 100


PROGRAM = """
    import random, signal, sys
    from collections import Counter
    from nikdev_iot import Api

    class Interrupt(BaseException):
        pass

    def handle(*_):
        raise Interrupt

    chance = random.Random(4)
    api = Api({"storagePath": sys.argv[1], "storageFilename": "journal.db", "durability": "normal"})
    signal.signal(signal.SIGALRM, handle)
    met = 0
    for number in range(1_500):
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 4e-4))
            api.add_value(f"field {number}", number)
            for _ in range(3):
                api.commit()
        except Interrupt:
            met += 1
        finally:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                met += 1
    staged = api.staged()
    found = Counter()
    for entry in api.log(limit=10_000):
        found.update(api.show(entry.number).values.items())
    found.update(staged.items())
    api.close()
    ours = {(f"field {number}", number) for number in range(1_500)}
    # The signal may come before the value is added.
    print(met, sorted(set(found.values())), len(found) + met >= 1_500, found.keys() <= ours)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="timers that signal are POSIX's")
def test_signals_at_times_of_chance_lose_and_double_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    met, counts, are_all, are_ours = done.stdout.split()
    assert int(met) > 50
    assert (counts, are_all, are_ours) == ("[1]", "True", "True")
