from __future__ import annotations

import uuid

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
