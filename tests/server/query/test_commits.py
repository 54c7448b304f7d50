from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.deleting import delete, made_deletion, undo
from tests.server.query.made import ORIGINS, new_device, pack_lists, put

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.commits import CommitLog, LogCommit, LogGap, LogPlace
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits


def log_of(packs):
    """The whole log, the newest first: (origin, number, time) or (origin, first, last, reason)."""
    items = []
    for pack in packs:
        found = [(c.number, (pack.origin, c.number, c.effective_time_us)) for c in pack.commits()]
        found += [(gap.last, (pack.origin, gap.first, gap.last, gap.reason)) for gap in pack.gaps]
        items += [item for _, item in sorted(found)]
    return items[::-1]


def described(item):
    if isinstance(item, LogGap):
        return item.origin, item.first, item.last, item.reason
    return item.origin, item.number, item.time_us


def walk_down(log, device_id, **options):
    page = log.page(device_id, **options)
    assert page.newer is None
    pages = [page]
    while page.older is not None:
        page = log.page(device_id, before=LogPlace.from_text(page.older.to_text()), **options)
        pages.append(page)
    return pages


@settings(max_examples=80, deadline=None)
@given(pack_lists(), st.integers(1, 7), st.none() | st.sampled_from(ORIGINS))
def test_pages_hold_everything_once_and_in_order_both_ways(storage, packs, limit, origin):
    device_id = new_device(storage, packs)
    log = CommitLog(storage)
    expected = [item for item in log_of(packs) if origin in {None, item[0]}]
    pages = walk_down(log, device_id, limit=limit, origin=origin)
    assert [described(item) for page in pages for item in page.items] == expected
    places = [item.place for page in pages for item in page.items]
    assert places == sorted(places, reverse=True)
    assert all(len(page.items) == limit for page in pages[:-1])
    page = pages[-1]
    up = [page]
    while page.newer is not None:
        page = log.page(device_id, after=LogPlace.from_text(page.newer.to_text()), limit=limit, origin=origin)
        assert page.older is not None
        up.append(page)
    assert [described(item) for page in reversed(up) for item in page.items] == expected
    for one in expected:
        found = log.item(device_id, one[0], one[1])
        assert found is not None
        assert described(found) == one


@settings(max_examples=80, deadline=None)
@given(pack_lists(), st.integers(-6, 14) | st.sampled_from([-(10**7), 10**7, 500]))
def test_a_time_leads_to_the_last_commit_up_to_it(storage, packs, time_us):
    device_id = new_device(storage, packs)
    log = CommitLog(storage)
    rows = sorted((c.effective_time_us, p.origin, c.number) for p in packs for c in p.commits())
    expected = [row for row in rows if row[0] <= time_us]
    place = log.place_of(device_id, time_us)
    if not expected:
        assert place is None
        return
    assert place is not None
    page = log.page(device_id, before=LogPlace(place.arrival, place.number + 1), limit=1)
    (item,) = page.items
    assert (item.time_us, item.origin, item.number) == expected[-1]


def steady(count, *, origin=ORIGINS[0], gap_every=0):
    packs = []
    for n in range(count):
        gaps = [Gap(2 * n + 1, 2, "lost")] if gap_every and n % gap_every == 1 else []
        commits = [] if gaps else [Commit(2 * n + k + 1, (2 * n + k) * 1000, (("a", n),)) for k in range(2)]
        packs.append(pack_from_commits(origin, commits, parent=NO_PACK, gaps=gaps))
    return packs


@pytest.mark.parametrize("gap_every", [0, 2, 5])
def test_a_time_leads_to_a_place_of_one_origin(storage, gap_every):
    packs = steady(90, gap_every=gap_every)
    device_id = new_device(storage, [*packs, *steady(3, origin=ORIGINS[1])])
    log = CommitLog(storage)
    commits = [commit for pack in packs for commit in pack.commits()]
    for time_us in (0, 999, 1000, 4000, 50_500, 77_000, 179_000, 10**9):
        place = log.place_of(device_id, time_us, origin=ORIGINS[0])
        assert place is not None
        assert place.number == [c.number for c in commits if c.time_us <= time_us][-1]
    assert log.place_of(device_id, -1, origin=ORIGINS[0]) is None
    assert log.place_of(device_id, 5, origin=uuid.uuid4()) is None


