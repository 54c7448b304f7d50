"""A round: one server and some devices, killed and disturbed for a while, then left in peace, then compared."""

from __future__ import annotations

import json
import random
import threading
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nikdev_iot import Api

from .device import Device
from .keeper import Keeper
from .ledger import compare, exact
from .nursery import Nursery
from .proxy import FAULTS, Proxy
from .takeovers import MAKERS, Takeover
from .tally import Tally

__all__ = ["Quota", "Round"]

_DEVICES = 3
_PEACE_S = 120.0
_TELL_S = 10.0


@dataclass(frozen=True, slots=True)
class Quota:
    """How much is to be done, at least."""

    device_kills: int
    server_kills: int
    faults: int
    takeover_kills: int
    """Of device processes beside those, while they make an old or damaged journal usable."""


class Round:
    """All of it lies in `folder`, and `seed` fixes what is drawn; when a process is struck, no seed can fix."""

    def __init__(
        self,
        *,
        folder: Path,
        seed: str,
        quota: Quota,
        devices: Nursery,
        servers: Nursery,
        tell: Callable[[str], None],
    ) -> None:
        self.tally = Tally()
        """Of this round."""
        self.wrong: list[str] = []
        self._folder = folder
        self._seed = seed
        self._tell = tell
        self._quota = quota
        self._nurseries = devices, servers
        self._failed = threading.Event()
        folder.mkdir(parents=True)

    def run(self) -> None:
        """Do it all; `wrong` is empty when all is well."""
        proxy = Proxy(seed=f"{self._seed}/proxy")
        devices = self._make_devices(proxy)
        by_id = {device.device_id: device for device in devices}
        keeper = Keeper(
            folder=self._folder,
            nursery=self._nurseries[1],
            proxy=proxy,
            chance=random.Random(f"{self._seed}/server"),
            tally=self.tally,
            strike_device=lambda device_id: by_id[device_id].strike(),
        )
        try:
            self._disturb(devices, keeper, proxy)
            proxy.is_quiet = True
            if not self._failed.is_set():
                for number, device in enumerate(devices):
                    device.finish(self._folder / f"finished-{number}.json", timeout_s=_PEACE_S)
                proxy.wait_for_late_requests()
                keeper.restart(whole=True)
                for number, device in enumerate(devices):
                    self._judge(device, number, keeper.port)
        finally:
            keeper.close()
            proxy.close()
        for fault in FAULTS:
            self.tally.add(fault, proxy.counts[fault])
        self.wrong += keeper.complaints + [complaint for device in devices for complaint in device.complaints]

    @property
    def faults(self) -> int:
        """How many faults of the network there were."""
        return sum(self.tally[fault] for fault in FAULTS)

    def _make_devices(self, proxy: Proxy) -> list[Device]:
        made = self._folder / "credentials.json"
        log = self._folder / "set-up.log"
        data = str(self._folder / "server")
        child = self._nurseries[1].spawn("set_up", log=log, data=data, devices=_DEVICES, result=str(made))
        if child.wait(60):
            raise RuntimeError(f"no store could be made: {log}")
        return [
            Device(
                folder=self._folder / f"device-{number}",
                credentials=credentials,
                proxy=proxy,
                nursery=self._nurseries[0],
                chance=random.Random(f"{self._seed}/device/{number}"),
                tally=self.tally,
                is_limited=not number,
            )
            for number, credentials in enumerate(json.loads(made.read_text()))
        ]

    def _disturb(self, devices: Sequence[Device], keeper: Keeper, proxy: Proxy) -> None:
        quota = self._quota

        def is_done() -> bool:
            return self._failed.is_set() or (
                self.tally["device kills"] >= quota.device_kills
                and self.tally["server kills in the middle of a push"] >= quota.server_kills
                and proxy.counts.total() >= quota.faults
            )

        threads = [self._thread(lambda device=device: device.run(is_done=is_done)) for device in devices]
        threads.append(self._thread(lambda: keeper.run(is_done=is_done)))
        threads.append(self._thread(self._take_over))
        for thread in threads:
            while thread.is_alive():
                thread.join(_TELL_S)
                if thread.is_alive():
                    self._tell(
                        f"  {self.tally['device kills']} device kills, "
                        f"{self.tally['server kills in the middle of a push']} server kills, "
                        f"{proxy.counts.total()} faults"
                    )

    def _take_over(self) -> None:
        kills = 0
        takeovers = [
            Takeover(
                name,
                folder=self._folder / f"takeover-{number}",
                nursery=self._nurseries[0],
                chance=random.Random(f"{self._seed}/takeover/{number}"),
                tally=self.tally,
            )
            for number, name in enumerate(MAKERS)
        ]
        while kills < self._quota.takeover_kills and not self._failed.is_set():
            takeovers[0].trial()
            takeovers.append(takeovers.pop(0))
            kills = sum(one.kills for one in takeovers)
            if wrong := [what for one in takeovers for what in one.wrong]:
                self.wrong += wrong
                self._failed.set()

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the round has failed
                self.wrong.append(f"{type(error).__name__}: {error}")
                self._failed.set()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    # -- what there is in the end ------------------------------------------------------------------------

    def _judge(self, device: Device, number: int, port: int) -> None:
        ledger = device.ledger()
        stored = list(_log_of(port, device.credentials))
        wrong = ledger.complaints + compare(ledger, stored, most_unprinted=device.kills)
        commits = sum(item["type"] == "commit" for item in stored)
        wrong += self._journal_complaints(number, commits)
        url = f"http://127.0.0.1:{port}/api/v1/"
        folder = str(self._folder / "reader")
        with Api({**device.credentials, "baseUrl": url, "storagePath": folder, "requestTimeout": 30}) as api:
            fetched = api.fetch()
        wrong += _series_complaints(stored, fetched)
        self.wrong += [f"device {number}: {what}" for what in wrong[:20]]
        self.tally.add("receipts printed", ledger.receipts)
        self.tally.add("commits on the server", commits)
        self.tally.add("of these, commits whose receipts a kill has cut off", commits - ledger.receipts)
        self.tally.add("values compared", sum(len(item.get("values", ())) for item in stored))
        self.tally.add("commits that a full journal has refused", ledger.refused)
        self.tally.add("pushes that failed", ledger.failed_pushes)
        self.tally.add("pushes that went through", ledger.pushes)

    def _journal_complaints(self, number: int, commits: int) -> list[str]:
        result = self._folder / f"finished-{number}.json"
        if not result.exists():
            return ["its journal was not emptied"]
        found = json.loads(result.read_text())
        self.tally.add("commits that have left their journal for want of room", commits - found["held"])
        wrong = [f"its journal has {found[what]} {what}" for what in ("unpushed", "rejected") if found[what]]
        return wrong + [f"its journal is damaged: {problem}" for problem in found["problems"]]


