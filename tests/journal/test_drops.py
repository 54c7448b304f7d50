from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.journal.drops import runs_of


@given(st.sets(st.integers(1, 60)))
def test_runs_are_the_ids_and_do_not_touch(ids):
    runs = runs_of(sorted(ids))
    assert [row_id for first, last in runs for row_id in range(first, last + 1)] == sorted(ids)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(runs))
