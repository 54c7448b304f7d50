from __future__ import annotations

import uuid

import pytest
from tests.server.query.made import ORIGINS, new_device

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.server.query.declared import DeclaredGap, GapFinder
from nikdev_iot.server.query.pack_cache import PackCache
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.wire.pack import NO_PACK, Pack, pack_from_commits

LOST = DeclaredGap(200, 500, 2, "lost")
LONG = DeclaredGap(500, 1700, 11, "evicted; late")


def pack(commits: list[tuple[int, int]], *gaps: Gap, origin: uuid.UUID = ORIGINS[0]) -> Pack:
    made = [Commit(number, time_us, (("a", 1),)) for number, time_us in commits]
    return pack_from_commits(origin, made, parent=NO_PACK, gaps=gaps)


@pytest.fixture(scope="module")
def device_id(storage: Storage) -> uuid.UUID:
    """Gaps within a pack, as packs of their own, and at the beginning of one; another origin has none."""
    return new_device(
        storage,
        [
            pack([(1, 100), (2, 200), (5, 500)], Gap(3, 2, "lost")),
            pack([], Gap(6, 10, "evicted")),
            pack([(17, 1700), (18, 1800)], Gap(16, 1, "late")),
            pack([(19, 1900)]),
            pack([(1, 150), (2, 1850)], origin=ORIGINS[1]),
        ],
    )


def find(storage: Storage, device_id: uuid.UUID, start_us: int, end_us: int) -> list[DeclaredGap]:
    finder = GapFinder(storage, device_id, start_us=start_us, end_us=end_us)
    spans = storage.spans(device_id, start_us=start_us, end_us=end_us)
    for table in PackCache(storage).tables(device_id, spans):
        finder.add(table)
    return finder.find()


@pytest.mark.parametrize(
    ("start_us", "end_us", "gaps"),
    [
        (0, 5_000, [LOST, LONG]),
        (450, 600, [LOST, LONG]),
        (600, 700, [LONG]),
        (1_650, 1_850, [LONG]),
        (300, 320, [LOST]),
        (1_750, 1_900, []),
        (0, 200, []),
        (2_000, 3_000, []),
    ],
)
def test_gaps_that_touch_a_range_are_found(
    storage: Storage, device_id: uuid.UUID, start_us: int, end_us: int, gaps: list[DeclaredGap]
):
    assert find(storage, device_id, start_us, end_us) == gaps


def test_a_range_inside_a_gap_finds_it_from_the_packs_before(storage: Storage):
    device_id = new_device(storage, [pack([(1, 100)]), pack([], Gap(2, 3, "evicted")), pack([(5, 10**9)])])
    assert find(storage, device_id, 5 * 10**8, 5 * 10**8 + 1_000) == [DeclaredGap(100, 10**9, 3, "evicted")]


def test_a_gap_at_the_end_reaches_to_when_it_was_told(storage: Storage):
    device_id = new_device(storage, [pack([(1, -100)]), pack([], Gap(2, 3, "evicted"))])
    assert find(storage, device_id, -1_000, 1_000) == [DeclaredGap(-100, 0, 3, "evicted")]


def test_a_clock_that_steps_back_makes_no_gaps(storage: Storage):
    device_id = new_device(storage, [pack([(1, 100), (2, 50), (3, 300)]), pack([(4, 10)]), pack([(5, 400)])])
    assert find(storage, device_id, 0, 1_000) == []
    assert find(storage, device_id, 200, 1_000) == []


def test_a_device_without_commits_has_no_gaps(storage: Storage):
    assert find(storage, new_device(storage), 0, 1_000) == []
