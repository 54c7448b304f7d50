"""A device: one journal, and the processes that use it and are killed, one after the other or two at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .ledger import Ledger
from .nursery import Child, Nursery
from .proxy import Proxy
from .tally import Tally

__all__ = ["Device"]

_SHORT_S = (0.03, 0.4)
_MOST_REQUESTS = 30
"""That a process gets before it is killed, where that is what its life is measured by."""
_LONGEST_S = 5.0
_LIMIT_BYTES = 1_000_000
"""Of the journal of a device that is limited; what was pushed leaves it when it is reached."""
_PADDING = 2_000
"""Characters in each of its commits, so that it is reached."""


class Device:
    """`run` it in a thread of its own; its journal and all that its processes say are in `folder`."""

    def __init__(
        self,
        *,
        folder: Path,
        credentials: dict[str, str],
        proxy: Proxy,
        nursery: Nursery,
        chance: random.Random,
        tally: Tally,
        is_limited: bool,
    ) -> None:
        self.device_id = credentials["deviceId"]
        self.credentials = credentials
        self.kills = 0
        self.complaints: list[str] = []
        self._folder = folder
        self._proxy = proxy
        self._nursery = nursery
        self._chance = chance
        self._tally = tally
        self._config: dict[str, Any] = {
            **credentials,
            "baseUrl": f"http://127.0.0.1:{proxy.port}/api/v1/",
            "storagePath": str(folder / "journal"),
        }
        if is_limited:
            self._config |= {"storageLimit": _LIMIT_BYTES, "storagePolicy": "refuse"}
        self._padding = _PADDING if is_limited else 0
        self._receipts = folder / "receipts.jsonl"
        self._log = folder / "device.log"
        self._living: list[Child] = []
        self._strike = threading.Event()
        folder.mkdir()

    def run(self, *, is_done: Callable[[], bool]) -> None:
        """Live and be killed, until `is_done`."""
        life = 0
        while not is_done():
            life += 1
            self._strike.clear()
            self._living = self._begin(life)
            self._wait(is_done)
            for child in self._living:
                child.strike()
            for child in self._living:
                self._killed(child)

    def _wait(self, is_done: Callable[[], bool]) -> None:
        """Wait for a random moment, or until somebody else strikes."""
        if self._chance.random() < 0.4:
            self._strike.wait(self._chance.uniform(0, self._chance.choice(_SHORT_S)))
            return
        target = self._proxy.requests_of(self.device_id) + self._chance.randrange(1, _MOST_REQUESTS)
        until_s = time.monotonic() + _LONGEST_S
        while self._proxy.requests_of(self.device_id) < target and time.monotonic() < until_s and not is_done():
            if self._strike.wait(0.01):
                return
        self._strike.wait(self._chance.uniform(0, 0.02))

    def strike(self) -> None:
        """Kill what lives now, without waiting for anything."""
        for child in self._living:
            child.strike()
        self._strike.set()

    def finish(self, result: Path, *, timeout_s: float) -> None:
        """Let a last process push what is left; it writes to `result`."""
        config = {**self._config, "requestTimeout": 20}
        child = self._nursery.spawn("finish", log=self._log, config=config, result=str(result), timeout_s=timeout_s)
        if child.wait(timeout_s + 60):
            self.complaints.append(f"the last process failed: {self._log}")

    def ledger(self) -> Ledger:
        """Return what was printed."""
        return Ledger.read(self._receipts)

    def _begin(self, life: int) -> list[Child]:
        config = {**self._config, "requestTimeout": round(self._chance.uniform(0.3, 1.5), 2)}
        auto = {"autoPush": True, "pushInterval": round(self._chance.uniform(0, 0.05), 3)}
        way = self._chance.random()
        if way < 0.4:
            return [self._spawn(config, f"{life}", pushes=True)]
        if way < 0.8:
            return [self._spawn({**config, **auto}, f"{life}", pushes=False)]
        # What an earlier program has left staged would go into the commits of either.
        config["stageUncommittedValues"] = False
        if way < 0.9:
            return [
                self._spawn(config, f"{life}a", pushes=False),
                self._spawn(config, f"{life}b", commits=False, pushes=True),
            ]
        return [self._spawn({**config, **auto}, f"{life}{name}", pushes=False) for name in "ab"]

    def _spawn(self, config: dict[str, Any], life: str, *, pushes: bool, commits: bool = True) -> Child:
        return self._nursery.spawn(
            "live",
            log=self._log,
            config=config,
            life=life,
            seed=str(self._chance.getrandbits(64)),
            receipts=str(self._receipts),
            commits=commits,
            pushes=pushes,
            padding=self._padding,
        )

    def _killed(self, child: Child) -> None:
        code = child.wait(60)
        self.kills += 1
        self._tally.add("device kills")
        if code != -9:
            self.complaints.append(f"a device process ended by itself, with {code}: {self._log}")
