"""The port's contract: segments take the place of packs, and whoever asks for packs gets them as before."""

from __future__ import annotations

import sys
import time
import uuid
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.made import made_device, new_key
from tests.conformance.place import Place, go
from tests.conformance.repacking import (
    AT_US,
    all_packs,
    new_segment,
    one_commit,
    push,
    repack,
    segment_of,
    told,
)
from tests.server.segments.made import plans

from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.server.storage.segments import OpenPack

_END = 2**62
_history = st.lists(
    st.tuples(st.integers(0, 2), st.just("push"), plans)
    | st.tuples(st.integers(0, 2), st.just("repack"), st.integers(1, 60))
    | st.tuples(st.integers(0, 2), st.just("merge"), st.integers(1, 4))
    | st.tuples(st.integers(0, 2), st.just("extend"), st.integers(1, 20))
    | st.tuples(st.just(0), st.just("clear"), st.integers(1, 40)),
    max_size=14,
)


def _clear_all(storage: Storage) -> None:
    more = True
    while more:
        with storage.write() as write:
            more = write.clear_spent(max_rows=50)
    while storage.clear_contents(at_us=_END, limit=10):
        pass


def _made_deletion(device_id: uuid.UUID) -> Deletion:
    return Deletion(
        id=uuid.uuid4(),
        device_id=device_id,
        fields=None,
        start_us=0,
        end_us=9,
        arrival=9,
        value_count=1,
        reason="wrong",
        made_us=5,
        made_by="ada@example.org",
    )


