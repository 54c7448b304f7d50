from __future__ import annotations

import uuid

import pytest
from tests.server.pushing import Origin

from nikdev_iot.model.commits import Gap
from nikdev_iot.server.ingest.digests import digests_after
from nikdev_iot.server.ingest.packs import read_pack
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.wire.limits import DEFAULT_LIMITS


@pytest.fixture
def stored(storage, new_device):
    """An origin of 10 numbers in 4 packs, 3 of them in gaps; its key and the digests by number."""
    device, origin = new_device(), Origin(storage.epoch)
    bodies = [
        origin.pack([{"a": 1}, {"a": 2}]),
        origin.pack([{"a": 3}], gaps=[Gap(3, 2, "discarded")]),
        origin.pack([{"a": 4}, {"b": "x"}, {"a": 4}]),
    ]
    packs = [
        read_pack(
            body,
            device=device,
            key_id=uuid.uuid4(),
            limits=DEFAULT_LIMITS,
            received_us=0,
            sent_us=None,
            templates=Templates(),
        )
        for body in bodies
    ]
    with storage.write() as write:
        write.put_packs([pack.stored for pack in packs])
    return (device.id, origin.id), dict(pair for pack in packs for pair in pack.decode().digests())


def test_all_at_once(storage, stored):
    key, digests = stored
    found, following = digests_after(storage, key, after=0, limit=100)
    assert dict(found) == digests
    assert [number for number, _ in found] == [1, 2, 5, 6, 7, 8]
    assert following is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("after", range(9))
def test_page_by_page_nothing_is_missed_or_doubled(storage, stored, limit, after):
    key, digests = stored
    found, following = [], after
    pages = 0
    while following is not None:
        page, following = digests_after(storage, key, after=following, limit=limit)
        assert len(page) <= limit
        found += page
        pages += 1
        assert pages < 20
    assert found == [(number, digest) for number, digest in digests.items() if number > after]


def test_an_origin_that_is_not_there_has_none(storage, new_device):
    assert digests_after(storage, (new_device().id, uuid.uuid4()), after=0, limit=5) == (
        [],
        None,
    )


def test_packs_without_commits_cost_no_more_than_others(storage, new_device):
    device, origin = new_device(), Origin(storage.epoch)
    packs = [
        read_pack(
            origin.pack([] if number < 510 else [{"a": 1}], gaps=[Gap(number + 1, 1, "x")] if number < 510 else []),
            device=device,
            key_id=uuid.uuid4(),
            limits=DEFAULT_LIMITS,
            received_us=0,
            sent_us=None,
            templates=Templates(),
        ).stored
        for number in range(511)
    ]
    with storage.write() as write:
        write.put_packs(packs)
    key = (device.id, origin.id)
    patient = {"monotonic_s": lambda: 0.0}
    assert digests_after(storage, key, after=0, limit=5, **patient) == ([], 500)
    found, following = digests_after(storage, key, after=500, limit=5, **patient)
    assert ([number for number, _ in found], following) == ([511], None)


def test_an_answer_takes_half_a_second_and_always_gets_on(storage, stored):
    key, digests = stored
    found, following, pages = [], 0, 0
    while following is not None:
        ticks = map(float, range(100))
        page, following = digests_after(storage, key, after=following, limit=100, monotonic_s=ticks.__next__)
        found += page
        pages += 1
    assert dict(found) == digests
    assert pages == 3


@pytest.mark.parametrize("after", [8, 9, 2**63 - 1])
def test_behind_the_end_there_is_nothing(storage, stored, after):
    key, _ = stored
    assert digests_after(storage, key, after=after, limit=5) == ([], None)
