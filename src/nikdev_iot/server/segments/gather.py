"""From packs, and from segments before them, to one segment."""

from __future__ import annotations

import uuid
from array import array
from typing import Any

import numpy as np

from nikdev_iot.model.commits import Gap
from nikdev_iot.model.errors import WireError
from nikdev_iot.model.values import Kind, Value
from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.ingest.templates import Layout, Templates, layout_of
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.wire import cbor
from nikdev_iot.wire.pack import decompress

from .records import HASH_KEPT_BYTES, NO_ROWS, ErasedCommit, Int64s, PackHead, Segment, SegmentColumn

__all__ = ["Gatherer"]

_KINDS = {"d": Kind.FLOAT, "q": Kind.INT, "B": Kind.BOOL}
_TYPECODES = {kind: typecode for typecode, kind in _KINDS.items()}
_TYPES: dict[Kind, type] = {Kind.BOOL: bool, Kind.INT: int, Kind.FLOAT: float, Kind.TEXT: str}
_templates = Templates()
"""Of all stores alike: they are nothing but the forms in which packs come."""
_DTYPES: dict[Kind, Any] = {Kind.FLOAT: np.float64, Kind.INT: np.int64, Kind.BOOL: np.bool_}


class _Column:
    """What was gathered of one field and kind; rows in no order."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rows = array("q")
        self.data: Any = [] if kind is Kind.TEXT else array(_TYPECODES[kind])
        self.erased = array("q")

    def finish(self, field_id: str, place: Int64s | None, row_count: int) -> SegmentColumn:
        at, erased = _ints(self.rows), _ints(self.erased)
        if place is not None:
            at, erased = place[at], np.sort(place[erased])
        if self.kind is Kind.TEXT:
            data = np.empty(len(self.data), dtype=object)
            data[:] = self.data
        else:
            data = np.frombuffer(self.data, dtype=self.data.typecode).astype(_DTYPES[self.kind])
        if bool(np.any(at[1:] < at[:-1])):
            order = np.argsort(at)
            at, data = at[order], data[order]
        return SegmentColumn(field_id, self.kind, None if len(at) == row_count else at, data, erased)


class Gatherer:
    """Takes consecutive packs and segments of one origin, in their order; rows are in the order of their numbers."""

    def __init__(self, device_id: uuid.UUID, origin: uuid.UUID) -> None:
        self._device_id = device_id
        self._origin = origin
        self._packs: list[PackHead] = []
        self._times, self._numbers = array("q"), array("q")
        """Effective ones."""
        self._columns: dict[tuple[str, Kind], _Column] = {}
        self._indexes: dict[tuple[str, Kind], int] = {}
        self._kinds: list[Kind] = []
        self._gaps: list[Gap] = []
        self._messages: list[tuple[int, str]] = []
        self._shift_rows, self._shifts, self._uncertain = array("q"), array("q"), array("q")
        self._erased: list[ErasedCommit] = []

    def __len__(self) -> int:
        return len(self._times)

    def add_pack(self, stored: StoredPack) -> None:
        """Add a pack.

        Raises:
            StorageCorrupt: what is stored is no pack.
        """
        self._check(stored.origin, stored.first, stored.arrival)
        try:
            content = decompress(stored.payload, stored.codec, stored.content_bytes)
            single = _templates.values(content) if stored.row_count == 1 else None
            if single is not None:
                self._add_single(stored, *single)
                return
            top = cbor.loads(content)
            self._add(stored, top)
            if stored.first == stored.last and stored.row_count == 1:
                names = tuple(column[0] for column in top["columns"])
                types = tuple(_TYPES[self._kinds[index]] for index in self._packs[-1].layout)
                _templates.learn_layout(layout_of(names, types), stored.first, content)
        except (WireError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise StorageCorrupt(
                f"The pack {stored.first} to {stored.last} of origin {stored.origin} cannot be read back ({error}).",
                hint="Nothing was changed. Check the disk, and restore the store from a backup.",
            ) from error

    def _add_single(self, stored: StoredPack, time_us: int, layout: Layout, values: list[Value]) -> None:
        """Add a pack of one commit whose form is known: what most are, where devices push each commit by itself."""
        base = len(self)
        order = []
        for (field_id, kind), value in zip(layout.brought, values, strict=True):
            index, column = self._column(field_id, kind)
            order.append(index)
            column.rows.append(base)
            column.data.append(value)
        self._times.append(time_us)
        self._numbers.append(stored.first)
        self._add_head(stored, tuple(order))

    def _check(self, origin: uuid.UUID, first: int, arrival: int) -> None:
        before = self._packs[-1] if self._packs else None
        if origin != self._origin or (before is not None and (first != before.last + 1 or arrival <= before.arrival)):
            raise ValueError("packs that do not follow one another")

    def _add(self, stored: StoredPack, top: dict[str, Any]) -> None:
        base, times = len(self), top["times"]
        count = len(times)
        layout = []
        for field_id, raw_at, raw in top["columns"]:
            kind = Kind.TEXT if isinstance(raw, list) else _KINDS[raw.typecode]
            index, column = self._column(field_id, kind)
            layout.append(index)
            if raw_at is None:
                column.rows.extend(range(base, base + count))
            else:
                column.rows.extend([base + row for row in raw_at])
            column.data.extend(raw)
        self._times.extend(times)
        at = stored.first
        for first, gap_count, reason in top.get("gaps", ()):
            self._numbers.extend(range(at, first))
            self._gaps.append(Gap(first, gap_count, reason))
            at = first + gap_count
        self._numbers.extend(range(at, stored.last + 1))
        if len(self._numbers) != base + count:
            raise ValueError(f"{count} times for {len(self._numbers) - base} numbers")
        self._messages += [(base + row, text) for row, text in top.get("messages", ())]
        if top.get("shifts"):
            for row, shift_us in zip(*top["shifts"], strict=True):
                if shift_us:
                    self._times[base + row] += shift_us
                    self._shift_rows.append(base + row)
                    self._shifts.append(shift_us)
        self._uncertain.extend([base + row for row in top.get("uncertain") or ()])
        self._add_head(stored, tuple(layout))

    def _add_head(self, stored: StoredPack, layout: tuple[int, ...]) -> None:
        self._packs.append(
            PackHead(
                stored.arrival,
                stored.first,
                stored.last,
                stored.hash[:HASH_KEPT_BYTES],
                stored.received_us,
                stored.clock_offset_us,
                stored.key_id,
                layout,
            )
        )

    def _column(self, field_id: str, kind: Kind) -> tuple[int, _Column]:
        key = (field_id, kind)
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = _Column(kind)
            self._indexes[key] = len(self._indexes)
            self._kinds.append(kind)
        return self._indexes[key], column

    def add_segment(self, segment: Segment) -> None:
        """Add a segment."""
        self._check(segment.origin, segment.first, segment.packs[0].arrival)
        base = len(self)
        by_number = np.argsort(segment.numbers)
        place = np.empty(len(by_number), dtype=np.int64)
        place[by_number] = np.arange(base, base + len(by_number))
        self._times.frombytes(segment.times[by_number].tobytes())
        self._numbers.frombytes(segment.numbers[by_number].tobytes())
        indexes = []
        for found in segment.columns:
            index, column = self._column(found.field_id, found.kind)
            indexes.append(index)
            column.rows.frombytes((place if found.at is None else place[found.at]).tobytes())
            column.erased.frombytes(place[found.erased].tobytes())
            if found.kind is Kind.TEXT:
                column.data.extend(found.data.tolist())
            else:
                column.data.frombytes(found.data.tobytes())
        self._gaps += segment.gaps
        self._messages += [(int(place[row]), text) for row, text in segment.messages]
        self._shift_rows.frombytes(place[segment.shift_rows].tobytes())
        self._shifts.frombytes(segment.shifts.tobytes())
        self._uncertain.frombytes(place[segment.uncertain].tobytes())
        self._erased += [ErasedCommit(int(place[one.row]), one.digest) for one in segment.erased]
        self._packs += [pack._replace(layout=tuple([indexes[at] for at in pack.layout])) for pack in segment.packs]

    def finish(self) -> Segment:
        """Return all that was added, at least one pack, as one segment."""
        times, numbers = _ints(self._times), _ints(self._numbers)
        place: Int64s | None = None
        if bool(np.any(times[1:] < times[:-1])):
            # A device's clock may step back; numbers ascend, so a stable sort by time is the order.
            order = np.argsort(times, kind="stable")
            place = np.empty(len(order), dtype=np.int64)
            place[order] = np.arange(len(order))
            times, numbers = times[order], numbers[order]
        shift_rows, shifts = _placed(self._shift_rows, place), _ints(self._shifts)
        by_row = np.argsort(shift_rows)
        return Segment(
            device_id=self._device_id,
            origin=self._origin,
            packs=tuple(self._packs),
            times=times,
            numbers=numbers,
            columns=tuple(column.finish(name, place, len(times)) for (name, _), column in self._columns.items()),
            gaps=tuple(self._gaps),
            messages=tuple(sorted((_place(row, place), text) for row, text in self._messages)),
            shift_rows=shift_rows[by_row],
            shifts=shifts[by_row],
            uncertain=np.sort(_placed(self._uncertain, place)),
            erased=tuple(sorted(ErasedCommit(_place(one.row, place), one.digest) for one in self._erased)),
        )


def _ints(items: array[int]) -> Int64s:
    return np.frombuffer(items, dtype=np.int64) if items else NO_ROWS


def _placed(rows: array[int], place: Int64s | None) -> Int64s:
    return _ints(rows) if place is None else place[_ints(rows)]


def _place(row: int, place: Int64s | None) -> int:
    return row if place is None else int(place[row])
