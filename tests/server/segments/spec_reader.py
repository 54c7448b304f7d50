"""A reader of segments written from `docs/storage.md` alone, with nothing of the project in it."""

from __future__ import annotations

import struct
import uuid
import zlib
from typing import Any

from pcodec import standalone


class Items:
    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def fixed(self, form: str) -> Any:
        found = struct.unpack_from("<" + form, self.raw, self.at)
        self.at += struct.calcsize("<" + form)
        return found[0] if len(found) == 1 else found

    def some(self, size: int) -> bytes:
        self.at += size
        assert self.at <= len(self.raw)
        return self.raw[self.at - size : self.at]

    def ints(self) -> list[int]:
        form, count, size = self.fixed("BII")
        raw = self.some(size)
        if form == 16:
            found = standalone.simple_decompress(raw)
            assert found.dtype == "int64"
            return found.tolist()
        if form == 17:
            first, step = struct.unpack("<qq", raw)
            return [first + step * number for number in range(count)]
        return list(struct.unpack(f"<{count}{ {1: 'b', 2: 'h', 4: 'i', 8: 'q'}[form] }", raw))

    def floats(self) -> list[float]:
        form, count, size = self.fixed("BII")
        raw = self.some(size)
        if form == 16:
            found = standalone.simple_decompress(raw)
            assert found.dtype == "float64"
            return found.tolist()
        assert form == 8
        return list(struct.unpack(f"<{count}d", raw))

    def bytes(self) -> bytes:
        form, count, size = self.fixed("BII")
        raw = {0: bytes, 1: zlib.decompress}[form](self.some(size))
        assert len(raw) == count
        return raw

    def bools(self) -> list[bool]:
        count = self.fixed("I")
        raw = self.bytes()
        return [bool(raw[number // 8] >> number % 8 & 1) for number in range(count)]

    def texts(self) -> list[str]:
        lengths, raw, which = self.ints(), self.bytes(), self.ints()
        different = []
        for length in lengths:
            different.append(raw[:length].decode())
            raw = raw[length:]
        assert not raw
        return [different[number] for number in which]

    def of_kind(self, kind: int) -> list[Any]:
        return {1: self.floats, 2: self.ints, 3: self.bools, 4: self.texts}[kind]()

    def end(self) -> None:
        assert self.at == len(self.raw)


def read_part(magic: bytes, raw: bytes) -> dict[tuple[int, int], Items]:
    found, version, count, length, check = struct.unpack_from("<4sHHII", raw)
    assert (found, version, length) == (magic, 1, len(raw))
    assert check == zlib.crc32(raw[:12] + raw[16 : 16 + 12 * count])
    at, sections = 16 + 12 * count, {}
    for number in range(count):
        what, column, size, section_check = struct.unpack_from("<HHII", raw, 16 + 12 * number)
        section = raw[at : at + size]
        assert zlib.crc32(section) == section_check
        sections[what, column] = Items(section)
        at += size
    assert at == len(raw)
    return sections


def read_segment(summary: bytes, body: bytes) -> dict[str, Any]:  # noqa: C901 - it is one page, too
    """Return all that a segment says."""
    plan, rest = read_part(b"NKSS", summary), read_part(b"NKSB", body)
    head = plan.pop((1, 0))
    told: dict[str, Any] = {
        "device": uuid.UUID(bytes=head.some(16)),
        "origin": uuid.UUID(bytes=head.some(16)),
        "numbers": head.fixed("qq"),
        "arrivals": head.fixed("qq"),
    }
    row_count, pack_count = head.fixed("II")
    told["times"], told["edge_times"] = head.fixed("qq"), head.fixed("qq")
    block_us, body_length, body_check = head.fixed("qII")
    assert (body_length, body_check) == (len(body), struct.unpack_from("<I", body, 12)[0])
    columns = []
    for number in range(head.fixed("H")):
        kind, flags, size = head.fixed("BBH")
        columns.append((number, head.some(size).decode(), kind, flags))
    head.end()

    gaps = plan.pop((2, 0), None)
    told["gaps"] = list(zip(gaps.ints(), gaps.ints(), gaps.texts(), strict=True)) if gaps else []
    messages = plan.pop((3, 0), None)
    told["blocks"] = _blocks(plan.pop((4, 0), None))

    times = rest.pop((17, 0)).ints() if row_count else []
    numbers = rest.pop((18, 0)).ints() if row_count else []
    assert list(zip(times, numbers, strict=True)) == sorted(zip(times, numbers, strict=True))
    rows: list[dict[str, Any]] = [
        {"number": number, "time": time, "values": {}} for time, number in zip(times, numbers, strict=True)
    ]
    assert len(rows) == row_count
    if messages:
        for row, text in zip(messages.ints(), messages.texts(), strict=True):
            rows[row]["message"] = text
    shifts = rest.pop((19, 0), None)
    if shifts:
        for row, shift in zip(shifts.ints(), shifts.ints(), strict=True):
            rows[row]["recorded"] = rows[row]["time"] - shift
    uncertain = rest.pop((20, 0), None)
    for row in uncertain.ints() if uncertain else []:
        rows[row]["uncertain"] = True
    digests = rest.pop((21, 0), None)
    if digests:
        lost, raw = digests.ints(), digests.bytes()
        for place, row in enumerate(lost):
            rows[row]["digest"] = raw[16 * place : 16 * place + 16]

    told["statistics"] = {}
    for number, field_id, kind, flags in columns:
        at = list(range(row_count)) if flags & 1 else rest.pop((32, number)).ints()
        values = rest.pop((33, number)).of_kind(kind)
        for row, value in zip(at, values, strict=True):
            assert field_id not in rows[row]["values"]
            rows[row]["values"][field_id] = value
        for row in rest.pop((34, number)).ints() if flags & 2 else []:
            rows[row].setdefault("taken", set()).add(field_id)
        if values:
            told["statistics"][field_id, kind] = _statistics(plan.pop((5, number)), kind, flags, told["blocks"])
    told["rows"] = rows
    assert block_us > 0 or not rows

    told["packs"] = _packs(rest.pop((16, 0)), told, columns)
    assert len(told["packs"]) == pack_count
    assert not plan
    assert not rest
    return told


def _blocks(items: Items | None) -> list[tuple[int, ...]]:
    if items is None:
        return []
    found = list(zip(*(items.ints() for _ in range(5)), strict=True))
    items.end()
    return found


def _statistics(items: Items, kind: int, flags: int, blocks: list[tuple[int, ...]]) -> list[dict[str, Any]]:
    which, counts = items.ints(), items.ints()
    places = list(zip(*(items.ints() for _ in range(5)), strict=True))[:] if not flags & 1 else blocks
    found: list[dict[str, Any]] = [
        {"block": block, "count": count, "first_time": place[1], "last_time": place[2], "numbers": place[3:]}
        for block, count, place in zip(which, counts, places, strict=True)
    ]
    if kind == 4:
        items.end()
        return found
    of_kind = items.floats if kind == 1 else items.ints
    for name in ("low", "high", "first", "last"):
        for one, value in zip(found, of_kind(), strict=True):
            one[name] = value
    if kind == 1:
        scale = 2.0**64 if items.fixed("B") else 1
        sums: list[Any] = [total * scale for total in items.floats()]
    else:
        sums = [high * 2**32 + low for high, low in zip(items.ints(), items.ints(), strict=True)]
    for one, total in zip(found, sums, strict=True):
        one["sum"] = total
    items.end()
    return found


def _packs(items: Items, told: dict[str, Any], columns: list[Any]) -> list[dict[str, Any]]:
    arrivals, firsts, hashes, received = items.ints(), items.ints(), items.bytes(), items.ints()
    has_offset, offsets = items.bools(), iter(items.ints())
    keys, which_key = items.bytes(), items.ints()
    lengths, listed, which_order = items.ints(), items.ints(), items.ints()
    items.end()
    orders = []
    for length in lengths:
        orders.append([columns[number][1:3] for number in listed[:length]])
        listed = listed[length:]
    lasts = [*(first - 1 for first in firsts[1:]), told["numbers"][1]]
    return [
        {
            "arrival": arrivals[at],
            "first": firsts[at],
            "last": lasts[at],
            "hash": hashes[8 * at : 8 * at + 8],
            "received": received[at],
            "offset": next(offsets) if has_offset[at] else None,
            "key": uuid.UUID(bytes=keys[16 * which_key[at] - 16 :][:16]) if which_key[at] else None,
            "columns": orders[which_order[at]],
        }
        for at in range(len(arrivals))
    ]
