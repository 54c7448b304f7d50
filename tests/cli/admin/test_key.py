from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from tests.cli.admin.run import Nikdev

from nikdev_iot.cli.exit_codes import ExitCode
from nikdev_iot.server.accounts.keys import hash_secret
from nikdev_iot.server.storage.sqlite import SqliteStorage


def _listed(nikdev: Nikdev, device: str) -> list[dict[str, object]]:
    keys: list[dict[str, object]] = nikdev.json("key", "list", "--device", device)["keys"]
    return keys


def test_add_prints_id_and_secret_once(nikdev: Nikdev, data: Path, device: str) -> None:
    printed = nikdev.json("key", "add", "--device", device.upper(), "--write", "--name", "the Pi")
    assert printed.keys() == {"key_id", "api_key"}
    (listed,) = _listed(nikdev, device)
    assert listed == {
        "key_id": printed["key_id"],
        "device_id": device,
        "name": "the Pi",
        "read": False,
        "write": True,
        "created_us": listed["created_us"],
        "expires_us": None,
        "revoked_us": None,
        "last_used_us": None,
    }
    storage = SqliteStorage.open(data)
    access = storage.access(uuid.UUID(device), hash_secret(uuid.UUID(printed["api_key"])))
    storage.close()
    assert access is not None
    assert str(access.key.id) == printed["key_id"]


def test_add_for_people(nikdev: Nikdev, device: str) -> None:
    answer = nikdev("key", "add", "--device", device, "--read", "--write", "--expires", "2099-01-01T01:00+01:00")
    assert "shown this once" in answer.err
    assert [line.split()[:2] for line in answer.out.splitlines()] == [["Key", "ID"], ["API", "key"]]
    assert _listed(nikdev, device)[0]["expires_us"] == 4_070_908_800_000_000
    table = nikdev("key", "list", "--device", device).out
    assert "read write" in table
    assert "valid until 2099-01-01T00:00:00Z" in table


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (ExitCode.USAGE, [], "--read, --write, or both"),
        (ExitCode.REFUSED, ["--read", "--expires", "2020-01-01T00:00Z"], "in the past"),
        (ExitCode.REFUSED, ["--read", "--expires", "2099-01-01"], "has no zone"),
        (ExitCode.REFUSED, ["--read", "--expires", "tomorrow"], "is not a time"),
        (ExitCode.REFUSED, ["--read", "--name", "x" * 101], "101 characters"),
    ],
)
def test_what_is_refused(nikdev: Nikdev, device: str, code: ExitCode, words: list[str], said: str) -> None:
    assert said in nikdev.fails(code, "key", "add", "--device", device, *words)
    assert _listed(nikdev, device) == []


def test_ids_that_are_none(nikdev: Nikdev, device: str) -> None:
    assert "'greenhouse' is no ID" in nikdev.fails(ExitCode.USAGE, "key", "add", "--device", "greenhouse", "--read")
    assert "is no ID" in nikdev.fails(ExitCode.USAGE, "key", "revoke", uuid.UUID(device).hex)
    other = str(uuid.uuid4())
    for words in (("add", "--read", "--device", other), ("list", "--device", other)):
        assert f"There is no device {other}" in nikdev.fails(ExitCode.REFUSED, "key", *words)
    for words in (("set", other, "--read"), ("revoke", other)):
        assert f"There is no API key {other}" in nikdev.fails(ExitCode.REFUSED, "key", *words)


def test_set_changes_what_is_named(nikdev: Nikdev, device: str) -> None:
    key_id = nikdev.json("key", "add", "--device", device, "--write")["key_id"]
    for words, changed in [
        (["--read"], {"read": True, "write": True}),
        (["--no-write", "--name", "reader"], {"write": False, "name": "reader"}),
        (["--no-read", "--expires", "2099-01-01T00:00Z"], {"read": False, "expires_us": 4_070_908_800_000_000}),
        (["--expires", "never"], {"expires_us": None}),
    ]:
        before = _listed(nikdev, device)[0]
        assert nikdev.json("key", "set", key_id, *words) == before | changed
        assert _listed(nikdev, device)[0] == before | changed
    assert ": none, valid" in nikdev("key", "set", key_id, "--no-read").out
    assert "Say what to change" in nikdev.fails(ExitCode.USAGE, "key", "set", key_id)


def test_revoke_is_for_ever(nikdev: Nikdev, device: str) -> None:
    key_id = nikdev.json("key", "add", "--device", device, "--write")["key_id"]
    answer = nikdev("key", "revoke", key_id)
    assert (answer.code, answer.err) == (0, "")
    assert "revoked" in answer.out
    revoked = _listed(nikdev, device)[0]
    assert revoked["revoked_us"]
    assert nikdev.json("key", "revoke", key_id) == revoked
    assert "stays so" in nikdev.fails(ExitCode.REFUSED, "key", "set", key_id, "--read")
