from __future__ import annotations

import hashlib
import uuid

import pyotp
import pytest
from argon2 import PasswordHasher
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Invitations, Passwords, People, Sessions, TwoFactor
from nikdev_iot.server.accounts.sessions import SESSION_LIFETIME_US, NeedsCode, handle_of
from nikdev_iot.server.errors import NotFound, TooMany, Unauthorized
from nikdev_iot.server.storage.people import Person, Role
from nikdev_iot.server.storage.records import Account
from nikdev_iot.server.storage.sqlite import SqliteStorage

PEER = "192.0.2.7"


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
    tokens = {sessions.sign_in(email=account.name, password="correct horse", peer=PEER).token for _ in range(3)}
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
    first = sessions.sign_in(email=account.name, password="correct horse", peer=PEER)
    clock.us += SESSION_LIFETIME_US - 1
    assert sessions.session(first.token)
    clock.us += 1
    with pytest.raises(Unauthorized):
        sessions.session(first.token)
    assert storage.session(first.session.token_hash)
    clock.us += 1
    sessions.sign_in(email=account.name, password="correct horse", peer=PEER)
    assert storage.session(first.session.token_hash) is None


def test_an_old_hash_is_renewed_and_sessions_stay(
    sessions: Sessions, person: Person, people: People, storage: SqliteStorage, two_factor: TwoFactor, clock: Clock
) -> None:
    begun = sessions.sign_in(email=person.email, password="correct horse", peer=PEER)
    stronger = Passwords(PasswordHasher(time_cost=3, memory_cost=8, parallelism=1))
    Sessions(storage, passwords=stronger, two_factor=two_factor, now_us=clock.now_us).sign_in(
        email=person.email, password="correct horse", peer=PEER
    )
    renewed = people.get(person.id).password_hash
    assert "t=3" in renewed
    assert stronger.verify(renewed, "correct horse")
    assert sessions.session(begun.token)


def test_a_password_changed_meanwhile_counts(
    storage: SqliteStorage, person: Person, people: People, passwords: Passwords, two_factor: TwoFactor, clock: Clock
) -> None:
    def token_after_a_change() -> str:
        people.set_password(person.id, "battery staple")  # while the sign-in is on its way
        return "token"

    sessions = Sessions(
        storage, passwords=passwords, two_factor=two_factor, now_us=clock.now_us, new_token=token_after_a_change
    )
    with pytest.raises(Unauthorized):
        sessions.sign_in(email=person.email, password="correct horse", peer=PEER)
    with pytest.raises(Unauthorized):
        sessions.session("token")


