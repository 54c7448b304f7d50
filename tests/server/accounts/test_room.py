"""How much one account, device or person may have."""

from __future__ import annotations

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Devices, Fields, Invitations, Keys, Passwords, Sessions, Settings, TwoFactor
from nikdev_iot.server.accounts.room import check_room
from nikdev_iot.server.errors import Invalid, Unauthorized
from nikdev_iot.server.storage.people import Person
from nikdev_iot.server.storage.records import Account, Device
from nikdev_iot.server.storage.sqlite import SqliteStorage


def test_where_there_is_no_room_it_says_what_to_do() -> None:
    def check(count: int, most: int | None) -> None:
        check_room(count, most, of="devices", have="This account", instead="Delete one")

    check(1_000_000, None)
    check(1_999, 2_000)
    with pytest.raises(Invalid) as caught:
        check(2_000, 2_000)
    assert str(caught.value).startswith("This account has 2,000 devices already, as many as this server lets one have.")
    assert caught.value.hint == "Nothing was changed. Delete one, or ask whoever runs the server for more."


def test_devices(storage: SqliteStorage, clock: Clock, account: Account, device: Device) -> None:
    devices = Devices(storage, now_us=clock.now_us, most=2)
    second = devices.add(account.id, "second")
    with pytest.raises(Invalid, match="2 devices"):
        devices.add(account.id, "third")
    assert {one.id for one in devices.all(account.id)} == {device.id, second.id}
    devices.delete(second.id)
    devices.add(account.id, "third")


def test_keys_that_open_nothing_are_not_kept_without_end(storage: SqliteStorage, clock: Clock, device: Device) -> None:
    keys = Keys(storage, now_us=clock.now_us, monotonic_s=clock.monotonic_s, most=2)
    living = keys.add(device.id, can_read=True).key
    made = []
    for number in range(110):
        made.append(keys.add(device.id, can_read=True, expires_us=clock.us + 500).key)
        if number % 2:
            keys.revoke(made[-1].id)
        clock.us += 1_000
    assert [key.id for key in keys.all(device.id)] == [key.id for key in (living, *made[-101:])]


def test_keys_that_open_nothing_do_not_count(storage: SqliteStorage, clock: Clock, device: Device) -> None:
    keys = Keys(storage, now_us=clock.now_us, monotonic_s=clock.monotonic_s, most=2)
    first = keys.add(device.id, can_read=True).key
    keys.add(device.id, can_read=True, expires_us=clock.us + 1_000_000)
    with pytest.raises(Invalid, match="2 API keys"):
        keys.add(device.id, can_read=True)
    keys.revoke(first.id)
    keys.add(device.id, can_read=True)
    with pytest.raises(Invalid, match="2 API keys"):
        keys.add(device.id, can_read=True)
    clock.us += 2_000_000
    keys.add(device.id, can_read=True)


def test_fields_made_by_hand(storage: SqliteStorage, clock: Clock, device: Device) -> None:
    fields = Fields(storage, now_us=clock.now_us, most=1)
    fields.add(device.id, "a")
    with pytest.raises(Invalid, match="1 fields"):
        fields.add(device.id, "b")


def test_open_invitations(
    storage: SqliteStorage, passwords: Passwords, clock: Clock, account: Account, person: Person
) -> None:
    settings = Settings(storage)
    invitations = Invitations(storage, passwords=passwords, settings=settings, now_us=clock.now_us, most=1)
    first = invitations.invite(account.id, by=person.id)
    with pytest.raises(Invalid, match="1 open invitations"):
        invitations.invite(account.id, by=person.id)
    invitations.invite(None, by=person.id)  # those to accounts of one's own are counted by themselves
    invitations.withdraw(account.id, first.invitation.id)
    invitations.invite(account.id, by=person.id)


def test_one_session_more_ends_the_one_used_the_longest_ago(
    storage: SqliteStorage, passwords: Passwords, two_factor: TwoFactor, clock: Clock, person: Person
) -> None:
    sessions = Sessions(storage, passwords=passwords, two_factor=two_factor, now_us=clock.now_us, most=2)
    tokens = []
    for _ in range(3):
        clock.us += 1_000_000
        tokens.append(sessions.begin(person.id, peer="192.0.2.7").token)
    with pytest.raises(Unauthorized):
        sessions.session(tokens[0])
    for token in tokens[1:]:
        assert sessions.session(token).person_id == person.id
