"""JSON v1 as it arrives: entries without a number become commits of an origin that the server makes for the device.

An entry is known again, when a client that lost the answer sends it once more, by its key (`wire.v1.entry_keys`), for a
configured number of days.
"""

from __future__ import annotations

import hashlib
import json
import uuid
import zlib
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from nikdev_iot.model.errors import Malformed, TooLarge
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.port import EntryKey
from nikdev_iot.server.storage.records import Device, StoredPack
from nikdev_iot.wire.columns import columns_from_rows
from nikdev_iot.wire.frame import RAW, ZLIB, hash_content
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import Pack, encode_content
from nikdev_iot.wire.v1 import Entry, decode_push, entry_keys

from .fields import FieldsRefused
from .templates import FieldKind, Layout, layout_of

__all__ = ["EntriesPush", "entries_origin", "entries_refused", "pack_of_entries", "read_entries"]

_STRUCTURE = (b"{", b"[", b",")
_SQUEEZE_FROM_BYTES = 1_024
"""Shorter contents gain nothing worth the time."""


class EntriesPush(NamedTuple):  # made thousands of times a second, and three times as fast to make as a dataclass
    """The entries of one request, at least one, and the key of each."""

    device: Device
    key: tuple[uuid.UUID, uuid.UUID]
    """Whose mark it moves: (device, origin)."""
    entries: tuple[Entry, ...]
    entry_keys: Sequence[EntryKey]
    brought: Sequence[FieldKind]
    """The fields and kinds that have a value, in the order of the request."""
    brought_set: frozenset[FieldKind]
    received_us: int
    sent_us: int | None
    key_id: uuid.UUID
    size_bytes: int
    """About what it holds in memory while it waits."""

    @property
    def value_count(self) -> int:
        """How many values it has, those that were stored before too."""
        return sum([len(entry.values) for entry in self.entries])