def _log_of(port: int, credentials: dict[str, str]) -> list[dict[str, Any]]:
    """Return the server's log of a device, the oldest first."""
    headers = {"x-device-id": credentials["deviceId"], "x-api-key": credentials["apiKey"]}
    items: list[dict[str, Any]] = []
    before = ""
    while True:
        url = f"http://127.0.0.1:{port}/api/v1/commits?limit=500{before}"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            page = json.loads(answer.read())
        items += page["items"]
        if page["older"] is None:
            return items[::-1]
        before = f"&before={page['older']}"


def _series_complaints(stored: list[dict[str, Any]], fetched: Any) -> list[str]:
    """Return where a device's history is not what its log says, in the order of (time, origin, number)."""
    commits = [item for item in stored if item["type"] == "commit"]
    expected: dict[str, list[tuple[int, object]]] = {}
    for item in sorted(commits, key=lambda item: (item["time_us"], item["origin"], item["number"])):
        for field_id, value in item["values"].items():
            expected.setdefault(field_id, []).append((item["time_us"], exact(value)))
    actual = {
        field_id: [(at, exact(value)) for at, value in zip(series.times_us, series.values, strict=True)]
        for field_id, series in fetched.items()
    }
    names = sorted({*expected, *actual})
    return [
        f"the history of {name!r} is not what was stored" for name in names if expected.get(name) != actual.get(name)
    ]
