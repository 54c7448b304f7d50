"""A device's folder to stand in, with and without a server behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.running import API_KEY, DEVICE_ID, NOWHERE, Device, nikdev
from tests.servers import RunningServer


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NIKDEV_DIR", "NIKDEV_URL", "NIKDEV_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def _init(folder: Path, *, url: str, device_id: str, api_key: str) -> Device:
    done = nikdev("init", "--url", url, "--device", device_id, "--key-stdin", stdin=api_key + "\n")
    assert done.code == 0, done.err
    return Device(folder, device_id, api_key, url)


@pytest.fixture
def alone(tmp_path: Path) -> Device:
    """A device whose server cannot be reached."""
    return _init(tmp_path, url=NOWHERE, device_id=DEVICE_ID, api_key=API_KEY)


@pytest.fixture
def device(tmp_path: Path, server: RunningServer) -> Device:
    """A device of its own on the running server."""
    made = server.new_device()
    return _init(tmp_path, url=server.api_url, device_id=made.device_id, api_key=made.api_key)
