"""The port's contract: size, counts, and copies of a store in use."""

from __future__ import annotations

import os
import threading
import uuid
from pathlib import Path

import pytest
from tests.conformance.made import made_account, made_device, made_pack, new_key
from tests.conformance.place import Place

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.storage.operating import SizeSample, StoreCounts
from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.wire.marks import Mark


def store_packs(storage: Storage, key: OriginKey, *, count: int, payload_bytes: int = 10) -> None:
    with storage.write() as write:
        write.put_packs([made_pack(key, n, payload=os.urandom(payload_bytes)) for n in range(1, count + 1)])


class OperatingContract:
    # -- size -----------------------------------------------------------------------------------------

    def test_a_store_grows_with_what_is_stored(self, storage: Storage) -> None:
        before = storage.size()
        store_packs(storage, new_key(), count=50, payload_bytes=20_000)
        after = storage.size()
        assert after.total_bytes - before.total_bytes >= 1_000_000
        assert after.reusable_bytes <= after.data_bytes
        if after.disk_free_bytes is not None:
            assert after.disk_bytes is not None
            assert 0 < after.disk_free_bytes <= after.disk_bytes

    def test_what_people_know_is_counted(self, storage: Storage) -> None:
        assert storage.counts() == StoreCounts(accounts=0, devices=0, commits=0)
        with storage.write() as write:
            write.add_account(made_account())
            for _ in range(2):
                write.add_device(made_device())
        for count in (3, 4):
            store_packs(storage, new_key(), count=count)
        assert storage.counts() == StoreCounts(accounts=1, devices=2, commits=7)

    def test_samples_are_kept_in_order_and_forgotten(self, storage: Storage) -> None:
        samples = [SizeSample(at_us=at_us, data_bytes=at_us * 10, commits=at_us) for at_us in (1, 2, 3)]
        for sample in samples[::-1]:
            with storage.write() as write:
                write.add_size_sample(sample, forget_before_us=0)
        assert storage.size_samples(start_us=0) == samples
        assert storage.size_samples(start_us=2) == samples[1:]
        again = SizeSample(at_us=3, data_bytes=7, commits=7)
        with storage.write() as write:
            write.add_size_sample(again, forget_before_us=3)
        assert storage.size_samples(start_us=0) == [again]

    # -- backup -----------------------------------------------------------------------------------------

    def test_a_backup_opens_as_a_store_with_all_there_was(self, place: Place, storage: Storage, tmp_path: Path) -> None:
        account, key = made_account(), new_key()
        with storage.write() as write:
            write.add_account(account)
        store_packs(storage, key, count=30, payload_bytes=50_000)
        folder = tmp_path / "copy"
        folder.mkdir()
        told: list[tuple[int, int]] = []
        size_bytes = storage.backup(folder / "store.sqlite3", progress=lambda *now: told.append(now))
        assert size_bytes == (folder / "store.sqlite3").stat().st_size
        assert told[-1][0] == told[-1][1] > 0
        assert sorted(told) == told
        copy = Place(place.opener, str(folder)).open()
        try:
            assert copy.mark(key) == storage.mark(key) != Mark()
            assert copy.account(account.id) == account
            assert copy.packs_after(key[0], 0, limit=99) == storage.packs_after(key[0], 0, limit=99)
            assert copy.epoch != storage.epoch  # a restore is another incarnation
            epoch = copy.epoch
        finally:
            copy.close()
        copy = Place(place.opener, str(folder)).open()
        assert copy.epoch == epoch
        copy.close()

    def test_pushes_go_on_while_a_backup_is_made(self, place: Place, storage: Storage, tmp_path: Path) -> None:
        key = new_key()
        store_packs(storage, key, count=100, payload_bytes=60_000)
        folder = tmp_path / "copy"
        folder.mkdir()
        pushed: list[int] = []
        go_on = threading.Event()

        def push() -> None:
            number = 100
            while not go_on.is_set():
                number += 1
                with storage.write() as write:
                    write.marks([key])
                    write.put_packs([made_pack(key, number)])
                pushed.append(number)

        writer = threading.Thread(target=push)
        steps = 0

        def progress(_copied: int, _total: int) -> None:
            nonlocal steps
            steps += 1
            seen = len(pushed)
            if steps == 2:
                writer.start()
            while steps >= 2 and len(pushed) == seen:
                pass  # each step sees a push come through

        try:
            storage.backup(folder / "store.sqlite3", progress=progress)
        finally:
            go_on.set()
            writer.join()
        assert len(pushed) >= 2
        copy = Place(place.opener, str(folder)).open()
        try:
            # One moment: what was there when it began, whatever came later.
            assert copy.mark(key).number == 100
            assert storage.mark(key).number == pushed[-1]
        finally:
            copy.close()

    def test_a_backup_that_is_given_up_leaves_nothing(self, storage: Storage, tmp_path: Path) -> None:
        class GivenUpError(Exception):
            pass

        def progress(_copied: int, _total: int) -> None:
            raise GivenUpError

        folder = tmp_path / "copy"
        folder.mkdir()
        with pytest.raises(GivenUpError):
            storage.backup(folder / "store.sqlite3", progress=progress)
        assert list(folder.iterdir()) == []
        store_packs(storage, new_key(), count=1)
        storage.backup(folder / "store.sqlite3")

    def test_a_backup_writes_over_nothing(self, storage: Storage, tmp_path: Path) -> None:
        there = tmp_path / f"{uuid.uuid4()}.sqlite3"
        there.write_bytes(b"mine")
        with pytest.raises(StorageUnavailable, match="cannot be written"):
            storage.backup(there)
        with pytest.raises(StorageUnavailable, match="cannot be written"):
            storage.backup(tmp_path / "nowhere" / "store.sqlite3")
        assert there.read_bytes() == b"mine"
