"""Real server processes on loopback, for tests of everything that talks to one.

`run_server` starts `nikdev serve` on a free port over a folder of its own; accounts, devices and keys are made beside
it, through the store, as `nikdev admin` does. `conftest.py` has the fixtures `server` (one per test session, shared:
make a device of your own on it) and `own_server` (one per test: kill it, restart it, configure it).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.unmeasured import unmeasured

from nikdev_iot.model.times import to_time_us
from nikdev_iot.server.accounts import Accounts, Devices, Keys
from nikdev_iot.server.accounts.passwords import Passwords
from nikdev_iot.server.app import open_storage
from nikdev_iot.server.storage.port import Storage

__all__ = ["PASSWORD", "Credentials", "RunningServer", "run_server"]

PASSWORD = "correct horse battery"
_READY_S = 30.0
_OPEN_LIMITS = {
    # Tests come from one address, many a second, and are often wrong on purpose.
    "NIKDEV_REQUESTS_PER_SECOND": "100000",
    "NIKDEV_WRONG_KEYS_BURST": "100000",
    "NIKDEV_LOG_FORMAT": "json",
}


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Credentials:
    """One device, and one key of it."""

    device_id: str
    api_key: str
    key_id: str
    account_id: str

    @property
    def headers(self) -> dict[str, str]:
        """The two headers that every request of a device carries."""
        return {"x-device-id": self.device_id, "x-api-key": self.api_key}


@dataclass
class RunningServer:
    """A `nikdev serve` process; `stop`, `kill`, `restart` as a test likes."""

    data: Path
    log: Path
    """Its stderr, of all starts."""
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    is_measured: bool = True
    """Whether its coverage counts, which takes it a quarter more time."""
    port: int = 0
    ready_line: str = ""
    process: subprocess.Popen[str] | None = None
    _storage: Storage | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """What a client takes as `baseUrl`."""
        return f"{self.url}/api/v1/"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    # -- the process -------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until it says that it is ready; a second start takes the same port."""
        assert self.process is None
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "nikdev_iot.cli", "serve"),
                    *("--port", str(self.port), "--data", str(self.data), *self.arguments),
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**(os.environ if self.is_measured else unmeasured()), **_OPEN_LIMITS, **self.environment},
            )
        assert self.process.stdout is not None
        watch = threading.Timer(_READY_S, self.process.kill)
        watch.start()
        try:
            self.ready_line = self.process.stdout.readline()
        finally:
            watch.cancel()
        found = re.search(r"http://[^\s/]+:(\d+)", self.ready_line)
        if found is None:
            code = self.process.wait()
            self.process.stdout.close()
            self.process = None
            raise AssertionError(f"the server did not start (exit code {code}):\n{self.log.read_text()}")
        self.port = int(found[1])

    def stop(self, *, timeout_s: float = 20) -> int:
        """Stop it with SIGTERM; return its exit code."""
        return self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL, 20)

    def restart(self) -> None:
        """Start it again at the same address, after stopping it if it runs."""
        if self.process is not None:
            self.stop()
        self.start()

    def _end(self, number: int, timeout_s: float) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout_s)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def close(self) -> None:
        """End it however it is."""
        if self._storage is not None:
            self._storage.close()
            self._storage = None
        if self.process is not None:
            try:
                self.stop(timeout_s=10)
            except subprocess.TimeoutExpired:
                self.kill()

    def log_text(self) -> str:
        """Return what it has logged so far."""
        return self.log.read_text()

    def logged(self, text: str, *, timeout_s: float = 20) -> str:
        """Wait for the one line of the log that has this in it, and return it."""
        until_s = time.monotonic() + timeout_s
        while not (found := [line for line in self.log_text().splitlines() if text in line]):
            assert time.monotonic() < until_s, f"no {text} in the log:\n{self.log_text()}"
            time.sleep(0.05)
        (line,) = found
        return line

    # -- accounts, devices, keys: made in the store beside the server ----------------------------------

    @property
    def storage(self) -> Storage:
        """The server's own store, opened a second time, as `nikdev admin` does."""
        if self._storage is None:
            self._storage = open_storage(self.data)
        return self._storage

    def add_account(self, email: str | None = None, password: str = PASSWORD) -> str:
        """Make an account; return its id."""
        accounts = Accounts(self.storage, passwords=Passwords(), now_us=_now_us)
        return str(accounts.add(email or f"{uuid.uuid4().hex[:12]}@example.org", password).id)

    def add_device(self, account_id: str, name: str = "a device", *, accepts_new_fields: bool = True) -> str:
        """Make a device of an account; return its Device ID."""
        devices = Devices(self.storage, now_us=_now_us)
        return str(devices.add(uuid.UUID(account_id), name, accepts_new_fields=accepts_new_fields).id)

    def add_key(
        self, device_id: str, *, read: bool = True, write: bool = True, expires: str | float | None = None
    ) -> Credentials:
        """Make an API key of a device; `expires` is ISO or seconds since 1970."""
        device = self.storage.device(uuid.UUID(device_id))
        assert device is not None
        new = self.keys.add(
            device.id,
            name="a key",
            can_read=read,
            can_write=write,
            expires_us=None if expires is None else to_time_us(expires),
        )
        return Credentials(device_id, new.secret, str(new.key.id), str(device.account_id))

    def new_device(self, name: str = "a device", *, read: bool = True, write: bool = True) -> Credentials:
        """Make an account, a device of it and a key of that, all new."""
        return self.add_key(self.add_device(self.add_account(), name), read=read, write=write)

    def revoke(self, credentials: Credentials) -> None:
        """Revoke the key, beside the running server."""
        self.keys.revoke(uuid.UUID(credentials.key_id))

    @property
    def keys(self) -> Keys:
        """The use cases of keys, beside the running server."""
        return Keys(self.storage, now_us=_now_us)

    # -- requests ------------------------------------------------------------------------------------

    def get(self, path: str, who: Credentials | None = None, *, timeout_s: float = 20) -> bytes:
        """Return the body that answers `GET path`; raises `urllib.error.HTTPError`."""
        request = urllib.request.Request(self.url + path, headers=who.headers if who else {})
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            body: bytes = answer.read()
            return body


@contextmanager
def run_server(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    start: bool = True,
    is_measured: bool = True,
) -> Iterator[RunningServer]:
    """Run `nikdev serve` with its store in `folder`, without limits on requests unless `environment` sets some."""
    server = RunningServer(folder / "server", folder / "server.log", environment or {}, arguments, is_measured)
    try:
        if start:
            server.start()
        yield server
    finally:
        server.close()
