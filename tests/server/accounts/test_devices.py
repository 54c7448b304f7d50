from __future__ import annotations

import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Devices
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.storage.records import Account, Device
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def devices(storage: SqliteStorage, clock: Clock) -> Devices:
    return Devices(storage, now_us=clock.now_us)


def test_devices_belong_to_an_account(devices: Devices, device: Device, accounts: Accounts, account: Account) -> None:
    other = accounts.add("bob@example.org", "correct horse")
    foreign = devices.add(other.id, "  cellar ")
    assert foreign.name == "cellar"
    assert devices.all(account.id) == [device]
    assert devices.all() == sorted([device, foreign], key=lambda one: (one.created_us, one.id))
    assert devices.get(foreign.id) == devices.get(foreign.id, account_id=other.id) == foreign
    for attempt in (devices.get, devices.update):
        with pytest.raises(NotFound):
            attempt(foreign.id, account_id=account.id)


def test_update_changes_what_is_given(devices: Devices, device: Device) -> None:
    assert devices.update(device.id) == device
    assert devices.update(device.id, name=" attic ").name == "attic"
    changed = devices.update(device.id, accepts_new_fields=False)
    assert (changed.name, changed.accepts_new_fields) == ("attic", False)
    assert devices.get(device.id) == changed


def test_what_cannot_be(devices: Devices, device: Device, account: Account) -> None:
    with pytest.raises(NotFound):
        devices.add(uuid.uuid4(), "nobody's")
    with pytest.raises(Invalid, match="The device's name is empty"):
        devices.add(account.id, " ")
    with pytest.raises(Invalid):
        devices.update(device.id, name="\n\n")
    with pytest.raises(NotFound):
        devices.update(uuid.uuid4(), name="x")
    assert devices.all() == [device]
