from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.admin.run import Nikdev


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def nikdev(data: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nikdev:
    for name in ("NIKDEV_DATA", "NIKDEV_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    return Nikdev(data, capfd, monkeypatch)


@pytest.fixture
def account(nikdev: Nikdev) -> str:
    """The e-mail of an account."""
    nikdev.json("account", "add", "ada@example.org", "--password-stdin", stdin=b"correct horse\n")
    return "ada@example.org"


@pytest.fixture
def device(nikdev: Nikdev, account: str) -> str:
    """The ID of a device."""
    device_id: str = nikdev.json("device", "add", "greenhouse", "--account", account)["device_id"]
    return device_id
