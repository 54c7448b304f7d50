from __future__ import annotations

import hashlib

import pytest
from argon2 import PasswordHasher
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Passwords, Sessions, Throttle
from nikdev_iot.server.accounts.sessions import SESSION_LIFETIME_US
from nikdev_iot.server.errors import TooMany, Unauthorized
from nikdev_iot.server.storage.records import Account
from nikdev_iot.server.storage.sqlite import SqliteStorage

PEER = "192.0.2.7"


@pytest.fixture
def sessions(storage: SqliteStorage, passwords: Passwords, clock: Clock) -> Sessions:
    throttle = Throttle(monotonic_s=clock.monotonic_s)
    return Sessions(storage, passwords=passwords, now_us=clock.now_us, throttle=throttle)


def test_a_session_begins_and_ends(sessions: Sessions, account: Account, storage: SqliteStorage) -> None:
    begun = sessions.sign_in(email=" Ada@Example.org", password="correct horse", peer=PEER)
    assert len(begun.token) >= 43
    assert begun.session.account_id == account.id
    assert sessions.session(begun.token) == begun.session
    assert storage.session(hashlib.sha256(begun.token.encode()).digest()) == begun.session
    for _ in range(2):
        sessions.sign_out(begun.token)
        with pytest.raises(Unauthorized, match="not signed in"):
            sessions.session(begun.token)


def test_tokens_differ(sessions: Sessions, account: Account) -> None:
    tokens = {sessions.sign_in(email=account.email, password="correct horse", peer=PEER).token for _ in range(3)}
    assert len(tokens) == 3


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "\ud800", "ä"])
def test_a_token_that_cannot_be_one(sessions: Sessions, token: str) -> None:
    with pytest.raises(Unauthorized):
        sessions.session(token)
    sessions.sign_out(token)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.org", "wrong horse"),
        ("bob@example.org", "correct horse"),
        ("no address", "correct horse"),
        ("", ""),
        ("\ud800@example.org", "correct horse"),
    ],
)
def test_what_is_wrong_is_not_said(sessions: Sessions, account: Account, email: str, password: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        sessions.sign_in(email=email, password=password, peer=PEER)
    assert str(caught.value) == "The e-mail or the password is wrong."


def test_a_session_expires_and_is_cleared_away(
    sessions: Sessions, account: Account, clock: Clock, storage: SqliteStorage
) -> None:
    first = sessions.sign_in(email=account.email, password="correct horse", peer=PEER)
    clock.us += SESSION_LIFETIME_US - 1
    assert sessions.session(first.token)
    clock.us += 1
    with pytest.raises(Unauthorized):
        sessions.session(first.token)
    assert storage.session(first.session.token_hash)
    clock.us += 1
    sessions.sign_in(email=account.email, password="correct horse", peer=PEER)
    assert storage.session(first.session.token_hash) is None


def test_an_old_hash_is_renewed_and_sessions_stay(
    sessions: Sessions, account: Account, accounts: Accounts, storage: SqliteStorage, clock: Clock
) -> None:
    begun = sessions.sign_in(email=account.email, password="correct horse", peer=PEER)
    stronger = Passwords(PasswordHasher(time_cost=3, memory_cost=8, parallelism=1))
    Sessions(storage, passwords=stronger, now_us=clock.now_us).sign_in(
        email=account.email, password="correct horse", peer=PEER
    )
    renewed = accounts.get(account.id).password_hash
    assert "t=3" in renewed
    assert stronger.verify(renewed, "correct horse")
    assert sessions.session(begun.token)


def test_a_password_changed_meanwhile_counts(
    storage: SqliteStorage, account: Account, accounts: Accounts, passwords: Passwords, clock: Clock
) -> None:
    def token_after_a_change() -> str:
        accounts.set_password(account.id, "battery staple")  # while the sign-in is on its way
        return "token"

    sessions = Sessions(storage, passwords=passwords, now_us=clock.now_us, new_token=token_after_a_change)
    with pytest.raises(Unauthorized):
        sessions.sign_in(email=account.email, password="correct horse", peer=PEER)
    with pytest.raises(Unauthorized):
        sessions.session("token")


def test_guessing_is_slowed_down_and_the_right_one_gets_in(sessions: Sessions, account: Account, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            sessions.sign_in(email=account.email, password="guess", peer=PEER)
    with pytest.raises(TooMany) as caught:
        sessions.sign_in(email=account.email, password="correct horse", peer=PEER)
    assert 0 < caught.value.retry_after_s <= 10
    assert sessions.sign_in(email=account.email, password="correct horse", peer="198.51.100.1")
    clock.wait(caught.value.retry_after_s)
    assert sessions.sign_in(email=account.email, password="correct horse", peer=PEER)
