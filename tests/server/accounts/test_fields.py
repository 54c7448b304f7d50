from __future__ import annotations

import uuid

import pytest
from tests.server.accounts.clock import Clock

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts import Fields
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.records import Device, NewField
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def fields(storage: SqliteStorage, clock: Clock) -> Fields:
    return Fields(storage, now_us=clock.now_us)


def test_a_field_made_by_a_push_gets_unit_and_label(fields: Fields, device: Device, storage: SqliteStorage) -> None:
    with storage.write() as write:
        write.add_fields([NewField(device_id=device.id, field_id="t", kind=Kind.FLOAT)], at_us=5)
    changed = fields.update(device.id, "t", unit=" °C ")
    assert (changed.unit, changed.label, changed.kinds, changed.created_us) == ("°C", "", {Kind.FLOAT}, 5)
    changed = fields.update(device.id, "t", label="Air temperature")
    assert (changed.unit, changed.label) == ("°C", "Air temperature")
    assert fields.update(device.id, "t", unit="").unit == ""
    assert fields.get(device.id, "t") == fields.all(device.id)[0]


def test_a_field_made_by_hand(fields: Fields, device: Device, clock: Clock) -> None:
    made = fields.add(device.id, "humidity", unit="%")
    assert (made.kinds, made.created_us, made.unit, made.label) == (frozenset(), clock.us, "%", "")
    assert fields.all(device.id) == [made]
    with pytest.raises(Conflict):
        fields.add(device.id, "humidity", unit="g/kg")
    assert fields.all(device.id) == [made]


def test_what_cannot_be(fields: Fields, device: Device) -> None:
    for field_id in ("", "a,b", " a", 7, None):
        with pytest.raises(Invalid):
            fields.add(device.id, field_id)
    with pytest.raises(Invalid, match="The unit"):
        fields.add(device.id, "a", unit="x" * 101)
    with pytest.raises(NotFound):
        fields.add(uuid.uuid4(), "a")
    with pytest.raises(NotFound):
        fields.update(device.id, "a", unit="x")
    with pytest.raises(NotFound):
        fields.get(device.id, "a")
    assert fields.all(device.id) == []
