from __future__ import annotations

import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Invitations, People
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.people import Person, Role
from nikdev_iot.server.storage.records import Account


def test_an_account_is_made_and_found(accounts: Accounts, clock: Clock) -> None:
    made = accounts.add(" Ada@Example.org", "correct horse")
    assert (made.name, made.created_us) == ("ada@example.org", clock.us)
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


def test_an_account_comes_with_its_owner_and_the_first_one_is_the_operator(
    accounts: Accounts, people: People, clock: Clock
) -> None:
    made = [accounts.add(email, "long enough") for email in ("ada@example.org", "bob@example.org")]
    owners = [people.members(account.id) for account in made]
    assert [[(one.person.email, one.role, one.since_us) for one in owner] for owner in owners] == [
        [("ada@example.org", Role.OWNER, clock.us)],
        [("bob@example.org", Role.OWNER, clock.us)],
    ]
    assert [owner[0].person.is_operator for owner in owners] == [True, False]
    assert accounts.owners() == {made[0].id: "ada@example.org", made[1].id: "bob@example.org"}


def test_only_the_first_one_is_made_where_that_is_asked_for(accounts: Accounts) -> None:
    accounts.add("ada@example.org", "long enough", only_first=True)
    with pytest.raises(Conflict, match="already"):
        accounts.add("bob@example.org", "long enough", only_first=True)
    assert len(accounts.all()) == 1


def test_an_account_is_found_by_who_owns_it_and_not_by_who_looks_at_it(
    accounts: Accounts, account: Account, invitations: Invitations, person: Person
) -> None:
    token = invitations.invite(account.id, by=person.id, role=Role.EDITOR).token
    invitations.register(token, email="bob@example.org", password="long enough")
    with pytest.raises(NotFound, match="bob@example"):
        accounts.find("bob@example.org")
    assert accounts.owners() == {account.id: "ada@example.org"}


def test_an_account_gets_another_name(accounts: Accounts, account: Account) -> None:
    accounts.rename(account.id, " The house ")
    assert accounts.get(account.id).name == "The house"
    with pytest.raises(Invalid, match="name is empty"):
        accounts.rename(account.id, " ")
