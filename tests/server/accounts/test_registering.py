from __future__ import annotations

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Invitations, People, Registering, Settings, Throttle
from nikdev_iot.server.accounts.throttle import REGISTRATION_RATES
from nikdev_iot.server.errors import Forbidden, Invalid, NotFound, TooMany
from nikdev_iot.server.storage.people import Person, Role
from nikdev_iot.server.storage.records import Account

PEER = "192.0.2.7"


@pytest.fixture
def registering(
    accounts: Accounts, people: People, invitations: Invitations, settings: Settings, clock: Clock
) -> Registering:
    return Registering(
        accounts=accounts,
        people=people,
        invitations=invitations,
        settings=settings,
        throttle=Throttle(rates=REGISTRATION_RATES, monotonic_s=clock.monotonic_s),
    )


@pytest.mark.parametrize("registration", ["invitation", "closed"])
def test_without_an_invitation_nobody_comes_unless_it_is_open(
    registering: Registering, settings: Settings, account: Account, registration: str
) -> None:
    settings.set_registration(registration)
    with pytest.raises(Forbidden, match="without an invitation"):
        registering.register(email="bob@example.org", password="long enough", peer=PEER)


def test_whoever_comes_gets_an_account_where_it_is_open(
    registering: Registering, settings: Settings, account: Account, people: People
) -> None:
    settings.set_registration("open")
    bob = registering.register(email="bob@example.org", password="long enough", peer=PEER)
    assert [(one.account.name, one.role) for one in people.accounts(bob.id)] == [("bob@example.org", Role.OWNER)]
    assert not bob.is_operator
    with pytest.raises(Invalid):
        registering.register(email="eve@example.org", password="short", peer=PEER)


def test_the_first_account_is_never_made_by_whoever_comes(
    registering: Registering, settings: Settings, accounts: Accounts
) -> None:
    settings.set_registration("open")
    with pytest.raises(Forbidden, match="set-up link"):
        registering.register(email="eve@example.org", password="long enough", peer=PEER)
    assert not accounts.are_there()


def test_that_an_address_is_taken_is_not_said(
    registering: Registering, settings: Settings, account: Account, person: Person, invitations: Invitations
) -> None:
    settings.set_registration("open")
    token = invitations.invite(account.id, by=person.id, role=Role.VIEWER).token
    for invitation in (None, token):
        with pytest.raises(Forbidden, match="No account can be made with this address") as caught:
            registering.register(email=person.email, password="long enough", peer=PEER, invitation=invitation)
        assert "already" not in str(caught.value)


def test_an_invitation_is_used_up(
    registering: Registering, account: Account, person: Person, invitations: Invitations, people: People
) -> None:
    token = invitations.invite(account.id, by=person.id, role=Role.VIEWER).token
    bob = registering.register(email="bob@example.org", password="long enough", peer=PEER, invitation=token)
    assert [one.account for one in people.accounts(bob.id)] == [account]
    with pytest.raises(NotFound):
        registering.register(email="eve@example.org", password="long enough", peer=PEER, invitation=token)


def test_one_client_makes_so_many_and_no_more(
    registering: Registering, settings: Settings, account: Account, clock: Clock
) -> None:
    settings.set_registration("open")
    for number in range(10):
        registering.register(email=f"{number}@example.org", password="long enough", peer=PEER)
    with pytest.raises(TooMany, match="Too many accounts") as caught:
        registering.register(email="more@example.org", password="long enough", peer=PEER)
    assert registering.register(email="other@example.org", password="long enough", peer="198.51.100.1")
    clock.wait(caught.value.retry_after_s)
    assert registering.register(email="more@example.org", password="long enough", peer=PEER)
