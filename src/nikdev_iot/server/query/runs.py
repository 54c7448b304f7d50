"""Bools and texts over time: runs of equal values, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .table import Int64s, TableColumn

__all__ = ["NUMBERS", "SEVERAL", "Runs", "States"]

State: TypeAlias = "bool | str | None"


class _Mark:
    """A state that is no value."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


SEVERAL = _Mark("SEVERAL")
"""Different values, closer together than can be shown."""
NUMBERS = _Mark("NUMBERS")
"""Numbers of a field that has those, too: they end a state and are none."""


@dataclass(frozen=True, slots=True)
class States:
    """The runs of a field, ascending."""

    runs: list[tuple[int, int, State]]
    """(from, to, value) in µs UTC: a value holds until another one comes, the last one until it was last said. None
    stands for several values."""
    more: bool
    """Whether some were joined as several."""


class Runs:
    """Collects one field's values in their order; once there are too many runs, those in one bucket become one."""

    def __init__(self, *, start_us: int, every_us: int, limit: int) -> None:
        self._start_us = start_us
        self._every_us = max(1, every_us)
        self._limit = limit
        self._starts: list[int] = []
        self._states: list[Any] = []
        self._end_us = 0
        self._is_joined = False

    def add(self, times: Int64s, states: Iterable[tuple[TableColumn, bool]]) -> None:
        """Add the field's columns of one table (each with whether it holds numbers), none of it before what was added.

        `times` are those of the table's rows.
        """
        at, data = _in_order(len(times), list(states))
        if not len(at):
            return
        changes = np.flatnonzero(np.concatenate(([True], data[1:] != data[:-1])))
        self._end_us = int(times[at[-1]])
        for begin, state in zip(times[at[changes]].tolist(), data[changes].tolist(), strict=True):
            if not self._states or not _same(self._states[-1], state):
                self._starts.append(begin)
                self._states.append(state)
        if len(self._starts) > 4 * self._limit:
            self._join()

    def _join(self) -> None:
        """Let the runs that begin in one bucket be one of several values."""
        starts, states = self._starts, self._states
        buckets = [(start - self._start_us) // self._every_us for start in starts]
        joined_starts: list[int] = []
        joined_states: list[Any] = []
        at = 0
        while at < len(starts):
            end = at + 1
            while end < len(starts) and buckets[end] == buckets[at]:
                end += 1
            state = states[at] if end == at + 1 else SEVERAL
            if not joined_states or joined_states[-1] is not state or state is not SEVERAL:
                joined_starts.append(starts[at])
                joined_states.append(state)
            # The last value of the bucket goes on beyond it, where there is something beyond it.
            if state is SEVERAL and end < len(starts) and buckets[end] > buckets[at] + 1:
                joined_starts.append(self._start_us + (buckets[at] + 1) * self._every_us)
                joined_states.append(states[end - 1])
            at = end
        self._is_joined |= len(joined_starts) < len(starts)
        self._starts, self._states = joined_starts, joined_states

    def finish(self) -> States:
        """Return the runs, at most about two for each bucket, or `limit` where they were not joined."""
        if len(self._starts) > self._limit:
            self._join()
        ends = [*self._starts[1:], self._end_us][: len(self._starts)]
        return States(
            [
                (start, end, None if state is SEVERAL else state)
                for start, end, state in zip(self._starts, ends, self._states, strict=True)
                if state is not NUMBERS
            ],
            self._is_joined,
        )


def _same(one: Any, other: Any) -> bool:
    # `True == 1`, but no number gets here: they are all NUMBERS.
    return type(one) is type(other) and bool(one == other)


def _in_order(row_count: int, columns: list[tuple[TableColumn, bool]]) -> tuple[Int64s, npt.NDArray[Any]]:
    """Return the rows that have a value, and the state of each."""
    if len(columns) == 1 and not columns[0][1]:
        return columns[0][0].rows(row_count), columns[0][0].data
    every = np.empty(row_count, dtype=object)
    has = np.zeros(row_count, dtype=np.bool_)
    for column, is_number in columns:
        rows = column.rows(row_count)
        has[rows] = True
        if is_number:
            every[rows] = NUMBERS
        else:
            every[rows] = column.data.astype(object)
    at = np.flatnonzero(has)
    return at, every[at]
