from __future__ import annotations

import uuid

import pytest
from tests.server.pushing import Origin, entries_body

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import Invalid, Unauthorized
from nikdev_iot.server.ingest.entries import EntriesPush, entries_origin, read_entries
from nikdev_iot.server.ingest.fields import FieldsRefused, KnownFields
from nikdev_iot.server.ingest.group import EntriesOutcome, PackOutcome, Push, store_group
from nikdev_iot.server.ingest.judge import Verdict
from nikdev_iot.server.ingest.packs import read_pack
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.storage.records import Device
from nikdev_iot.wire.limits import DEFAULT_LIMITS
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import decode_content, decompress

KEY = uuid.UUID(int=4)


@pytest.fixture
def device(new_device) -> Device:
    return new_device()


@pytest.fixture
def run(storage):
    """Stores a group in a transaction of its own."""
    known = KnownFields(storage.fields, limit=5)

    def store(*pushes: Push):
        with storage.write() as transaction:
            outcomes = store_group(transaction, pushes, epoch=storage.epoch, known=known, at_us=1_000)
        known.settle(stored=True)
        return outcomes

    return store


def pack_push(device: Device, body: bytes) -> Push:
    return read_pack(
        body, device=device, key_id=KEY, limits=DEFAULT_LIMITS, received_us=5, sent_us=None, templates=Templates()
    )


def entries_push(device: Device, *entries) -> EntriesPush:
    push = read_entries(entries_body(*entries), device=device, key_id=KEY, limits=DEFAULT_LIMITS, received_us=5)
    assert push is not None
    return push


def commits_of(storage, device: Device) -> list[Commit]:
    """Return everything stored of a device, in the order of arrival."""
    packs = storage.packs_after(device.id, 0, limit=1_000)
    return [
        commit
        for pack in packs
        for commit in decode_content(decompress(pack.payload, pack.codec, pack.content_bytes)).commits()
    ]


def test_a_chain_of_packs_in_one_group(storage, run, device):
    origin = Origin(storage.epoch)
    bodies = [origin.pack([{"a": number}]) for number in range(3)]
    outcomes = run(*(pack_push(device, body) for body in [*bodies, bodies[1]]))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.STORE] * 3 + [Verdict.DUPLICATE]
    assert outcomes[-1].mark == Mark(3, origin.parent)
    assert [commit.number for commit in commits_of(storage, device)] == [1, 2, 3]
    assert storage.mark((device.id, origin.id)) == Mark(3, origin.parent)
    # and once more, out of the store
    assert [outcome.verdict for outcome in run(*(pack_push(device, body) for body in bodies))] == [
        Verdict.DUPLICATE
    ] * 3
    assert len(commits_of(storage, device)) == 3


def test_a_bad_push_fails_alone(storage, run, device, new_device):
    closed = new_device(accepts_new_fields=False)
    good, gap, other = Origin(storage.epoch), Origin(storage.epoch, last=7), Origin(bytes(16))
    outcomes = run(
        pack_push(device, gap.pack([{"a": 1}])),
        pack_push(closed, Origin(storage.epoch).pack([{"a": 1}])),
        pack_push(device, other.pack([{"a": 1}])),
        entries_push(closed, (5, {"a": 1})),
        pack_push(device, good.pack([{"a": 1}])),
        entries_push(device, (5, {"a": 1})),
    )
    assert [getattr(outcome, "verdict", None) for outcome in outcomes] == [
        Verdict.GAP, None, Verdict.EPOCH, None, Verdict.STORE, None,
    ]  # fmt: skip
    assert outcomes[1] == FieldsRefused(("a",), "this device takes no new fields")
    assert isinstance(outcomes[3], Invalid)
    assert outcomes[5] == EntriesOutcome(1, 0)
    assert commits_of(storage, closed) == []
    assert storage.fields(closed.id) == []
    assert len(commits_of(storage, device)) == 2


