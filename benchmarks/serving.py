"""A server process of its own for a benchmark, with devices and keys."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nikdev_iot.server.accounts import Accounts, Devices, Keys
from nikdev_iot.server.accounts.passwords import Passwords
from nikdev_iot.server.app import open_storage

__all__ = ["PASSWORD", "Credentials", "Server", "serving"]

PASSWORD = "a long one"


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Credentials:
    """One device and a key of it that may read and write."""

    device_id: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    url: str
    """With `/api/v1/`."""
    data: Path
    pid: int

    def add_devices(self, count: int, *, email: str | None = None) -> list[Credentials]:
        """Make an account with devices that have a key each, beside the running server; its password is `PASSWORD`."""
        storage = open_storage(self.data)
        try:
            account = Accounts(storage, passwords=Passwords(), now_us=_now_us).add(
                email or f"{uuid.uuid4()}@example.org", PASSWORD
            )
            devices, keys = Devices(storage, now_us=_now_us), Keys(storage, now_us=_now_us)
            found = []
            for number in range(count):
                device = devices.add(account.id, f"bench {number}")
                new = keys.add(device.id, name="bench", can_read=True, can_write=True, expires_us=None)
                found.append(Credentials(str(device.id), new.secret))
            return found
        finally:
            storage.close()

    def cpu_s(self) -> float:
        """Return the processor time that the process has used so far."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak_memory_mb(self) -> float:
        """Return the process's highest resident size so far, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000


@contextmanager
def serving(folder: Path | None = None) -> Iterator[Server]:
    """Run `nikdev serve` on a free port, without a limit on requests."""
    with tempfile.TemporaryDirectory() as made:
        data = (folder or Path(made)) / "server"
        log_path = Path(made) / "server.log"
        with log_path.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "nikdev_iot.cli", "serve", "--port", "0", "--data", str(data)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "NIKDEV_REQUESTS_PER_SECOND": "1000000"},
            )
        try:
            line = process.stdout.readline()
            url = re.search(r"http://[^\s/]+", line)
            if url is None:
                raise RuntimeError(f"the server did not start: {line!r}")
            yield Server(url[0] + "/api/v1/", data, process.pid)
        except Exception:
            sys.stderr.write(log_path.read_text()[-4_000:])
            raise
        finally:
            process.terminate()
            process.wait(timeout=30)
