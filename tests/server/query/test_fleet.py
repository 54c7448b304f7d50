from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import new_device, pack_lists, put, stored_pack

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.values import Kind
from nikdev_iot.server.query.fleet import Glance, usual_distance_s
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.wire.pack import NO_PACK, Pack, pack_from_commits

NOW_US = 1_795_000_000_000_000
MINUTE_US = 60_000_000
FLOAT = frozenset({Kind.FLOAT})


def _pack(*rows: tuple[int, float, str | None], first: int = 1, origin: uuid.UUID | None = None) -> Pack:
    made = [Commit(first + n, at, (("a", value),), message=text) for n, (at, value, text) in enumerate(rows)]
    return pack_from_commits(origin or uuid.uuid4(), made, parent=NO_PACK)


@settings(max_examples=30, deadline=None)
@given(st.lists(pack_lists(), min_size=1, max_size=3), st.integers(0, 4))
def test_glances_are_what_each_device_has(storage: Storage, lists: list[list[Pack]], first: int) -> None:
    reader = Reader(storage)
    devices = [new_device(storage, packs[:first]) for packs in lists]
    for rest in (None, [packs[first:] for packs in lists]):
        if rest:
            for device_id, packs in zip(devices, rest, strict=True):
                put(storage, device_id, packs)
        for _ in range(2):  # the second time from memory
            found = reader.fleet.glances([*devices, uuid.uuid4()])
            assert {key: dict(glance.newest) for key, glance in found.items() if glance.newest} == {
                device_id: dict(reader.newest(device_id)) for device_id in devices if reader.newest(device_id)
            }


def test_only_devices_with_news_are_read_again(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(storage)
    one, two = (new_device(storage, [_pack((NOW_US, 1.5, None))]) for _ in range(2))
    before = reader.fleet.glances([one, two])
    put(storage, two, [_pack((NOW_US + 1, 2.5, "later"))])
    asked: list[uuid.UUID] = []
    newest = reader.newest
    monkeypatch.setattr(reader.fleet, "_newest", lambda device_id: asked.append(device_id) or newest(device_id))
    after = reader.fleet.glances([one, two])
    assert asked == [two]
    assert after[one] is before[one]
    assert after[two].newest["a"].value == 2.5


def test_the_message_is_that_of_the_last_commit(storage: Storage) -> None:
    fleet = Reader(storage).fleet
    device = new_device(storage, [_pack((NOW_US, 1.0, "first"), (NOW_US + 1, 2.0, "last"))])
    found = fleet.glances([device])[device].message
    assert found is not None
    assert found.text == "last"
    put(storage, device, [_pack((NOW_US + 2, 3.0, "older"), (NOW_US + 3, 4.0, None))])
    assert fleet.glances([device])[device].message is None
    assert fleet.glances([uuid.uuid4()]) == {}
    assert Glance().message is None


def test_sparks_hold_the_last_hours(storage: Storage) -> None:
    fleet = Reader(storage).fleet
    rows = [(NOW_US - n * 10 * MINUTE_US, float(n), None) for n in reversed(range(60))]
    device, old = (
        new_device(storage, [_pack(*rows)]),
        new_device(storage, [_pack((NOW_US - 400 * MINUTE_US, 1.0, None))]),
    )
    found = fleet.sparks({device: {"a": FLOAT}, old: {"a": FLOAT}, uuid.uuid4(): {"a": FLOAT}}, now_us=NOW_US)
    assert set(found) == {device}
    assert found[device].gap_commits == 0
    spark = found[device].by_field["a"]
    assert list(spark.times_us) == sorted(spark.times_us)
    assert spark.times_us[0] >= NOW_US - 360 * MINUTE_US
    assert spark.values[-1] == 0.0
    assert len(spark.values) == 37
    put(storage, device, [_pack((NOW_US, 7.0, None))])
    assert fleet.sparks({device: {"a": FLOAT}}, now_us=NOW_US + MINUTE_US - 1)[device] == found[device]
    assert fleet.sparks({device: {"a": FLOAT}}, now_us=NOW_US + MINUTE_US)[device] != found[device]


@pytest.mark.parametrize(
    ("received_s", "distance_s"),
    [
        ([], None),
        ([5], None),
        ([5, 9], None),
        ([0, 10, 20], 10),
        ([30, 0, 10, 20], 10),
        ([0, 1, 2, 1000], 1),
        ([7] * 3, 0),
    ],
)
def test_the_usual_distance_is_the_median(received_s: list[int], distance_s: float | None) -> None:
    assert usual_distance_s([at * 1_000_000 for at in received_s]) == distance_s


def test_the_usual_distance_is_read_once_after_each_push(storage: Storage) -> None:
    fleet = Reader(storage).fleet
    device, other = uuid.uuid4(), uuid.uuid4()
    origin = uuid.uuid4()

    def push(first: int, received_us: int) -> None:
        pack = stored_pack(_pack((received_us, 1.0, None), first=first, origin=origin), device)
        with storage.write() as write:
            write.put_packs([pack._replace(received_us=received_us)])

    for n in range(3):
        push(n + 1, n * 3_600_000_000)
    assert fleet.usual_s([(device, 7), (other, 8)]) == {device: 3600.0}
    push(4, 2 * 3_600_000_000 + 5)
    push(5, 2 * 3_600_000_000 + 10)
    assert fleet.usual_s([(device, 7)]) == {device: 3600.0}
    assert fleet.usual_s([(device, 9), (other, 8)]) == {device: 3600.0}
    push(6, 2 * 3_600_000_000 + 15)
    assert fleet.usual_s([(device, 10)]) == {device: 5e-6}


def test_gaps_of_the_last_hours_are_counted(storage: Storage) -> None:
    fleet = Reader(storage).fleet
    origin = uuid.uuid4()
    commits = [Commit(number, NOW_US - (9 - number) * MINUTE_US, (("a", 1.0),)) for number in (1, 2, 6, 7)]
    pack = pack_from_commits(origin, commits, parent=NO_PACK, gaps=[Gap(3, 3, "the disk was full")])
    device = new_device(storage, [pack])
    assert fleet.sparks({device: {"a": FLOAT}}, now_us=NOW_US)[device].gap_commits == 3
    assert Reader(storage).fleet.sparks({device: {"a": FLOAT}}, now_us=NOW_US + 7 * 3600 * 1_000_000) == {}
