"""Reading rows out of the pages of a damaged SQLite file, without the tree above them.

The pages of a tree's lower level (leaves) hold the rows, those above them only say where each leaf is. Where one of
these is damaged, SQLite finds nothing below it, though every row is there. Here each page is looked at by itself:
https://www.sqlite.org/fileformat2.html. Pages that SQLite has set free hold rows that were deleted: the caller must
know which those are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

__all__ = ["leaf_rows"]

_TABLE_LEAF = 0x0D
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_MOST_PAYLOAD_BYTES = 1 << 26


def leaf_rows(
    file: BinaryIO, *, page_bytes: int, columns: int, wanted: Callable[[int], bool]
) -> Iterator[tuple[int, list[object]]]:
    """Yield rowid and values of each row with so many columns that lies on a leaf that can be read, in no order.

    Only of rowids that are `wanted`: the others cost little. An `INTEGER PRIMARY KEY` is None among the values, as
    SQLite keeps it. What is not well formed is passed over.
    """
    count = file.seek(0, 2) // page_bytes
    for number in range(2, count + 1):  # the first page is the schema's
        page = _page(file, number, page_bytes)
        if page[0] != _TABLE_LEAF:
            continue
        (cells,) = struct.unpack_from(">H", page, 3)
        for at in range(min(cells, (page_bytes - 8) // 2)):
            (start,) = struct.unpack_from(">H", page, 8 + 2 * at)
            try:
                size, begin = _varint(page, start)
                rowid, begin = _varint(page, begin)
                if not wanted(rowid):
                    continue
                values = _record(_payload(file, page, begin, size, count), columns)
            except (ValueError, IndexError, struct.error):
                continue
            if values is not None:
                yield rowid, values


def _page(file: BinaryIO, number: int, page_bytes: int) -> bytes:
    file.seek((number - 1) * page_bytes)
    return file.read(page_bytes)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9


def _payload(file: BinaryIO, page: bytes, at: int, size: int, count: int) -> bytes:
    page_bytes = len(page)
    if size > _MOST_PAYLOAD_BYTES:
        raise ValueError("longer than any row of a journal")
    here = size
    if size > page_bytes - 35:
        least = (page_bytes - 12) * 32 // 255 - 23
        here = least + (size - least) % (page_bytes - 4)
        if here > page_bytes - 35:
            here = least
    parts = [page[at : at + here]]
    if len(parts[0]) != here:
        raise ValueError("the row is cut off by the end of its page")
    missing = size - here
    following = struct.unpack_from(">I", page, at + here)[0] if missing else 0
    while missing:
        if not 1 < following <= count:
            raise ValueError("the row goes on at a page that there is not")
        more = _page(file, following, page_bytes)
        parts.append(more[4 : 4 + missing])
        missing -= len(parts[-1])
        (following,) = struct.unpack_from(">I", more)
    return b"".join(parts)


def _record(payload: bytes, columns: int) -> list[object] | None:
    """Return the values of a record; None where it has another number of columns, or does not fill its cell."""
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != end or len(kinds) != columns:
        return None
    values = []
    for kind in kinds:
        value, at = _value(payload, at, kind)
        values.append(value)
    return values if at == len(payload) else None


def _value(payload: bytes, at: int, kind: int) -> tuple[object, int]:
    if kind == 0:
        return None, at
    if kind in _INTEGER_BYTES:
        end = at + _INTEGER_BYTES[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == 7:
        return struct.unpack_from(">d", payload, at)[0], at + 8
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise ValueError("a kind of value that SQLite does not have")
    end = at + (kind - 12) // 2
    raw = payload[at:end]
    return (raw.decode(errors="replace") if kind % 2 else raw), end