def test_guessing_is_slowed_down_and_the_right_one_gets_in(sessions: Sessions, account: Account, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            sessions.sign_in(email=account.name, password="guess", peer=PEER)
    with pytest.raises(TooMany) as caught:
        sessions.sign_in(email=account.name, password="correct horse", peer=PEER)
    assert 0 < caught.value.retry_after_s <= 10
    assert sessions.sign_in(email=account.name, password="correct horse", peer="198.51.100.1")
    clock.wait(caught.value.retry_after_s)
    assert sessions.sign_in(email=account.name, password="correct horse", peer=PEER)


# -- the second factor ---------------------------------------------------------------------------------------


@pytest.fixture
def secret(person: Person, two_factor: TwoFactor, clock: Clock) -> str:
    """The secret of the person's second factor, which is on; the code of this step is used."""
    secret = pyotp.random_base32()
    code = pyotp.TOTP(secret).at(clock.us // 1_000_000)
    two_factor.switch_on(person.id, secret=secret, code=code, password="correct horse", peer=PEER, keep=b"")
    clock.wait(30)
    return secret


def test_a_code_is_asked_for(sessions: Sessions, person: Person, secret: str, clock: Clock) -> None:
    def sign_in(code: str | None, password: str) -> str:
        return sessions.sign_in(email=person.email, password=password, peer=PEER, code=code).token

    with pytest.raises(NeedsCode, match="second factor"):
        sign_in(None, "correct horse")
    with pytest.raises(Unauthorized, match="The e-mail or the password"):
        sign_in(None, "wrong horse")  # what is on, only who knows the password learns
    with pytest.raises(Unauthorized, match="code is wrong"):
        sign_in("000000", "correct horse")
    code = pyotp.TOTP(secret).at(clock.us // 1_000_000)
    assert sessions.standing(sign_in(f"{code[:3]} {code[3:]}", "correct horse")).person.id == person.id
    with pytest.raises(Unauthorized, match="used already"):
        sign_in(code, "correct horse")


def test_the_code_may_come_later(sessions: Sessions, person: Person, secret: str, clock: Clock) -> None:
    half = sessions.sign_in(email=person.email, password="correct horse", peer=PEER, browser="Firefox", waits=True)
    assert half.session.awaits_code
    for opens in (sessions.standing, sessions.session):
        with pytest.raises(Unauthorized, match="not signed in"):
            opens(half.token)
    assert sessions.all(person.id) == []
    assert sessions.awaited(half.token).id == person.id
    with pytest.raises(Unauthorized, match="code is wrong"):
        sessions.confirm(half.token, "12", peer=PEER)
    whole = sessions.confirm(half.token, pyotp.TOTP(secret).at(clock.us // 1_000_000), peer=PEER)
    assert whole.token != half.token
    assert sessions.session(whole.token).browser == "Firefox"
    with pytest.raises(NotFound, match="password again"):
        sessions.confirm(half.token, "123456", peer=PEER)
    with pytest.raises(NotFound):
        sessions.confirm(whole.token, "123456", peer=PEER)


def test_a_password_waits_ten_minutes_for_its_code(
    sessions: Sessions, person: Person, secret: str, clock: Clock
) -> None:
    half = sessions.sign_in(email=person.email, password="correct horse", peer=PEER, waits=True)
    clock.us += 600_000_000
    with pytest.raises(NotFound, match="took too long"):
        sessions.confirm(half.token, pyotp.TOTP(secret).at(clock.us // 1_000_000), peer=PEER)


def test_guessing_codes_is_slowed_down_from_however_many_clients(
    sessions: Sessions, person: Person, secret: str, clock: Clock
) -> None:
    known = sessions.sign_in(
        email=person.email, password="correct horse", peer=PEER, code=pyotp.TOTP(secret).at(clock.us // 1_000_000)
    )
    refused = 0
    for number in range(30):
        with pytest.raises((Unauthorized, TooMany)) as caught:
            sessions.sign_in(email=person.email, password="correct horse", peer=f"198.51.100.{number}", code="000000")
        refused += caught.type is TooMany
    assert refused >= 20
    clock.wait(30)
    code = pyotp.TOTP(secret).at(clock.us // 1_000_000)
    assert sessions.sign_in(email=person.email, password="correct horse", peer=PEER, code=code).token != known.token


# -- accounts of a person ------------------------------------------------------------------------------------


def test_a_standing_is_of_the_account_and_ends_with_the_membership(
    sessions: Sessions, account: Account, person: Person, people: People, accounts: Accounts, invitations: Invitations
) -> None:
    other = accounts.add("bob@example.org", "correct horse")
    bob = people.find("bob@example.org")
    token = sessions.sign_in(email=person.email, password="correct horse", peer=PEER).token
    with pytest.raises(NotFound, match="do not belong"):
        sessions.switch(token, other.id)
    invitations.accept(invitations.invite(other.id, by=bob.id, role=Role.VIEWER).token, person)
    assert sessions.standing(token).account_count == 2
    sessions.switch(token, other.id)
    standing = sessions.standing(token)
    assert (standing.account.id, standing.role) == (other.id, Role.VIEWER)
    again = sessions.sign_in(email=person.email, password="correct horse", peer=PEER)
    assert again.session.account_id == other.id  # where the person was last
    people.remove(other.id, person.id)
    for ended in (token, again.token):
        with pytest.raises(Unauthorized):
            sessions.session(ended)
    assert sessions.sign_in(email=person.email, password="correct horse", peer=PEER).session.account_id == account.id


def test_sessions_are_listed_and_ended(sessions: Sessions, person: Person, clock: Clock) -> None:
    def begin(browser: str) -> str:
        clock.us += 1
        return sessions.sign_in(email=person.email, password="correct horse", peer=PEER, browser=browser).token

    tokens = [begin(browser) for browser in ("Firefox", "Chrome\n\x1b[31m", "curl" * 1_000)]
    listed = sessions.all(person.id)
    assert [session.browser[:8] for session in listed] == ["curlcurl", "Chrome[3", "Firefox"]
    assert max(len(session.browser) for session in listed) == 300
    sessions.end(person.id, handle_of(listed[1]))
    sessions.end(uuid.uuid4(), handle_of(listed[0]))
    assert sessions.all(person.id) == [listed[0], listed[2]]
    assert sessions.end_others(person.id, keep=listed[2].token_hash) == 1
    assert sessions.session(tokens[0])
    assert sessions.all(person.id) == [listed[2]]


def test_when_a_session_was_seen_is_known_to_the_minute(sessions: Sessions, account: Account, clock: Clock) -> None:
    begun = sessions.sign_in(email=account.name, password="correct horse", peer=PEER)
    clock.us += 59_999_999
    sessions.session(begun.token)
    assert sessions.session(begun.token).seen_us == begun.session.seen_us
    clock.us += 1
    sessions.session(begun.token)
    assert sessions.session(begun.token).seen_us == clock.us


def test_a_session_may_begin_without_a_password(sessions: Sessions, person: Person) -> None:
    begun = sessions.begin(person.id, peer=PEER)
    assert sessions.standing(begun.token).person == person
    with pytest.raises(NotFound):
        sessions.begin(uuid.uuid4(), peer=PEER)
