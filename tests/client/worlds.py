"""A whole server over a real store that can be saved and put back, and a network to it that loses and delays."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path

from tests.server.web.whole_app import running_site

from nikdev_iot.client.answers import Answer
from nikdev_iot.client.push import Pusher
from nikdev_iot.client.transport import TransportError
from nikdev_iot.journal.clock import SYSTEM_CLOCK
from nikdev_iot.journal.journal import Journal

__all__ = ["World", "commit", "copied", "open_journal"]


class World:
    """One server, which can be copied and put back; requests reach it through the whole app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backup: Path | None = None
        self.epochs = 0
        self.stack = ExitStack()
        self.start()
        self.device = self.site.new_device()
        self.headers = self.site.new_key(self.device)
        self.timeout_s = 1.0
        self.base_url = "http://127.0.0.1/api/v1/"
        self.fault = None
        """"before" or "after" the next POST reaches the server, "twice", or "later": when everything else has."""
        self.late = []

    def start(self) -> None:
        self.site = self.stack.enter_context(running_site(self.folder / "store"))

    def stop(self) -> None:
        self.stack.close()

    def back_up(self) -> None:
        self.stop()
        self.backup = self.folder / "backup"
        shutil.rmtree(self.backup, ignore_errors=True)
        shutil.copytree(self.folder / "store", self.backup)
        self.start()

    def restore(self) -> None:
        """Put the copy back, as another incarnation of the server."""
        self.stop()
        shutil.rmtree(self.folder / "store")
        shutil.copytree(self.backup, self.folder / "store")
        self.epochs += 1
        with sqlite3.connect(self.folder / "store" / "store.sqlite3") as connection:
            connection.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (bytes([self.epochs]) * 16,))
        connection.close()
        self.start()

    def request(self, method, path, *, body=None, headers=None, **_):
        fault, self.fault = (self.fault, None) if method == "POST" else (None, self.fault)
        if fault in {"before", "later"}:
            if fault == "later":
                self.late.append((method, path, body, headers))
            raise TransportError("cut off", trouble="cut")
        for _ in range(2 if fault == "twice" else 1):
            answer = self.site.call(method, f"/api/v1/{path}", {**self.headers, **(headers or {})}, body or b"")
        if fault == "after":
            raise TransportError("cut off", trouble="cut")
        return Answer(self.base_url + path, answer.status, answer.headers, answer.body)

    def deliver_late(self) -> None:
        while self.late:
            self.request(self.late[0][0], self.late[0][1], body=self.late[0][2], headers=self.late.pop(0)[3])

    def stored(self) -> list[int]:
        """The values on the server, in the order of their times."""
        answer = self.site.get("/api/v1/history?fields=n", self.headers)
        if answer.status == 404:
            return []
        return answer.json["fields"]["n"]["values"]

    def rows(self) -> list[tuple[int, int]]:
        """Time and value of each commit on the server."""
        answer = self.site.get("/api/v1/history?fields=n", self.headers)
        if answer.status == 404:
            return []
        found = answer.json["fields"]["n"]
        return list(zip(found["times_us"], found["values"], strict=True))

    def accept_new_fields(self, accepts: bool) -> None:
        """Let the server refuse, or take, commits with fields that it does not know."""
        self.site.services.devices.update(self.device, accepts_new_fields=accepts)

    def pusher(self, journal: Journal) -> Pusher:
        return Pusher(journal=journal, transport=self, now_us=lambda: time.time_ns() // 1000)


def open_journal(path: Path, clock=SYSTEM_CLOCK) -> Journal:
    return Journal.open(path, durability="normal", clock=clock)


def commit(journal: Journal, *values: int):
    return [journal.commit({"n": value}, time_us=1_700_000_000_000_000 + value) for value in values]


def copied(journal: Journal, to: Path, clock=SYSTEM_CLOCK) -> Journal:
    """What a copy of the SD card has."""
    with sqlite3.connect(journal.path) as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    return open_journal(to, clock)