def test_a_page_opens_few_packs_of_a_long_history(storage, monkeypatch):
    device_id = new_device(storage, steady(400))
    opened = []
    packs = storage.packs

    def counting(device, arrivals):
        for pack in packs(device, arrivals):
            opened.append(pack.arrival)
            yield pack

    monkeypatch.setattr(storage, "packs", counting)
    log = CommitLog(storage)
    page = log.page(device_id, limit=10)
    assert len(opened) == 6
    log.page(device_id, before=LogPlace(page.items[0].place.arrival - 200, 2**60), limit=10)
    log.page(device_id, after=LogPlace(page.items[0].place.arrival - 200, 1), limit=10)
    assert len(opened) < 25
    opened.clear()
    assert log.place_of(device_id, 300_500) is not None
    assert len(opened) < 5


def test_how_a_commit_came_in_is_told(storage, monkeypatch):
    commits = [
        Commit(1, 10, (("a", True), ("b", "x")), "first", 7, uncertain=True),
        Commit(2, 20, (("a", 1),)),
        Commit(6, 30, ()),
    ]
    pack = pack_from_commits(ORIGINS[0], commits, parent=NO_PACK, gaps=[Gap(3, 3, "the disk was full")])
    device_id = new_device(storage, [pack])
    key_id = uuid.uuid4()
    holding = storage.pack_holding

    def pushed(key, number):
        stored: StoredPack = holding(key, number)
        return stored._replace(key_id=key_id, received_us=99, clock_offset_us=-3)

    monkeypatch.setattr(storage, "pack_holding", pushed)
    log = CommitLog(storage)
    one = log.item(device_id, ORIGINS[0], 1)
    assert isinstance(one, LogCommit)
    assert (one.time_us, one.recorded_us, one.is_uncertain, one.message) == (17, 10, True, "first")
    assert one.values == (("a", True), ("b", "x"))
    assert one.pushed == (key_id, 99, -3)
    for number in (3, 4, 5):
        gap = log.item(device_id, ORIGINS[0], number)
        assert isinstance(gap, LogGap)
        assert (gap.first, gap.last, gap.reason, gap.pushed.received_us) == (3, 5, "the disk was full", 99)
    monkeypatch.undo()
    for number in (0, -1, 7, 2**63, 2**80):
        assert log.item(device_id, ORIGINS[0], number) is None
    assert log.item(device_id, ORIGINS[1], 1) is None


def test_deleted_values_are_named_and_not_shown(storage):
    packs = [
        pack_from_commits(ORIGINS[0], [Commit(1, 10, (("a", 1), ("b", 2))), Commit(2, 11, (("a", 3),))], parent=NO_PACK)
    ]
    device_id = new_device(storage, packs)
    gone = delete(storage, made_deletion(device_id, fields=("a",), start_us=10, end_us=11))
    later = replace(packs[0], origin=ORIGINS[1])
    with storage.write() as write:
        write.add_deletion(
            replace(made_deletion(device_id), arrival=storage.origins(device_id)[0].arrival, fields=("b",))
        )
    put(storage, device_id, [later])
    log = CommitLog(storage)
    shown = [(item.number, item.values, item.deleted) for item in log.page(device_id).items]
    assert shown == [
        (2, (("a", 3),), ()),
        (1, (("b", 2),), ("a",)),
        (2, (("a", 3),), ()),
        (1, (), ("a", "b")),
    ]
    undo(storage, gone)
    assert [item.deleted for item in log.page(device_id).items] == [(), (), (), ("b",)]


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1-1", "1-1-1", "a-b", "\u0661-1", f"{2**63}-1", f"1-{2**63}", "1-1\n"]
)
def test_what_is_no_place_is_refused(text):
    with pytest.raises(Invalid, match="not a place in the log"):
        LogPlace.from_text(text)
