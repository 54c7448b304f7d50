from __future__ import annotations

import uuid

from tests.server.query.made import new_device

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.query.previews import KEEP_S, Preview, Previews
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits

ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)
ORIGIN, OTHER = uuid.UUID(int=7), uuid.UUID(int=8)


class Clock:
    def __init__(self) -> None:
        self.s = 1_000.0

    def __call__(self) -> float:
        return self.s


def preview(number: int, device_id: uuid.UUID = ONE, origin: uuid.UUID = ORIGIN, text_bytes: int = 0, **values):
    made = {name: LatestValue(number * 10, origin, number, value, is_preview=True) for name, value in values.items()}
    return Preview(device_id, origin, number, made, text_bytes)


def show(previews: Previews, made: Preview) -> bool:
    previews.expect(made)
    return previews.show(made, made)


def shown(previews: Previews, device_id: uuid.UUID = ONE):
    return {name: value.value for name, value in previews.of(device_id).items()}


def test_the_last_one_of_each_device_is_shown():
    previews = Previews()
    assert previews.is_empty
    assert show(previews, preview(5, a=1, b=2))
    assert show(previews, preview(9, TWO, a=3))
    assert show(previews, preview(6, a=4))
    assert (shown(previews), shown(previews, TWO)) == ({"a": 4}, {"a": 3})
    assert previews.count == 2


def test_it_goes_when_its_commit_is_stored_or_a_newer_one():
    previews = Previews()
    show(previews, preview(5, a=1))
    previews.stored(ONE, ORIGIN, 4)
    previews.stored(ONE, OTHER, 99)
    previews.stored(TWO, ORIGIN, 99)
    assert shown(previews) == {"a": 1}
    previews.stored(ONE, ORIGIN, 5)
    assert shown(previews) == {}
    assert previews.is_empty


def test_what_is_stored_while_it_is_looked_at_is_not_shown_afterwards():
    previews = Previews()
    made = preview(5, a=1)
    previews.expect(made)
    previews.stored(ONE, ORIGIN, 4)
    previews.stored(ONE, ORIGIN, 7)
    assert not previews.show(made, made)
    first, second = preview(8, a=1), preview(9, a=2)
    previews.expect(first)
    previews.expect(second)
    assert not previews.show(first, first)
    assert previews.show(second, second)
    assert shown(previews) == {"a": 2}


def test_what_turns_out_to_be_nothing_is_forgotten():
    previews = Previews()
    made = preview(5, a=1)
    previews.expect(made)
    assert not previews.show(made, None)
    assert previews.is_empty


def test_it_is_believed_for_some_minutes():
    clock = Clock()
    previews = Previews(monotonic_s=clock)
    show(previews, preview(5, a=1))
    clock.s += KEEP_S - 1
    show(previews, preview(5, TWO, a=1))
    assert shown(previews) == {"a": 1}
    clock.s += 1
    assert shown(previews) == {}
    previews.forget_old()
    assert previews.count == 1


def test_memory_is_bounded_and_the_oldest_makes_way():
    previews = Previews(max_bytes=30_000)
    for number in range(50):
        assert show(previews, preview(1, uuid.UUID(int=number), a=1))
    assert 5 < previews.count < 20
    assert shown(previews, uuid.UUID(int=49)) == {"a": 1}
    assert shown(previews, uuid.UUID(int=0)) == {}
    assert not show(previews, preview(1, text_bytes=40_000, a=1))
    assert previews.count == 0
    for _ in range(3):
        show(previews, preview(1, a=1))
    assert previews._bytes == preview(1, a=1).size_bytes


def test_many_devices_are_asked_to_show_less_often():
    previews = Previews()
    assert previews.again_after_s == 5
    for number in range(2_000):
        show(previews, preview(1, uuid.UUID(int=number), a=1))
    assert previews.again_after_s == 10


def test_it_goes_over_what_is_stored_only_where_it_is_newer(storage):
    commits = [Commit(n, n * 10, (("a", n), ("b", n))) for n in range(1, 6)]
    device_id = new_device(storage, [pack_from_commits(ORIGIN, commits, parent=NO_PACK)])
    previews = Previews()
    reader = Reader(storage, previews=previews)
    stored = reader.newest(device_id)
    late = preview(3, device_id, a=-1)
    show(previews, late)
    assert reader.newest(device_id) == stored
    show(previews, preview(9, device_id, a=9))
    for newest in (reader.newest(device_id), reader.fleet.glances([device_id])[device_id].newest):
        assert {name: (v.value, v.time_us, v.is_preview) for name, v in newest.items()} == {
            "a": (9, 90, True),
            "b": (5, 50, False),
        }
    assert reader.newest_stored(device_id) == stored
    previews.stored(device_id, ORIGIN, 9)
    assert reader.fleet.glances([device_id])[device_id].newest == stored
