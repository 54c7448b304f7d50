from __future__ import annotations

import time
import uuid
from array import array

import pytest
from tests.server.pushing import TIME_US, Origin

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.errors import Damaged, Malformed, TooLarge, Unsupported
from nikdev_iot.model.values import Kind
from nikdev_iot.server.ingest.entries import entries_origin
from nikdev_iot.server.ingest.fields import FieldsRefused
from nikdev_iot.server.ingest.packs import commits_refused, read_pack
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.storage.records import Device
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits
from nikdev_iot.wire.pack import (
    NO_PACK,
    Pack,
    decode_content,
    decompress,
    encode_content,
    encode_frame,
    pack_from_commits,
)

DEVICE = Device(id=uuid.UUID(int=1), account_id=uuid.UUID(int=2), name="a", created_us=0)
KEY = uuid.UUID(int=4)
EPOCH = bytes(range(16))


def read(body: bytes, limits: Limits = DEFAULT_LIMITS, sent_us: int | None = None):
    return read_pack(
        body, device=DEVICE, key_id=KEY, limits=limits, received_us=1_000, sent_us=sent_us, templates=Templates()
    )


@pytest.mark.parametrize("level", [0, 1])
def test_a_pack_becomes_what_is_stored_of_it(level):
    origin = Origin(EPOCH)
    body = origin.pack([{"a": 1.5, "b": "x" * 200}, {"a": 2.5}, {"c": True}], level=level)
    push = read(body, sent_us=1_500)
    stored = push.stored
    assert (stored.device_id, stored.origin, stored.key_id) == (DEVICE.id, origin.id, KEY)
    assert (stored.first, stored.last, stored.row_count) == (1, 3, 3)
    assert (stored.min_time_us, stored.max_time_us) == (TIME_US, TIME_US + 2_000_000)
    assert (stored.hash, stored.parent) == (origin.parent, NO_PACK)
    assert (stored.received_us, stored.clock_offset_us) == (1_000, 500)
    content = decompress(stored.payload, stored.codec, stored.content_bytes)
    assert decode_content(content) == push.decode()
    assert push.key == (DEVICE.id, origin.id)
    assert (push.claim.first, push.claim.last, push.claim.epoch) == (1, 3, EPOCH)
    assert push.brought_set == {("a", Kind.FLOAT), ("b", Kind.TEXT), ("c", Kind.BOOL)}


def test_the_origin_of_the_entries_of_this_device_is_the_servers_own():
    pack = pack_from_commits(entries_origin(DEVICE.id), [Commit(1, 1_000, (("a", 1),))], parent=NO_PACK)
    with pytest.raises(Malformed, match="JSON entries"):
        read(encode_frame(encode_content(pack), epoch=EPOCH))


def test_the_span_of_times_counts_the_shifts():
    shifted = [Commit(1, 1_000, (("a", 1),), shift_us=9_000), Commit(2, 2_000, (("a", 2),))]
    pack = pack_from_commits(uuid.uuid4(), shifted, parent=NO_PACK)
    stored = read(encode_frame(encode_content(pack), epoch=EPOCH)).stored
    assert (stored.min_time_us, stored.max_time_us) == (2_000, 10_000)


def test_a_pack_of_nothing_but_a_gap_has_no_span():
    stored = read(Origin(EPOCH).pack([], gaps=[Gap(1, 5, "discarded by the user")])).stored
    assert (stored.first, stored.last, stored.row_count) == (1, 5, 0)
    assert (stored.min_time_us, stored.max_time_us) == (0, 0)
    assert stored.clock_offset_us is None


def test_what_cannot_be_read_is_refused():
    body = Origin(EPOCH).pack([{"a": 1}])
    with pytest.raises(Damaged):
        read(body[:-1])
    with pytest.raises(Unsupported):
        read(b"GET / HTTP/1.1")
    with pytest.raises(TooLarge):
        read(Origin(EPOCH).pack([{"a": 1}, {"a": 2}]), Limits(commits=1))
    with pytest.raises((Malformed, Damaged, Unsupported)):
        read(b"")


def test_refused_fields_name_the_commits_that_have_them():
    origin = Origin(EPOCH)
    push = read(
        origin.pack([{"a": 1}, {"a": 1, "x": 2}, {"b": 1}, {"y": 1, "x": "text"}], gaps=[Gap(1, 2, "discarded")])
    )
    error = commits_refused(push, FieldsRefused(("x", "y"), "this device takes no new fields"))
    assert error.status == 422
    assert [number for number, _ in error.rejected] == [4, 6]
    reasons = dict(error.rejected)
    assert reasons[4] == "this device takes no new fields, and 'x' would be new"
    assert "'x', 'y'" in reasons[6] or "'y', 'x'" in reasons[6]
    assert "2 of its 4 commits" in str(error)


def test_commits_are_named_together_however_many_fields_are_refused():
    rows, names = 4_000, [f"f{n}" for n in range(1_048)]
    columns = [Column(name, None, array("B", bytes(rows))) for name in names[1:]]
    columns.append(Column("f0", array("I", [7]), array("B", b"\0")))
    pack = Pack(
        origin=uuid.uuid4(), first=1, count=rows, parent=NO_PACK, times=array("q", [0]) * rows, columns=tuple(columns)
    )
    push = read(encode_frame(encode_content(pack), epoch=EPOCH))
    begun = time.thread_time()
    error = commits_refused(push, FieldsRefused(tuple(names), "a device has at most 0 fields"))
    assert time.thread_time() - begun < 0.8  # a list for each commit takes twenty times as long
    reasons = dict(error.rejected)
    assert list(reasons) == list(range(1, rows + 1))
    assert reasons[8] == "a device has at most 0 fields, and 'f1', 'f2', 'f3', 'f4', 'f5' and 1043 more would be new"
    assert reasons[9] == reasons[1] == reasons[8].replace("1043", "1042")


def test_many_refused_fields_are_counted():
    push = read(Origin(EPOCH).pack([{f"f{n}": n for n in range(9)}]))
    refused = FieldsRefused(tuple(f"f{n}" for n in range(9)), "a device has at most 0 fields")
    assert "'f4' and 4 more" in commits_refused(push, refused).message


def test_values_are_counted_not_rows():
    origin, templates = Origin(EPOCH), Templates()
    several = origin.pack([{"a": 1.5, "b": "x"}, {"a": 2.5}, {"c": True}])
    alone = [origin.pack([{"a": 1.5, "b": 2.5}]) for _ in range(2)]  # the second is read by its template
    counts = [
        read_pack(
            body, device=DEVICE, key_id=KEY, limits=DEFAULT_LIMITS, received_us=1, sent_us=None, templates=templates
        ).value_count
        for body in (several, *alone)
    ]
    assert counts == [4, 2, 2]
