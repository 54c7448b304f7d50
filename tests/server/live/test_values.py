from __future__ import annotations

import uuid
from collections.abc import Sequence

from hypothesis import given, settings
from tests.server.pushing import entries_body
from tests.server.query.made import pack_lists, plain_values, rows_of_packs

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.ingest.entries import read_entries
from nikdev_iot.server.ingest.packs import PackPush, read_pack
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.live.events import MAX_POINTS, shown
from nikdev_iot.server.live.values import ValueReader
from nikdev_iot.server.storage.records import Device
from nikdev_iot.wire.limits import DEFAULT_LIMITS
from nikdev_iot.wire.pack import NO_EPOCH, NO_PACK, Pack, encode_content, encode_frame, pack_from_commits

DEVICE = Device(id=uuid.UUID(int=1), account_id=uuid.UUID(int=2), name="d", created_us=0)
ORIGIN = uuid.UUID(int=7)


def push(pack: Pack, level: int = 1) -> PackPush:
    return read_pack(
        encode_frame(encode_content(pack), epoch=NO_EPOCH, level=level),
        device=DEVICE,
        key_id=ORIGIN,
        limits=DEFAULT_LIMITS,
        received_us=5,
        sent_us=None,
        templates=Templates(),
    )


def commits(*values: object, first: int = 1) -> Pack:
    made = [Commit(first + n, (first + n) * 10, (("a", value), ("b", True))) for n, value in enumerate(values)]
    return pack_from_commits(ORIGIN, made, parent=NO_PACK)


def plain(packs: Sequence[Pack]) -> dict[str, list[tuple[int, object]]]:
    found: dict[str, list[tuple[int, object]]] = {}
    for row in rows_of_packs(packs):
        for name, value in row.values.items():
            found.setdefault(name, []).append((row.time_us, shown(value)))
    return found


@settings(deadline=None)
@given(packs=pack_lists(value=plain_values))
def test_points_are_the_values_that_were_pushed(packs: list[Pack]):
    brought = ValueReader().read([push(pack) for pack in packs])
    assert brought.is_complete
    expected = plain(packs)
    assert {n: sorted(p, key=repr) for n, p in brought.points.items()} == {
        n: sorted(p, key=repr) for n, p in expected.items()
    }
    assert brought.count == sum(map(len, expected.values()))
    assert {n: at for n, (at, _) in brought.newest().items()} == {n: max(p)[0] for n, p in _times(expected).items()}


def _times(points: dict[str, list[tuple[int, object]]]) -> dict[str, list[tuple[int]]]:
    return {name: [(at,) for at, _ in found] for name, found in points.items()}


def test_single_commits_of_one_layout_are_read_together():
    packs = [commits(value, first=n + 1) for n, value in enumerate([1, 2, 2**60, 4.5, 5.5, 6])]
    brought = ValueReader().read([push(pack, level=0) for pack in packs])
    assert brought.points == plain(packs)
    assert [type(value) for _, value in brought.points["b"]] == [bool] * 6
    assert brought.newest() == {"a": (60, 6), "b": (60, True)}


def test_entries_bring_their_values():
    found = read_entries(
        entries_body((1, {"a": 1}), (3, {"a": 3, "t": "x"}), (2, {"a": 2})),
        device=DEVICE,
        key_id=ORIGIN,
        limits=DEFAULT_LIMITS,
        received_us=5,
    )
    assert found is not None
    brought = ValueReader().read([found])
    assert brought.points["a"] == [(1_000_000, 1), (3_000_000, 3), (2_000_000, 2)]
    assert brought.newest() == {"a": (3_000_000, 3), "t": (3_000_000, "x")}


def test_of_a_large_pack_only_the_newest_values_are_told():
    brought = ValueReader().read([push(commits(1)), push(commits(*range(MAX_POINTS), first=2)), push(commits(5))])
    assert not brought.is_complete
    assert brought.newest()["a"] == ((MAX_POINTS + 1) * 10, MAX_POINTS - 1)


def test_a_pack_with_gaps_alone_brings_nothing():
    from nikdev_iot.model.commits import Gap

    brought = ValueReader().read([push(pack_from_commits(ORIGIN, [], parent=NO_PACK, gaps=[Gap(1, 5, "lost")]))])
    assert (brought.points, brought.newest(), brought.is_complete) == ({}, {}, True)
