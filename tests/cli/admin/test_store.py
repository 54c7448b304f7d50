from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.admin.run import Nikdev

from nikdev_iot.cli.exit_codes import ExitCode
from nikdev_iot.server.storage.sqlite import SqliteStorage


def test_only_a_first_account_makes_a_store(nikdev: Nikdev, data: Path) -> None:
    for words in (
        ("account", "list"),
        ("device", "list"),
        ("key", "list", "--device", "0" * 8 + "-0000" * 3 + "-" + "0" * 12),
    ):
        assert f"There is no store in {data}" in nikdev.fails(ExitCode.JOURNAL, *words)
    assert not data.exists()


def test_the_store_of_the_server_is_the_default(
    nikdev: Nikdev, data: Path, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nikdev_iot.server.config.default_data_folder", lambda: data)
    answer = nikdev.bare("account", "list")
    assert account in answer.out


def test_the_environment_may_name_it_as_for_the_server(
    nikdev: Nikdev, data: Path, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIKDEV_DATA", str(data))
    assert account in nikdev.bare("account", "list").out
    assert "no store in" in nikdev.bare("account", "list", "--data", str(tmp_path / "other")).err
    monkeypatch.setenv("NIKDEV_DATABASE", "postgresql://host/db")
    assert "both given" in nikdev.bare("account", "list").err
    assert account in nikdev("account", "list").out


def test_the_folder_may_be_named_behind_any_word(nikdev: Nikdev, data: Path, account: str, tmp_path: Path) -> None:
    assert account in nikdev.bare("--data", str(data), "account", "list").out
    assert account in nikdev.bare("--data", str(tmp_path / "no"), "account", "list", "--data", str(data)).out


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://user:secret@host/db", "PostgreSQL is not supported yet"),
        ("postgres:///db", "PostgreSQL is not supported yet"),
        ("mysql://user:secret@host/db", "'mysql' is no database"),
    ],
)
def test_other_databases_come_later(nikdev: Nikdev, url: str, said: str) -> None:
    answer = nikdev.bare("account", "list", "--database", url)
    assert answer.code == ExitCode.CONFIG
    assert said in answer.err
    assert "secret" not in answer.err


def test_one_store_at_a_time(nikdev: Nikdev) -> None:
    assert "both given" in nikdev.fails(ExitCode.CONFIG, "account", "list", "--database", "postgresql://host/db")


def test_a_damaged_store_is_told(nikdev: Nikdev, data: Path) -> None:
    data.mkdir()
    (data / "store.sqlite3").write_bytes(b"something else " * 1_000)
    assert "is not a SQLite database" in nikdev.fails(ExitCode.JOURNAL, "account", "list")


def test_beside_a_server_that_has_it_open(nikdev: Nikdev, data: Path, account: str) -> None:
    storage = SqliteStorage.open(data)
    device_id = nikdev.json("device", "add", "greenhouse", "--account", account)["device_id"]
    assert [str(device.id) for device in storage.devices()] == [device_id]
    storage.close()


def test_without_the_servers_part_it_says_how_to_get_it(nikdev: Nikdev, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("nikdev_iot.server", "argon2"))]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def without_argon2(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "argon2":
            raise ModuleNotFoundError("No module named 'argon2'", name="argon2")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_argon2)
    said = nikdev.fails(ExitCode.CONFIG, "account", "list")
    assert "needs argon2" in said
    assert "pip install 'nikdev-iot[server]'" in said
