from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from tests.server.live.test_values import commits, push

from nikdev_iot.server.errors import StorageUnavailable
from nikdev_iot.server.ingest.group import EntriesOutcome, Outcome, PackOutcome, Push
from nikdev_iot.server.ingest.judge import Verdict
from nikdev_iot.server.ingest.packs import PackPush
from nikdev_iot.server.live import hub as hub_module
from nikdev_iot.server.live.hub import LiveHub, LiveLimits, StreamsUsedUp, TooManyStreams
from nikdev_iot.server.live.streams import LiveStream
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.storage.records import Device
from nikdev_iot.wire.marks import Mark

ACCOUNT, OTHER_ACCOUNT = uuid.UUID(int=2), uuid.UUID(int=3)
ONE, TWO, FOREIGN = uuid.UUID(int=10), uuid.UUID(int=11), uuid.UUID(int=12)
STORED = PackOutcome(Verdict.STORE, Mark())


class Store:
    """What the store would say of newest values, and how often it was asked."""

    def __init__(self) -> None:
        self.newest: dict[uuid.UUID, dict[str, LatestValue]] = {}
        self.asked: list[uuid.UUID] = []
        self.fails = False

    def __call__(self, device_id: uuid.UUID) -> dict[str, LatestValue]:
        self.asked.append(device_id)
        if self.fails:
            raise StorageUnavailable("The disk is gone.")
        return self.newest.get(device_id, {})


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def hub(store: Store) -> Iterator[LiveHub]:
    hub = LiveHub(newest=store, now_us=lambda: 99, limits=LiveLimits(streams=4, streams_each=3, streams_of_guests=2))
    yield hub
    hub.close()


async def _yes() -> bool:
    return True


@contextmanager
def looking(hub: LiveHub, devices: Collection[uuid.UUID] | None, person: str = "a@example.org") -> Iterator[LiveStream]:
    with hub.open(person=person, account_id=ACCOUNT, device_ids=devices, is_allowed=_yes) as stream:
        yield stream


def pushed(device_id: uuid.UUID, *values: object, first: int = 1, account_id: uuid.UUID = ACCOUNT) -> PackPush:
    device = Device(id=device_id, account_id=account_id, name="d", created_us=0)
    return push(commits(*values, first=first))._replace(device=device)


def store_all(hub: LiveHub, pushes: Sequence[Push], outcomes: Sequence[Outcome] | None = None) -> None:
    hub.stored(pushes, [STORED] * len(pushes) if outcomes is None else outcomes)


async def told(stream: LiveStream, seconds: float = 2.0) -> list[Any]:
    """The events of the next part that has some."""
    parts = stream.parts({})
    await anext(parts)
    part = await asyncio.wait_for(anext(parts), seconds)
    return [json.loads(line[6:]) for line in part.decode().splitlines() if line.startswith("data: ")]


def test_a_push_reaches_those_who_look_at_its_device(hub: LiveHub):
    async def main():
        with looking(hub, [ONE]) as one, looking(hub, [TWO]) as two, looking(hub, None) as everything:
            waiting = [asyncio.create_task(told(stream)) for stream in (one, two, everything)]
            await asyncio.sleep(0)
            store_all(hub, [pushed(ONE, 1, 2), pushed(FOREIGN, 9, account_id=OTHER_ACCOUNT)])
            ((event,), (same,)) = await waiting[0], await waiting[2]
            assert event == same
            assert event == {
                "device": str(ONE),
                "received_us": 99,
                "latest": {"a": [20, 2], "b": [20, True]},
                "points": {"a": [[10, 1], [20, 2]], "b": [[10, True], [20, True]]},
            }
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(waiting[1], 0.1)
        assert hub.count == 0

    asyncio.run(main())


def test_what_was_not_stored_is_not_told(hub: LiveHub):
    async def main():
        with looking(hub, [ONE]) as stream:
            outcomes = [PackOutcome(Verdict.DUPLICATE, Mark()), EntriesOutcome(0, 1), StorageUnavailable("no")]
            store_all(hub, [pushed(ONE, n) for n in range(3)], outcomes)
            with pytest.raises(TimeoutError):
                await told(stream, 0.2)

    asyncio.run(main())


