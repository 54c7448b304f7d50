"""The port's contract: durability, isolation, threads, epoch and errors."""

from __future__ import annotations

import random
import signal
import threading
import time
import uuid

import pytest
from tests.conformance.made import made_account, made_device, made_pack, new_key
from tests.conformance.place import Place, go
from tests.conformance.storing_process import GROUP

from nikdev_iot.server.errors import Conflict, StorageUnavailable
from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import EPOCH_BYTES, NO_EPOCH, NO_PACK


class _Planned(Exception):
    """Raised on purpose."""


def check_whole(storage: Storage, key: OriginKey) -> int:
    """Check that the origin has packs 1 to its mark, each once, each naming the one before; return the mark."""
    mark = storage.mark(key)
    packs = storage.packs_after(key[0], 0, limit=mark.number + 1)
    assert [pack.first for pack in packs] == list(range(1, mark.number + 1))
    arrivals = [pack.arrival for pack in packs]
    assert arrivals == sorted(set(arrivals))
    parent = NO_PACK
    for pack in packs:
        assert pack.parent == parent
        parent = pack.hash
    assert parent == mark.hash
    return mark.number


class TransactionContract:
    # -- epoch ------------------------------------------------------------------------------------------

    def test_the_epoch_is_made_once(self, place: Place) -> None:
        first = place.open()
        epoch = first.epoch
        first.close()
        again = place.open()
        assert len(epoch) == EPOCH_BYTES
        assert epoch != NO_EPOCH
        assert again.epoch == epoch
        again.close()

    # -- durability -------------------------------------------------------------------------------------

    def test_what_was_written_is_there_when_opened_again(self, place: Place) -> None:
        key = new_key()
        storage = place.open()
        with storage.write() as write:
            write.put_packs([made_pack(key, 1), made_pack(key, 2, 9)])
        storage.close()
        again = place.open()
        assert again.mark(key) == Mark(9, made_pack(key, 2, 9).hash)
        assert [pack.payload for pack in again.packs_after(key[0], 0, limit=9)] == [b"payload 1", b"payload 2"]
        again.close()

    def test_kill_9_loses_nothing_that_was_promised(self, place: Place) -> None:
        key = new_key()
        chance = random.Random(3)
        promised = 0
        for _ in range(6):
            process = place.start(*key, 1_000_000)
            assert process.stdout is not None
            go(process)
            for _ in range(chance.randrange(1, 40)):
                promised = int(process.stdout.readline())
            time.sleep(chance.random() / 100)
            process.send_signal(signal.SIGKILL)
            lines = process.stdout.read().split()
            process.communicate()
            promised = int(lines[-1]) if lines else promised
            storage = place.open()
            mark = check_whole(storage, key)
            assert mark >= promised
            # Either all that one transaction did is there, or nothing of it.
            assert mark % GROUP == 0
            latest = storage.latest(key[0])
            assert latest is not None
            assert (latest.arrival, latest.content) == (mark, storage.mark(key).hash)
            keys = [(key[0], pack.hash[:16]) for pack in storage.packs_after(key[0], 0, limit=mark)]
            with storage.write() as write:
                assert write.seen_entries(keys) == set(keys)
            storage.close()
        assert promised > GROUP

    # -- all or nothing -----------------------------------------------------------------------------------

    def test_an_error_leaves_nothing_behind(self, storage: Storage) -> None:
        key = new_key()
        account = made_account()
        with storage.write() as write:
            write.put_packs([made_pack(key, 1)])

        def fail() -> None:
            with storage.write() as write:
                write.marks([key])
                write.put_packs([made_pack(key, 2)])
                write.add_account(account)
                write.remember_entries([(key[0], b"k" * 16)], at_us=1)
                raise _Planned

        with pytest.raises(_Planned):
            fail()
        assert storage.mark(key).number == 1
        assert storage.account(account.id) is None
        assert len(storage.packs_after(key[0], 0, limit=9)) == 1
        with storage.write() as write:
            assert write.marks([key])[key].number == 1
            assert write.seen_entries([(key[0], b"k" * 16)]) == set()
            write.put_packs([made_pack(key, 2, 5)])
        assert storage.mark(key) == Mark(5, made_pack(key, 2, 5).hash)

    def test_a_conflict_leaves_nothing_behind(self, storage: Storage) -> None:
        account, device = made_account(), made_device()
        with storage.write() as write:
            write.add_account(account)

        def fail() -> None:
            with storage.write() as write:
                write.add_device(device)
                write.add_account(made_account(id=account.id))

        with pytest.raises(Conflict, match="already"):
            fail()
        assert storage.device(device.id) is None

    def test_write_inside_write_is_refused_and_not_waited_for(self, storage: Storage) -> None:
        account = made_account()
        with storage.write() as write:
            write.add_account(account)
            with pytest.raises(RuntimeError), storage.write():
                pass
        assert storage.account(account.id) == account

    def test_nothing_to_do_is_fine(self, storage: Storage) -> None:
        with storage.write():
            pass
        with storage.write() as write:
            write.put_packs([])
            assert write.marks([]) == {}

    # -- isolation ----------------------------------------------------------------------------------------

    def test_reads_see_whole_transactions_only_and_do_not_wait(self, storage: Storage) -> None:
        key = new_key()
        account = made_account()
        with storage.write() as write:
            write.put_packs([made_pack(key, 1)])
        with storage.write() as write:
            write.put_packs([made_pack(key, 2), made_pack(key, 3)])
            write.add_account(account)
            # In this thread: a read that waited for the writer would wait for ever.
            assert storage.mark(key).number == 1
            assert len(storage.packs_after(key[0], 0, limit=9)) == 1
            assert len(storage.spans(key[0], start_us=0, end_us=2**60)) == 1
            assert storage.pack_holding(key, 2) is None
            assert storage.account(account.id) is None
        assert storage.mark(key).number == 3
        assert storage.account(account.id) == account

    def test_a_read_at_leisure_does_not_make_a_writer_wait(self, storage: Storage) -> None:
        key = new_key()
        with storage.write() as write:
            write.put_packs([made_pack(key, number) for number in range(1, 101)])
        arrivals = [span.arrival for span in storage.spans(key[0], start_us=0, end_us=2**60)]
        reading = storage.packs(key[0], arrivals)
        assert next(reading).first == 1
        with storage.write() as write:
            write.put_packs([made_pack(key, 101)])
        assert [pack.first for pack in reading] == list(range(2, 101))

    def test_two_processes_store_to_one_origin(self, place: Place) -> None:
        key = new_key()
        groups = 60
        processes = [place.start(*key, groups) for _ in range(2)]
        for process in processes:
            go(process)
        believed = {}
        for process in processes:
            lines = process.communicate(timeout=60)[0].split()
            assert process.returncode == 0
            for last in map(int, lines):
                assert last not in believed
                believed[last] = str(process.pid).encode()
        storage = place.open()
        assert check_whole(storage, key) == 2 * groups * GROUP
        stored = {pack.last: pack.payload for pack in storage.packs_after(key[0], 0, limit=1_000)}
        assert {last: stored[last] for last in believed} == believed
        assert len({stored[last] for last in sorted(believed)[groups // 4 : -groups // 4]}) == 2  # at the same time
        storage.close()

    def test_what_another_handle_stored_is_seen(self, place: Place, storage: Storage) -> None:
        key = new_key()
        other = place.open()
        for number in range(1, 80):
            writer, reader = (storage, other) if number % 3 else (other, storage)
            with writer.write() as write:
                mark = write.marks([key])[key]
                assert mark.number == number - 1
                write.put_packs([made_pack(key, number, parent=mark.hash)])
            assert reader.mark(key).number == number
        assert check_whole(other, key) == 79
        other.close()

    # -- threads ------------------------------------------------------------------------------------------

    def test_threads_write_one_at_a_time(self, storage: Storage) -> None:
        key = new_key()
        others = [new_key() for _ in range(6)]
        inside = threading.Lock()
        failures: list[BaseException] = []

        def work(own: OriginKey) -> None:
            try:
                for number in range(1, 21):
                    with storage.write() as write:
                        assert inside.acquire(blocking=False)
                        mark = write.marks([key, own])[key]
                        write.put_packs([made_pack(key, mark.number + 1, parent=mark.hash)])
                        write.put_packs([made_pack(own, number)])
                        inside.release()
                    assert storage.mark(own).number == number
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=work, args=(own,)) for own in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert check_whole(storage, key) == 20 * len(others)

    def test_many_threads_read_while_one_writes(self, storage: Storage) -> None:
        key = new_key()
        stop = threading.Event()
        failures: list[BaseException] = []

        def read() -> None:
            seen = 0
            try:
                while not stop.is_set():
                    spans = storage.spans(key[0], start_us=0, end_us=2**60)
                    packs = list(storage.packs(key[0], [span.arrival for span in spans]))
                    assert [pack.first for pack in packs] == list(range(1, len(packs) + 1))
                    assert len(packs) >= seen
                    seen = len(packs)
                    assert storage.mark(key).number >= seen
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(1, 100):
            with storage.write() as write:
                write.put_packs([made_pack(key, number)])
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []

    # -- closing ------------------------------------------------------------------------------------------

    def test_close_is_idempotent(self, place: Place) -> None:
        storage = place.open()
        storage.check()
        storage.mark(new_key())
        storage.close()
        storage.close()

    def test_a_closed_store_says_so(self, place: Place) -> None:
        storage = place.open()
        storage.close()
        with pytest.raises(StorageUnavailable):
            storage.check()
        with pytest.raises(StorageUnavailable):
            storage.mark(new_key())
        with pytest.raises(StorageUnavailable):
            storage.account(uuid.uuid4())
        with pytest.raises(StorageUnavailable), storage.write():
            pass
