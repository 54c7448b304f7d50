from __future__ import annotations

import uuid

import pytest
from tests.server.live.test_values import DEVICE, commits, push
from tests.server.query.made import new_device

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.errors import Damaged, TooLarge
from nikdev_iot.server.ingest.group import PackOutcome
from nikdev_iot.server.ingest.judge import Verdict
from nikdev_iot.server.ingest.preview import forget_stored, known_part, read_preview
from nikdev_iot.server.query.previews import Previews
from nikdev_iot.wire.limits import DEFAULT_LIMITS, PREVIEW_BYTES
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import NO_EPOCH, NO_PACK, encode_content, encode_frame, pack_from_commits

ONE, ORIGIN = uuid.UUID(int=1), uuid.UUID(int=7)


def body(rows, gaps=()):
    pack = pack_from_commits(ORIGIN, rows, parent=NO_PACK, gaps=gaps)
    return encode_frame(encode_content(pack), epoch=NO_EPOCH)


def read(raw):
    return read_preview(raw, device_id=ONE, limits=DEFAULT_LIMITS)


def test_the_newest_of_each_field_by_the_time_that_counts():
    made = read(
        body(
            [
                Commit(70, 500, (("a", 1), ("b", "xy"))),
                Commit(72, 400, (("a", 2), ("c", True)), shift_us=10),
                Commit(73, 90, (("b", "z"),), shift_us=1_000),
            ],
            gaps=[Gap(71, 1, "")],
        )
    )
    assert (made.device_id, made.origin, made.number, made.text_bytes) == (ONE, ORIGIN, 73, 3)
    assert {name: (v.time_us, v.number, v.value, v.is_preview) for name, v in made.values.items()} == {
        "a": (500, 70, 1, True),
        "b": (1_090, 73, "z", True),
        "c": (410, 72, True, True),
    }


def test_it_is_small():
    few = [Commit(n + 1, n, (("a", n),)) for n in range(64)]
    assert read(body(few)).number == 64
    with pytest.raises(TooLarge, match="64"):
        read(body([*few, Commit(65, 65, (("a", 1),))]))
    with pytest.raises(TooLarge, match=str(PREVIEW_BYTES)):
        read(body([Commit(1, 1, tuple((f"t{n}", "x" * 60_000) for n in range(2)))]))  # compressed, it is short
    with pytest.raises(TooLarge, match=str(PREVIEW_BYTES)):
        read(bytes(PREVIEW_BYTES + 1))


def test_damage_is_noticed():
    raw = bytearray(body([Commit(1, 1, (("a", 1),))]))
    raw[70] ^= 1
    with pytest.raises(Damaged):
        read(bytes(raw))


def test_fields_that_the_device_does_not_have_are_not_shown(storage):
    device_id = new_device(storage, [pack_from_commits(ORIGIN, [Commit(1, 1, (("a", 1),))], parent=NO_PACK)])

    def part(*rows):
        return known_part(storage, read_preview(body(list(rows)), device_id=device_id, limits=DEFAULT_LIMITS))

    assert list(part(Commit(5, 9, (("a", 2), ("new", 3)))).values) == ["a"]
    assert part(Commit(5, 9, (("new", 3),))) is None
    assert part(Commit(1, 9, (("a", 2),))) is None, "it is stored"


def test_what_is_stored_is_forgotten():
    previews = Previews()
    made = read_preview(body([Commit(5, 9, (("a", 2),))]), device_id=DEVICE.id, limits=DEFAULT_LIMITS)
    previews.expect(made)
    previews.show(made, made)
    pushed = push(commits(1, 2))
    forget_stored(previews, [pushed], [PackOutcome(Verdict.STORE, Mark(2, bytes(32)))])
    forget_stored(previews, [pushed], [TooLarge("no", limit=1)])
    assert not previews.is_empty
    forget_stored(previews, [pushed], [PackOutcome(Verdict.DUPLICATE, Mark(5, bytes(32)))])
    assert previews.is_empty
