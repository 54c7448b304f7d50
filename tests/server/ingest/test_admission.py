from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from nikdev_iot.server.accounts import Keys
from nikdev_iot.server.config import RateLimits
from nikdev_iot.server.errors import TooMany, Unauthorized
from nikdev_iot.server.ingest.admission import Admission

PEER = "192.0.2.1"


class Watched:
    """The real store, counting how often it is asked."""

    def __init__(self, storage) -> None:
        self.storage = storage
        self.asked = 0

    def access(self, device_id, secret_hash):
        self.asked += 1
        time.sleep(0.02)
        return self.storage.access(device_id, secret_hash)

    def __getattr__(self, name):
        return getattr(self.storage, name)


@pytest.fixture
def executor():
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def watched(storage) -> Watched:
    return Watched(storage)


@pytest.fixture
def device_and_secret(storage, new_device) -> tuple[str, str]:
    device = new_device()
    new = Keys(storage, now_us=lambda: 1_000).add(device.id, can_write=True)
    return str(device.id), new.secret


def gate(storage, executor, **rates) -> Admission:
    keys = Keys(storage, now_us=lambda: time.time_ns() // 1000, cache_s=rates.get("access_cache_s", 1.0))
    return Admission(keys, RateLimits(**rates), executor=executor, monotonic_s=time.monotonic)


async def tries(
    admission: Admission, device_id: str | None, api_key: str | None, count: int, peer: str = PEER
) -> list[str]:
    found = []
    for _ in range(count):
        try:
            await admission.admit(device_id, api_key, peer)
            found.append("in")
        except TooMany as error:
            found.append("too many" if error.retry_after_s > 0 else "come again at once?")
        except Unauthorized:
            found.append("wrong")
    return found


def test_a_right_key_is_looked_up_once_a_second_however_many_ask(watched, executor, device_and_secret):
    device_id, secret = device_and_secret

    async def main():
        admission = gate(watched, executor)
        await asyncio.gather(*(admission.admit(device_id, secret, PEER) for _ in range(100)))
        return await admission.admit(device_id, secret, PEER)

    access = asyncio.run(main())
    assert access.key.can_write
    assert watched.asked == 1


def test_each_key_has_its_rate(storage, executor, device_and_secret, new_device):
    other = new_device()
    device_id, secret = device_and_secret
    theirs = Keys(storage, now_us=lambda: 1_000).add(other.id, can_read=True).secret

    async def main():
        admission = gate(storage, executor, requests_per_s=0.01, burst=3)
        mine = await tries(admission, device_id, secret, 5)
        return mine, await tries(admission, str(other.id), theirs, 1)

    assert asyncio.run(main()) == (["in"] * 3 + ["too many"] * 2, ["in"])


@pytest.mark.parametrize(
    ("device_id", "api_key"),
    [(None, None), (None, str(uuid.uuid4())), (str(uuid.uuid4()), None), ("x", "y"), (str(uuid.uuid4()), "\xff" * 36)],
)
def test_what_is_no_credential_at_all_is_unauthorized(storage, executor, device_id, api_key):
    assert asyncio.run(tries(gate(storage, executor), device_id, api_key, 1)) == ["wrong"]


def test_wrong_keys_are_slowed_down_and_right_ones_from_the_same_address_never(storage, executor, device_and_secret):
    device_id, secret = device_and_secret

    async def main():
        admission = gate(storage, executor, wrong_keys_per_s=0.2, wrong_keys_burst=3)
        wrong = await tries(admission, device_id, str(uuid.uuid4()), 3)
        begin_s = time.monotonic()
        wrong += await tries(admission, device_id, str(uuid.uuid4()), 1)
        held_back_s = time.monotonic() - begin_s
        begin_s = time.monotonic()
        right = await tries(admission, device_id, secret, 50)
        right_s = time.monotonic() - begin_s
        elsewhere = await tries(admission, device_id, str(uuid.uuid4()), 1, "192.0.2.2")
        return wrong, held_back_s, right, right_s, elsewhere

    wrong, held_back_s, right, right_s, elsewhere = asyncio.run(main())
    assert wrong == ["wrong"] * 3 + ["too many"]
    assert held_back_s > 0.9
    assert right == ["in"] * 50
    assert right_s < 10  # held back, each would take a second
    assert elsewhere == ["wrong"]


def test_holding_back_is_bounded(storage, executor):
    async def main():
        admission = gate(storage, executor, wrong_keys_per_s=0.001, wrong_keys_burst=1)
        begin_s = time.monotonic()
        asked = [admission.admit("x", "y", PEER) for _ in range(1_000)]
        done, _ = await asyncio.wait([asyncio.ensure_future(one) for one in asked], timeout=0.5)
        at_once = len(done)
        for one in done:
            assert isinstance(one.exception(), Unauthorized | TooMany)
        await asyncio.sleep(1.0)
        return at_once, time.monotonic() - begin_s

    at_once, _ = asyncio.run(main())
    assert at_once == 1_000 - 256