@lru_cache(16_384)
def entries_origin(device_id: uuid.UUID) -> uuid.UUID:
    """Return the origin under which the server numbers a device's entries; always the same."""
    raw = bytearray(hashlib.sha256(b"nikdev-entries\0" + device_id.bytes).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80  # RFC 9562, version 8: the bits are ours
    raw[8] = raw[8] & 0x3F | 0x80
    return uuid.UUID(bytes=bytes(raw))


def read_entries(
    body: bytes, *, device: Device, key_id: uuid.UUID, limits: Limits, received_us: int
) -> EntriesPush | None:
    """Read the body of `POST entries/`; None where it has no values.

    Raises:
        Malformed, TooLarge: as `wire.v1` does, naming the place; or a key comes twice in an object.
    """
    _check_structure(body, limits)
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = 'Send {"clientTimestamp": s, "entries": [...]}.'
        raise Malformed(f"not JSON ({error})", place="body", hint=hint) from None
    push = decode_push(data, limits)
    # The parser keeps the last of equal keys, and then more colons came than pairs are there.
    pair_count = len(data)
    for item in data["entries"]:
        pair_count += len(item)
    for entry in push.entries:
        pair_count += len(entry.values)
    colon_count = body.count(b":")
    if colon_count != pair_count and (b"\\" in body or colon_count != pair_count + _count_in_texts(push.entries)):
        _check_keys(body)
    if not push.entries:
        return None
    if len(push.entries) == 1:
        layout = _layout(push.entries[0])
        brought: Sequence[FieldKind] = layout.brought
        brought_set = layout.brought_set
    else:
        layouts = dict.fromkeys([_layout(entry) for entry in push.entries])
        brought = list(dict.fromkeys(pair for layout in layouts for pair in layout.brought))
        brought_set = frozenset(brought)
    return EntriesPush(
        device=device,
        key=(device.id, entries_origin(device.id)),
        entries=push.entries,
        entry_keys=[(device.id, key) for key in entry_keys(push.entries)],
        brought=brought,
        brought_set=brought_set,
        received_us=received_us,
        sent_us=push.sent_us,
        key_id=key_id,
        size_bytes=10 * len(body) + 2_000,
    )


def _check_structure(body: bytes, limits: Limits) -> None:
    """Refuse what would take many times its size in memory once it is parsed, before it is."""
    most = 4 * limits.commits + limits.items + 64  # of an entry, and of a value: an object, a list, commas
    if len(body) <= most:  # as nearly all are
        return
    if sum(map(body.count, _STRUCTURE)) > most and _count_structure(body) > most:
        raise TooLarge(
            f"more brackets and commas than {limits.commits} entries and {limits.items // 2} values have.",
            limit=most,
            place="body",
            hint="Nothing was stored; send it in smaller parts.",
        )


def _count_structure(body: bytes) -> int:
    """Count the same outside of texts."""
    plain = np.frombuffer(body.replace(b"\\\\", b"").replace(b'\\"', b""), dtype=np.uint8)
    in_text = np.bitwise_xor.accumulate(plain == ord('"'))
    return sum(int(np.count_nonzero((plain == mark[0]) & ~in_text)) for mark in _STRUCTURE)


def _count_in_texts(entries: Sequence[Entry]) -> int:
    """Count the colons in texts and Field IDs; without escapes, they stand in the body as they are."""
    count = 0
    for entry in entries:
        for field_id, value in entry.values:
            count += field_id.count(":")
            if type(value) is str:
                count += value.count(":")
    return count


def _check_keys(body: bytes) -> None:
    """Refuse an object with a key that comes twice: one of two readings would be lost, and nobody would know."""
    try:
        _decode_keys(body.decode())
    except RecursionError as error:
        raise Malformed(f"not JSON ({error})", place="body") from None


def _keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, _ in pairs:
            if name not in found:
                raise Malformed(
                    f"an object has the key {name[:100]!r} twice.", place="body", hint="Nothing was stored."
                )
            del found[name]
    return found


_decode_keys = json.JSONDecoder(object_pairs_hook=_keys_once).decode


def _layout(entry: Entry) -> Layout:
    names, values = zip(*entry.values, strict=True)
    return layout_of(names, tuple(map(type, values)))


def pack_of_entries(push: EntriesPush, entries: Sequence[Entry], mark: Mark) -> StoredPack:
    """Return those `entries` of a push that are new as the pack that continues its origin at `mark`."""
    device_id, origin = push.key
    first = mark.number + 1
    content = _content(entries, origin, first, mark.hash)
    payload, codec = content, RAW
    if len(content) >= _SQUEEZE_FROM_BYTES:
        squeezed = zlib.compress(content, 1)
        if len(squeezed) < len(content):
            payload, codec = squeezed, ZLIB
    times = [entry.time_us for entry in entries]
    return StoredPack(
        device_id=device_id,
        origin=origin,
        first=first,
        last=mark.number + len(entries),
        hash=hash_content(content),
        parent=mark.hash,
        row_count=len(entries),
        min_time_us=min(times),
        max_time_us=max(times),
        received_us=push.received_us,
        clock_offset_us=None if push.sent_us is None else push.sent_us - push.received_us,
        key_id=push.key_id,
        codec=codec,
        content_bytes=len(content),
        payload=payload,
    )


def _content(entries: Sequence[Entry], origin: uuid.UUID, first: int, parent: bytes) -> bytes:
    if len(entries) == 1:
        (entry,) = entries
        template = _layout(entry).template(first)
        if template is not None:
            return template.write(origin, first, parent, entry.time_us, [value for _, value in entry.values])
    return encode_content(
        Pack(
            origin=origin,
            first=first,
            count=len(entries),
            parent=parent,
            times=array("q", [entry.time_us for entry in entries]),
            columns=columns_from_rows([entry.values for entry in entries]),
        )
    )


def entries_refused(refused: FieldsRefused) -> Invalid:
    """Return the error for entries with a field that the device will not have."""
    names = ", ".join(repr(field_id) for field_id in refused.field_ids[:5])
    more = f" and {len(refused.field_ids) - 5} more" if len(refused.field_ids) > 5 else ""
    return Invalid(
        f"Refused: {refused.reason}, and {names}{more} would be new.",
        hint="Nothing of the request was stored; leave these fields out.",
    )
