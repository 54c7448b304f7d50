"""The port's contract: reading of many devices at once."""

from __future__ import annotations

import uuid
from dataclasses import replace

from tests.conformance.made import made_pack, new_key

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import NewField


class FleetContract:
    def test_nothing_stored_is_left_out(self, storage: Storage) -> None:
        device = uuid.uuid4()
        assert storage.stamps([]) == storage.stamps([device]) == {}
        assert storage.fields_of([]) == storage.fields_of([device]) == {}
        assert storage.received([], limit=5) == storage.received([device], limit=5) == {}

    def test_stamps_change_with_each_pack(self, storage: Storage) -> None:
        one, two = new_key(), new_key()
        with storage.write() as write:
            write.put_packs([made_pack(one, 1), made_pack(two, 1)])
        before = storage.stamps([one[0], two[0], uuid.uuid4()])
        assert set(before) == {one[0], two[0]}
        assert before == storage.stamps([two[0], one[0]])
        with storage.write() as write:
            write.put_packs([made_pack((one[0], uuid.uuid4()), 1)])
        after = storage.stamps([one[0], two[0]])
        assert after[two[0]] == before[two[0]]
        assert after[one[0]].arrival > before[one[0]].arrival

    def test_fields_of_many_are_those_of_each(self, storage: Storage) -> None:
        devices = [uuid.uuid4() for _ in range(3)]
        with storage.write() as write:
            for at_us, device in enumerate(devices):
                new = [NewField(device_id=device, field_id=name, kind=Kind.INT) for name in ("b", "a")]
                write.add_fields(new, at_us=10 - at_us)
                write.add_fields([NewField(device_id=device, field_id="0 later", kind=Kind.BOOL)], at_us=20)
        found = storage.fields_of([*devices, uuid.uuid4()])
        assert found == {device: storage.fields(device) for device in devices}
        write_first = replace(found[devices[0]][0], unit="°C", decimals=1, position=3)
        with storage.write() as write:
            write.update_field(write_first)
        assert storage.fields_of(devices)[devices[0]][0] == write_first

    def test_received_ends_with_the_newest_pack(self, storage: Storage) -> None:
        one, two = new_key(), new_key()
        with storage.write() as write:
            write.put_packs([made_pack(one, number, received_us=1000 + number) for number in range(1, 101)])
            write.put_packs([made_pack(two, 1, received_us=7)])
            write.put_packs([made_pack((one[0], uuid.uuid4()), 1, received_us=5000)])
        found = storage.received([one[0], two[0], uuid.uuid4()], limit=4)
        assert set(found) == {one[0], two[0]}
        assert found[two[0]] == [7]
        assert found[one[0]] == [1098, 1099, 1100, 5000]

    def test_many_devices_at_once(self, storage: Storage) -> None:
        keys = [new_key() for _ in range(1203)]
        with storage.write() as write:
            write.put_packs([made_pack(key, 1, received_us=number) for number, key in enumerate(keys)])
            write.add_fields([NewField(device_id=key[0], field_id="a", kind=Kind.FLOAT) for key in keys], at_us=5)
        devices = [key[0] for key in keys]
        assert set(storage.stamps(devices)) == set(storage.fields_of(devices)) == set(devices)
        assert storage.received(devices, limit=3) == {device: [number] for number, device in enumerate(devices)}
