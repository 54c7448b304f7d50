from __future__ import annotations

import asyncio

import pytest

from nikdev_iot.model.errors import TooLarge
from nikdev_iot.server.errors import ServerError
from nikdev_iot.server.web.bodies import Bodies, ClientGone, Hold


def receiving(*parts: bytes, gone: bool = False):
    """Return an ASGI `receive` that gives these parts."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if gone:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    waiting = iter(messages)

    async def receive():
        return next(waiting)

    return receive


def read(bodies: Bodies, hold: Hold, *parts: bytes, headers=None, gone: bool = False) -> bytes:
    return asyncio.run(bodies.read(hold, headers or {}, receiving(*parts, gone=gone)))


def test_a_body_in_one_part_or_several():
    bodies = Bodies(limit=10, together=100)
    assert read(bodies, Hold(bodies), b"abc") == b"abc"
    assert read(bodies, Hold(bodies), b"abc", b"", b"def", b"ghij") == b"abcdefghij"


@pytest.mark.parametrize("parts", [(b"x" * 11,), (b"x" * 6, b"x" * 5)])
def test_too_long_however_it_comes(parts):
    bodies = Bodies(limit=10, together=100)
    with pytest.raises(TooLarge):
        read(bodies, Hold(bodies), *parts)


def test_too_long_by_its_own_words_before_it_comes():
    bodies = Bodies(limit=10, together=100)
    hold = Hold(bodies)
    with pytest.raises(TooLarge):
        read(bodies, hold, b"abc", headers={b"content-length": b"11"})
    assert hold.size_bytes == 0


def test_a_client_that_goes():
    bodies = Bodies(limit=10, together=100)
    with pytest.raises(ClientGone):
        read(bodies, Hold(bodies), b"abc", gone=True)


def test_together_they_have_only_so_much_room_and_give_it_back():
    bodies = Bodies(limit=10, together=25)
    holds = [Hold(bodies) for _ in range(3)]
    read(bodies, holds[0], b"x" * 10)
    read(bodies, holds[1], b"x" * 5, b"x" * 5)
    with pytest.raises(ServerError) as caught:
        read(bodies, holds[2], b"x" * 5, b"x" * 5)
    assert caught.value.status == 503
    assert caught.value.retry_after_s >= 1
    for hold in (holds[2], holds[0], holds[0]):
        hold.release()
    read(bodies, holds[2], b"x" * 10)
    for hold in holds:
        hold.release()
    assert bodies.held_bytes == 0