class SegmentContract:
    # -- what is open ---------------------------------------------------------------------------------------

    def test_the_newest_pack_stays_open_and_is_not_offered(self, storage: Storage) -> None:
        key = new_key()
        assert storage.open_packs(key, limit=5) == []
        push(storage, key, [one_commit(1)])
        assert storage.open_packs(key, limit=5) == []
        assert key not in storage.origins_after(None, limit=10_000)
        push(storage, key, [one_commit(number) for number in range(2, 101)])
        found = storage.open_packs(key, limit=1_000)
        stored = storage.packs_after(key[0], 0, limit=1_000)
        names = OpenPack._fields[:-1]
        assert [one[:-1] for one in found] == [tuple(getattr(one, name) for name in names) for one in stored[:-1]]
        assert [one.payload_bytes for one in found] == [len(one.payload) for one in stored[:-1]]
        assert storage.open_packs(key, limit=70) == found[:70]
        assert key in storage.origins_after(None, limit=10_000)

    def test_all_origins_with_open_packs_are_gone_through(self, storage: Storage) -> None:
        device = uuid.uuid4()
        keys = sorted([(device, uuid.uuid4()) for _ in range(7)] + [new_key()])
        for place, key in enumerate(keys):
            push(storage, key, [one_commit(number) for number in range(1, (2, 40)[place % 2])])
        found: list[OriginKey] = []
        while some := storage.origins_after(found[-1] if found else None, limit=2):
            assert len(some) <= 2
            found += some
        assert sorted(found) == [key for place, key in enumerate(keys) if place % 2]

    # -- taking the place of packs ----------------------------------------------------------------------------

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(history=_history, asked=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=3))
    def test_packs_are_found_as_before_whatever_was_re_packed(
        self, storage: Storage, history: list[tuple], asked: list[tuple[int, int]]
    ) -> None:
        device = uuid.uuid4()
        keys = [(device, uuid.uuid4()) for _ in range(3)]
        packs: list[StoredPack] = []
        for which, what, detail in history:
            key = keys[which]
            if what == "push":
                push(storage, key, detail)
                newest = packs[-1].arrival if packs else 0
                packs += storage.packs_after(device, newest, limit=1_000)
            elif what == "repack" and storage.open_packs(key, limit=1):
                assert repack(storage, key, count=detail) is not None
            elif what == "merge" and storage.segment_heads(key):
                heads = storage.segment_heads(key)[detail // 2 :][:detail]
                assert not heads or repack(storage, key, ids=[head.id for head in heads]) is not None
            elif what == "extend" and storage.segment_heads(key) and storage.open_packs(key, limit=1):
                assert repack(storage, key, ids=[storage.segment_heads(key)[-1].id], count=detail) is not None
            elif what == "clear":
                with storage.write() as write:
                    write.clear_spent(max_rows=detail)
                storage.clear_contents(at_us=AT_US + _END // 4, limit=detail)
        for is_cleared in (False, True):
            if is_cleared:
                _clear_all(storage)
            _check_reads(storage, device, keys, packs, asked)

    def test_a_segment_stands_among_the_spans(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 201)])
        id_ = repack(storage, key, count=150)
        arrivals = [pack.arrival for pack in storage.packs_after(key[0], 0, limit=1_000)]
        spans = storage.spans(key[0], start_us=0, end_us=_END)
        assert [span.segment for span in spans] == [id_, *[None] * 50]
        assert (spans[0].arrival, spans[0].row_count) == (arrivals[149], 150)
        assert (spans[0].min_time_us, spans[0].max_time_us) == (1_000_000, 150_000_000)
        assert [span.arrival for span in spans[1:]] == arrivals[150:]
        assert storage.spans(key[0], start_us=0, end_us=1_000_000) == []
        assert storage.spans(key[0], start_us=150_000_000, end_us=150_000_001) == spans[:1]
        assert [span.segment for span in storage.spans(key[0], start_us=150_000_001, end_us=152_000_000)] == [None]
        assert storage.spans(uuid.uuid4(), start_us=0, end_us=_END) == []

    def test_a_segment_is_read_by_its_device_alone(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 9)])
        segment = new_segment(segment_of(storage, key, count=5))
        id_ = storage.put_segment(segment, honours=(), at_us=AT_US)
        assert id_ is not None
        (found,) = storage.segments(key[0], [id_])
        assert (found.id, found.summary, found.load_body()) == (id_, segment.summary, segment.body)
        assert list(storage.segments(uuid.uuid4(), [id_])) == []
        assert list(storage.segments(key[0], [id_ + 1_000])) == []
        (head,) = storage.segment_heads(key)
        assert (head.id, head.first, head.last, head.row_count, head.pack_count) == (id_, 1, 5, 5, 5)
        assert (head.min_time_us, head.max_time_us) == (1_000_000, 5_000_000)
        assert head.size_bytes == len(segment.summary) + len(segment.body)

    def test_a_pack_that_is_sent_once_more_is_known(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [[*one_commit(number), *one_commit(number)] for number in range(1, 30)])
        packs = storage.packs_after(key[0], 0, limit=100)
        repack(storage, key, count=20)
        _clear_all(storage)
        with storage.write() as write:
            for pack in packs:
                assert write.has_pack(key, first=pack.first, last=pack.last, hash=pack.hash)
                assert not write.has_pack(key, first=pack.first, last=pack.last, hash=bytes(32))
                assert not write.has_pack(key, first=pack.first, last=pack.last + 1, hash=pack.hash)
                assert not write.has_pack(key, first=pack.first + 1, last=pack.last, hash=pack.hash)
            assert not write.has_pack(new_key(), first=1, last=2, hash=packs[0].hash)
            assert write.marks([key])[key] == storage.mark(key)
            assert storage.mark(key).hash == packs[-1].hash

    def test_pushes_go_on_behind_segments(self, storage: Storage) -> None:
        key = new_key()
        for _ in range(5):
            begin = storage.mark(key).number + 1
            push(storage, key, [one_commit(number) for number in range(begin, begin + 45)])
            repack(storage, key, count=1_000)
        assert [one.arrival for one in storage.open_packs(key, limit=9)] == []
        assert [pack.first for pack in storage.packs_after(key[0], 0, limit=1_000)] == list(range(1, 226))
        assert len(storage.segment_heads(key)) == 5

    # -- what is refused -----------------------------------------------------------------------------------------

    def test_what_is_no_longer_as_it_was_is_left_alone(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 80)])
        before = all_packs(storage, key[0])
        early, later = new_segment(segment_of(storage, key, count=10)), new_segment(segment_of(storage, key, count=40))
        first = storage.put_segment(early, honours=(), at_us=AT_US)
        assert first is not None
        for wrong in (
            early,
            later,
            later._replace(first=12, first_arrival=early.last_arrival + 2),
            later._replace(first=11, last=90, last_arrival=later.last_arrival + 1_000),
        ):
            assert storage.put_segment(wrong, honours=(), at_us=AT_US) is None
        assert storage.put_segment(later, replaces=[first, first + 500], honours=(), at_us=AT_US) is None
        assert storage.put_segment(early, replaces=[first], honours=[uuid.uuid4()], at_us=AT_US) is None
        (head,) = storage.segment_heads(key)
        assert head.id == first
        assert all_packs(storage, key[0]) == before

    def test_the_newest_pack_is_not_taken(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 4)])
        segment = segment_of(storage, key, count=2)
        push(storage, key, [one_commit(4)])
        whole = segment_of(storage, key, count=3)
        with pytest.raises(AssertionError):
            assert storage.put_segment(
                new_segment(whole)._replace(last=4, last_arrival=whole.packs[-1].arrival + 1), honours=(), at_us=AT_US
            )
        assert storage.put_segment(new_segment(segment), honours=(), at_us=AT_US) is not None

    def test_a_deletion_made_or_undone_meanwhile_stops_it(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 10)])
        segment = new_segment(segment_of(storage, key, count=5))
        deletion = _made_deletion(key[0])
        with storage.write() as write:
            write.add_deletion(deletion)
        assert storage.put_segment(segment, honours=(), at_us=AT_US) is None
        with storage.write() as write:
            write.undo_deletion(key[0], deletion.id, at_us=7, by="ada@example.org")
        assert storage.put_segment(segment, honours=[deletion.id], at_us=AT_US) is None
        assert storage.put_segment(segment, honours=(), at_us=AT_US) is not None

    def test_what_was_erased_cannot_be_undone(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 10)])
        erased, kept = _made_deletion(key[0]), _made_deletion(key[0])
        with storage.write() as write:
            write.add_deletion(erased)
            write.add_deletion(kept)
        segment = new_segment(segment_of(storage, key, count=5))
        honours = [erased.id, kept.id]
        assert storage.put_segment(segment, honours=honours, erases=[erased.id], at_us=AT_US) is not None
        found = {one.id: one.erased_us for one in storage.deletions(key[0])}
        assert found == {erased.id: AT_US, kept.id: None}
        with storage.write() as write:
            assert not write.undo_deletion(key[0], erased.id, at_us=7, by="ada@example.org")
            assert write.undo_deletion(key[0], kept.id, at_us=7, by="ada@example.org")

    def test_nothing_is_stored_for_a_deleted_device(self, storage: Storage) -> None:
        device, origin = made_device(), uuid.uuid4()
        key = (device.id, origin)
        with storage.write() as write:
            write.add_device(device)
        push(storage, key, [one_commit(number) for number in range(1, 100)])
        repack(storage, key, count=20)
        segment = new_segment(segment_of(storage, key, count=20))
        with storage.write() as write:
            write.delete_device(device.id, at_us=AT_US)
        assert storage.put_segment(segment, honours=(), at_us=AT_US) is None
        more = True
        while more:
            with storage.write() as write:
                more = write.clear_leaving(at_us=AT_US, max_rows=9, max_bytes=100_000)
        _clear_all(storage)
        assert storage.segment_heads(key) == []
        assert storage.spans(device.id, start_us=0, end_us=_END) == []
        assert storage.packs_after(device.id, 0, limit=10) == []

    # -- what was replaced ----------------------------------------------------------------------------------------

    def test_a_segment_whose_place_was_taken_is_read_for_ten_minutes_more(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 30)])
        one, two = repack(storage, key, count=5), repack(storage, key, count=5)
        assert one is not None
        assert two is not None
        merged = repack(storage, key, ids=[one, two])
        assert [head.id for head in storage.segment_heads(key)] == [merged]
        minutes = 60_000_000
        assert not storage.clear_contents(at_us=AT_US + 9 * minutes, limit=5)
        assert [segment.id for segment in storage.segments(key[0], [one, two])] == [one, two]
        storage.clear_contents(at_us=AT_US + 11 * minutes, limit=5)
        assert list(storage.segments(key[0], [one, two])) == []
        (found,) = storage.segments(key[0], [merged or 0])
        assert found.load_body()

    # -- and the rest of the store -----------------------------------------------------------------------------------

    def test_segments_come_with_a_backup(self, place: Place, storage: Storage, tmp_path: Path) -> None:
        key = new_key()
        push(storage, key, [one_commit(number, number * 40 * 86_400_000_000) for number in range(1, 60)])
        for count in (7, 10, 20):
            repack(storage, key, count=count)
        repack(storage, key, ids=[head.id for head in storage.segment_heads(key)[:2]])
        before, spans = all_packs(storage, key[0]), storage.spans(key[0], start_us=0, end_us=_END)
        folder = tmp_path / "copy"
        folder.mkdir()
        said: list[tuple[int, int]] = []
        storage.backup(folder / "store.sqlite3", progress=lambda *now: said.append(now))
        assert [path.name for path in folder.iterdir()] == ["store.sqlite3"]
        assert said[-1][0] == said[-1][1]
        assert sorted(said) == said
        copy = Place(place.opener, str(folder)).open()
        try:
            assert all_packs(copy, key[0]) == before
            assert copy.spans(key[0], start_us=0, end_us=_END) == spans
            heads = copy.segment_heads(key)
            assert repack(copy, key, ids=[head.id for head in heads], count=5) is not None
            _clear_all(copy)
            assert all_packs(copy, key[0]) == before
        finally:
            copy.close()
        assert all_packs(storage, key[0]) == before

    def test_size_counts_what_is_in_segments(self, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [[(n, (("t", f"{uuid.uuid4()}" * 300),), None, 0, False)] for n in range(1, 40)])
        repack(storage, key, count=38)
        (head,) = storage.segment_heads(key)
        assert storage.size().total_bytes > head.size_bytes

    @pytest.mark.skipif(sys.platform == "win32", reason="no kill -9 there")
    def test_killed_anywhere_nothing_is_lost_or_doubled(self, place: Place, storage: Storage) -> None:
        key = new_key()
        push(storage, key, [one_commit(number) for number in range(1, 201)])
        before = all_packs(storage, key[0])
        for steps, wait_s in ((1, 0.0), (2, 0.004), (3, 0.013), (99, 0.0)):
            process = place.start(*key, file="repacking_process.py")
            go(process)
            assert process.stdout is not None
            for _ in range(steps):
                process.stdout.readline()
            time.sleep(wait_s)  # wherever that is
            process.kill()
            process.communicate()
            storage.clear_contents(at_us=AT_US, limit=100, is_starting=True)
            assert all_packs(storage, key[0]) == before
        covered = [(head.first, head.last) for head in storage.segment_heads(key)]
        assert all(one[1] + 1 == two[0] for one, two in pairwise(covered))
        assert (covered[0][0], covered[-1][1]) == (1, 199)


