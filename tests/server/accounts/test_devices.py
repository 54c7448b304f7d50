from __future__ import annotations

import uuid
from dataclasses import replace

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


def test_note_tags_and_silence(devices: Devices, device: Device, account: Account) -> None:
    changed = devices.update(device.id, note=" by the door\n", tags=["b ", "B", "a"], silent_after_s=60)
    assert (changed.note, changed.tags, changed.silent_after_s) == (" by the door", ("b", "a"), 60)
    assert devices.update(device.id, name="attic") == replace(changed, name="attic") == devices.get(device.id)
    assert devices.update(device.id, silent_after_s=None, tags=[]).silent_after_s is None
    assert devices.get(device.id).tags == ()
    for silent_after_s in (0, 9, -5, 400 * 86_400):
        with pytest.raises(Invalid, match="silent after 10 s to 366 days"):
            devices.update(device.id, name="x", silent_after_s=silent_after_s)
    assert devices.get(device.id).name == "attic"


def test_tags_of_an_account_the_commonest_first(
    devices: Devices, device: Device, accounts: Accounts, account: Account
) -> None:
    other = accounts.add("bob@example.org", "correct horse")
    for owner, tags in ((account, ["roof", "b"]), (account, ["a", "roof"]), (other, ["secret"])):
        devices.update(devices.add(owner.id, "one").id, tags=tags)
    assert devices.tags(account.id) == ["roof", "a", "b"]


def test_a_deleted_device_is_gone(storage: SqliteStorage, clock: Clock, device: Device, account: Account) -> None:
    told: list[int] = []
    devices = Devices(storage, now_us=clock.now_us, on_delete=lambda: told.append(len(storage.devices())))
    with pytest.raises(NotFound):
        devices.delete(device.id, account_id=uuid.uuid4())
    assert told == []
    assert devices.delete(device.id, account_id=account.id) == device
    assert told == [0]
    for call in (devices.get, devices.delete, devices.update):
        with pytest.raises(NotFound):
            call(device.id)
    assert storage.has_departed(device.id)


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
