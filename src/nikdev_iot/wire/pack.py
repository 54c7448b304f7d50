"""Packs: an immutable run of consecutive commits of one origin, as columns (`docs/wire.md`, "Packs").

The *content* is CBOR; its SHA-256 is the pack's *hash*, which the next pack names as its parent. What stands around it
on the way is in `frame`; its names are at hand here too.
"""

from __future__ import annotations

import uuid
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nikdev_iot.model.commits import Commit, Gap, commit_digest
from nikdev_iot.model.errors import Malformed, TooLarge
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US

from . import cbor
from .columns import (
    Column,
    ReadItem,
    check_columns,
    check_text,
    check_times,
    columns_from_rows,
    get_index,
    get_int64s,
    load_map,
    put_columns,
    read_columns,
    rows_of,
)
from .frame import (
    EPOCH_BYTES,
    HASH_BYTES,
    NO_EPOCH,
    RAW,
    ZLIB,
    Frame,
    decode_frame,
    decompress,
    encode_frame,
    hash_content,
)
from .limits import DEFAULT_LIMITS, Limits

__all__ = [
    "EPOCH_BYTES",
    "HASH_BYTES",
    "MAX_NUMBER",
    "NO_EPOCH",
    "NO_PACK",
    "RAW",
    "ZLIB",
    "Frame",
    "Pack",
    "decode_content",
    "decode_frame",
    "decompress",
    "encode_content",
    "encode_frame",
    "hash_content",
    "pack_from_commits",
]

VERSION = 1
NO_PACK = bytes(HASH_BYTES)
"""The parent of an origin's first pack, and the mark's hash where the server has nothing."""
MAX_NUMBER = 2**63 - 2
"""The last number that a commit can have: the one behind it, too, is an int64."""
_MAX_GAPS = 65_536

