from __future__ import annotations

import itertools
import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.deleting import left, made_deletion, scopes
from tests.server.query.made import ORIGINS, new_device, pack_lists, put, rows_of_pack

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.query.deletions import MAX_REASON_CHARS, Deletions, Scope
from nikdev_iot.server.query.series import GivenUp
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits

SCOPE = Scope(start_us=0, end_us=100)


def deletions_of(storage):
    clock = itertools.count(1_000)
    return Deletions(storage, now_us=lambda: next(clock))


def device_with(storage, *rows, origin=ORIGINS[0]):
    commits = [Commit(n + 1, time_us, tuple(values.items())) for n, (time_us, values) in enumerate(rows)]
    return new_device(storage, [pack_from_commits(origin, commits, parent=NO_PACK)])


def count(rows):
    return sum(len(row.values) for row in rows)


@settings(max_examples=80, deadline=None)
@given(pack_lists(), st.lists(scopes(), min_size=1, max_size=4), st.data())
def test_the_count_is_exact(storage, packs, made, data):
    device_id = new_device(storage, packs)
    use = deletions_of(storage)
    arrivals = [pack.arrival for pack in storage.packs_after(device_id, 0, limit=100)]
    rows = [(a, row) for a, pack in zip(arrivals, packs, strict=True) for row in rows_of_pack(pack)]
    done = []
    for wanted in made:
        if wanted["start_us"] == wanted["end_us"]:
            continue
        scope = Scope(**wanted)
        arrival = data.draw(st.sampled_from([None, 0, *arrivals]), label="arrival")
        deletion = made_deletion(device_id, arrival=2**62 if arrival is None else arrival, **wanted)
        expected = count(left(rows, done)) - count(left(rows, [*done, deletion]))
        preview = use.preview(device_id, scope, arrival=arrival)
        assert preview.value_count == expected
        assert all(preview.counts.values())
        if not expected:
            with pytest.raises(Invalid, match="no value"):
                use.make(device_id, scope, reason="x", by="ada", arrival=arrival)
            continue
        record = use.make(device_id, scope, reason="x", by="ada", arrival=arrival, expected=expected)
        assert record.value_count == expected
        done.append(record)
    assert storage.deletions(device_id) == done
    assert use.all(device_id) == done[::-1]


def test_counting_ends_when_nobody_waits_for_it(storage):
    device_id = device_with(storage, (10, {"a": 1}), (20, {"a": 2}), (30, {"a": 3}))
    asked = itertools.count(1)
    with pytest.raises(GivenUp):
        deletions_of(storage).preview(device_id, SCOPE, is_wanted=lambda: next(asked) < 1)
    assert next(asked) == 2


def test_a_deletion_says_who_when_what_and_why(storage):
    device_id = device_with(storage, (10, {"a": 1, "b": 2}), (20, {"a": 3}))
    use = deletions_of(storage)
    scope = Scope(fields=("a",), start_us=10, end_us=20)
    assert use.preview(device_id, scope).counts == {"a": 1}
    record = use.make(device_id, scope, reason="  the sensor\n was wet ", by="ada@example.org")
    assert (record.reason, record.made_by, record.made_us) == ("the sensor was wet", "ada@example.org", 1_000)
    assert (record.fields, record.start_us, record.end_us, record.value_count) == (("a",), 10, 20, 1)
    undone = use.undo(device_id, record.id, by="bob@example.org")
    assert undone == replace(record, undone_us=1_001, undone_by="bob@example.org")
    with pytest.raises(Conflict, match=r"before, by bob@example\.org"):
        use.undo(device_id, record.id, by="eve@example.org")
    for other in ((device_id, uuid.uuid4()), (uuid.uuid4(), record.id)):
        with pytest.raises(NotFound):
            use.undo(*other, by="eve@example.org")


def test_what_came_after_the_question_is_neither_counted_nor_hidden(storage):
    device_id = device_with(storage, (10, {"a": 1}))
    use = deletions_of(storage)
    asked = use.preview(device_id, SCOPE)
    put(storage, device_id, [pack_from_commits(ORIGINS[1], [Commit(1, 11, (("a", 2),))], parent=NO_PACK)])
    assert use.preview(device_id, SCOPE).value_count == 2
    record = use.make(device_id, SCOPE, reason="x", by="ada", arrival=asked.arrival, expected=asked.value_count)
    assert record.value_count == 1
    assert use.preview(device_id, SCOPE).value_count == 1


def test_nobody_names_an_arrival_that_is_yet_to_come(storage):
    device_id = device_with(storage, (10, {"a": 1}))
    use = deletions_of(storage)
    record = use.make(device_id, SCOPE, reason="x", by="ada", arrival=2**62)
    put(storage, device_id, [pack_from_commits(ORIGINS[1], [Commit(1, 11, (("a", 2),))], parent=NO_PACK)])
    assert use.preview(device_id, SCOPE).value_count == 1
    assert record.arrival < 2**62


def test_another_number_than_the_one_confirmed_is_refused(storage):
    device_id = device_with(storage, (10, {"a": 1}), (20, {"a": 2}))
    use = deletions_of(storage)
    use.make(device_id, Scope(start_us=10, end_us=11), reason="x", by="bob")
    with pytest.raises(Conflict, match="1 values now; when you were asked, there were 2"):
        use.make(device_id, SCOPE, reason="x", by="ada", expected=2)
    assert len(storage.deletions(device_id)) == 1


def test_a_deletion_made_at_the_same_moment_is_noticed(storage):
    device_id = device_with(storage, (10, {"a": 1}), (20, {"a": 2}))
    others = deletions_of(storage)

    class Slow(Deletions):
        def preview(self, *args, **options):
            found = super().preview(*args, **options)
            others.make(device_id, Scope(start_us=10, end_us=11), reason="x", by="bob")
            return found

    with pytest.raises(Conflict, match="same moment"):
        Slow(storage, now_us=lambda: 5).make(device_id, SCOPE, reason="x", by="ada")
    assert [one.made_by for one in storage.deletions(device_id)] == ["bob"]


def test_a_device_that_was_deleted_takes_no_more(storage):
    device_id = device_with(storage, (10, {"a": 1}))
    with storage.write() as write:
        write.delete_device(device_id, at_us=5)
    with pytest.raises(NotFound, match="was deleted"):
        deletions_of(storage).make(device_id, SCOPE, reason="x", by="ada")
    assert storage.deletions(device_id) == []


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (Scope(start_us=5, end_us=5), "end: lies before"),
        (Scope(start_us=5, end_us=4), "end: lies before"),
        (Scope(start_us=MIN_TIME_US - 1, end_us=4), "start: "),
        (Scope(start_us=5, end_us=MAX_TIME_US + 2), "end: "),
        (Scope(start_us=5, end_us=9, fields=()), "fields: choose"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(storage, scope, message):
    with pytest.raises(Invalid, match=message):
        deletions_of(storage).preview(uuid.uuid4(), scope)


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * (MAX_REASON_CHARS + 1)])
def test_a_reason_is_needed(storage, reason):
    device_id = device_with(storage, (10, {"a": 1}))
    with pytest.raises(Invalid, match="reason: "):
        deletions_of(storage).make(device_id, SCOPE, reason=reason, by="ada")
    assert storage.deletions(device_id) == []
