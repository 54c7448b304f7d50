"""The segment of `docs/storage.md`; run it to print the hex anew."""

from __future__ import annotations

import struct
import uuid

import numpy as np
from tests.server.segments.made import NOW_US, gathered, packs_of, stored_of

from nikdev_iot.server.segments.encode import EncodedSegment, encode_segment
from nikdev_iot.server.segments.erase import erase
from nikdev_iot.server.segments.records import Segment
from nikdev_iot.server.segments.sections import Section

PLAN: list[list[tuple]] = [
    [(NOW_US, (("temperature", 21.5), ("on", True)), "first light", 0, False), (1, "discarded")],
    [
        (NOW_US + 500_000, (("temperature", 22.0), ("on", False)), None, 500_000, False),
        (NOW_US + 2_000_000, (("temperature", 21), ("state", "nil")), None, 0, True),
    ],
]


def example_segment() -> Segment:
    """Two packs; the bool of the second commit was deleted."""
    packs = [
        stored_of(pack, arrival)._replace(key_id=uuid.UUID(int=7), clock_offset_us=-5)
        for pack, arrival in zip(packs_of(PLAN), (11, 14), strict=True)
    ]
    return erase(gathered(packs), {1: np.array([1])})


def example() -> EncodedSegment:
    """The same as bytes."""
    return encode_segment(example_segment())


def _print(name: str, raw: bytes) -> None:
    count = struct.unpack_from("<H", raw, 6)[0]
    entries = list(struct.iter_unpack("<HHII", raw[16 : 16 + 12 * count]))
    columns = [column.field_id for column in example_segment().columns]
    kinds = [column.kind.name.lower() for column in example_segment().columns]
    print(f"{raw[:16].hex(' ')}  # {name}: version 1, {count} sections, {len(raw)} bytes, check value")
    at = 16
    for what, column, size, _ in entries:
        print(f"{raw[at : at + 12].hex(' ')}  # section {what}, column {column}, {size} bytes, check value")
        at += 12
    for what, column, size, _ in entries:
        of = f" of {columns[column]} ({kinds[column]})" if what in {5, 32, 33, 34} else ""
        lines = [raw[at + line : at + min(line + 32, size)].hex(" ") for line in range(0, size, 32)]
        print(f"{lines[0]}  # {Section(what).name.lower()}{of}", *lines[1:], sep="\n")
        at += size


if __name__ == "__main__":
    for part, its_bytes in zip(("summary", "body"), example(), strict=True):
        _print(part, its_bytes)
