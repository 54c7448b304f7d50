"""Journals that have to be made usable first, killed at any step of it: what there is in the end is what a program that
nobody killed would have made of it.
"""

from __future__ import annotations

import dbm.dumb
import json
import random
import shelve
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nikdev_iot.journal.journal import Journal

from .nursery import Nursery
from .tally import Tally

__all__ = ["MAKERS", "Takeover"]

_DEVICE = "6f1d3c52-0000-4000-8000-000000000001"
_OLD = Path(__file__).resolve().parents[1] / "journal" / "old"
_START_US = 1_700_000_000_000_000
_COMMITS = 300
_PAGE = 4_096
_WAIT_S = 60.0


def _journal(folder: Path) -> Path:
    return folder / f"nikdev-{_DEVICE}.db"


def make_damaged(folder: Path) -> None:
    """A journal with commits in file and log, of which a page of commits and that of some settings are lost."""
    made = folder / "made"
    path = _journal(made)
    with Journal.open(path, device_id=_DEVICE, durability="normal") as journal:
        journal.commit_many([(_START_US + n, {"n": n, "t": "reading " * 9}, None) for n in range(_COMMITS)])
        journal.stage({"s": 1})
    with Journal.open(path, durability="normal") as journal:
        for number in range(20):
            journal.commit({"n": number, "t": "in the log alone"}, time_us=number)
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{_journal(folder)}{suffix}")
    shutil.rmtree(made)
    connection = sqlite3.connect(f"file:{_journal(folder)}?immutable=1", uri=True)
    (meta,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'meta'").fetchone()
    connection.close()
    pages = _journal(folder).stat().st_size // _PAGE
    with _journal(folder).open("r+b") as file:
        for page in (meta, pages - 3):
            file.seek((page - 1) * _PAGE)
            file.write(bytes(_PAGE))


def make_old(folder: Path) -> None:
    """A journal of the first version."""
    connection = sqlite3.connect(_journal(folder))
    connection.executescript((_OLD / "v1.sql").read_text())
    connection.close()


def make_shelf(folder: Path) -> None:
    """What 0.5.5 has left, with values that wait."""
    with shelve.Shelf(dbm.dumb.open(str(folder / "iot_storage.db"), "c")) as shelf:
        shelf["version"] = "1.0.0"
        shelf["values"] = [{"s": 30}, {"t": "x"}]
        shelf["entries"] = [
            {"timestamp": _START_US / 1e6 + n, "values": [{"n": n}, {"f": n / 7}, {"on": n % 2 == 0}]}
            for n in range(100)
        ]


_OPEN_ELSEWHERE = "of a damaged journal that is open elsewhere"
MAKERS: dict[str, Callable[[Path], None]] = {
    "of a damaged journal": make_damaged,
    _OPEN_ELSEWHERE: make_damaged,
    "of an old journal": make_old,
    "of a shelf of 0.5.5": make_shelf,
}


class Takeover:
    """One kind of journal; `trial` kills some programs that take it over."""

    def __init__(self, name: str, *, folder: Path, nursery: Nursery, chance: random.Random, tally: Tally) -> None:
        self.wrong: list[str] = []
        self.kills = 0
        self._name = name
        self._folder = folder
        self._nursery = nursery
        self._chance = chance
        self._tally = tally
        self._trials = 0
        self._template = folder / "template"
        self._template.mkdir(parents=True)
        MAKERS[name](self._template)
        self._expected = self._run(self._copy("untouched"), kill_at=None)
        if self._expected is None or self._expected["problems"] or not self._expected["commits"]:
            raise RuntimeError(f"the takeover {name} does not work, even if nobody is killed: {folder}")

    def trial(self) -> None:
        """Kill up to three programs one after the other, and let the next one end."""
        self._trials += 1
        folder = self._copy(f"trial-{self._trials}")
        with self._open_elsewhere(folder):
            self._trial(folder)

    def _trial(self, folder: Path) -> None:
        assert self._expected is not None
        moments: list[int] = []
        for _ in range(self._chance.randrange(1, 4)):
            moments.append(self._moment())
            if self._run(folder, kill_at=moments[-1]) is not None:
                break  # less was left to do
        found = self._run(folder, kill_at=None)
        if found is None:
            self.wrong.append(f"takeover {self._name}, killed at {moments}: the next program died: {folder}")
            return
        wrong = [what for what in ("commits", "staged", "unpushed", "problems") if found[what] != self._expected[what]]
        if wrong:
            numbers = f"{len(found['commits'])} commits instead of {len(self._expected['commits'])}"
            self.wrong.append(
                f"takeover {self._name}, killed at {moments}: other {' and '.join(wrong)} ({numbers}): {folder}"
            )
        else:
            shutil.rmtree(folder)

    @contextmanager
    def _open_elsewhere(self, folder: Path) -> Iterator[None]:
        """Have the journal open as another program would: then its log is not emptied into the file."""
        if self._name != _OPEN_ELSEWHERE:
            yield
            return
        with closing(sqlite3.connect(_journal(folder), check_same_thread=False)) as connection:
            connection.execute("SELECT count(*) FROM boots").fetchone()
            yield

    def _moment(self) -> int:
        """Return at which step to kill: most often just before or after one on the disk, of a kind chosen first."""
        assert self._expected is not None
        if self._chance.random() < 0.2:
            return self._chance.randrange(1, self._expected["steps"] + 1)
        kind = self._chance.choice(sorted(self._expected["on disk"]))
        return self._chance.choice(self._expected["on disk"][kind]) + self._chance.randrange(2)

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self._template, self._folder / name))

    def _run(self, folder: Path, *, kill_at: int | None) -> dict[str, Any] | None:
        """Run a program; return what it found, None where it was killed."""
        result, log = folder / "result.json", folder / "device.log"
        result.unlink(missing_ok=True)
        config = {"deviceId": _DEVICE, "storagePath": str(folder), "baseUrl": "http://127.0.0.1:9/"}
        child = self._nursery.spawn("take_over", log=log, config=config, result=str(result), kill_at=kill_at)
        code = child.wait(_WAIT_S)
        if code == -9:
            self.kills += 1
            self._tally.add(f"device kills during the takeover {self._name}")
            return None
        if code:
            self.wrong.append(f"takeover {self._name}: a program ended with {code}: {log}")
            return None
        found: dict[str, Any] = json.loads(result.read_text())
        return found
