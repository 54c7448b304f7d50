from __future__ import annotations

import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Passwords, Sessions
from nikdev_iot.server.errors import Conflict, Invalid, NotFound, Unauthorized
from nikdev_iot.server.storage.records import Account
from nikdev_iot.server.storage.sqlite import SqliteStorage


def test_an_account_is_made_and_found(accounts: Accounts, clock: Clock) -> None:
    made = accounts.add(" Ada@Example.org", "correct horse")
    assert (made.email, made.created_us) == ("ada@example.org", clock.us)
    assert accounts.get(made.id) == accounts.find("ADA@example.org ") == made
    assert accounts.all() == [made]


def test_an_email_is_taken_once(accounts: Accounts, account: Account) -> None:
    with pytest.raises(Conflict, match=r"ada@example\.org already"):
        accounts.add("ADA@example.org", "another password")
    assert accounts.all() == [account]


@pytest.mark.parametrize(("email", "password"), [("ada", "long enough"), ("ada@example.org", "short")])
def test_what_cannot_be_is_not_kept(accounts: Accounts, email: str, password: str) -> None:
    with pytest.raises(Invalid):
        accounts.add(email, password)
    assert accounts.all() == []


def test_unknown_accounts(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.get(uuid.uuid4())
    with pytest.raises(NotFound, match="nobody@example"):
        accounts.find("nobody@example.org")
    with pytest.raises(Invalid):
        accounts.find("nobody")
    with pytest.raises(NotFound):
        accounts.set_password(uuid.uuid4(), "long enough")


def test_change_password_needs_the_old_one_and_ends_sessions(
    accounts: Accounts, account: Account, storage: SqliteStorage, passwords: Passwords, clock: Clock
) -> None:
    sessions = Sessions(storage, passwords=passwords, now_us=clock.now_us)
    begun = sessions.sign_in(email=account.email, password="correct horse", peer="::1")
    with pytest.raises(Unauthorized):
        accounts.change_password(account.id, old="wrong horse", new="battery staple")
    with pytest.raises(Invalid):
        accounts.change_password(account.id, old="correct horse", new="short")
    assert sessions.session(begun.token)
    accounts.change_password(account.id, old="correct horse", new="battery staple")
    with pytest.raises(Unauthorized):
        sessions.session(begun.token)
    assert passwords.verify(accounts.get(account.id).password_hash, "battery staple")


def test_set_password_needs_no_old_one(accounts: Accounts, account: Account, passwords: Passwords) -> None:
    accounts.set_password(account.id, "battery staple")
    assert passwords.verify(accounts.get(account.id).password_hash, "battery staple")
