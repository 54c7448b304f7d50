"""The port's contract: packs, marks, entry keys, fields that pushes bring, last values."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.made import hash_of, made_pack, new_key

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import INT64_MAX, Kind
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Field, LatestSnapshot, NewField, PackSpan, StoredPack
from nikdev_iot.wire.marks import Mark

_times = st.one_of(st.integers(0, 50), st.integers(-(10**13), 10**13), st.sampled_from([MIN_TIME_US, 0, MAX_TIME_US]))
_packs = st.lists(
    st.tuples(
        st.integers(0, 2),  # which origin
        st.integers(1, 4),  # how many numbers it covers
        st.booleans(),  # whether it has rows
        _times,
        _times,
        st.booleans(),  # whether its transaction ends with it
    ),
    max_size=120,
)


class PackContract:
    # -- marks --------------------------------------------------------------------------------------------

    def test_nothing_stored_is_the_empty_mark(self, storage: Storage) -> None:
        one, two = new_key(), new_key()
        assert storage.mark(one) == Mark()
        with storage.write() as write:
            assert write.marks([one, two]) == {one: Mark(), two: Mark()}
        assert storage.spans(one[0], start_us=0, end_us=2**62) == []
        assert storage.packs_after(one[0], 0, limit=10) == []
        assert storage.pack_holding(one, 1) is None
        assert storage.latest(one[0]) is None

    def test_marks_belong_to_device_and_origin(self, storage: Storage) -> None:
        device, origin = new_key()
        other = (uuid.uuid4(), origin)
        with storage.write() as write:
            write.put_packs([made_pack((device, origin), 1, 7)])
        assert storage.mark((device, origin)).number == 7
        assert storage.mark(other) == Mark()
        assert storage.pack_holding(other, 1) is None

    def test_marks_move_to_the_last_pack_and_are_seen_inside(self, storage: Storage) -> None:
        one, two = new_key(), new_key()
        with storage.write() as write:
            assert write.marks([one])[one] == Mark()
            write.put_packs([made_pack(one, 1, 3), made_pack(two, 1), made_pack(one, 4, 9)])
            assert write.marks([one, two]) == {
                one: Mark(9, made_pack(one, 4, 9).hash),
                two: Mark(1, made_pack(two, 1).hash),
            }
            assert write.has_pack(one, first=4, last=9, hash=made_pack(one, 4, 9).hash)
        assert storage.mark(one) == Mark(9, made_pack(one, 4, 9).hash)

    def test_numbers_reach_to_the_end_of_int64(self, storage: Storage) -> None:
        key = new_key()
        pack = made_pack(key, 1, INT64_MAX, row_count=0, min_time_us=0, max_time_us=0)
        with storage.write() as write:
            write.put_packs([pack])
        assert storage.mark(key) == Mark(INT64_MAX, pack.hash)
        found = storage.pack_holding(key, INT64_MAX)
        assert found is not None
        assert (found.first, found.last) == (1, INT64_MAX)

    def test_has_pack_is_exact(self, storage: Storage) -> None:
        key = new_key()
        with storage.write() as write:
            write.put_packs([made_pack(key, 1, 3), made_pack(key, 4, 6)])
        right = made_pack(key, 4, 6).hash
        with storage.write() as write:
            assert write.has_pack(key, first=4, last=6, hash=right)
            assert not write.has_pack(key, first=4, last=6, hash=hash_of("other"))
            assert not write.has_pack(key, first=1, last=6, hash=right)
            assert not write.has_pack(key, first=4, last=5, hash=right)
            assert not write.has_pack(key, first=4, last=7, hash=right)
            assert not write.has_pack(key, first=7, last=9, hash=right)
            assert not write.has_pack(new_key(), first=4, last=6, hash=right)

    # -- packs --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("payload", [b"", b"\0\xff" * 10, b"x" * 1_000_000], ids=["empty", "small", "large"])
    def test_a_pack_comes_back_as_it_was(self, storage: Storage, payload: bytes) -> None:
        key = new_key()
        pack = made_pack(key, 1, 5, payload=payload, clock_offset_us=None, key_id=None, parent=hash_of("parent"))
        other = made_pack(key, 6, clock_offset_us=-(10**15), codec=0, min_time_us=MIN_TIME_US, max_time_us=MAX_TIME_US)
        with storage.write() as write:
            write.put_packs([pack, other])
        found = storage.packs_after(key[0], 0, limit=10)
        assert [_stripped(one) for one in found] == [pack, other]
        assert storage.pack_holding(key, 3) == found[0]
        assert list(storage.packs(key[0], [found[1].arrival, found[0].arrival])) == [found[1], found[0]]

    def test_another_devices_packs_are_not_there(self, storage: Storage) -> None:
        one, two = new_key(), new_key()
        with storage.write() as write:
            write.put_packs([made_pack(one, 1), made_pack(two, 1)])
        arrivals = [pack.arrival for key in (one, two) for pack in storage.packs_after(key[0], 0, limit=10)]
        assert len(arrivals) == 2
        assert [pack.device_id for pack in storage.packs(one[0], arrivals)] == [one[0]]
        assert list(storage.packs(one[0], [])) == []
        assert len(storage.spans(one[0], start_us=0, end_us=2**62)) == 1

    def test_arrivals_ascend_over_transactions_and_origins(self, storage: Storage) -> None:
        device = uuid.uuid4()
        origins = [uuid.uuid4() for _ in range(3)]
        seen = 0
        for number in range(1, 41):
            with storage.write() as write:
                write.put_packs([made_pack((device, origin), number) for origin in origins])
            new = storage.packs_after(device, seen, limit=100)
            assert [pack.origin for pack in new] == origins
            assert all(pack.first == number for pack in new)
            assert new[0].arrival > seen
            seen = new[-1].arrival

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(plan=_packs, asked=st.lists(st.tuples(_times, _times), max_size=6), limit=st.integers(1, 90))
    def test_all_ways_to_find_packs_agree_with_a_list(
        self,
        storage: Storage,
        plan: list[tuple[int, int, bool, int, int, bool]],
        asked: list[tuple[int, int]],
        limit: int,
    ) -> None:
        device = uuid.uuid4()
        origins = [uuid.uuid4() for _ in range(3)]
        stored, transaction = [], []
        marks = [0, 0, 0]
        for which, count, has_rows, one, two, ends in plan:
            key = (device, origins[which])
            low, high = (min(one, two), max(one, two)) if has_rows else (0, 0)
            pack = made_pack(
                key,
                marks[which] + 1,
                marks[which] + count,
                row_count=count if has_rows else 0,
                min_time_us=low,
                max_time_us=high,
            )
            marks[which] += count
            transaction.append(pack)
            if ends:
                with storage.write() as write:
                    write.put_packs(transaction)
                stored += transaction
                transaction = []

        found = storage.packs_after(device, 0, limit=len(plan) + 1)
        assert [_stripped(pack) for pack in found] == stored
        arrivals = [pack.arrival for pack in found]
        assert arrivals == sorted(set(arrivals))
        for after in {0, *arrivals[::7], *arrivals[-2:]}:
            expected = [pack for pack in found if pack.arrival > after][:limit]
            assert storage.packs_after(device, after, limit=limit) == expected
        for start_us, end_us in [*asked, (MIN_TIME_US, MAX_TIME_US + 1)]:
            assert storage.spans(device, start_us=start_us, end_us=end_us) == sorted(
                (
                    PackSpan(
                        arrival=pack.arrival,
                        row_count=pack.row_count,
                        min_time_us=pack.min_time_us,
                        max_time_us=pack.max_time_us,
                    )
                    for pack in found
                    if pack.row_count and start_us <= pack.max_time_us and pack.min_time_us < end_us
                ),
                key=lambda span: (span.min_time_us, span.arrival),
            )
        by_number = {(pack.origin, number): pack for pack in found for number in range(pack.first, pack.last + 1)}
        for which, origin in enumerate(origins):
            for number in range(marks[which] + 2):
                assert storage.pack_holding((device, origin), number) == by_number.get((origin, number))
        mixed = arrivals[::-2] + arrivals[::3]
        assert [pack.arrival for pack in storage.packs(device, mixed)] == mixed

    # -- entries of JSON v1 ---------------------------------------------------------------------------------

    def test_entry_keys_are_remembered_per_device(self, storage: Storage) -> None:
        one, two = uuid.uuid4(), uuid.uuid4()
        keys = [hash_of(number)[:16] for number in range(700)]
        ones, twos = [(one, key) for key in keys], [(two, key) for key in keys]
        with storage.write() as write:
            write.remember_entries(ones[:400], at_us=100)
            assert write.seen_entries([*ones, *twos]) == set(ones[:400])
            assert write.seen_entries(twos) == set()
            assert write.seen_entries([]) == set()
        with storage.write() as write:
            write.remember_entries([*twos[:3], *ones], at_us=200)
            assert write.seen_entries([*twos, *ones]) == {*twos[:3], *ones}

    def test_entry_keys_are_forgotten_oldest_first_and_a_few_at_a_time(self, storage: Storage) -> None:
        device = uuid.uuid4()
        keys = [(device, hash_of(number)[:16]) for number in range(30)]
        with storage.write() as write:
            for at_us, key in enumerate(keys):
                write.remember_entries([key], at_us=at_us)
            write.remember_entries([keys[0]], at_us=100)  # renewed
            assert write.forget_entries(before_us=20, limit=5) == 5
            assert write.seen_entries(keys) == {keys[0], *keys[6:]}
            assert write.forget_entries(before_us=20, limit=100) == 14
            assert write.forget_entries(before_us=20, limit=100) == 0
            assert write.seen_entries(keys) == {keys[0], *keys[20:]}

    # -- fields and last values -------------------------------------------------------------------------------

    def test_add_fields_makes_fields_and_gathers_their_kinds(self, storage: Storage) -> None:
        device = uuid.uuid4()
        with storage.write() as write:
            write.add_fields([], at_us=1)
            write.add_fields([NewField(device_id=device, field_id="b", kind=Kind.FLOAT)], at_us=5)
            write.add_fields(
                [
                    NewField(device_id=device, field_id="b", kind=Kind.TEXT),
                    NewField(device_id=device, field_id="a", kind=Kind.INT),
                    NewField(device_id=device, field_id="b", kind=Kind.TEXT),
                    NewField(device_id=uuid.uuid4(), field_id="c", kind=Kind.BOOL),
                ],
                at_us=9,
            )
        assert storage.fields(device) == [
            Field(device_id=device, field_id="b", kinds=frozenset({Kind.FLOAT, Kind.TEXT}), created_us=5),
            Field(device_id=device, field_id="a", kinds=frozenset({Kind.INT}), created_us=9),
        ]

    def test_the_latest_snapshot_never_goes_back(self, storage: Storage) -> None:
        device = uuid.uuid4()
        for arrival, content, kept in [(5, b"five", b"five"), (4, b"four", b"five"), (5, b"5", b"5"), (6, b"", b"")]:
            with storage.write() as write:
                write.put_latest(device, LatestSnapshot(arrival=arrival, content=content))
            found = storage.latest(device)
            assert found is not None
            assert found.content == kept
        assert storage.latest(uuid.uuid4()) is None


def _stripped(pack: StoredPack) -> StoredPack:
    """Return the pack as it was before the store gave it its arrival."""
    return pack._replace(arrival=0)