_KEYS = cbor.keys(
    "v", "origin", "first", "count", "parent", "times", "columns", "gaps", "messages", "shifts", "uncertain"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Commits `first` to `last` of one origin; row `i` is the i-th commit that is not in a gap."""

    origin: uuid.UUID
    first: int
    count: int
    """How many numbers the pack covers, gaps included; at least 1."""
    parent: bytes
    times: array[int]
    """Type `q`, one per row: µs UTC as the device recorded them."""
    columns: tuple[Column, ...]
    gaps: tuple[Gap, ...] = ()
    """Ascending, not touching one another's numbers."""
    messages: tuple[tuple[int, str], ...] = ()
    """(row, commit message), ascending."""
    shifts: tuple[tuple[int, int], ...] = ()
    """(row, µs to add to its time), ascending; rows that are absent have 0."""
    uncertain: array[int] | None = None
    """Type `I`: rows whose time is not known to be right."""

    @property
    def last(self) -> int:
        """The last number that the pack covers."""
        return self.first + self.count - 1

    @property
    def row_count(self) -> int:
        """How many commits the pack holds."""
        return len(self.times)

    def numbers(self) -> array[int]:
        """Return the commit number of each row, type `q`."""
        if not self.gaps:
            return array("q", range(self.first, self.first + self.count))
        numbers = array("q")
        at = self.first
        for gap in self.gaps:
            numbers.extend(range(at, gap.first))
            at = gap.last + 1
        numbers.extend(range(at, self.last + 1))
        return numbers

    def effective_times(self) -> array[int]:
        """Return the time of each row that counts, type `q`: as recorded, plus the shift."""
        if not self.shifts:
            return self.times
        times = self.times[:]
        for row, shift in self.shifts:
            times[row] += shift
        return times

    def commits(self) -> list[Commit]:
        """Return the commits, one by one; for single reads, not for bulk."""
        messages, shifts, uncertain = dict(self.messages), dict(self.shifts), frozenset(self.uncertain or ())
        return [
            Commit(number, time_us, values, messages.get(row), shifts.get(row, 0), row in uncertain)
            for row, (number, time_us, values) in enumerate(
                zip(self.numbers(), self.times, rows_of(self.columns, self.row_count), strict=True)
            )
        ]

    def digests(self) -> list[tuple[int, bytes]]:
        """Return (number, digest) of each commit; numbers in a gap have none."""
        return [(c.number, commit_digest(c.time_us, c.message, c.values)) for c in self.commits()]


def pack_from_commits(
    origin: uuid.UUID,
    commits: Sequence[Commit],
    *,
    parent: bytes,
    gaps: Iterable[Gap] = (),
) -> Pack:
    """Build a pack from single commits.

    Raises:
        ValueError: the numbers do not ascend, or leave a hole that is not in `gaps`; a mistake of the caller's.
    """
    gaps = tuple(gaps)
    numbers = [commit.number for commit in commits]
    first = min([*numbers[:1], *(gap.first for gap in gaps[:1])], default=0)
    uncertain = array("I", [row for row, commit in enumerate(commits) if commit.uncertain])
    pack = Pack(
        origin=origin,
        first=first,
        count=len(commits) + sum(gap.count for gap in gaps),
        parent=parent,
        times=array("q", [commit.time_us for commit in commits]),
        columns=columns_from_rows([commit.values for commit in commits]),
        gaps=gaps,
        messages=tuple((row, c.message) for row, c in enumerate(commits) if c.message is not None),
        shifts=tuple((row, c.shift_us) for row, c in enumerate(commits) if c.shift_us),
        uncertain=uncertain or None,
    )
    if first < 1 or pack.numbers().tolist() != numbers:
        raise ValueError("commits and gaps that do not follow one another")
    return pack


# -- content -------------------------------------------------------------------------------------


def encode_content(pack: Pack) -> bytes:
    """Return the pack as CBOR; the same pack always gives the same bytes.

    Raises:
        ValueError: its numbers or its parent cannot be those of a pack; a mistake of the caller's.
    """
    if pack.first < 1 or pack.count < max(pack.row_count, 1) or len(pack.parent) != HASH_BYTES:
        raise ValueError(f"not a pack: {pack.count} numbers from {pack.first}, parent of {len(pack.parent)} bytes")
    extra = {
        "gaps": [[gap.first, gap.count, gap.reason] for gap in pack.gaps],
        "messages": [[row, message] for row, message in pack.messages],
        "shifts": _put_shifts(pack.shifts),
        "uncertain": pack.uncertain,
    }
    extra = {key: item for key, item in extra.items() if item}
    parts = [
        cbor.head(cbor.MAP, 7 + len(extra)),
        _TO_ORIGIN,
        pack.origin.bytes,
        _TO_FIRST,
        cbor.head(cbor.UINT, pack.first),
        _TO_COUNT,
        cbor.head(cbor.UINT, pack.count),
        _TO_PARENT,
        pack.parent,
        _TO_TIMES,
        cbor.typed(pack.times),
        _TO_COLUMNS,
    ]
    put_columns(parts, pack.columns)
    for key, item in extra.items():
        parts += cbor.text(key), cbor.dumps(item)
    return b"".join(parts)


# What stands between one part of a pack and the next, and never changes.
_TO_ORIGIN = cbor.text("v") + cbor.head(cbor.UINT, VERSION) + cbor.text("origin") + cbor.head(cbor.BYTES, 16)
_TO_FIRST = cbor.text("first")
_TO_COUNT = cbor.text("count")
_TO_PARENT = cbor.text("parent") + cbor.head(cbor.BYTES, HASH_BYTES)
_TO_TIMES = cbor.text("times")
_TO_COLUMNS = cbor.text("columns")


def _put_shifts(shifts: Sequence[tuple[int, int]]) -> list[array[int]]:
    return [array("I", [row for row, _ in shifts]), array("q", [shift for _, shift in shifts])] if shifts else []


def decode_content(content: bytes, limits: Limits = DEFAULT_LIMITS) -> Pack:
    """Read a pack's content, from anyone.

    Raises:
        Malformed: it does not follow the format.
        TooLarge: more commits, columns or values than `limits` allow.
        Unsupported: a version, key or kind that this side does not know.
    """
    top = load_map(content, known=_KEYS, version=VERSION, limits=limits, readers=_READERS)
    origin = _bytes(top, "origin", 16)
    first, count = _uint(top, "first"), _uint(top, "count")
    if first < 1 or count < 1 or first + count - 1 > MAX_NUMBER:
        raise Malformed("not numbers from 1 to 2^63-2, at least one of them", place="first, count")
    gaps = _check_gaps(top["gaps"], first, count) if "gaps" in top else ()
    row_count = count - sum(gap.count for gap in gaps) if gaps else count
    if row_count > limits.commits:
        raise TooLarge(f"{row_count} commits; the limit is {limits.commits}", limit=limits.commits, place="count")
    times = check_times(get_int64s(top.get("times"), row_count, "times"), "times")
    columns = check_columns(top.get("columns"), row_count)
    if len(content) > limits.values:  # a value takes a byte at least
        _check_value_count(columns, limits)
    if columns and not row_count:
        raise Malformed("columns without a commit", place="columns")
    return Pack(
        origin=uuid.UUID(bytes=origin),
        first=first,
        count=count,
        parent=_bytes(top, "parent", HASH_BYTES),
        times=times,
        columns=columns,
        gaps=gaps,
        messages=_check_messages(top["messages"], row_count) if "messages" in top else (),
        shifts=_check_shifts(top["shifts"], times) if "shifts" in top else (),
        uncertain=(get_index(top["uncertain"], row_count, "uncertain") or None) if "uncertain" in top else None,
    )


def _check_value_count(columns: Sequence[Column], limits: Limits) -> None:
    count = sum([len(column.data) for column in columns])
    if count > limits.values:
        raise TooLarge(f"{count} values; the limit is {limits.values}", limit=limits.values, place="columns")


def _uint(top: dict[str, Any], key: str) -> int:
    value = top.get(key)
    if type(value) is not int or value < 0:
        raise Malformed("not a whole number from 0", place=key)
    return value


def _bytes(top: dict[str, Any], key: str, size: int) -> bytes:
    value = top.get(key)
    if type(value) is not bytes or len(value) != size:
        raise Malformed(f"not {size} bytes", place=key)
    return value


def _read_gaps(reader: cbor.Reader, _: Limits) -> list[Gap]:
    gaps = []
    for number in range(reader.open_array(_MAX_GAPS, "gaps")):
        place = f"gaps[{number}]"
        first, count = _read_uints(reader, 3, 2, place)
        gaps.append(Gap(first, count, check_text(reader.text(), place)))
    return gaps


def _read_messages(reader: cbor.Reader, limits: Limits) -> list[tuple[int, str]]:
    messages = []
    for number in range(reader.open_array(limits.commits, "messages")):
        place = f"messages[{number}]"
        (row,) = _read_uints(reader, 2, 1, place)
        messages.append((row, check_text(reader.text(), place)))
    return messages


def _read_uints(reader: cbor.Reader, size: int, count: int, place: str) -> list[int]:
    """Read the first `count` items, whole numbers from 0, of an array of `size`."""
    heads = [reader.head() for _ in range(1 + count)]
    if heads[0] != (cbor.ARRAY, size) or any(major != cbor.UINT for major, _ in heads[1:]):
        raise Malformed(f"not an array of {size} items that begins with {count} whole numbers from 0", place=place)
    return [number for _, number in heads[1:]]


def _read_shifts(reader: cbor.Reader, _: Limits) -> tuple[object, object]:
    if reader.open_array(2, "shifts") != 2:
        raise Malformed("not [rows, µs]", place="shifts")
    return reader.scalar(), reader.scalar()


_READERS: dict[str, ReadItem] = {
    "columns": read_columns,
    "gaps": _read_gaps,
    "messages": _read_messages,
    "shifts": _read_shifts,
}


def _check_gaps(gaps: list[Gap], first: int, count: int) -> tuple[Gap, ...]:
    at, end = first, first + count
    for number, gap in enumerate(gaps):
        if gap.first < at or gap.count < 1 or gap.last >= end:
            raise Malformed("not inside the pack and behind the gap before it", place=f"gaps[{number}]")
        at = gap.last + 1
    return tuple(gaps)


def _check_messages(messages: list[tuple[int, str]], row_count: int) -> tuple[tuple[int, str], ...]:
    before = -1
    for number, (row, _) in enumerate(messages):
        if not before < row < row_count:
            raise Malformed(f"rows that do not ascend below {row_count}", place=f"messages[{number}]")
        before = row
    return tuple(messages)


def _check_shifts(item: tuple[object, object], times: array[int]) -> tuple[tuple[int, int], ...]:
    rows = get_index(item[0], len(times), "shifts[0]")
    shifts = get_int64s(item[1], len(rows), "shifts[1]")
    for row, shift in zip(rows, shifts, strict=True):
        if not MIN_TIME_US <= times[row] + shift <= MAX_TIME_US:
            raise Malformed("a time outside the years 1 to 9999", place="shifts")
    return tuple(zip(rows, shifts, strict=True))
