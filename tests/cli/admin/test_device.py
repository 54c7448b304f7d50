from __future__ import annotations

import uuid

import pytest
from tests.cli.admin.run import Nikdev

from nikdev_iot.cli.exit_codes import ExitCode


def test_add_prints_the_id(nikdev: Nikdev, account: str) -> None:
    printed = nikdev.json("device", "add", " Büro ☀ ", "--account", account.upper())
    assert printed.keys() == {"device_id"}
    (listed,) = nikdev.json("device", "list")["devices"]
    assert listed == {
        "device_id": str(uuid.UUID(printed["device_id"])),
        "name": "Büro ☀",
        "account": account,
        "created_us": listed["created_us"],
        "accepts_new_fields": True,
    }


def test_for_people(nikdev: Nikdev, account: str) -> None:
    answer = nikdev("device", "add", "cellar", "--account", account)
    assert answer.out.startswith("Device cellar made: ")
    device_id = answer.out.split()[-1]
    table = nikdev("device", "list").out.splitlines()
    assert table[0].split() == ["DEVICE", "ID", "NAME", "ACCOUNT", "MADE"]
    assert table[1].split()[:3] == [device_id, "cellar", account]


def test_list_of_one_account(nikdev: Nikdev, account: str, device: str) -> None:
    nikdev.json("account", "add", "bob@example.org", "--password-stdin", stdin=b"correct horse")
    other = nikdev.json("device", "add", "cellar", "--account", "bob@example.org")["device_id"]
    listed = [
        [one["device_id"] for one in nikdev.json("device", "list", *words)["devices"]]
        for words in ((), ("--account", account), ("--account", "bob@example.org"))
    ]
    assert listed == [[device, other], [device], [other]]


def test_what_is_refused(nikdev: Nikdev, account: str) -> None:
    assert "There is no account bob@example.org" in nikdev.fails(
        ExitCode.REFUSED, "device", "add", "x", "--account", "bob@example.org"
    )
    assert "name is empty" in nikdev.fails(ExitCode.REFUSED, "device", "add", " ", "--account", account)
    assert "--account" in nikdev.fails(ExitCode.USAGE, "device", "add", "x")
    assert nikdev.json("device", "list") == {"devices": []}


def test_a_device_is_deleted_by_its_name(nikdev: Nikdev, account: str, device: str) -> None:
    key = nikdev.json("key", "add", "--device", device, "--read")["key_id"]
    assert "That is not its name; it is greenhouse." in nikdev.fails(
        ExitCode.USAGE, "device", "remove", device, "--name", "Greenhouse"
    )
    assert "no terminal" in nikdev.fails(ExitCode.USAGE, "device", "remove", device)
    assert len(nikdev.json("device", "list")["devices"]) == 1
    assert nikdev.json("device", "remove", device, "--name", " greenhouse") == {
        "device_id": device,
        "name": "greenhouse",
    }
    assert nikdev.json("device", "list") == {"devices": []}
    assert "There is no API key" in nikdev.fails(ExitCode.REFUSED, "key", "revoke", key)
    assert "There is no device" in nikdev.fails(ExitCode.REFUSED, "device", "remove", device, "--name", "greenhouse")


def test_a_terminal_is_asked_for_the_name(nikdev: Nikdev, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["no", "greenhouse"])
    monkeypatch.setattr("nikdev_iot.cli.admin.device._ask_for", lambda _: next(answers))
    assert "Nothing was deleted" in nikdev.fails(ExitCode.USAGE, "device", "remove", device)
    answer = nikdev("device", "remove", device)
    assert (answer.code, answer.out) == (0, "Device greenhouse is deleted, with all that it sent.\n")
