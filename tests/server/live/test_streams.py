from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest

from nikdev_iot.server.live import streams
from nikdev_iot.server.live.events import LiveEvent, gone_bytes
from nikdev_iot.server.live.streams import LiveStream

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


async def _yes() -> bool:
    return True


def event(device_id: uuid.UUID, value: int) -> LiveEvent:
    return LiveEvent(device_id, value, {"a": (value, value)}, {"a": [(value, value)]})


def new(*, pause_s: float = 0.02, is_allowed: Callable[[], Awaitable[uuid.UUID | bool]] = _yes) -> LiveStream:
    return LiveStream(pause_s=pause_s, is_allowed=is_allowed)


def test_it_begins_with_the_snapshot_and_ends_when_it_is_closed():
    async def main():
        stream = new()
        parts = stream.parts({ONE: event(ONE, 1)})
        assert await anext(parts) == b"retry: 3000\n\n" + event(ONE, 1).encode()
        waiting = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0.01)
        stream.close()
        with pytest.raises(StopAsyncIteration):
            await waiting

    asyncio.run(main())


def test_what_comes_while_it_pauses_is_joined():
    async def main():
        stream = new()
        parts = stream.parts({})
        await anext(parts)
        for value in (1, 2, 3):
            stream.publish(event(ONE, value))
        stream.publish(event(OTHER, 9))
        joined = LiveEvent(ONE, 3, {"a": (3, 3)}, {"a": [(1, 1), (2, 2), (3, 3)]})
        assert await anext(parts) == joined.encode() + event(OTHER, 9).encode()
        began_s = asyncio.get_running_loop().time()
        stream.publish(event(ONE, 4))
        assert await anext(parts) == event(ONE, 4).encode()
        assert asyncio.get_running_loop().time() >= began_s + 0.015

    asyncio.run(main())


def test_an_event_after_a_pause_goes_out_at_once():
    async def main():
        stream = new(pause_s=0.01)
        parts = stream.parts({})
        await anext(parts)
        waiting = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0.05)
        stream.publish(event(ONE, 1))
        assert await asyncio.wait_for(waiting, 1) == event(ONE, 1).encode()

    asyncio.run(main())


def test_comments_keep_it_alive(monkeypatch):
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.02)

    async def main():
        parts = new().parts({})
        await anext(parts)
        assert await anext(parts) == b": still here\n\n"
        assert await anext(parts) == b": still here\n\n"

    asyncio.run(main())


@pytest.mark.parametrize(("answer", "last"), [(False, gone_bytes()), (OTHER, gone_bytes(OTHER))])
def test_it_ends_when_it_may_no_longer_be_seen(monkeypatch, answer: uuid.UUID | bool, last: bytes):
    monkeypatch.setattr(streams, "CHECK_S", 0.02)
    answers = [True, answer]

    async def is_allowed() -> uuid.UUID | bool:
        return answers.pop(0)

    async def main():
        parts = new(is_allowed=is_allowed).parts({})
        await anext(parts)
        assert await anext(parts) == last
        with pytest.raises(StopAsyncIteration):
            await anext(parts)

    asyncio.run(main())


def test_a_narrow_stream_takes_out_what_may_be_seen():
    async def main():
        stream = LiveStream(pause_s=0.0, is_allowed=_yes, narrow=lambda one: None if one.device_id == ONE else one)
        parts = stream.parts({})
        await anext(parts)
        stream.publish(event(ONE, 1))
        stream.publish(event(OTHER, 2))
        assert await anext(parts) == event(OTHER, 2).encode()

    asyncio.run(main())
