"""The port's contract: deleting a device at once, and what it sent step by step."""

from __future__ import annotations

import uuid
from dataclasses import replace

from tests.conformance.made import made_api_key, made_device, made_pack
from tests.conformance.place import Place
from tests.conformance.storage_deletions import made_deletion

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.leaving import KNOWN_FOR_US
from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.server.storage.records import Device, LatestSnapshot, NewField
from nikdev_iot.wire.marks import Mark

AT_US = 1_900_000_000_000_000
LOTS = 10**9


def _filled(storage: Storage, *, packs: int = 100, origins: int = 3, entry_keys: int = 20) -> list[OriginKey]:
    """Make a device with a key, a field, last values, entry keys and packs of some origins; return these."""
    device = made_device()
    names = [(device.id, uuid.uuid4()) for _ in range(origins)]
    with storage.write() as write:
        write.add_device(device)
        write.add_key(made_api_key(device))
        write.add_fields([NewField(device_id=device.id, field_id="a", kind=Kind.INT)], at_us=1)
        write.put_latest(device.id, LatestSnapshot(arrival=1, content=b"latest"))
        write.remember_entries([(device.id, bytes([number]) * 16) for number in range(entry_keys)], at_us=1)
        write.put_packs([made_pack(name, number) for number in range(1, packs + 1) for name in names])
    return names


def _entry_keys_left(storage: Storage, device_id: uuid.UUID) -> int:
    with storage.write() as write:
        return len(write.seen_entries([(device_id, bytes([number]) * 16) for number in range(256)]))


def _packs_left(storage: Storage, device_id: uuid.UUID) -> int:
    return len(storage.packs_after(device_id, 0, limit=1_000_000))


def _clear(storage: Storage, **limits: int) -> bool:
    read = {"max_rows": LOTS, "max_bytes": LOTS, **limits}
    storage.read_leaving(max_rows=read["max_rows"], max_bytes=read["max_bytes"])
    with storage.write() as write:
        return write.clear_leaving(**{"at_us": AT_US, "max_rows": LOTS, "max_bytes": LOTS, **limits})


def _assert_no_trace(storage: Storage, names: list[OriginKey]) -> None:
    device_id = names[0][0]
    assert _packs_left(storage, device_id) == 0
    assert _entry_keys_left(storage, device_id) == 0
    assert storage.spans(device_id, start_us=0, end_us=2**62) == []
    assert [storage.mark(name) for name in names] == [Mark()] * len(names)
    with storage.write() as write:
        assert write.marks(names) == {name: Mark() for name in names}
    assert storage.fields(device_id) == []
    assert storage.keys(device_id) == []
    assert storage.latest(device_id) is None