def test_with_nobody_looking_nothing_is_kept(hub: LiveHub, store: Store):
    async def main():
        store_all(hub, [pushed(ONE, 1)])
        with looking(hub, [TWO]):
            store_all(hub, [pushed(ONE, 1)])
        with looking(hub, None):
            store_all(hub, [pushed(ONE, 2)])
        await asyncio.sleep(0.05)
        store_all(hub, [pushed(ONE, 3)])
        assert (hub._topics, hub._changed, hub._accounts, hub._persons) == ({}, {}, {}, {})

    asyncio.run(main())


def test_values_that_come_late_do_not_become_the_newest(hub: LiveHub, store: Store):
    store.newest[ONE] = {"a": LatestValue(5_000, uuid.UUID(int=7), 9, 42)}

    async def main():
        with looking(hub, [ONE]) as stream:
            store_all(hub, [pushed(ONE, 1)])
            (event,) = await told(stream)
            assert event["latest"] == {"a": [5_000, 42], "b": [10, True]}
            assert event["points"]["a"] == [[10, 1]]
        assert store.asked == [ONE]

    asyncio.run(main())


def test_a_newest_value_that_was_deleted_is_found_out(hub: LiveHub, store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "_FORGET_S", 0.0)
    store.newest[ONE] = {"a": LatestValue(5_000, uuid.UUID(int=7), 9, 42)}

    async def main():
        with looking(hub, [ONE]) as stream:
            assert hub.snapshot([ONE])[ONE].latest == {"a": (5_000, 42)}
            store.newest[ONE] = {}
            store_all(hub, [pushed(ONE, 1)])
            (event,) = await told(stream)
            assert event["latest"]["a"] == [10, 1]

    asyncio.run(main())


@pytest.mark.parametrize("how", ["many", "duplicates"])
def test_what_cannot_be_told_one_by_one_is_to_be_asked_for(
    hub: LiveHub, store: Store, monkeypatch: pytest.MonkeyPatch, how: str
):
    monkeypatch.setattr(hub_module, "_WAITING_PUSHES", 2)
    store.newest[ONE] = {"a": LatestValue(5_000, uuid.UUID(int=7), 9, 42)}

    async def main():
        with looking(hub, [ONE]) as stream:
            if how == "many":
                store_all(hub, [pushed(ONE, n, first=n) for n in range(1, 4)])
            else:
                entries = _entries_push()
                store_all(hub, [entries], [EntriesOutcome(1, 1)])
            (event,) = await told(stream)
            assert event["reload"] is True
            assert "points" not in event
            assert event["latest"] == {"a": [5_000, 42]}

    asyncio.run(main())


def _entries_push() -> Push:
    from tests.server.pushing import entries_body

    from nikdev_iot.server.ingest.entries import read_entries
    from nikdev_iot.wire.limits import DEFAULT_LIMITS

    device = Device(id=ONE, account_id=ACCOUNT, name="d", created_us=0)
    found = read_entries(
        entries_body((1, {"a": 1}), (2, {"a": 2})), device=device, key_id=ONE, limits=DEFAULT_LIMITS, received_us=5
    )
    assert found is not None
    return found


def test_a_store_that_fails_ends_nothing(hub: LiveHub, store: Store, caplog: pytest.LogCaptureFixture):
    async def main():
        with looking(hub, [ONE]) as stream:
            store.fails = True
            store_all(hub, [pushed(ONE, 1)])
            await asyncio.sleep(0.1)
            store.fails = False
            store_all(hub, [pushed(ONE, 2, first=2)])
            (event,) = await told(stream)
            assert event["points"]["a"] == [[20, 2]]

    asyncio.run(main())
    assert "live values could not be read: The disk is gone." in caplog.text


