"""A reader of packs written from `docs/wire.md` alone, with nothing of the project in it."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Any

ITEMS = {64: ("B", 1), 70: ("I", 4), 79: ("q", 8), 86: ("d", 8)}


def read_item(raw: bytes, at: int = 0) -> tuple[Any, int]:
    first, at = raw[at], at + 1
    if first == 0xF6:
        return None, at
    major, number = first >> 5, first & 31
    if number >= 24:
        size = 1 << number - 24
        number, at = int.from_bytes(raw[at : at + size], "big"), at + size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major == 2:
        return raw[at : at + number], at + number
    if major == 3:
        return raw[at : at + number].decode(), at + number
    if major == 4:
        items = []
        for _ in range(number):
            item, at = read_item(raw, at)
            items.append(item)
        return items, at
    if major == 5:
        pairs = {}
        for _ in range(number):
            key, at = read_item(raw, at)
            pairs[key], at = read_item(raw, at)
        return pairs, at
    assert major == 6
    letter, size = ITEMS[number]
    data, at = read_item(raw, at)
    return (letter, list(struct.unpack(f"<{len(data) // size}{letter}", data))), at


def read_frame(body: bytes) -> tuple[bytes, bytes]:
    """Return (epoch, content)."""
    magic, codec, length, check, epoch, content_hash = struct.unpack("<4sB3xII16s32s", body[:64])
    assert magic == b"NKP\x01"
    assert zlib.crc32(body[:12] + bytes(4) + body[16:]) == check
    content = zlib.decompress(body[64:]) if codec == 1 else body[64:]
    assert len(content) == length
    assert hashlib.sha256(content).digest() == content_hash
    return epoch, content


def read_commits(content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what the pack says of itself, and its commits."""
    top, end = read_item(content)
    assert end == len(content)
    assert next(iter(top)) == "v"
    gone = [range(first, first + count) for first, count, _ in top.get("gaps", [])]
    numbers = []
    at = top["first"]
    for hole in [*gone, range(top["first"] + top["count"], 0)]:
        numbers += range(at, hole.start)
        at = hole.stop
    commits: list[dict[str, Any]] = [
        {"number": number, "time_us": time_us, "values": {}}
        for number, time_us in zip(numbers, top["times"][1], strict=True)
    ]
    for field_id, rows, items in top["columns"]:
        letter, values = items if isinstance(items, tuple) else ("", items)
        if letter == "B":
            values = [value == 1 for value in values]
        for row, value in zip(range(len(commits)) if rows is None else rows[1], values, strict=True):
            assert field_id not in commits[row]["values"]
            commits[row]["values"][field_id] = value
    for row, message in top.get("messages", []):
        commits[row]["message"] = message
    if "shifts" in top:
        for row, shift_us in zip(top["shifts"][0][1], top["shifts"][1][1], strict=True):
            commits[row]["shift_us"] = shift_us
    for row in top.get("uncertain", ("I", []))[1]:
        commits[row]["uncertain"] = True
    return top, commits


def digest(commit: dict[str, Any]) -> bytes:
    """Return the digest of a commit, from its canonical form."""

    def text(value: str) -> bytes:
        raw = value.encode()
        return struct.pack("<I", len(raw)) + raw

    form = struct.pack("<q", commit["time_us"])
    form += text(commit["message"]) if "message" in commit else b"\xff\xff\xff\xff"
    form += struct.pack("<I", len(commit["values"]))
    for field_id, value in sorted(commit["values"].items(), key=lambda pair: pair[0].encode()):
        form += text(field_id)
        if isinstance(value, bool):
            form += b"\x03" + bytes([value])
        elif isinstance(value, int):
            form += b"\x02" + struct.pack("<q", value)
        elif isinstance(value, float):
            form += b"\x01" + struct.pack("<d", value)
        else:
            form += b"\x04" + text(value)
    return hashlib.sha256(form).digest()[:16]