def _check_reads(
    storage: Storage, device: uuid.UUID, keys: list[OriginKey], packs: list[StoredPack], asked: list[tuple[int, int]]
) -> None:
    """Compare every way to find packs with a list of them."""
    expected = [told(pack) for pack in packs]
    arrivals = [pack.arrival for pack in packs]
    assert all_packs(storage, device) == expected
    assert [told(pack) for pack in storage.packs(device, arrivals[::-1])] == expected[::-1]
    places = [0, *arrivals[::5], *arrivals[-1:]]
    heads = [(pack.arrival, pack.origin, pack.first, pack.last) for pack in packs]
    for place in places:
        after = [told(pack) for pack in storage.packs_after(device, place, limit=7)]
        assert after == [told(pack) for pack in packs if pack.arrival > place][:7]
        for origin in (None, keys[0][1]):
            mine = [head for head in heads if origin in {None, head[1]}]
            found = storage.heads_after(device, place, origin=origin, limit=7)
            assert [tuple(head) for head in found] == [head for head in mine if head[0] > place][:7]
            found = storage.heads_before(device, place, origin=origin, limit=7)
            assert [tuple(head) for head in found] == [head for head in mine if head[0] < place][::-1][:7]
    for pack in packs:
        key = (device, pack.origin)
        for number in {pack.first, pack.last}:
            holding = storage.pack_holding(key, number)
            assert holding is not None
            assert told(holding) == told(pack)
    for key in keys:
        last = max((pack.last for pack in packs if pack.origin == key[1]), default=0)
        assert storage.mark(key).number == last
        assert storage.pack_holding(key, last + 1) is None
    for start_us, end_us in [(-_END, _END), *asked]:
        _check_spans(storage, device, packs, start_us, end_us)
        for limit in (1, 5, 1_000):
            spans = storage.last_spans(device, end_us=end_us, limit=limit)
            reaching = sorted((p.max_time_us for p in packs if p.row_count and p.min_time_us < end_us), reverse=True)
            assert [span.max_time_us for span in spans] == reaching[:limit]


def _check_spans(storage: Storage, device: uuid.UUID, packs: list[StoredPack], start_us: int, end_us: int) -> None:
    spans = storage.spans(device, start_us=start_us, end_us=end_us)
    assert [(span.min_time_us, span.arrival) for span in spans] == sorted(
        (span.min_time_us, span.arrival) for span in spans
    )
    alone = {span.arrival for span in spans if span.segment is None}
    covered: set[int] = set()
    for key in {(device, pack.origin) for pack in packs}:
        for head in storage.segment_heads(key):
            mine = [p for p in packs if p.origin == key[1] and head.first_arrival <= p.arrival <= head.last_arrival]
            assert (head.pack_count, head.row_count) == (len(mine), sum(pack.row_count for pack in mine))
            if any(span.segment == head.id for span in spans):
                covered |= {pack.arrival for pack in mine}
            elif head.row_count:
                assert head.max_time_us < start_us or head.min_time_us >= end_us
    assert not alone & covered
    touching = {p.arrival for p in packs if p.row_count and p.max_time_us >= start_us and p.min_time_us < end_us}
    assert touching <= alone | covered
    assert alone <= touching
