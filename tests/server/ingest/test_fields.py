from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.values import Kind
from nikdev_iot.server.ingest.fields import FieldsRefused, KnownFields
from nikdev_iot.server.storage.records import Device, Field, NewField

DEVICE = Device(id=uuid.UUID(int=1), account_id=uuid.UUID(int=2), name="a", created_us=0)
CLOSED = Device(id=uuid.UUID(int=3), account_id=uuid.UUID(int=2), name="b", created_us=0, accepts_new_fields=False)
F, I, T = Kind.FLOAT, Kind.INT, Kind.TEXT  # noqa: E741 - kinds


class Store:
    """What a store keeps of fields; counts how often it is read."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[uuid.UUID, str], set[Kind]] = {}
        self.reads = 0

    def add(self, new: list[NewField]) -> None:
        for field in new:
            self.kinds.setdefault((field.device_id, field.field_id), set()).add(field.kind)

    def load(self, device_id: uuid.UUID) -> list[Field]:
        self.reads += 1
        return [
            Field(device_id=device, field_id=field_id, kinds=frozenset(kinds), created_us=0)
            for (device, field_id), kinds in self.kinds.items()
            if device == device_id
        ]


def admit(known: KnownFields, *pairs, device: Device = DEVICE):
    found = known.admit(device, pairs, frozenset(pairs))
    return found if isinstance(found, FieldsRefused) else [(new.field_id, new.kind) for new in found]


def test_new_fields_and_new_kinds_are_made_once():
    store = Store()
    known = KnownFields(store.load, limit=10)
    assert admit(known, ("a", F), ("b", I)) == [("a", F), ("b", I)]
    assert admit(known, ("a", F), ("a", T)) == [("a", T)]  # of the same group
    known.settle(stored=True)
    store.reads = 0
    assert admit(known, ("a", F), ("b", I), ("a", T)) == []
    assert store.reads == 0


def test_a_group_that_failed_leaves_nothing_behind():
    store = Store()
    known = KnownFields(store.load, limit=10)
    admit(known, ("a", F))
    known.settle(stored=False)
    assert admit(known, ("a", F)) == [("a", F)]


def test_the_limit_names_the_fields_that_have_no_room():
    store = Store()
    known = KnownFields(store.load, limit=2)
    refused = admit(known, ("a", F), ("b", F), ("c", F), ("d", I))
    assert refused == FieldsRefused(("c", "d"), "a device has at most 2 fields")
    assert admit(known, ("a", F), ("b", F)) == [("a", F), ("b", F)]
    store.add([NewField(device_id=DEVICE.id, field_id=field_id, kind=F) for field_id in "ab"])
    known.settle(stored=True)
    assert admit(known, ("a", T)) == [("a", T)], "a new kind is no new field"
    assert isinstance(admit(known, ("c", F)), FieldsRefused)


def test_the_limit_counts_what_the_group_has_added():
    known = KnownFields(Store().load, limit=2)
    assert admit(known, ("a", F)) == [("a", F)]
    assert admit(known, ("b", F)) == [("b", F)]
    assert isinstance(admit(known, ("c", F)), FieldsRefused)


def test_a_device_may_take_no_new_fields():
    store = Store()
    known = KnownFields(store.load, limit=10)
    assert admit(known, ("a", F), device=CLOSED) == FieldsRefused(("a",), "this device takes no new fields")
    store.add([NewField(device_id=CLOSED.id, field_id="a", kind=I)])  # made by hand, meanwhile
    assert admit(known, ("a", F), device=CLOSED) == [("a", F)]
    assert admit(known, ("a", F), ("b", F), device=CLOSED) == FieldsRefused(("b",), "this device takes no new fields")


def test_devices_do_not_share_fields():
    known = KnownFields(Store().load, limit=1)
    assert admit(known, ("a", F)) == [("a", F)]
    known.settle(stored=True)
    assert admit(known, ("b", F), device=CLOSED) == FieldsRefused(("b",), "this device takes no new fields")


def test_memory_follows_the_devices_of_late():
    store = Store()
    known = KnownFields(store.load, limit=10, max_devices=3)
    for number in range(50):
        device = Device(id=uuid.UUID(int=100 + number), account_id=uuid.UUID(int=2), name="c", created_us=0)
        found = known.admit(device, [("a", F)], frozenset([("a", F)]))
        assert isinstance(found, list)
        store.add(found)
        known.settle(stored=True)
    assert len(known._known) <= 3


kinds = st.sampled_from(list(Kind))
pushes = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("abcdef"), kinds), min_size=1, max_size=4, unique=True), st.booleans()
    ),
    max_size=20,
)


@given(pushes, st.integers(1, 5))
def test_the_store_never_has_more_fields_than_the_limit_and_all_that_was_admitted(pushed, limit):
    store = Store()
    known = KnownFields(store.load, limit=limit)
    for pairs, stored in pushed:
        before = {field_id for _, field_id in store.kinds}
        found = known.admit(DEVICE, pairs, frozenset(pairs))
        if isinstance(found, FieldsRefused):
            assert len(before | {field_id for field_id, _ in pairs}) > limit
            assert set(found.field_ids).isdisjoint(before)
            assert len(found.field_ids) == len(before | {field_id for field_id, _ in pairs}) - limit
        elif stored:
            store.add(found)
            assert all(kind in store.kinds[DEVICE.id, field_id] for field_id, kind in pairs)
        known.settle(stored=stored)
        assert len(store.kinds) <= limit
