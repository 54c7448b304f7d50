"""Declared gaps: commits that a device had and lost, with the reason it gave, as stretches of time."""

from __future__ import annotations

import uuid
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import StoredPack

from .decode import decode_table
from .span_tables import span_tables
from .table import Table

__all__ = ["DeclaredGap", "GapFinder"]

_MAX_GAPS = 200
"""Of an origin; the newest ones are told."""
_MAX_STEPS = 64
"""Packs that one gap may reach over."""
_NEAREST = 4
"""Packs before a range without commits that are looked at."""
_WIDEN, _WIDENINGS = 16, 6

_Origin: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class DeclaredGap:
    """Commits that will never come, and where they would stand."""

    start_us: int
    """The time of the commit before them."""
    end_us: int
    """The time of the commit behind them; where none came yet, when the gap was told."""
    count: int
    reason: str


class GapFinder:
    """Finds the gaps among the packs of a range: where an origin's numbers leave some out."""

    def __init__(self, storage: Storage, device_id: uuid.UUID, *, start_us: int, end_us: int) -> None:
        self._storage = storage
        self._device_id = device_id
        self._start_us = start_us
        self._end_us = end_us
        self._stretches: dict[_Origin, array[int]] = {}
        """Of each pack: its first and last number that has a commit, and the times of these."""
        self._has_commits = False
        """Whether there is one inside the range."""

    def add(self, table: Table) -> None:
        """Look at a whole pack."""
        if not len(table):
            return
        if len(table) == 1:  # thousands of them, where devices push each commit by itself
            number, time_us = int(table.numbers[0]), int(table.times[0])
            self._has_commits |= self._start_us <= time_us < self._end_us
            origin = (int(table.origin_high[0]), int(table.origin_low[0]))
            self._stretches.setdefault(origin, array("q")).extend((number, number, time_us, time_us))
            return
        if not self._has_commits:
            begin, end = np.searchsorted(table.times, (self._start_us, self._end_us))
            self._has_commits = bool(begin < end)
        origin = (int(table.origin_high[0]), int(table.origin_low[0]))
        low, high = int(np.argmin(table.numbers)), int(np.argmax(table.numbers))
        stretches = self._stretches.setdefault(origin, array("q"))
        if not table.notes.gaps:
            rows = (low, high)
        else:
            # Each run of numbers without a hole counts for itself.
            by_number = np.argsort(table.numbers)
            holes = np.flatnonzero(np.diff(table.numbers[by_number]) > 1)
            rows = tuple(by_number[np.sort(np.concatenate(([0], holes, holes + 1, [len(by_number) - 1])))].tolist())
        for first, last in zip(rows[::2], rows[1::2], strict=True):
            stretches.extend(
                (
                    int(table.numbers[first]),
                    int(table.numbers[last]),
                    int(table.times[first]),
                    int(table.times[last]),
                )
            )

    def find(self) -> list[DeclaredGap]:
        """Return the gaps that touch the range, ascending by time."""
        found: dict[tuple[uuid.UUID, int], DeclaredGap] = {}
        for (high, low), raw in self._stretches.items():
            origin = uuid.UUID(int=high << 64 | low)
            stretches = np.array(raw, dtype=np.int64).reshape(-1, 4)
            stretches = stretches[np.argsort(stretches[:, 0])]
            follows = np.append(stretches[1:, 0] > stretches[:-1, 1] + 1, True)
            for _, last, _, time_us in stretches[follows][-_MAX_GAPS:].tolist():
                self._keep(found, origin, last + 1, time_us)
            self._before(found, origin, int(stretches[0, 0]))
        if not self._has_commits:
            for origin, last, time_us in self._nearest():
                self._keep(found, origin, last + 1, time_us)
        return sorted(found.values(), key=lambda gap: (gap.start_us, gap.end_us))

    def _keep(
        self, found: dict[tuple[uuid.UUID, int], DeclaredGap], origin: uuid.UUID, number: int, start_us: int
    ) -> None:
        """Keep the gap that begins with this number, if one does and it touches the range."""
        gap = self._walk(origin, number, start_us)
        if gap is not None and gap.start_us < self._end_us and gap.end_us >= self._start_us:
            found[origin, number] = gap

    def _walk(self, origin: uuid.UUID, number: int, start_us: int) -> DeclaredGap | None:
        """Follow the numbers from the first missing one to the next commit."""
        count, end_us = 0, start_us
        reasons: dict[str, None] = {}
        for _ in range(_MAX_STEPS):
            pack = self._storage.pack_holding((self._device_id, origin), number)
            if pack is None:
                break
            gap_last, reason, time_us = _look(pack, number)
            if time_us is not None:
                end_us = time_us
                break
            count += gap_last - number + 1
            reasons[reason] = None
            end_us = pack.received_us
            number = gap_last + 1
        if not count:
            return None
        return DeclaredGap(min(start_us, end_us), max(start_us, end_us), count, "; ".join(reasons))

    def _before(self, found: dict[tuple[uuid.UUID, int], DeclaredGap], origin: uuid.UUID, number: int) -> None:
        """Look for a gap that ends before the first commit of the range."""
        at = number - 1
        for _ in range(_MAX_STEPS):
            pack = self._storage.pack_holding((self._device_id, origin), at) if at > 0 else None
            if pack is None:
                return
            for first, last, _ in _gaps(pack):
                if first <= at <= last:
                    at = first - 1
                    break
            else:
                if at < number - 1:
                    self._keep(found, origin, at + 1, _time_of(pack, at))
                return

    def _nearest(self) -> Iterator[tuple[uuid.UUID, int, int]]:
        """Yield (origin, last number, its time) of what lies last before the range."""
        reach_us = self._end_us - self._start_us
        for _ in range(_WIDENINGS):
            spans = self._storage.spans(self._device_id, start_us=self._start_us - reach_us, end_us=self._start_us)
            before = [span for span in spans if span.max_time_us < self._start_us]
            if before:
                last = sorted(before, key=lambda span: (span.max_time_us, span.arrival))[-_NEAREST:]
                for table, _ in span_tables(self._storage, self._device_id, last):
                    yield from _ends(table)
                return
            reach_us *= _WIDEN


def _ends(table: Table) -> Iterator[tuple[uuid.UUID, int, int]]:
    """Yield (origin, number, time) of the last numbers of a table behind which one is missing or is another pack's."""
    by_number = np.argsort(table.numbers)
    numbers = table.numbers[by_number]
    lasts = np.append(np.flatnonzero(np.diff(numbers) > 1), len(numbers) - 1)
    for row in by_number[lasts[-_NEAREST:]].tolist():
        time_us, origin, number = table.key(row)
        yield origin, number, time_us


def _gaps(pack: StoredPack) -> tuple[tuple[int, int, str], ...]:
    """Return (first, last, reason) of each gap, opening the pack only where it has one."""
    if pack.row_count == pack.last - pack.first + 1:
        return ()
    return tuple((first, first + count - 1, reason) for first, count, reason in decode_table(pack).notes.gaps)


def _look(pack: StoredPack, number: int) -> tuple[int, str, int | None]:
    """Return (last number, reason, None) of the gap that a number is in, or of a commit (number, '', its time)."""
    for first, last, reason in _gaps(pack):
        if first <= number <= last:
            return last, reason, None
    return number, "", _time_of(pack, number)


def _time_of(pack: StoredPack, number: int) -> int:
    if pack.min_time_us == pack.max_time_us:
        return pack.min_time_us
    table = decode_table(pack)
    return int(table.times[np.flatnonzero(table.numbers == number)[0]])
