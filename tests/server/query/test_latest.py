from __future__ import annotations

import threading
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import ORIGINS, Row, exact, new_device, pack_lists, put, rows_of_packs, stored_pack, values

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.query import latest, span_tables
from nikdev_iot.server.query.decode import decode_table
from nikdev_iot.server.query.latest import LatestReader, LatestValue, newest_of, pack_snapshot, unpack_snapshot
from nikdev_iot.server.storage.records import LatestSnapshot
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits


def reference(rows: list[Row]) -> dict:
    """The newest value of each field: the last in order."""
    return {name: (*row.place, *exact(value)) for row in rows for name, value in row.values.items()}


def listed(newest) -> dict:
    return {name: (*found.place, *exact(found.value)) for name, found in newest.items()}


@settings(max_examples=60, deadline=None)
@given(pack_lists(), st.integers(0, 6), st.booleans())
def test_the_newest_value_has_the_highest_time_origin_and_number(storage, packs, first, has_looked):
    device_id = new_device(storage, packs[:first])
    reader = LatestReader(storage)
    if has_looked:
        assert listed(reader.newest(device_id)) == reference(rows_of_packs(packs[:first]))
    put(storage, device_id, packs[first:])
    expected = reference(rows_of_packs(packs))
    assert listed(reader.newest(device_id)) == expected
    assert listed(reader.newest(device_id)) == expected
    assert listed(LatestReader(storage).newest(device_id)) == expected


@settings(max_examples=40, deadline=None)
@given(pack_lists(), st.integers(14, 60), st.integers(0, 60), st.booleans())
def test_many_packs_are_leapt_over(storage, packs, count, first, is_filler_late):
    filler = [
        pack_from_commits(uuid.UUID(int=99), [Commit(n + 1, n - 20, (("a" if n % 3 else "z", n),))], parent=NO_PACK)
        for n in range(count)
    ]
    packs = [*packs, *filler] if is_filler_late else [*filler, *packs]
    device_id = new_device(storage, packs[:first])
    reader = LatestReader(storage)
    assert listed(reader.newest(device_id)) == reference(rows_of_packs(packs[:first]))
    put(storage, device_id, packs[first:])
    assert listed(reader.newest(device_id)) == reference(rows_of_packs(packs))


def long_history(storage, count):
    packs = [pack_from_commits(ORIGINS[0], [Commit(n + 1, n, (("a", n),))], parent=NO_PACK) for n in range(count)]
    return new_device(storage, packs)


def test_a_snapshot_saves_the_next_reader_from_opening_old_packs(storage, monkeypatch):
    device_id = long_history(storage, latest.SNAPSHOT_PACKS)
    assert LatestReader(storage).newest(device_id)["a"].value == latest.SNAPSHOT_PACKS - 1
    kept = storage.latest(device_id)
    assert kept is not None
    monkeypatch.setattr(latest, "decode_table", None)
    monkeypatch.setattr(span_tables, "decode_table", None)
    assert LatestReader(storage).newest(device_id)["a"].value == latest.SNAPSHOT_PACKS - 1


def test_few_packs_are_worth_no_snapshot(storage):
    device_id = long_history(storage, latest.SNAPSHOT_PACKS - 1)
    LatestReader(storage).newest(device_id)
    assert storage.latest(device_id) is None


def test_a_first_look_at_a_long_history_opens_no_more_than_it_needs(storage, monkeypatch):
    device_id = long_history(storage, 300)
    opened = []

    def counting(stored):
        opened.append(stored.arrival)
        return decode_table(stored)

    monkeypatch.setattr(span_tables, "decode_table", counting)
    assert LatestReader(storage).newest(device_id)["a"].value == 299
    assert len(opened) == 1


def test_a_snapshot_of_another_version_is_made_anew(storage):
    device_id = long_history(storage, 3)
    with storage.write() as write:
        write.put_latest(device_id, LatestSnapshot(arrival=10**12, content=b"\x92\x09\x90"))
    assert LatestReader(storage).newest(device_id)["a"].value == 2


def test_only_so_many_devices_are_remembered(storage):
    reader = LatestReader(storage, max_devices=3)
    devices = [long_history(storage, 1) for _ in range(5)]
    for _ in range(2):
        assert all(reader.newest(device_id)["a"].value == 0 for device_id in devices)
    assert len(reader._states) == 3


def test_readers_in_several_threads_agree(storage):
    device_id = long_history(storage, 100)
    reader = LatestReader(storage)
    found: list = []
    threads = [threading.Thread(target=lambda: found.append(reader.newest(device_id)["a"].value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [99] * 8


@given(st.dictionaries(st.text(max_size=5), values))
def test_a_snapshot_keeps_kinds(found):
    newest = {name: LatestValue(-5, ORIGINS[2], 2**63 - 1, value) for name, value in found.items()}
    again = unpack_snapshot(pack_snapshot(newest))
    assert again is not None
    assert listed(again[0]) == listed(newest)
    assert again[1] == frozenset()
    honoured = frozenset({uuid.UUID(int=3), uuid.UUID(int=9)})
    assert unpack_snapshot(pack_snapshot(newest, honoured)) == (again[0], honoured)


@given(st.binary(max_size=40))
def test_anything_else_is_no_snapshot(content):
    assert not unpack_snapshot(content)


def test_the_newest_of_some_fields():
    commits = [Commit(1, 5, (("a", 1), ("b", 1))), Commit(2, 3, (("a", 2),)), Commit(3, 5, (("a", "x"),))]
    table = decode_table(stored_pack(pack_from_commits(ORIGINS[0], commits, parent=NO_PACK), ORIGINS[0]))
    assert newest_of(table, ["a", "c"]) == {"a": LatestValue(5, ORIGINS[0], 3, "x")}
    assert set(newest_of(table)) == {"a", "b"}


def test_of_packs_that_end_at_one_time_all_are_looked_at(storage):
    filler = [pack_from_commits(ORIGINS[1], [Commit(n + 1, n, (("a", n),))], parent=NO_PACK) for n in range(20)]
    tied = [
        pack_from_commits(origin, [Commit(1, 100, (("a", text),))], parent=NO_PACK)
        for origin, text in ((ORIGINS[0], "lower"), (ORIGINS[2], "higher"))
    ]
    assert LatestReader(storage).newest(new_device(storage, [*filler, *tied]))["a"].value == "higher"
    assert LatestReader(storage).newest(new_device(storage, [*filler, *tied[::-1]]))["a"].value == "higher"
