"""A pack as it arrives: from the bytes of a request to something that can be judged and stored."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.records import Device, StoredPack
from nikdev_iot.wire.frame import decode_frame, decompress
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.pack import Pack, decode_content

from .fields import FieldsRefused
from .judge import Claim
from .templates import FieldKind, Templates

__all__ = ["PackPush", "commits_refused", "read_pack"]


class PackPush(NamedTuple):  # made thousands of times a second, and three times as fast to make as a dataclass
    """One pack, checked as far as that goes without the store."""

    device: Device
    claim: Claim
    stored: StoredPack
    brought: Sequence[FieldKind]
    """The fields and kinds that have a value, in the order of the pack."""
    brought_set: frozenset[FieldKind]
    limits: Limits

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Whose mark it is judged by: (device, origin)."""
        return self.claim.key

    @property
    def size_bytes(self) -> int:
        """About what it holds in memory while it waits."""
        return len(self.stored.payload) + 2_000

    def decode(self) -> Pack:
        """Return the commits; they were looked at when it was read, and let go of."""
        stored = self.stored
        return decode_content(decompress(stored.payload, stored.codec, stored.content_bytes), self.limits)


def read_pack(
    body: bytes,
    *,
    device: Device,
    key_id: uuid.UUID,
    limits: Limits,
    received_us: int,
    sent_us: int | None,
    templates: Templates,
) -> PackPush:
    """Read the body of `POST packs`.

    Raises:
        Damaged, Malformed, TooLarge, Unsupported: as `wire.frame` and `wire.pack` do, naming the place.
    """
    frame = decode_frame(body, limits)
    single = templates.read(frame.content)
    if single is not None:
        origin, first, parent, min_time_us, layout = single
        last, row_count, max_time_us = first, 1, min_time_us
        brought: Sequence[FieldKind] = layout.brought
        brought_set = layout.brought_set
    else:
        pack = decode_content(frame.content, limits)
        templates.learn(pack, frame.content)
        origin, first, last, parent, row_count = pack.origin, pack.first, pack.last, pack.parent, pack.row_count
        times = pack.effective_times()
        min_time_us, max_time_us = min(times, default=0), max(times, default=0)
        brought = [(column.field_id, column.kind) for column in pack.columns if column.data]
        brought_set = frozenset(brought)
    stored = StoredPack(
        device_id=device.id,
        origin=origin,
        first=first,
        last=last,
        hash=frame.hash,
        parent=parent,
        row_count=row_count,
        min_time_us=min_time_us,
        max_time_us=max_time_us,
        received_us=received_us,
        clock_offset_us=None if sent_us is None else sent_us - received_us,
        key_id=key_id,
        codec=frame.codec,
        content_bytes=len(frame.content),
        payload=frame.payload,
    )
    claim = Claim(device.id, origin, first, last, frame.hash, parent, frame.epoch)
    return PackPush(device, claim, stored, brought, brought_set, limits)


def commits_refused(push: PackPush, refused: FieldsRefused) -> Invalid:
    """Return the error that names each commit with a refused field, so that the device can set just these aside."""
    pack = push.decode()
    field_ids = set(refused.field_ids)
    fields_of_row: dict[int, list[str]] = {}
    for column in pack.columns:
        if column.field_id in field_ids:
            for row, _ in column.items(pack.row_count):
                fields_of_row.setdefault(row, []).append(column.field_id)
    numbers = pack.numbers()
    rejected = tuple(
        (numbers[row], f"{refused.reason}, and {_names(found)} would be new")
        for row, found in sorted(fields_of_row.items())
    )
    return Invalid(
        f"Refused: {refused.reason}, and {_names(refused.field_ids)} would be new.",
        hint=f"Nothing of the pack was stored. {len(rejected)} of its {pack.row_count} commits have such a field; "
        "the others can be pushed without them.",
        rejected=rejected,
    )


def _names(field_ids: Collection[str]) -> str:
    names = [repr(field_id) for field_id in field_ids]
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:5])} and {len(names) - 5} more"
