from __future__ import annotations

import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Invitations, Passwords, People, Sessions
from nikdev_iot.server.accounts.people import parse_role
from nikdev_iot.server.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthorized
from nikdev_iot.server.storage.people import Person, Role
from nikdev_iot.server.storage.records import Account
from nikdev_iot.server.storage.sqlite import SqliteStorage

PEER = "192.0.2.7"


@pytest.fixture
def bob(invitations: Invitations, account: Account, person: Person) -> Person:
    """An editor of the account, who belongs to no other."""
    token = invitations.invite(account.id, by=person.id, role=Role.EDITOR).token
    return invitations.register(token, email="bob@example.org", password="correct horse")


def test_people_are_found(people: People, person: Person) -> None:
    assert people.get(person.id) == people.find(" ADA@example.org") == person
    with pytest.raises(NotFound):
        people.get(uuid.uuid4())
    with pytest.raises(NotFound, match="bob@example"):
        people.find("bob@example.org")
    with pytest.raises(Invalid):
        people.find("bob")


def test_roles_have_names() -> None:
    assert [parse_role(name) for name in ("viewer", "editor", "owner")] == list(Role)
    for text in ("Owner", "", "operator", 3, None):
        with pytest.raises(Invalid, match="is not a role"):
            parse_role(text)


# -- passwords ----------------------------------------------------------------------------------------------


def test_change_password_needs_the_old_one_and_ends_other_sessions(
    people: People, person: Person, sessions: Sessions, passwords: Passwords
) -> None:
    here, there = (sessions.sign_in(email=person.email, password="correct horse", peer=PEER) for _ in range(2))
    with pytest.raises(Unauthorized, match="The password is wrong"):
        people.change_password(person.id, old="wrong horse", new="battery staple")
    with pytest.raises(Invalid):
        people.change_password(person.id, old="correct horse", new="short")
    assert sessions.session(there.token)
    people.change_password(person.id, old="correct horse", new="battery staple", keep=here.session.token_hash)
    assert sessions.session(here.token)
    with pytest.raises(Unauthorized):
        sessions.session(there.token)
    assert passwords.verify(people.get(person.id).password_hash, "battery staple")


def test_of_two_changes_at_once_one_counts(people: People, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = people.confirm

    def slow(*arguments: object, **options: object) -> Person:
        found = whole(*arguments, **options)  # type: ignore[arg-type]
        people.set_password(person.id, "set by the operator")
        return found

    monkeypatch.setattr(people, "confirm", slow)
    with pytest.raises(Unauthorized, match="by someone else"):
        people.change_password(person.id, old="correct horse", new="battery staple")


def test_guessing_the_old_password_is_slowed_down(people: People, person: Person, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            people.confirm(person.id, "guess", peer=PEER)
    with pytest.raises(TooMany):
        people.confirm(person.id, "correct horse", peer=PEER)
    clock.wait(10)
    assert people.confirm(person.id, "correct horse", peer=PEER) == person


def test_set_password_needs_no_old_one_and_may_switch_the_second_factor_off(
    people: People, person: Person, passwords: Passwords, storage: SqliteStorage
) -> None:
    with storage.write() as write:
        write.set_second_factor(person.id, "SECRET", backup_codes=[bytes(32)])
    people.set_password(person.id, "battery staple")
    found = people.get(person.id)
    assert passwords.verify(found.password_hash, "battery staple")
    assert found.totp_secret == "SECRET"
    people.set_password(person.id, "battery staple", second_factor_off=True)
    assert people.get(person.id).totp_secret is None
    assert storage.count_backup_codes(person.id) == 0
    with pytest.raises(NotFound):
        people.set_password(uuid.uuid4(), "long enough")


# -- accounts -----------------------------------------------------------------------------------------------


def test_members_are_listed_owners_first(people: People, account: Account, person: Person, bob: Person) -> None:
    assert [(one.person, one.role) for one in people.members(account.id)] == [(person, Role.OWNER), (bob, Role.EDITOR)]
    assert [(one.account, one.role) for one in people.accounts(bob.id)] == [(account, Role.EDITOR)]


def test_roles_are_given_and_the_last_owner_stays_one(
    people: People, account: Account, person: Person, bob: Person
) -> None:
    for change in (
        lambda: people.set_role(account.id, person.id, Role.EDITOR),
        lambda: people.remove(account.id, person.id),
    ):
        with pytest.raises(Conflict, match="last one"):
            change()
    people.set_role(account.id, bob.id, Role.OWNER)
    people.set_role(account.id, person.id, Role.VIEWER)
    assert [(one.person.id, one.role) for one in people.members(account.id)] == [
        (bob.id, Role.OWNER),
        (person.id, Role.VIEWER),
    ]
    with pytest.raises(NotFound, match="does not belong"):
        people.set_role(account.id, uuid.uuid4(), Role.OWNER)


def test_who_is_removed_is_out_at_once_and_forgotten(
    people: People, account: Account, bob: Person, sessions: Sessions, storage: SqliteStorage
) -> None:
    token = sessions.sign_in(email=bob.email, password="correct horse", peer=PEER).token
    people.remove(account.id, bob.id)
    with pytest.raises(Unauthorized):
        sessions.session(token)
    with pytest.raises(Unauthorized):
        sessions.sign_in(email=bob.email, password="correct horse", peer=PEER)
    assert storage.person(bob.id) is None
    with pytest.raises(NotFound, match="does not belong"):
        people.remove(account.id, bob.id)


def test_who_has_another_account_keeps_it(
    people: People, account: Account, accounts: Accounts, person: Person, invitations: Invitations
) -> None:
    other = accounts.add("eve@example.org", "correct horse")
    eve = people.find("eve@example.org")
    invitations.accept(invitations.invite(account.id, by=person.id, role=Role.VIEWER).token, eve)
    people.remove(account.id, eve.id)
    assert [one.account for one in people.accounts(eve.id)] == [other]


def test_the_operator_stays_somewhere(people: People, account: Account, person: Person, bob: Person) -> None:
    people.set_role(account.id, bob.id, Role.OWNER)
    with pytest.raises(Conflict, match="operator"):
        people.remove(account.id, person.id)
    assert people.get(person.id) == person


def test_who_loses_the_right_to_invite_has_invited_nobody(
    people: People, account: Account, person: Person, bob: Person, invitations: Invitations
) -> None:
    for lose in (lambda: people.set_role(account.id, bob.id, Role.EDITOR), lambda: people.remove(account.id, bob.id)):
        people.set_role(account.id, bob.id, Role.OWNER)
        kept = invitations.invite(account.id, by=person.id, role=Role.VIEWER)
        lost = invitations.invite(account.id, by=bob.id, role=Role.OWNER)
        lose()
        assert invitations.find(kept.token).account == account
        with pytest.raises(NotFound):
            invitations.find(lost.token)
        with pytest.raises(Forbidden):  # nor with a request that was let in before
            invitations.invite(account.id, by=bob.id, role=Role.OWNER)
