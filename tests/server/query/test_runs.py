from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.query.runs import NUMBERS, SEVERAL, Runs
from nikdev_iot.server.query.table import TableColumn

states = st.sampled_from([True, False, "", "on", "true", 1.5])


def _columns(values: list[Any]) -> list[tuple[TableColumn, bool]]:
    """The columns of a table with one value per row: bools, texts and numbers apart."""
    found = []
    for kind in (bool, str, float):
        at = [row for row, value in enumerate(values) if type(value) is kind]
        if at:
            data = np.array([values[row] for row in at], dtype=object if kind is str else kind)
            found.append((TableColumn(np.array(at), data), kind is float))
    return found


def _plain(values: list[tuple[int, Any]]) -> list[tuple[int, int, Any]]:
    runs = [list(found) for _, found in groupby(values, key=lambda pair: (type(pair[1]), pair[1]))]
    starts = [run[0][0] for run in runs]
    ends = [*starts[1:], values[-1][0]] if values else []
    return [
        (start, end, run[0][1])
        for start, end, run in zip(starts, ends, runs, strict=True)
        if type(run[0][1]) is not float
    ]


@given(st.lists(st.tuples(st.integers(0, 3), states), max_size=40), st.integers(1, 7))
def test_runs_are_lossless_while_they_are_few(steps: list[tuple[int, Any]], chunk: int):
    values = [(sum(step for step, _ in steps[: at + 1]), value) for at, (_, value) in enumerate(steps)]
    runs = Runs(start_us=0, every_us=1_000, limit=1_000)
    for start in range(0, len(values), chunk):
        part = values[start : start + chunk]
        runs.add(np.array([at for at, _ in part]), _columns([value for _, value in part]))
    found = runs.finish()
    assert found.runs == _plain(values)
    assert [type(value) for _, _, value in found.runs] == [type(value) for _, _, value in _plain(values)]
    assert not found.more


@given(st.lists(st.booleans(), min_size=1, max_size=400), st.integers(1, 20), st.integers(1, 50))
def test_too_many_runs_become_several_values_and_the_others_stay(flips: list[bool], every: int, chunk: int):
    limit = -(-len(flips) // every)
    runs = Runs(start_us=0, every_us=every, limit=limit)
    for start in range(0, len(flips), chunk):
        part = flips[start : start + chunk]
        runs.add(np.arange(start, start + len(part)), _columns(part))
    found = runs.finish()
    exact = _plain(list(enumerate(flips)))
    assert found.more == (len(exact) > limit)
    assert len(found.runs) <= 4 * limit
    # One after the other, over the whole stretch; and what is shown as one value was that value all the time.
    assert [start for start, _, _ in found.runs] == [0, *(end for _, end, _ in found.runs[:-1])]
    assert found.runs[-1][1] == len(flips) - 1
    for start, end, value in found.runs:
        if value is not None:
            assert {flips[at] for at in range(start, max(end, start + 1))} == {value}
        else:
            assert any(start < other <= end for other, _, _ in exact) or end == start


def test_numbers_end_a_state_and_are_none():
    runs = Runs(start_us=0, every_us=10, limit=100)
    runs.add(np.arange(4), _columns(["nil", 1.5, "nil", "nil"]))
    assert runs.finish().runs == [(0, 1, "nil"), (2, 3, "nil")]


def test_marks_say_what_they_are():
    assert (repr(SEVERAL), repr(NUMBERS)) == ("SEVERAL", "NUMBERS")