def test_streams_are_bounded(hub: LiveHub):
    async def main():
        with looking(hub, [ONE]), looking(hub, [ONE]), looking(hub, None):
            with pytest.raises(TooManyStreams), looking(hub, [ONE]):
                pass
            with looking(hub, [ONE], "b@example.org"):
                with pytest.raises(StreamsUsedUp), looking(hub, [ONE], "c@example.org"):
                    pass
                assert hub.count == 4
        with looking(hub, [ONE]):
            assert hub.count == 1

    asyncio.run(main())


def test_guests_leave_room_for_those_who_are_signed_in(hub: LiveHub):
    def guest(number: int) -> AbstractContextManager[LiveStream]:
        return hub.open(
            person=f"shared 192.0.2.{number}", account_id=ACCOUNT, device_ids=[ONE], is_allowed=_yes, is_guest=True
        )

    async def main():
        with guest(1):
            with guest(2), pytest.raises(StreamsUsedUp), guest(3):
                pass
            with guest(3), looking(hub, [ONE]), looking(hub, [ONE]):
                assert hub.count == 4

    asyncio.run(main())


def test_closing_ends_all_streams_and_lets_none_begin(hub: LiveHub):
    async def main():
        with looking(hub, [ONE]) as stream:
            parts = stream.parts({})
            await anext(parts)
            hub.close()
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(anext(parts), 1)
            store_all(hub, [pushed(ONE, 1)])
            await asyncio.sleep(0.05)
        with pytest.raises(StreamsUsedUp, match="stopping"), looking(hub, [ONE]):
            pass

    asyncio.run(main())


def test_reading_rests_the_longer_the_more_there_is_to_do(hub: LiveHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "_SEND_S", 10.0)

    async def main():
        with looking(hub, [ONE]) as stream:
            store_all(hub, [pushed(ONE, 1)])
            await told(stream)
            began_s = asyncio.get_running_loop().time()
            store_all(hub, [pushed(ONE, 2, first=2)])
            await told(stream)
            assert asyncio.get_running_loop().time() - began_s > 0.4

    asyncio.run(main())


def ahead(**points: tuple[int, object]) -> dict[str, LatestValue]:
    return {name: LatestValue(at, uuid.UUID(int=7), 99, value, is_preview=True) for name, (at, value) in points.items()}


def test_what_is_shown_ahead_of_history_is_a_newest_value_and_no_point(hub: LiveHub, store: Store):
    device = Device(id=ONE, account_id=ACCOUNT, name="d", created_us=0)

    async def main():
        hub.previewed(device, ahead(a=(1, 1)))  # nobody looks
        with looking(hub, [ONE]) as stream, looking(hub, None) as everything:
            waiting = asyncio.create_task(told(everything))
            await asyncio.sleep(0)
            hub.previewed(device, ahead(a=(500, 2**60), b=(500, True)))
            (event,) = await told(stream)
            assert event == {
                "device": str(ONE),
                "received_us": None,
                "latest": {"a": [500, str(2**60)], "b": [500, True]},
                "points": {"a": [], "b": []},
                "preview": ["a", "b"],
            }
            assert await waiting == [event]
            # History comes, which is older: its points are told, and what is newest stays.
            store_all(hub, [pushed(ONE, 1, 2)])
            (event,) = await told(stream)
            assert event["latest"] == {"a": [500, str(2**60)], "b": [500, True]}
            assert event["points"] == {"a": [[10, 1], [20, 2]], "b": [[10, True], [20, True]]}
            assert event["received_us"] == 99
            # The commit itself comes: told as any other.
            store_all(hub, [pushed(ONE, 7, first=50)])
            (event,) = await told(stream)
            assert event["latest"]["a"] == [500, 7]
            assert event["points"]["a"] == [[500, 7]]
            assert "preview" not in event
            # What is older than what is stored is not told at all.
            hub.previewed(device, ahead(a=(400, 3)))
            with pytest.raises(TimeoutError):
                await told(stream, 0.7)

    asyncio.run(main())
