from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from tests.cli.admin.run import Nikdev

from nikdev_iot.cli.exit_codes import ExitCode
from nikdev_iot.server.accounts import Passwords
from nikdev_iot.server.storage.people import Person
from nikdev_iot.server.storage.sqlite import SqliteStorage


def _stored(data: Path, email: str) -> Person:
    storage = SqliteStorage.open(data)
    person = storage.person_by_email(email)
    storage.close()
    assert person is not None
    return person


def test_add_prints_the_id_and_keeps_the_password_hashed(nikdev: Nikdev, data: Path) -> None:
    printed = nikdev.json("account", "add", "Ada@Example.org", "--password-stdin", stdin=b"correct horse\r\nmore\n")
    assert printed.keys() == {"account_id"}
    kept = _stored(data, "ada@example.org")
    (listed,) = nikdev.json("account", "list")["accounts"]
    assert listed["account_id"] == printed["account_id"] == str(uuid.UUID(printed["account_id"]))
    assert kept.is_operator
    assert Passwords().verify(kept.password_hash, "correct horse")


@pytest.mark.parametrize("stdin", [b"p\xc3\xa4ssw\xc3\xb6rd", b"p\xc3\xa4ssw\xc3\xb6rd\n"])
def test_a_password_is_utf_8(nikdev: Nikdev, data: Path, stdin: bytes) -> None:
    nikdev.json("account", "add", "ada@example.org", "--password-stdin", stdin=stdin)
    assert Passwords().verify(_stored(data, "ada@example.org").password_hash, "pässwörd")


@pytest.mark.parametrize(
    ("email", "stdin", "said"),
    [
        ("ada@example.org", b"1234567\n", "7 characters; at least 8"),
        ("ada@example.org", b"", "0 characters; at least 8"),
        ("ada@example.org", b"\xff" * 9, "not UTF-8"),
        ("ada", b"correct horse\n", "'ada' is not an e-mail address"),
    ],
)
def test_what_is_refused(nikdev: Nikdev, email: str, stdin: bytes, said: str) -> None:
    assert said in nikdev.fails(ExitCode.REFUSED, "account", "add", email, "--password-stdin", stdin=stdin)
    assert nikdev.json("account", "list") == {"accounts": []}


def test_an_email_is_taken_once(nikdev: Nikdev, account: str) -> None:
    said = nikdev.fails(
        ExitCode.REFUSED, "account", "add", account.upper(), "--password-stdin", stdin=b"another password"
    )
    assert "already" in said


def test_without_a_terminal_there_is_nobody_to_ask(nikdev: Nikdev) -> None:
    assert "--password-stdin" in nikdev.fails(ExitCode.USAGE, "account", "add", "ada@example.org")


def test_list(nikdev: Nikdev, account: str) -> None:
    (listed,) = nikdev.json("account", "list")["accounts"]
    assert listed.keys() == {"account_id", "email", "name", "created_us"}
    assert listed["email"] == account
    table = nikdev("account", "list").out.splitlines()
    assert table[0].split() == ["ACCOUNT", "ID", "OWNER", "NAME", "MADE"]
    assert table[1].split()[:2] == [listed["account_id"], account]


def test_a_new_password_may_switch_the_second_factor_off(nikdev: Nikdev, data: Path, account: str) -> None:
    def change(*words: str) -> str:
        return nikdev("account", "password", account, "--password-stdin", *words, stdin=b"battery staple\n").out

    assert "second factor" not in change("--second-factor-off")
    storage = SqliteStorage.open(data)
    with storage.write() as write:
        write.set_second_factor(_stored(data, account).id, "SECRET")
    storage.close()
    assert "still on" in change()
    assert _stored(data, account).totp_secret == "SECRET"
    assert "is off now" in change("--second-factor-off")
    assert _stored(data, account).totp_secret is None


def test_a_new_password(nikdev: Nikdev, data: Path, account: str) -> None:
    answer = nikdev("account", "password", account, "--password-stdin", stdin=b"battery staple\n")
    assert (answer.code, answer.err) == (0, "")
    assert Passwords().verify(_stored(data, account).password_hash, "battery staple")
    said = nikdev.fails(ExitCode.REFUSED, "account", "password", "b@c.d", "--password-stdin", stdin=b"battery staple")
    assert "There is no account b@c.d" in said
