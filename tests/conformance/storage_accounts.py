"""The port's contract: devices, fields, keys."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from tests.conformance.made import hash_of, made_api_key, made_device

from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import Conflict
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Access, Field, NewField


class AccountContract:
    # -- devices ------------------------------------------------------------------------------------------

    def test_devices_are_listed_by_account_the_oldest_first(self, storage: Storage) -> None:
        owner, other = uuid.uuid4(), uuid.uuid4()
        late = made_device(account_id=owner, created_us=30)
        twins = sorted((made_device(account_id=owner, created_us=20) for _ in range(2)), key=lambda device: device.id)
        foreign = made_device(account_id=other, created_us=10, accepts_new_fields=False)
        with storage.write() as write:
            for device in (late, *twins[::-1], foreign):
                write.add_device(device)
        assert storage.devices(owner) == [*twins, late]
        assert storage.devices() == [foreign, *twins, late]
        assert storage.devices(uuid.uuid4()) == []
        assert storage.device(foreign.id) == foreign
        assert storage.device(uuid.uuid4()) is None

    def test_update_device_changes_name_and_new_fields_alone(self, storage: Storage) -> None:
        device, bystander = made_device(), made_device()
        with storage.write() as write:
            write.add_device(device)
            write.add_device(bystander)
            write.update_device(
                replace(device, name="cellar", accepts_new_fields=False, created_us=1, account_id=uuid.uuid4())
            )
            write.update_device(made_device())  # not there: nothing happens
        assert storage.device(device.id) == replace(device, name="cellar", accepts_new_fields=False)
        assert storage.device(bystander.id) == bystander
        assert len(storage.devices()) == 2

    def test_a_device_is_added_once(self, storage: Storage) -> None:
        device = made_device()
        with storage.write() as write:
            write.add_device(device)
        with pytest.raises(Conflict), storage.write() as write:
            write.add_device(replace(device, name="again"))
        assert storage.device(device.id) == device

    # -- fields -------------------------------------------------------------------------------------------

    def test_update_field_makes_or_changes_unit_and_label(self, storage: Storage) -> None:
        device = uuid.uuid4()
        by_hand = Field(device_id=device, field_id="by, hand…", kinds=frozenset(), unit="°C", label="T", created_us=7)
        with storage.write() as write:
            write.update_field(by_hand)
            write.add_fields([NewField(device_id=device, field_id="pushed", kind=Kind.INT)], at_us=8)
            write.update_field(
                Field(device_id=device, field_id="pushed", kinds=frozenset(Kind), unit="%", label="RH", created_us=1)
            )
            write.add_fields([NewField(device_id=device, field_id=by_hand.field_id, kind=Kind.TEXT)], at_us=99)
        assert storage.fields(device) == [
            replace(by_hand, kinds=frozenset({Kind.TEXT})),
            Field(device_id=device, field_id="pushed", kinds=frozenset({Kind.INT}), unit="%", label="RH", created_us=8),
        ]
        assert storage.fields(uuid.uuid4()) == []

    def test_fields_of_one_time_are_ordered_by_field_id(self, storage: Storage) -> None:
        device = uuid.uuid4()
        with storage.write() as write:
            write.add_fields([NewField(device_id=device, field_id=name, kind=Kind.INT) for name in "zaéb"], at_us=5)
            write.add_fields([NewField(device_id=device, field_id="0", kind=Kind.INT)], at_us=6)
        assert [field.field_id for field in storage.fields(device)] == ["a", "b", "z", "é", "0"]

    # -- keys ---------------------------------------------------------------------------------------------

    def test_keys_are_listed_the_oldest_first(self, storage: Storage) -> None:
        device = made_device()
        keys = [
            made_api_key(device, created_us=1, revoked_us=5),
            made_api_key(device, created_us=2, can_read=False, expires_us=9, last_used_us=3),
        ]
        with storage.write() as write:
            for key in reversed(keys):
                write.add_key(key)
        assert storage.keys(device.id) == keys
        twins = sorted((made_api_key(device, created_us=3) for _ in range(5)), key=lambda key: key.id)
        with storage.write() as write:
            for key in twins[::-1]:
                write.add_key(key)
        assert storage.keys(device.id) == [*keys, *twins]
        assert storage.key(keys[1].id) == keys[1]
        assert storage.keys(uuid.uuid4()) == []
        assert storage.key(uuid.uuid4()) is None

    def test_access_needs_this_device_and_this_secret(self, storage: Storage) -> None:
        device, other = made_device(), made_device()
        key, revoked = made_api_key(device), made_api_key(device, revoked_us=1, expires_us=1, can_write=False)
        foreign = made_api_key(other, secret_hash=key.secret_hash)
        lost = made_api_key(made_device())
        with storage.write() as write:
            write.add_device(device)
            write.add_device(other)
            for one in (key, revoked, foreign, lost):
                write.add_key(one)
        assert storage.access(device.id, key.secret_hash) == Access(key=key, device=device)
        assert storage.access(device.id, revoked.secret_hash) == Access(key=revoked, device=device)
        assert storage.access(other.id, key.secret_hash) == Access(key=foreign, device=other)
        assert storage.access(other.id, revoked.secret_hash) is None
        assert storage.access(uuid.uuid4(), key.secret_hash) is None
        assert storage.access(device.id, hash_of("guess")) is None
        assert storage.access(lost.device_id, lost.secret_hash) is None  # a key without a device opens nothing

    def test_a_key_is_added_once(self, storage: Storage) -> None:
        device = made_device()
        key = made_api_key(device)
        with storage.write() as write:
            write.add_key(key)
        with pytest.raises(Conflict), storage.write() as write:
            write.add_key(replace(key, secret_hash=hash_of("new")))
        with pytest.raises(Conflict), storage.write() as write:
            write.add_key(replace(key, id=uuid.uuid4()))
        assert storage.keys(device.id) == [key]

    def test_update_key_changes_what_it_says_alone(self, storage: Storage) -> None:
        device = made_device()
        key, bystander = made_api_key(device, last_used_us=4), made_api_key(device)
        changed = replace(key, name="n", can_read=False, can_write=False, expires_us=8, revoked_us=9)
        with storage.write() as write:
            write.add_key(key)
            write.add_key(bystander)
            write.update_key(
                replace(changed, secret_hash=hash_of("new"), last_used_us=1, created_us=1, device_id=uuid.uuid4())
            )
            write.update_key(made_api_key(device))  # not there: nothing happens
        assert storage.key(key.id) == changed
        assert storage.key(bystander.id) == bystander
        assert len(storage.keys(device.id)) == 2

    def test_dropped_keys_are_gone(self, storage: Storage) -> None:
        device = made_device()
        key, bystander = made_api_key(device), made_api_key(device)
        with storage.write() as write:
            write.add_key(key)
            write.add_key(bystander)
        with storage.write() as write:
            write.drop_keys([key.id, uuid.uuid4()])
        assert storage.key(key.id) is None
        assert storage.keys(device.id) == [bystander]

    def test_last_use_never_goes_back(self, storage: Storage) -> None:
        device = made_device()
        keys = [made_api_key(device), made_api_key(device, last_used_us=50)]
        with storage.write() as write:
            for key in keys:
                write.add_key(key)
            write.touch_keys([])
            write.touch_keys([(keys[0].id, 10), (keys[1].id, 49), (uuid.uuid4(), 5), (keys[0].id, 9)])
        assert [key.last_used_us for key in storage.keys(device.id)] == [10, 50]
