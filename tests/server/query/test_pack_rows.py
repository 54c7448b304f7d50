from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.query.made import ORIGINS, exact, pack_lists, stored_pack

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.query.pack_rows import PackRows
from nikdev_iot.wire.pack import NO_PACK, pack_from_commits

DEVICE = uuid.UUID(int=5)


def described(item):
    if isinstance(item, Gap):
        return item.first, item.count, item.reason
    values = sorted((name, exact(value)) for name, value in item.values)
    return item.number, item.time_us, item.shift_us, item.message, item.uncertain, values


def number_of(item):
    return item.last if isinstance(item, Gap) else item.number


def covers(item, number):
    return item.first <= number <= item.last if isinstance(item, Gap) else item.number == number


@settings(max_examples=80, deadline=None)
@given(pack_lists(), st.integers(0, 20))
def test_single_rows_are_those_of_the_whole_pack(packs, edge):
    for pack in packs:
        rows = PackRows(stored_pack(pack, DEVICE))
        every = sorted([*pack.commits(), *pack.gaps], key=number_of)
        assert [described(one) for one in rows.up(0)] == [described(one) for one in every]
        assert [described(one) for one in rows.down(2**63 - 1)] == [described(one) for one in reversed(every)]
        assert [described(one) for one in rows.up(edge)] == [described(o) for o in every if number_of(o) > edge]
        assert [described(o) for o in rows.down(edge)] == [described(o) for o in reversed(every) if number_of(o) < edge]
        for number in range(pack.last + 2):
            found = rows.at(number)
            expected = [one for one in every if covers(one, number)]
            assert (None if found is None else described(found)) == (described(expected[0]) if expected else None)
        until = [c.number for c in pack.commits() if c.effective_time_us <= edge]
        assert rows.until(edge) == (until[-1] if until else None)


def test_what_is_said_beside_the_values_is_there():
    commits = [
        Commit(1, 10, (("a", True), ("b", "é")), "first", 7, uncertain=True),
        Commit(4, 20, (("a", 1),)),
    ]
    pack = pack_from_commits(ORIGINS[0], commits, parent=NO_PACK, gaps=[Gap(2, 2, "the disk was full")])
    rows = PackRows(stored_pack(pack, DEVICE))
    assert [described(one) for one in rows.up(0)] == [
        described(commits[0]),
        (2, 2, "the disk was full"),
        described(commits[1]),
    ]


def test_what_cannot_be_read_back_says_so():
    pack = pack_from_commits(ORIGINS[0], [Commit(1, 10, (("a", 1),))], parent=NO_PACK)
    with pytest.raises(StorageCorrupt, match="pack 1 to 1"):
        PackRows(stored_pack(pack, DEVICE)._replace(payload=b"x"))