class LeavingContract:
    def test_a_deleted_device_is_gone_at_once(self, storage: Storage) -> None:
        gone, stays = _filled(storage), _filled(storage)
        device_id = gone[0][0]
        (key,) = storage.keys(device_id)
        other = storage.device(stays[0][0])
        assert isinstance(other, Device)
        with storage.write() as write:
            write.delete_device(device_id, at_us=AT_US)
        assert storage.device(device_id) is None
        assert storage.devices() == [other]
        assert storage.keys(device_id) == []
        assert storage.key(key.id) is None
        assert storage.access(device_id, key.secret_hash) is None
        assert storage.fields(device_id) == []
        assert storage.latest(device_id) is None
        assert storage.has_leaving(at_us=AT_US)

    def test_a_device_that_is_not_there_is_not_deleted(self, storage: Storage) -> None:
        with storage.write() as write:
            write.delete_device(uuid.uuid4(), at_us=AT_US)
        assert not storage.has_leaving(at_us=AT_US)
        assert not _clear(storage)

    def test_deleting_is_all_or_nothing(self, storage: Storage) -> None:
        names = _filled(storage)

        class _Planned(Exception):
            pass

        try:
            with storage.write() as write:
                write.delete_device(names[0][0], at_us=AT_US)
                raise _Planned
        except _Planned:
            pass
        assert storage.device(names[0][0]) is not None
        assert not storage.has_leaving(at_us=AT_US)
        assert not storage.has_departed(names[0][0])
        with storage.write() as write:
            assert write.departed([names[0][0]]) == set()
            assert write.marks(names)[names[0]].number == 100

    def test_who_departed_is_known_inside_and_outside(self, storage: Storage) -> None:
        gone, stays, nobody = made_device(), made_device(), uuid.uuid4()
        asked = [gone.id, stays.id, nobody]
        with storage.write() as write:
            write.add_device(gone)
            write.add_device(stays)
            assert write.departed(asked) == set()
            write.delete_device(gone.id, at_us=AT_US)
            assert write.departed(asked) == {gone.id}
        with storage.write() as write:
            assert write.departed(asked) == {gone.id}
            assert write.departed([]) == set()
        assert [storage.has_departed(one) for one in asked] == [True, False, False]

    def test_many_departed_are_told_apart(self, storage: Storage) -> None:
        devices = [made_device() for _ in range(300)]
        with storage.write() as write:
            for device in devices:
                write.add_device(device)
            for device in devices[::2]:
                write.delete_device(device.id, at_us=AT_US)
        with storage.write() as write:
            found = write.departed(device.id for device in devices)
        assert found == {device.id for device in devices[::2]}

    def test_all_it_sent_goes_and_nothing_else(self, storage: Storage) -> None:
        gone, stays = _filled(storage), _filled(storage)
        with storage.write() as write:
            write.delete_device(gone[0][0], at_us=AT_US)
        assert not _clear(storage)
        assert not storage.has_leaving(at_us=AT_US)
        _assert_no_trace(storage, gone)
        assert _packs_left(storage, stays[0][0]) == 300
        assert _entry_keys_left(storage, stays[0][0]) == 20
        assert storage.mark(stays[1]).number == 100
        assert storage.latest(stays[0][0]) is not None
        assert len(storage.keys(stays[0][0])) == 1

    def test_it_goes_in_steps_of_so_many_rows(self, storage: Storage) -> None:
        names = _filled(storage)
        with storage.write() as write:
            write.delete_device(names[0][0], at_us=AT_US)
        left, steps = _packs_left(storage, names[0][0]) + 20, 0
        while _clear(storage, max_rows=7):
            now = _packs_left(storage, names[0][0]) + _entry_keys_left(storage, names[0][0])
            assert left - now <= 7
            left, steps = now, steps + 1
            assert steps < 400
        assert steps >= 320 // 7
        _assert_no_trace(storage, names)

    def test_it_goes_in_steps_of_so_many_bytes(self, storage: Storage) -> None:
        names = _filled(storage, packs=0, origins=1, entry_keys=0)
        sizes = [10, 3_000, 10, 500, 500, 500, 10]
        with storage.write() as write:
            write.put_packs([made_pack(names[0], at, payload=b"x" * size) for at, size in enumerate(sizes, 1)])
            write.delete_device(names[0][0], at_us=AT_US)
        left = []
        while _clear(storage, max_bytes=1_000):
            left.append(_packs_left(storage, names[0][0]))
        # The first always goes, however large; what fits beside it goes too.
        assert left == [6, 5, 3, 1]
        _assert_no_trace(storage, names)

    def test_a_step_of_nothing_still_moves(self, storage: Storage) -> None:
        names = _filled(storage, packs=40, origins=1, entry_keys=3)
        with storage.write() as write:
            write.delete_device(names[0][0], at_us=AT_US)
        for _ in range(200):
            if not _clear(storage, max_rows=1, max_bytes=0):
                break
        else:
            raise AssertionError("it never ends")
        _assert_no_trace(storage, names)

    def test_what_was_deleted_before_stays_hidden_from_those_who_still_read(self, storage: Storage) -> None:
        names = _filled(storage)
        with storage.write() as write:
            write.add_deletion(made_deletion(names[0][0]))
            write.delete_device(names[0][0], at_us=AT_US)
        assert _clear(storage, max_rows=50)
        assert len(storage.deletions(names[0][0])) == 1
        assert not _clear(storage)
        assert storage.deletions(names[0][0]) == []

    def test_it_goes_on_in_another_process(self, place: Place) -> None:
        storage = place.open()
        names = _filled(storage)
        with storage.write() as write:
            write.delete_device(names[0][0], at_us=AT_US)
        assert _clear(storage, max_rows=50)
        storage.close()
        again = place.open()
        assert again.has_leaving(at_us=AT_US)
        assert not _clear(again)
        _assert_no_trace(again, names)
        again.close()

    def test_another_open_store_knows_who_departed(self, place: Place, storage: Storage) -> None:
        names = _filled(storage)
        beside = place.open()
        with beside.write() as write:
            assert write.marks(names)[names[0]].number == 100
        with storage.write() as write:
            write.delete_device(names[0][0], at_us=AT_US)
        with beside.write() as write:
            assert write.departed([names[0][0]]) == {names[0][0]}
        beside.close()

    def test_several_devices_go_one_after_another(self, storage: Storage) -> None:
        all_names = [_filled(storage, packs=5) for _ in range(4)]
        with storage.write() as write:
            for at, names in enumerate(all_names):
                write.delete_device(names[0][0], at_us=AT_US + at)
        assert _clear(storage, max_rows=60)
        assert _packs_left(storage, all_names[0][0][0]) == 0
        assert _packs_left(storage, all_names[-1][0][0]) == 15
        assert not _clear(storage)
        for names in all_names:
            _assert_no_trace(storage, names)

    def test_last_values_that_come_late_are_not_kept(self, storage: Storage) -> None:
        names = _filled(storage)
        with storage.write() as write:
            write.delete_device(names[0][0], at_us=AT_US)
            write.put_latest(names[0][0], LatestSnapshot(arrival=LOTS, content=b"late"))
        assert storage.latest(names[0][0]) is None

    def test_it_is_forgotten_when_no_request_can_know_it(self, storage: Storage) -> None:
        device = made_device()
        with storage.write() as write:
            write.add_device(device)
            write.delete_device(device.id, at_us=AT_US)
        assert not _clear(storage)
        assert not storage.has_leaving(at_us=AT_US + KNOWN_FOR_US)
        assert not _clear(storage, at_us=AT_US + KNOWN_FOR_US)
        assert storage.has_departed(device.id)
        assert storage.has_leaving(at_us=AT_US + KNOWN_FOR_US + 1)
        assert not _clear(storage, at_us=AT_US + KNOWN_FOR_US + 1)
        assert not storage.has_departed(device.id)
        with storage.write() as write:
            assert write.departed([device.id]) == set()

    def test_a_device_may_be_made_again(self, storage: Storage) -> None:
        names = _filled(storage)
        device = storage.device(names[0][0])
        assert device is not None
        with storage.write() as write:
            write.delete_device(device.id, at_us=AT_US)
        _clear(storage)
        _clear(storage, at_us=AT_US + KNOWN_FOR_US + 1)
        with storage.write() as write:
            write.add_device(replace(device, name="again"))
            assert write.marks(names)[names[0]] == Mark()
            write.put_packs([made_pack(names[0], 1)])
        assert storage.mark(names[0]).number == 1
        assert _packs_left(storage, device.id) == 1
