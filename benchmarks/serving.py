"""A server process of its own for a benchmark, with devices and keys."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Credentials", "Server", "serving"]

_NIKDEV = (sys.executable, "-m", "nikdev_iot.cli.main")


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

    def add_devices(self, count: int) -> list[Credentials]:
        """Make devices with a key each."""
        email = "bench@example.org"
        self._admin("account", "add", email, "--password-stdin", stdin="a long password")
        found = []
        for number in range(count):
            device = self._admin("device", "add", f"bench {number}", "--account", email)["device_id"]
            key = self._admin("key", "add", "--device", device, "--read", "--write")["api_key"]
            found.append(Credentials(device, key))
        return found

    def _admin(self, *words: str, stdin: str = "") -> dict[str, str]:
        command = [*_NIKDEV, "admin", *words, "--data", str(self.data), "--json"]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)

    def peak_memory_mb(self) -> float:
        """Return the process's highest resident size so far, in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000


@contextmanager
def serving(folder: Path | None = None) -> Iterator[Server]:
    """Run `nikdev serve` on a free port, without a limit on requests."""
    with tempfile.TemporaryDirectory() as made:
        data = (folder or Path(made)) / "server"
        process = subprocess.Popen(
            [*_NIKDEV, "serve", "--port", "0", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "NIKDEV_REQUESTS_PER_SECOND": "1000000"},
        )
        try:
            line = process.stdout.readline()
            url = re.search(r"http://[^\s/]+", line)
            if url is None:
                raise RuntimeError(f"the server did not start: {line!r}")
            yield Server(url[0] + "/api/v1/", data, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)
