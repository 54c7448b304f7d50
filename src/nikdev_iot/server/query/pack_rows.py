"""Single commits out of a stored pack: nothing but the rows asked for is laid out, however large the pack is."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.errors import WireError
from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire import cbor
from nikdev_iot.wire.pack import decompress

__all__ = ["PackRows"]


class _Run(NamedTuple):
    """Consecutive numbers of one pack: commits from `row` on, or one gap."""

    first: int
    last: int
    row: int
    reason: str | None
    """None: commits."""


class PackRows:
    """A stored pack; it was checked when it came in, so it is only laid out."""

    def __init__(self, stored: StoredPack) -> None:
        """Read the pack; raises `StorageCorrupt` where it is none."""
        self.stored = stored
        try:
            top = cbor.loads(decompress(stored.payload, stored.codec, stored.content_bytes))
            self._times: array[int] = top["times"]
            self._columns: list[tuple[str, array[int] | None, Any]] = [tuple(column) for column in top["columns"]]
            self._messages: dict[int, str] = dict(map(tuple, top.get("messages", ())))
            self._shifts: dict[int, int] = dict(zip(*top["shifts"], strict=True)) if top.get("shifts") else {}
            self._uncertain = frozenset(top.get("uncertain") or ())
            self._runs = _runs(stored.first, stored.last, top.get("gaps", ()))
        except (WireError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise StorageCorrupt(
                f"The pack {stored.first} to {stored.last} of origin {stored.origin} cannot be read back ({error}).",
                hint="Nothing was changed. Check the disk, and restore the store from a backup.",
            ) from error

    def down(self, below: int) -> Iterator[Commit | Gap]:
        """Yield the commits and gaps whose (last) number is less than `below`, the highest first."""
        for run in reversed(self._runs):
            if run.reason is not None:
                if run.last < below:
                    yield Gap(run.first, run.last - run.first + 1, run.reason)
                continue
            for number in range(min(run.last, below - 1), run.first - 1, -1):
                yield self._commit(run, number)

    def up(self, above: int) -> Iterator[Commit | Gap]:
        """Yield the commits and gaps whose (last) number is greater than `above`, the lowest first."""
        for run in self._runs:
            if run.reason is not None:
                if run.last > above:
                    yield Gap(run.first, run.last - run.first + 1, run.reason)
                continue
            for number in range(max(run.first, above + 1), run.last + 1):
                yield self._commit(run, number)

    def at(self, number: int) -> Commit | Gap | None:
        """Return the commit of this number, or the gap that it is in."""
        for run in self._runs:
            if run.first <= number <= run.last:
                if run.reason is None:
                    return self._commit(run, number)
                return Gap(run.first, run.last - run.first + 1, run.reason)
        return None

    def until(self, time_us: int) -> int | None:
        """Return the number of the last commit with a time up to `time_us`."""
        for run in reversed(self._runs):
            if run.reason is None:
                for number in range(run.last, run.first - 1, -1):
                    row = run.row + number - run.first
                    if self._times[row] + self._shifts.get(row, 0) <= time_us:
                        return number
        return None

    def newest(self, time_us: int) -> tuple[int, int] | None:
        """Return (time, number) of the commit that is last in the order of history, of those up to `time_us`."""
        times = np.frombuffer(self._times, dtype=np.int64)
        if self._shifts:
            times = times.copy()
            times[list(self._shifts)] += list(self._shifts.values())
        rows = np.flatnonzero(times <= time_us)
        if not len(rows):
            return None
        row = int(rows[len(rows) - 1 - int(np.argmax(times[rows][::-1]))])
        run = max((run for run in self._runs if run.reason is None and run.row <= row), key=lambda run: run.row)
        return int(times[row]), run.first + row - run.row

    def _commit(self, run: _Run, number: int) -> Commit:
        row = run.row + number - run.first
        values = []
        for field_id, at, data in self._columns:
            place = row if at is None else bisect_left(at, row)
            if at is not None and (place == len(at) or at[place] != row):
                continue
            value = data[place]
            values.append((field_id, bool(value) if isinstance(data, array) and data.typecode == "B" else value))
        return Commit(
            number,
            self._times[row],
            tuple(values),
            self._messages.get(row),
            self._shifts.get(row, 0),
            row in self._uncertain,
        )


def _runs(first: int, last: int, gaps: Any) -> list[_Run]:
    runs = []
    at, row = first, 0
    for gap_first, gap_count, reason in gaps:
        if gap_first > at:
            runs.append(_Run(at, gap_first - 1, row, None))
            row += gap_first - at
        runs.append(_Run(gap_first, gap_first + gap_count - 1, row, reason))
        at = gap_first + gap_count
    if at <= last:
        runs.append(_Run(at, last, row, None))
    return runs
