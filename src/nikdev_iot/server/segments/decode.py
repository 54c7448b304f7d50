"""From the two parts of a segment back to what it holds, section by section: only what is asked for is decoded."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.commits import DIGEST_BYTES, Gap
from nikdev_iot.model.values import Kind

from .arrays import MAX_ITEMS, Cursor
from .encode import BODY, COLUMN, FLAG_ERASED, FLAG_EVERY, HEAD, SUMMARY
from .records import (
    HASH_KEPT_BYTES,
    NO_ROWS,
    ErasedCommit,
    Int64s,
    PackHead,
    Segment,
    SegmentColumn,
    SegmentDamaged,
)
from .sections import CHECK, Part, Section
from .statistics import Blocks, ColumnStatistics, NumberStatistics

__all__ = ["ColumnHead", "SegmentReader", "decode_segment"]


class ColumnHead(NamedTuple):
    """What a segment says of a column without opening it."""

    number: int
    field_id: str
    kind: Kind
    is_every: bool
    """Whether every row has a value."""
    is_erased: bool
    """Whether values were taken out."""


class SegmentReader:
    """A segment of which only the summary is at hand, until more is asked for.

    Anything but `SegmentDamaged` that goes wrong is the caller's: `body` is asked for the body, once.
    """

    def __init__(self, summary: bytes, body: Callable[[], bytes]) -> None:
        """Read the head; raises `SegmentDamaged`."""
        self._summary = Part(SUMMARY, summary)
        self._load = body
        head = Cursor(self._summary.section(Section.HEAD))
        (device, origin, self.first, self.last, self.first_arrival, self.last_arrival, self.row_count, *rest) = (
            head.unpack(HEAD)
        )
        self.pack_count, self.min_time_us, self.max_time_us, self.first_time_us, self.last_time_us, *rest = rest
        self.block_us, self._body_bytes, self._body_check, column_count = rest
        self.device_id, self.origin = uuid.UUID(bytes=device), uuid.UUID(bytes=origin)
        if self.row_count > MAX_ITEMS or not 0 < self.pack_count <= MAX_ITEMS:
            raise SegmentDamaged(f"A segment is damaged: {self.row_count} rows of {self.pack_count} packs.")
        self.columns = tuple(_column_head(head, number) for number in range(column_count))
        """As the segment has them."""
        head.end()

    # -- the summary ------------------------------------------------------------------------------

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """The declared gaps, by number."""
        if (Section.GAPS, 0) not in self._summary:
            return ()
        cursor = Cursor(self._summary.section(Section.GAPS))
        firsts, counts, reasons = cursor.ints(), cursor.ints(), cursor.texts()
        cursor.end()
        _same_length(firsts, counts, reasons)
        return tuple(map(Gap, firsts.tolist(), counts.tolist(), reasons.tolist()))

    @cached_property
    def messages(self) -> tuple[tuple[int, str], ...]:
        """(row, text) of each message, by row."""
        if (Section.MESSAGES, 0) not in self._summary:
            return ()
        cursor = Cursor(self._summary.section(Section.MESSAGES))
        rows, texts = self._rows(cursor), cursor.texts()
        cursor.end()
        _same_length(rows, texts)
        return tuple(zip(rows.tolist(), texts.tolist(), strict=True))

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks that statistics are of."""
        if not self.row_count:
            return Blocks(NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS)
        cursor = Cursor(self._summary.section(Section.BLOCKS))
        blocks = _read_places(cursor, self._rows(cursor))
        cursor.end()
        return blocks

    def statistics(self, column: ColumnHead) -> ColumnStatistics | None:
        """Return what the blocks come to in a column; None where it has no value any more."""
        if (Section.STATISTICS, column.number) not in self._summary:
            return None
        cursor = Cursor(self._summary.section(Section.STATISTICS, column.number))
        present, counts = cursor.ints(), cursor.ints()
        places = self.blocks if column.is_every else _read_places(cursor, cursor.ints())
        numbers = None if column.kind is Kind.TEXT else _read_numbers(cursor, column.kind)
        cursor.end()
        _same_length(present, counts, places.begins, *(() if numbers is None else (numbers.lows,)))
        if len(present) and not 0 <= int(present.min()) <= int(present.max()) < len(self.blocks):
            raise SegmentDamaged("A segment is damaged: statistics of a block that is not there.")
        return ColumnStatistics(present, counts, places, numbers)

    # -- the body ---------------------------------------------------------------------------------

    @cached_property
    def _body(self) -> Part:
        raw = self._load()
        if len(raw) != self._body_bytes:
            raise SegmentDamaged(f"A segment is damaged: its body has {len(raw)} bytes, and not {self._body_bytes}.")
        part = Part(BODY, raw)
        if int.from_bytes(raw[CHECK], "little") != self._body_check:
            raise SegmentDamaged("A segment is damaged: its body is that of another one.")
        return part

    @cached_property
    def times(self) -> Int64s:
        """The effective time of each row."""
        return self._of_rows(Section.TIMES)

    @cached_property
    def numbers(self) -> Int64s:
        """The number of each row."""
        return self._of_rows(Section.NUMBERS)

    def data(self, column: ColumnHead) -> tuple[Int64s | None, npt.NDArray[Any]]:
        """Return the rows that have a value in a column (None: all), and the values."""
        at = None
        if not column.is_every:
            at = self._listed(Section.PRESENCE, column.number)
        cursor = Cursor(self._body.section(Section.DATA, column.number))
        values: npt.NDArray[Any]
        if column.kind is Kind.FLOAT:
            values = cursor.floats()
        elif column.kind is Kind.INT:
            values = cursor.ints()
        else:
            values = cursor.bools() if column.kind is Kind.BOOL else cursor.texts()
        cursor.end()
        if len(values) != (self.row_count if at is None else len(at)):
            raise SegmentDamaged(f"A segment is damaged: {len(values)} values of {column.field_id!r}.")
        return at, values

    def erased(self, column: ColumnHead) -> Int64s:
        """Return the rows whose value in a column was taken out."""
        return self._listed(Section.ERASED, column.number) if column.is_erased else NO_ROWS

    def erased_commits(self) -> tuple[ErasedCommit, ...]:
        """Return the commits that lost values, by row."""
        if (Section.DIGESTS, 0) not in self._body:
            return ()
        cursor = Cursor(self._body.section(Section.DIGESTS))
        rows, raw = self._rows(cursor), cursor.bytes()
        cursor.end()
        if len(raw) != DIGEST_BYTES * len(rows):
            raise SegmentDamaged("A segment is damaged: digests that are too many or too few.")
        return tuple(
            ErasedCommit(row, raw[at : at + DIGEST_BYTES])
            for at, row in zip(range(0, len(raw), DIGEST_BYTES), rows.tolist(), strict=True)
        )

    def shifts(self) -> tuple[Int64s, Int64s]:
        """Return the rows whose time was corrected, and by how much."""
        if (Section.SHIFTS, 0) not in self._body:
            return NO_ROWS, NO_ROWS
        cursor = Cursor(self._body.section(Section.SHIFTS))
        rows, shifts = self._rows(cursor), cursor.ints()
        cursor.end()
        _same_length(rows, shifts)
        return rows, shifts

    def uncertain(self) -> Int64s:
        """Return the rows whose time is not known to be right."""
        return self._listed(Section.UNCERTAIN) if (Section.UNCERTAIN, 0) in self._body else NO_ROWS

    @cached_property
    def packs(self) -> tuple[PackHead, ...]:
        """What the packs told, in their order."""
        cursor = Cursor(self._body.section(Section.PACKS))
        arrivals, firsts, hashes, received = cursor.ints(), cursor.ints(), cursor.bytes(), cursor.ints()
        has_offset, offsets = cursor.bools(), cursor.ints()
        raw_keys, key_codes = cursor.bytes(), cursor.ints()
        layout_ends, layout_columns, layout_codes = np.cumsum(cursor.ints()), cursor.ints(), cursor.ints()
        cursor.end()
        _same_length(arrivals, firsts, received, has_offset, key_codes, layout_codes)
        keys = [None, *(uuid.UUID(bytes=raw_keys[at : at + 16]) for at in range(0, len(raw_keys) // 16 * 16, 16))]
        ends = layout_ends.tolist()
        layouts = [tuple(layout_columns[begin:end].tolist()) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
        lasts = [*(firsts[1:] - 1).tolist(), self.last]
        known = iter(offsets.tolist())
        try:
            return tuple(
                PackHead(
                    arrival,
                    first,
                    last,
                    hashes[HASH_KEPT_BYTES * at : HASH_KEPT_BYTES * (at + 1)],
                    received_us,
                    next(known) if has else None,
                    keys[key],
                    layouts[layout],
                )
                for at, (arrival, first, last, received_us, has, key, layout) in enumerate(
                    zip(
                        arrivals.tolist(),
                        firsts.tolist(),
                        lasts,
                        received.tolist(),
                        has_offset.tolist(),
                        key_codes.tolist(),
                        layout_codes.tolist(),
                        strict=True,
                    )
                )
            )
        except (IndexError, RuntimeError):
            raise SegmentDamaged("A segment is damaged: the heads of its packs do not fit together.") from None

    def _of_rows(self, section: Section) -> Int64s:
        if not self.row_count:
            return NO_ROWS
        cursor = Cursor(self._body.section(section))
        found = cursor.ints()
        cursor.end()
        if len(found) != self.row_count:
            raise SegmentDamaged(f"A segment is damaged: {len(found)} items of {section.name} for its rows.")
        return found

    def _listed(self, section: Section, column: int = 0) -> Int64s:
        cursor = Cursor(self._body.section(section, column))
        rows = self._rows(cursor)
        cursor.end()
        return rows

    def _rows(self, cursor: Cursor) -> Int64s:
        rows = cursor.ints()
        if len(rows) and (int(rows[0]) < 0 or int(rows[-1]) >= self.row_count or bool(np.any(rows[1:] <= rows[:-1]))):
            raise SegmentDamaged("A segment is damaged: rows that do not ascend below their number.")
        return rows


def _column_head(cursor: Cursor, number: int) -> ColumnHead:
    kind, flags, size = cursor.unpack(COLUMN)
    try:
        return ColumnHead(
            number, bytes(cursor.take(size)).decode(), Kind(kind), bool(flags & FLAG_EVERY), bool(flags & FLAG_ERASED)
        )
    except ValueError as error:
        raise SegmentDamaged(f"A segment is damaged: {error}.") from None


def _read_places(cursor: Cursor, begins: Int64s) -> Blocks:
    places = Blocks(begins, cursor.ints(), cursor.ints(), cursor.ints(), cursor.ints())
    _same_length(begins, places.first_times, places.last_times, places.first_numbers, places.last_numbers)
    return places


def _read_numbers(cursor: Cursor, kind: Kind) -> NumberStatistics:
    if kind is Kind.FLOAT:
        lows, highs, firsts, lasts = (cursor.floats() for _ in range(4))
        is_scaled = bool(cursor.take(1)[0])
        totals = cursor.floats()
        _same_length(lows, highs, firsts, lasts, totals)
        return NumberStatistics(lows, highs, firsts, lasts, totals, is_scaled)
    edges: list[npt.NDArray[Any]] = [cursor.ints() for _ in range(4)]
    high_sums, low_sums = cursor.ints(), cursor.ints()
    _same_length(*edges, high_sums, low_sums)
    if kind is Kind.BOOL:
        edges = [edge.astype(np.bool_) for edge in edges]
    lows, highs, firsts, lasts = edges
    return NumberStatistics(lows, highs, firsts, lasts, high_sums=high_sums, low_sums=low_sums)


def _same_length(*arrays: npt.NDArray[Any]) -> None:
    if len({len(array) for array in arrays}) > 1:
        raise SegmentDamaged("A segment is damaged: arrays of different lengths where they belong together.")


def decode_segment(summary: bytes, body: bytes) -> Segment:
    """Return all that a segment holds.

    Raises:
        SegmentDamaged: the bytes are not those of a segment.
    """
    reader = SegmentReader(summary, lambda: body)
    shift_rows, shifts = reader.shifts()
    return Segment(
        device_id=reader.device_id,
        origin=reader.origin,
        packs=reader.packs,
        times=reader.times,
        numbers=reader.numbers,
        columns=tuple(
            SegmentColumn(head.field_id, head.kind, *reader.data(head), reader.erased(head)) for head in reader.columns
        ),
        gaps=reader.gaps,
        messages=reader.messages,
        shift_rows=shift_rows,
        shifts=shifts,
        uncertain=reader.uncertain(),
        erased=reader.erased_commits(),
    )