def test_what_follows_a_refused_pack_finds_the_mark_where_it_was(storage, run, new_device):
    closed = new_device(accepts_new_fields=False)
    origin = Origin(storage.epoch)
    refused, following = run(pack_push(closed, origin.pack([{"a": 1}])), pack_push(closed, origin.pack([{"a": 2}])))
    assert isinstance(refused, FieldsRefused)
    assert following == PackOutcome(Verdict.GAP, Mark())


def test_fields_are_made_with_their_kinds(storage, run, device):
    origin = Origin(storage.epoch)
    run(pack_push(device, origin.pack([{"a": 1, "b": "x"}, {"a": 1.5}])), entries_push(device, (5, {"b": True})))
    found = {field.field_id: field.kinds for field in storage.fields(device.id)}
    assert found == {"a": {Kind.INT, Kind.FLOAT}, "b": {Kind.TEXT, Kind.BOOL}}


def test_entries_sent_again_alone_and_with_new_ones_behind(storage, run, device):
    first = ((5, {"a": 1}), (5, {"a": 1}), (6, {"a": 2}))
    assert run(entries_push(device, *first)) == [EntriesOutcome(3, 0)]
    assert run(entries_push(device, *first)) == [EntriesOutcome(0, 3)]
    assert run(entries_push(device, *first, (7, {"a": 3}))) == [EntriesOutcome(1, 3)]
    assert [(c.number, c.time_us, c.values) for c in commits_of(storage, device)] == [
        (1, 5_000_000, (("a", 1),)),
        (2, 5_000_000, (("a", 1),)),
        (3, 6_000_000, (("a", 2),)),
        (4, 7_000_000, (("a", 3),)),
    ]
    assert storage.mark((device.id, entries_origin(device.id))).number == 4


def test_the_same_request_twice_in_one_group_is_stored_once(storage, run, device):
    entries = ((5, {"a": 1}), (5, {"a": 2}))
    outcomes = run(*(entries_push(device, *entries) for _ in range(3)))
    assert outcomes == [EntriesOutcome(2, 0), EntriesOutcome(0, 2), EntriesOutcome(0, 2)]
    assert [c.values for c in commits_of(storage, device)] == [(("a", 1),), (("a", 2),)]


def test_devices_do_not_share_entries(storage, run, device, new_device):
    other = new_device()
    outcomes = run(entries_push(device, (5, {"a": 1})), entries_push(other, (5, {"a": 1})))
    assert outcomes == [EntriesOutcome(1, 0)] * 2


def test_refused_entries_are_not_remembered(storage, run, new_device):
    closed = new_device(accepts_new_fields=False)
    assert isinstance(run(entries_push(closed, (5, {"a": 1})))[0], Invalid)
    opened = Device(id=closed.id, account_id=closed.account_id, name="a", created_us=0)
    assert run(entries_push(opened, (5, {"a": 1}))) == [EntriesOutcome(1, 0)]


def test_a_push_of_a_device_that_was_deleted_meanwhile_is_refused_whole(storage, run, device, new_device):
    other, origin = new_device(), Origin(storage.epoch)
    assert run(pack_push(device, origin.pack([{"a": 1}])))[0].verdict is Verdict.STORE
    late = [pack_push(device, origin.pack([{"a": 2}])), entries_push(device, (5, {"new": 1}))]
    with storage.write() as write:
        write.delete_device(device.id, at_us=5)
    good = pack_push(other, Origin(storage.epoch).pack([{"a": 1}]))
    refused, refused_too, stored = run(*late, good)
    assert isinstance(refused, Unauthorized)
    assert isinstance(refused_too, Unauthorized)
    assert stored.verdict is Verdict.STORE
    assert len(commits_of(storage, device)) == 1
    assert storage.fields(device.id) == []
    with storage.write() as write:
        assert not write.clear_leaving(at_us=6, max_rows=1_000, max_bytes=10**9)
    assert isinstance(run(late[0])[0], Unauthorized)
    assert commits_of(storage, device) == []
