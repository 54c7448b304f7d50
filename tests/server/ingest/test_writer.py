from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.server.pushing import Origin, entries_body

from nikdev_iot.server.config import IngestLimits
from nikdev_iot.server.errors import ServerError, StorageUnavailable
from nikdev_iot.server.ingest import entries, group
from nikdev_iot.server.ingest.entries import read_entries
from nikdev_iot.server.ingest.group import EntriesOutcome
from nikdev_iot.server.ingest.judge import Verdict
from nikdev_iot.server.ingest.packs import read_pack
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.ingest.writer import Backlogged, Writer
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import ApiKey, Device
from nikdev_iot.wire.limits import DEFAULT_LIMITS

KEY = uuid.UUID(int=4)
DAY_US = 86_400_000_000


class Slow:
    """The real store behind a door that a test can shut, and that can refuse or fail a transaction."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.open = threading.Event()
        self.open.set()
        self.fail: list[Exception] = []
        self.epoch = storage.epoch
        self.fields = storage.fields

    @contextmanager
    def write(self) -> Iterator[Any]:
        self.open.wait(20)
        with self.storage.write() as transaction:
            yield transaction
            if self.fail:
                raise self.fail.pop()


@pytest.fixture
def slow(storage) -> Slow:
    return Slow(storage)


@contextmanager
def running(storage: Any, limits: IngestLimits | None = None, **options: Any) -> Iterator[Writer]:
    options.setdefault("now_us", lambda: 1_000)
    options.setdefault("monotonic_s", time.monotonic)
    writer = Writer(storage, limits or IngestLimits(), **options)
    writer.start()
    try:
        yield writer
    finally:
        writer.close()


def pack_push(device: Device, body: bytes):
    return read_pack(
        body, device=device, key_id=KEY, limits=DEFAULT_LIMITS, received_us=5, sent_us=None, templates=Templates()
    )


def entries_push(device: Device, at: int):
    push = read_entries(entries_body((at, {"a": at})), device=device, key_id=KEY, limits=DEFAULT_LIMITS, received_us=5)
    assert push is not None
    return push


def test_all_that_wait_share_one_transaction(slow, storage, new_device):
    device, origin = new_device(), Origin(storage.epoch)
    bodies = [origin.pack([{"a": number}]) for number in range(100)]

    async def main():
        with running(slow) as writer:
            slow.open.clear()
            waiting = [writer.submit(pack_push(device, body)) for body in bodies]
            await asyncio.sleep(0.1)
            assert not any(future.done() for future in waiting)
            slow.open.set()
            outcomes = await asyncio.gather(*waiting)
            return outcomes, writer.counts

    outcomes, counts = asyncio.run(main())
    assert {outcome.verdict for outcome in outcomes} == {Verdict.STORE}
    assert [outcome.mark.number for outcome in outcomes] == list(range(1, 101))
    assert counts.pushes == 100
    # The first may have gone alone, before the others came.
    assert counts.transactions <= 2
    assert storage.mark((device.id, origin.id)).number == 100


def test_an_outcome_comes_only_when_it_is_durable(slow, storage, new_device):
    device = new_device()

    async def main():
        with running(slow) as writer:
            outcome = await writer.submit(entries_push(device, 5))
            # Read through another connection: what is there has been committed.
            return outcome, len(storage.packs_after(device.id, 0, limit=10))

    assert asyncio.run(main()) == (EntriesOutcome(1, 0), 1)


def test_a_group_is_bounded(slow, new_device):
    device = new_device()

    async def main():
        with running(slow, IngestLimits(group_pushes=10)) as writer:
            slow.open.clear()
            waiting = [writer.submit(entries_push(device, at)) for at in range(95)]
            slow.open.set()
            await asyncio.gather(*waiting)
            return writer.counts.transactions

    assert 10 <= asyncio.run(main()) <= 11


def test_a_group_is_bounded_in_bytes(slow, new_device):
    device = new_device()

    async def main():
        with running(slow, IngestLimits(group_bytes=1)) as writer:
            slow.open.clear()
            waiting = [writer.submit(entries_push(device, at)) for at in range(5)]
            slow.open.set()
            await asyncio.gather(*waiting)
            return writer.counts.transactions

    assert asyncio.run(main()) == 5


@pytest.mark.parametrize("limits", [IngestLimits(waiting_pushes=3), IngestLimits(waiting_bytes=2_000)])
def test_more_than_may_wait_are_sent_away_and_the_others_stored(slow, storage, new_device, limits):
    device = new_device()

    async def main():
        with running(slow, limits) as writer:
            slow.open.clear()
            waiting, refused = [], []
            for at in range(50):
                try:
                    waiting.append(writer.submit(entries_push(device, at)))
                except Backlogged as error:
                    refused.append(error)
            slow.open.set()
            await asyncio.gather(*waiting)
            # There is room again.
            assert await writer.submit(entries_push(device, 99)) == EntriesOutcome(1, 0)
            return len(waiting), refused

    accepted, refused = asyncio.run(main())
    assert accepted + len(refused) == 50
    assert len(refused) > 10
    assert refused[0].status == 503
    assert refused[0].retry_after_s > 0
    assert "Nothing of this push was stored" in str(refused[0])
    assert len(storage.packs_after(device.id, 0, limit=100)) == accepted + 1


def test_a_push_over_the_waiting_bytes_is_taken_when_nothing_else_waits(storage, new_device):
    device = new_device()

    async def main():
        with running(storage, IngestLimits(waiting_bytes=1)) as writer:
            return await writer.submit(entries_push(device, 5))

    assert asyncio.run(main()) == EntriesOutcome(1, 0)


def test_when_the_store_cannot_be_reached_the_whole_group_is_told_and_may_come_again(slow, storage, new_device):
    device = new_device()
    slow.fail = [StorageUnavailable("The disk is full.")]

    async def main():
        with running(slow) as writer:
            slow.open.clear()
            waiting = [writer.submit(entries_push(device, at)) for at in range(3)]
            slow.open.set()
            first = await asyncio.gather(*waiting, return_exceptions=True)
            again = await asyncio.gather(*(writer.submit(entries_push(device, at)) for at in range(3)))
            return first, again

    first, again = asyncio.run(main())
    failed = [outcome for outcome in first if isinstance(outcome, StorageUnavailable)]
    assert failed, "those that shared the transaction"
    assert "The disk is full. Nothing of this push was stored" in str(failed[0])
    # Nothing had been stored of them, and nothing was remembered as if it had.
    assert sum(outcome.stored for outcome in again) == len(failed)
    assert len(storage.packs_after(device.id, 0, limit=10)) == 3


def test_a_mistake_of_ours_with_one_push_fails_that_one_alone(slow, storage, new_device, caplog, monkeypatch):
    device = new_device()
    make = entries.pack_of_entries

    def broken(push, new, mark):
        if push.entries[0].time_us == 1_000_000:
            raise ZeroDivisionError("a mistake")
        return make(push, new, mark)

    monkeypatch.setattr(group, "pack_of_entries", broken)

    async def main():
        with running(slow) as writer:
            slow.open.clear()
            waiting = [writer.submit(entries_push(device, at)) for at in range(4)]
            slow.open.set()
            return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(main())
    assert [type(outcome) for outcome in outcomes] == [EntriesOutcome, ServerError, EntriesOutcome, EntriesOutcome]
    assert len(storage.packs_after(device.id, 0, limit=10)) == 3
    assert "a push could not be stored" in caplog.text
    assert str(device.id) in {getattr(record, "device_id", "") for record in caplog.records}


def test_closing_stores_what_waits_and_takes_no_more(slow, storage, new_device):
    device = new_device()

    async def main():
        writer = Writer(slow, IngestLimits(), now_us=lambda: 1_000, monotonic_s=time.monotonic)
        writer.start()
        slow.open.clear()
        waiting = [writer.submit(entries_push(device, at)) for at in range(20)]
        closing = asyncio.create_task(asyncio.to_thread(writer.close))
        await asyncio.sleep(0.05)
        with pytest.raises(Backlogged, match="stopping"):
            writer.submit(entries_push(device, 99))
        slow.open.set()
        outcomes = await asyncio.gather(*waiting)
        await closing
        writer.close()  # idempotent
        return outcomes

    assert asyncio.run(main()) == [EntriesOutcome(1, 0)] * 20
    assert len(storage.packs_after(device.id, 0, limit=100)) == 20


def test_a_request_given_up_does_not_hurt_the_others(slow, new_device):
    device = new_device()

    async def main():
        with running(slow) as writer:
            slow.open.clear()
            waiting = [writer.submit(entries_push(device, at)) for at in range(3)]
            waiting[1].cancel()
            slow.open.set()
            return await asyncio.gather(*waiting, return_exceptions=True)

    outcomes = asyncio.run(main())
    assert outcomes[0] == outcomes[2] == EntriesOutcome(1, 0)


class Chores:
    """A clock that a test moves, and key uses to write down."""

    def __init__(self) -> None:
        self.monotonic_s = 0.0
        self.now_us = 100 * DAY_US
        self.uses: list[tuple[uuid.UUID, int]] = []

    def take(self) -> list[tuple[uuid.UUID, int]]:
        uses, self.uses = self.uses, []
        return uses


def put_key(storage: Storage, device: Device) -> ApiKey:
    key = ApiKey(
        id=KEY, device_id=device.id, name="", secret_hash=b"s" * 32, can_read=True, can_write=True, created_us=0
    )
    with storage.write() as write:
        write.add_key(key)
    return key


def last_used(storage: Storage) -> int | None:
    key = storage.key(KEY)
    assert key is not None
    return key.last_used_us


def push_all(storage: Storage, chores: Chores, *steps: Callable[[Writer], Any], **limits: Any) -> None:
    async def main():
        with running(
            storage, IngestLimits(**limits), now_us=lambda: chores.now_us,
            monotonic_s=lambda: chores.monotonic_s, key_uses=chores.take,
        ) as writer:  # fmt: skip
            for step in steps:
                found = step(writer)
                if found is not None:
                    await found

    asyncio.run(main())


def test_key_uses_are_written_down_now_and_then_with_a_push(storage, new_device):
    device, chores = new_device(), Chores()
    put_key(storage, device)
    seen = []

    def use(writer: Writer):
        chores.uses = [(KEY, 42)]
        return writer.submit(entries_push(device, 1))

    def later(writer: Writer):
        seen.append(last_used(storage))
        chores.monotonic_s += 60
        return writer.submit(entries_push(device, 2))

    def look(_: Writer) -> None:
        seen.append(last_used(storage))

    push_all(storage, chores, use, later, look)
    assert seen == [None, 42]


def test_key_uses_are_written_down_at_the_end(storage, new_device):
    chores = Chores()
    put_key(storage, new_device())
    chores.uses = [(KEY, 43)]
    push_all(storage, chores)
    assert last_used(storage) == 43


def test_entry_keys_are_forgotten_after_their_days(storage, new_device):
    device, chores = new_device(), Chores()
    outcomes = []

    def push(writer: Writer):
        future = writer.submit(entries_push(device, 1))
        future.add_done_callback(lambda f: outcomes.append(f.result()))
        return future

    def pass_time(days: float):
        def step(writer: Writer):
            chores.now_us += round(days * DAY_US)
            chores.monotonic_s += 60
            return writer.submit(entries_push(device, 77))  # the chores are done with it

        return step

    push_all(
        storage, chores,
        push, pass_time(2), push, pass_time(2), push, pass_time(4), push,
        remember_entries_days=3,
    )  # fmt: skip
    # Sent again it is known for three days more; after four days without, it is new.
    assert outcomes == [EntriesOutcome(1, 0), EntriesOutcome(0, 1), EntriesOutcome(0, 1), EntriesOutcome(1, 0)]


def test_chores_that_fail_do_not_stop_the_writer(slow, storage, new_device, caplog):
    device, chores = new_device(), Chores()
    chores.monotonic_s = 1_000.0

    async def main():
        with running(slow, monotonic_s=lambda: chores.monotonic_s, key_uses=chores.take) as writer:
            slow.fail = [StorageUnavailable("The disk is full.")]
            chores.monotonic_s += 60
            writer._do_chores_alone()
            assert "key uses and last pushes not written down: The disk is full." in caplog.text
            return await writer.submit(entries_push(device, 1))

    assert asyncio.run(main()) == EntriesOutcome(1, 0)


def test_chores_with_a_mistake_of_ours_fail_neither_pushes_nor_the_writer(slow, storage, new_device, caplog):
    device, chores = new_device(), Chores()
    chores.monotonic_s = 1_000.0

    def broken():
        raise ZeroDivisionError("a mistake")

    async def main():
        with running(slow, monotonic_s=lambda: chores.monotonic_s, key_uses=broken) as writer:
            outcomes = []
            for at in range(3):
                chores.monotonic_s += 60
                outcomes.append(await writer.submit(entries_push(device, at)))
            chores.monotonic_s += 60
            writer._do_chores_alone()
            assert "chores failed" in caplog.text
            return outcomes

    assert asyncio.run(main()) == [EntriesOutcome(1, 0)] * 3


def test_last_pushes_are_known_at_once_and_written_down_with_the_chores(storage, new_device):
    device, silent, origin = new_device(), new_device(), Origin(storage.epoch)
    clock_s = [0.0]

    async def main():
        with running(storage, now_us=lambda: 77, monotonic_s=lambda: clock_s[0]) as writer:
            body = origin.pack([{"a": 1}])
            await writer.submit(pack_push(device, body))
            assert writer.last_pushes.of(device.id) == 77
            assert storage.device(device.id).last_push_us is None
            clock_s[0] = 6.0
            await writer.submit(pack_push(device, origin.pack([{"a": 2}])))
            assert storage.device(device.id).last_push_us == 77
            assert writer.last_pushes.of(silent.id) is None

    asyncio.run(main())
    assert storage.device(device.id).last_push_us == 77


def test_what_was_stored_is_told_on_the_loop(storage, new_device):
    device, origin, told = new_device(), Origin(storage.epoch), []

    async def main():
        loop_thread = threading.get_ident()

        def on_stored(pushes, outcomes):
            assert threading.get_ident() == loop_thread
            told.append([(push.device.id, outcome.verdict) for push, outcome in zip(pushes, outcomes, strict=True)])

        with running(storage, on_stored=on_stored) as writer:
            await writer.submit(pack_push(device, origin.pack([{"a": 1}])))
            await asyncio.sleep(0)

    asyncio.run(main())
    assert told == [[(device.id, Verdict.STORE)]]
