from __future__ import annotations

import hashlib
import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Invitations, Passwords, People, Settings
from nikdev_iot.server.accounts.invitations import INVITATION_LIFETIME_US
from nikdev_iot.server.errors import Conflict, Forbidden, Invalid, NotFound
from nikdev_iot.server.storage.people import Person, Role
from nikdev_iot.server.storage.records import Account
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def token(invitations: Invitations, account: Account, person: Person) -> str:
    """Of an invitation to the account, as an editor, for whoever has it."""
    return invitations.invite(account.id, by=person.id, role=Role.EDITOR).token


def test_only_the_hash_is_kept(
    invitations: Invitations, account: Account, person: Person, storage: SqliteStorage, clock: Clock
) -> None:
    made = invitations.invite(account.id, by=person.id, role=Role.VIEWER, email=" Bob@Example.org")
    assert len(made.token) >= 43
    assert made.invitation.email == "bob@example.org"
    assert made.invitation.expires_us == clock.us + INVITATION_LIFETIME_US
    assert storage.invitation(hashlib.sha256(made.token.encode()).digest()) == made.invitation
    assert made.token.encode() not in storage.path.read_bytes()
    found = invitations.find(made.token)
    assert (found.invitation, found.account) == (made.invitation, account)
    with pytest.raises(Invalid):
        invitations.invite(account.id, by=person.id, role=Role.VIEWER, email="bob")


def test_somebody_new_registers_with_it_once(
    invitations: Invitations, token: str, account: Account, people: People, passwords: Passwords
) -> None:
    bob = invitations.register(token, email="Bob@example.org", password="long enough")
    assert bob.email == "bob@example.org"
    assert not bob.is_operator
    assert passwords.verify(people.get(bob.id).password_hash, "long enough")
    assert [(one.account, one.role) for one in people.accounts(bob.id)] == [(account, Role.EDITOR)]
    with pytest.raises(NotFound, match="used up"):
        invitations.register(token, email="eve@example.org", password="long enough")
    with pytest.raises(NotFound):
        people.find("eve@example.org")


def test_what_is_refused_leaves_it_good(invitations: Invitations, token: str, person: Person) -> None:
    with pytest.raises(Invalid):
        invitations.register(token, email="bob", password="long enough")
    with pytest.raises(Invalid):
        invitations.register(token, email="bob@example.org", password="short")
    with pytest.raises(Conflict):
        invitations.register(token, email=person.email, password="long enough")
    with pytest.raises(Conflict, match="belong to this account already"):
        invitations.accept(token, person)
    assert invitations.register(token, email="bob@example.org", password="long enough")


def test_somebody_registered_accepts_it(
    invitations: Invitations, token: str, account: Account, person: Person, people: People
) -> None:
    own = invitations.invite(None, by=person.id).token
    bob = invitations.register(own, email="bob@example.org", password="long enough")
    (belonging,) = people.accounts(bob.id)
    assert (belonging.account.name, belonging.role) == ("bob@example.org", Role.OWNER)
    assert invitations.accept(token, bob) == account.id
    assert {one.role for one in people.accounts(bob.id)} == {Role.OWNER, Role.EDITOR}
    with pytest.raises(NotFound, match="used up"):
        invitations.accept(token, bob)


def test_one_for_an_address_is_for_nobody_else(invitations: Invitations, account: Account, person: Person) -> None:
    token = invitations.invite(account.id, by=person.id, role=Role.VIEWER, email="bob@example.org").token
    own = invitations.invite(None, by=person.id).token
    eve = invitations.register(own, email="eve@example.org", password="long enough")
    with pytest.raises(Forbidden, match=r"for bob@example\.org"):
        invitations.accept(token, eve)
    with pytest.raises(Forbidden, match=r"for bob@example\.org"):
        invitations.register(token, email="mallory@example.org", password="long enough")
    assert invitations.register(token, email="BOB@example.org", password="long enough")


def test_where_registration_is_closed_only_people_who_are_there_come(
    invitations: Invitations, token: str, account: Account, person: Person, settings: Settings
) -> None:
    own = invitations.invite(None, by=person.id).token
    bob = invitations.register(own, email="bob@example.org", password="long enough")
    settings.set_registration("closed")
    with pytest.raises(Forbidden, match="nobody new"):
        invitations.register(token, email="eve@example.org", password="long enough")
    assert invitations.accept(token, bob) == account.id


def test_it_ends_after_seven_days(
    invitations: Invitations, token: str, account: Account, person: Person, clock: Clock, storage: SqliteStorage
) -> None:
    clock.us += INVITATION_LIFETIME_US - 1
    assert invitations.find(token)
    assert len(invitations.all(account.id)) == 1
    clock.us += 1
    with pytest.raises(NotFound, match="seven days"):
        invitations.find(token)
    with pytest.raises(NotFound):
        invitations.register(token, email="bob@example.org", password="long enough")
    assert invitations.all(account.id) == []
    assert len(storage.invitations(account.id)) == 1
    clock.us += 1
    invitations.invite(account.id, by=person.id, role=Role.VIEWER)
    assert len(storage.invitations(account.id)) == 1


def test_it_can_be_withdrawn_by_its_account_alone(
    invitations: Invitations, token: str, account: Account, person: Person
) -> None:
    (one,) = invitations.all(account.id)
    for other in (None, uuid.uuid4()):
        invitations.withdraw(other, one.id)
        assert invitations.find(token)
    for _ in range(2):
        invitations.withdraw(account.id, one.id)
        with pytest.raises(NotFound, match="withdrawn"):
            invitations.find(token)


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "ä", "\ud800"])
def test_a_token_that_cannot_be_one(invitations: Invitations, token: str, person: Person) -> None:
    for ask in (
        lambda: invitations.find(token),
        lambda: invitations.accept(token, person),
        lambda: invitations.register(token, email="bob@example.org", password="long enough"),
    ):
        with pytest.raises(NotFound):
            ask()
