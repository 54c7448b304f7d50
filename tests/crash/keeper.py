"""Keeps a server running, and kills it in the middle of pushes."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .nursery import Child, Nursery
from .proxy import Proxy
from .tally import Tally

__all__ = ["Keeper"]

_READY_S = 60.0
_MOST_PUSHES = 50
"""That a server gets before it is killed."""
_READY = re.compile(r"is ready at http://127\.0\.0\.1:(\d+)")


class Keeper:
    """One store and its server processes, one after the other; each has its own log in `folder`."""

    def __init__(
        self,
        *,
        folder: Path,
        nursery: Nursery,
        proxy: Proxy,
        chance: random.Random,
        tally: Tally,
        strike_device: Callable[[str], None],
    ) -> None:
        self.port = 0
        self.complaints: list[str] = []
        self._folder = folder
        self._nursery = nursery
        self._proxy = proxy
        self._chance = chance
        self._tally = tally
        self._strike_device = strike_device
        self._starts = 0
        self._running: Child | None = None

    def run(self, *, is_done: Callable[[], bool]) -> None:
        """Start and kill servers until `is_done`; leave one that runs."""
        while True:
            server = self._start()
            if self._chance.random() < 0.1:
                time.sleep(self._chance.uniform(0, 0.15))
                self._killed(server, "server kills while it starts")
                continue
            self._wait_until_ready(server)
            if is_done() or not self._kill_in_a_push(server, is_done):
                return

    def restart(self, *, whole: bool) -> None:
        """Kill the server once more, and start it again; `whole` with everything that reads from it."""
        assert self._running is not None
        self._killed(self._running, "server kills at the end")
        self._wait_until_ready(self._start(whole=whole))

    def close(self) -> None:
        """End it."""
        if self._running is not None:
            self._running.kill()

    def _start(self, *, whole: bool = False) -> Child:
        self._starts += 1
        self._running = self._nursery.spawn("serve", log=self._log, data=str(self._folder / "server"), whole=whole)
        return self._running

    @property
    def _log(self) -> Path:
        return self._folder / f"server-{self._starts}.log"

    def _wait_until_ready(self, server: Child) -> None:
        until_s = time.monotonic() + _READY_S
        while True:
            found = _READY.search(self._log.read_text()) if self._log.exists() else None
            if found is not None:
                self.port = int(found[1])
                self._proxy.upstream_port = self.port
                return
            if server.ended() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"the server did not start: {self._log}")
            time.sleep(0.004)

    def _kill_in_a_push(self, server: Child, is_done: Callable[[], bool]) -> bool:
        """Return whether it was killed: nobody may push any more."""
        both, device_first, struck = self._chance.random() < 0.3, self._chance.random() < 0.5, threading.Event()

        def plan(device_id: str) -> None:
            if both and device_first:
                self._strike_device(device_id)
            server.strike()
            if both and not device_first:
                self._strike_device(device_id)
            struck.set()

        self._proxy.kill_in_a_push(plan, after=self._chance.choice([0, 1, self._chance.randrange(_MOST_PUSHES)]))
        while not struck.wait(0.05):
            if is_done():
                self._proxy.kill_in_a_push(None)
                if not struck.is_set():
                    return False
        self._killed(server, "server kills in the middle of a push")
        if both:
            self._tally.add("of these, kills of the device at the same time")
        return True

    def _killed(self, server: Child, what: str) -> None:
        self._proxy.upstream_port = None
        code = server.kill()
        self._tally.add(what)
        log = self._log.read_text() if self._log.exists() else ""  # it may have died before it had one
        said = [line for line in log.splitlines() if not _is_expected(line)]
        if code != -9:
            self.complaints.append(f"the server ended by itself, with {code}: {self._log}")
        elif said:
            self.complaints.append(f"the server said {said[0]!r}: {self._log}")
        else:
            self._log.unlink(missing_ok=True)


def _is_expected(line: str) -> bool:
    return "is ready at" in line or "There is no account yet" in line
