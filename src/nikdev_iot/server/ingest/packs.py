"""A pack as it arrives: from the bytes of a request to something that can be judged and stored."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.records import Device, StoredPack
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.pack import Pack, decode_content, decode_frame

from .fields import FieldKind, FieldsRefused
from .judge import Claim

__all__ = ["PackPush", "commits_refused", "fields_brought", "read_pack", "stored_pack"]


@dataclass(frozen=True, slots=True)
class PackPush:
    """One pack, checked as far as that goes without the store."""

    device: Device
    claim: Claim
    pack: Pack
    stored: StoredPack
    brought: Sequence[FieldKind]
    brought_set: frozenset[FieldKind]

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Whose mark it is judged by: (device, origin)."""
        return self.claim.key

    @property
    def size_bytes(self) -> int:
        """About what it holds in memory while it waits."""
        return self.stored.content_bytes + len(self.stored.payload)


def read_pack(
    body: bytes,
    *,
    device: Device,
    key_id: uuid.UUID,
    limits: Limits,
    received_us: int,
    sent_us: int | None,
) -> PackPush:
    """Read the body of `POST packs`.

    Raises:
        Damaged, Malformed, TooLarge, Unsupported: as `wire.pack` does, naming the place.
    """
    frame = decode_frame(body, limits)
    pack = decode_content(frame.content, limits)
    brought = fields_brought(pack)
    stored = stored_pack(
        pack,
        device_id=device.id,
        key_id=key_id,
        hash=frame.hash,
        codec=frame.codec,
        content_bytes=len(frame.content),
        payload=frame.payload,
        received_us=received_us,
        sent_us=sent_us,
    )
    claim = Claim(device.id, pack.origin, pack.first, pack.last, frame.hash, pack.parent, frame.epoch)
    return PackPush(device, claim, pack, stored, brought, frozenset(brought))


def fields_brought(pack: Pack) -> list[FieldKind]:
    """Return the pack's fields and kinds that have a value, in the order of its columns."""
    return [(column.field_id, column.kind) for column in pack.columns if column.data]


def stored_pack(
    pack: Pack,
    *,
    device_id: uuid.UUID,
    key_id: uuid.UUID,
    hash: bytes,
    codec: int,
    content_bytes: int,
    payload: bytes,
    received_us: int,
    sent_us: int | None,
) -> StoredPack:
    """Return the pack as the store keeps it."""
    times = pack.effective_times()
    return StoredPack(
        device_id=device_id,
        origin=pack.origin,
        first=pack.first,
        last=pack.last,
        hash=hash,
        parent=pack.parent,
        row_count=len(times),
        min_time_us=min(times, default=0),
        max_time_us=max(times, default=0),
        received_us=received_us,
        clock_offset_us=None if sent_us is None else sent_us - received_us,
        key_id=key_id,
        codec=codec,
        content_bytes=content_bytes,
        payload=payload,
    )


def commits_refused(pack: Pack, refused: FieldsRefused) -> Invalid:
    """Return the error that names each commit with a refused field, so that the device can set just these aside."""
    field_ids = set(refused.field_ids)
    fields_of_row: dict[int, list[str]] = {}
    for column in pack.columns:
        if column.field_id in field_ids:
            for row, _ in column.items(pack.row_count):
                fields_of_row.setdefault(row, []).append(column.field_id)
    numbers = pack.numbers()
    rejected = tuple(
        (numbers[row], f"{refused.reason}, and {_names(dict.fromkeys(found))} would be new")
        for row, found in sorted(fields_of_row.items())
    )
    return Invalid(
        f"Refused: {refused.reason}, and {_names(refused.field_ids)} would be new.",
        hint=f"Nothing of the pack was stored. {len(rejected)} of its {pack.row_count} commits have such a field; "
        "the others can be pushed without them.",
        rejected=rejected,
    )


def _names(field_ids: Sequence[str] | dict[str, None]) -> str:
    names = [repr(field_id) for field_id in field_ids]
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:5])} and {len(names) - 5} more"
