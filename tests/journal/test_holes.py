from __future__ import annotations

import itertools
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.journal import holes
from nikdev_iot.journal.holes import Hole, HoleKind
from nikdev_iot.journal.migrations import migrate

LAST = 30
KINDS = list(HoleKind)
ranges = st.tuples(st.integers(1, LAST), st.integers(1, LAST)).map(lambda pair: (min(pair), max(pair)))
steps = st.lists(st.tuples(st.sampled_from(["put", "carve"]), ranges, st.sampled_from(KINDS), st.integers(0, 1)))


@pytest.fixture(scope="module")
def connection():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, path=":memory:")
    yield connection
    connection.close()


@given(steps, ranges)
def test_holes_are_a_set_of_marked_ids(connection, todo, window):
    """Against the plainest model: a dictionary from id to its mark."""
    connection.execute("DELETE FROM holes")
    model = {}
    for what, (low, high), kind, at_us in todo:
        if what == "put":
            free = [row_id for row_id in range(low, high + 1) if row_id not in model]
            for first, last in list(
                holes.complement(low, high, [(h.first, h.last) for h in holes.between(connection, low, high)])
            ):
                holes.put(connection, Hole(first, last, kind, "r", at_us))
            model.update(dict.fromkeys(free, (kind, at_us)))
        else:
            taken = holes.carve(connection, low, high, (kind,))
            mine = {row_id for row_id in range(low, high + 1) if model.get(row_id, (None,))[0] is kind}
            assert {row_id for hole in taken for row_id in range(hole.first, hole.last + 1)} == mine
            model = {row_id: mark for row_id, mark in model.items() if row_id not in mine}
    found = holes.between(connection, 1, LAST)
    assert {row_id: (hole.kind, hole.at_us) for hole in found for row_id in range(hole.first, hole.last + 1)} == model
    assert sum(hole.last - hole.first + 1 for hole in found) == len(model)
    low, high = window
    touching = [h for h in found if h.first <= high and h.last >= low]
    assert holes.between(connection, low, high) == touching
    assert holes.between(connection, low, high, limit=2) == touching[:2]
    assert holes.count(connection, low, high) == len(model.keys() & set(range(low, high + 1)))
    assert holes.first_outside(connection, low) == min(set(range(low, LAST + 2)) - model.keys())


@given(st.sets(st.integers(1, LAST)), ranges)
def test_complement_is_what_is_left(covered, window):
    low, high = window
    left = list(holes.complement(low, high, [(x, x) for x in sorted(covered)]))
    assert [row_id for first, last in left for row_id in range(first, last + 1)] == [
        row_id for row_id in range(low, high + 1) if row_id not in covered
    ]
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(left))


def test_a_neighbour_for_the_same_reason_becomes_one_range(connection):
    connection.execute("DELETE FROM holes")
    for row_id in range(1, 1001):
        holes.put(connection, Hole(row_id, row_id, HoleKind.REJECTED, "too hot", 5))
    holes.put(connection, Hole(1001, 1001, HoleKind.REJECTED, "too cold", 5))
    assert holes.between(connection, 1, 2000) == [
        Hole(1, 1000, HoleKind.REJECTED, "too hot", 5),
        Hole(1001, 1001, HoleKind.REJECTED, "too cold", 5),
    ]
