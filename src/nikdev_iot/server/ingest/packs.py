"""A pack as it arrives: from the bytes of a request to something that can be judged and stored."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nikdev_iot.model.errors import Malformed
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.records import Device, StoredPack
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.frame import decode_frame, decompress
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.pack import Pack, decode_content

from .entries import entries_origin
from .fields import FieldsRefused
from .judge import Claim
from .templates import FieldKind, Templates

__all__ = ["PackPush", "commits_refused", "read_pack"]

_NAMED = 5
"""Fields that a message names; the others it counts."""


class PackPush(NamedTuple):  # made thousands of times a second, and three times as fast to make as a dataclass
    """One pack, checked as far as that goes without the store."""

    device: Device
    claim: Claim
    stored: StoredPack
    brought: Sequence[FieldKind]
    """The fields and kinds that have a value, in the order of the pack."""
    brought_set: frozenset[FieldKind]
    limits: Limits
    value_count: int

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
        Damaged, Malformed, TooLarge, Unsupported: as `wire.frame` and `wire.pack` do, naming the place; or the
            origin is the server's own for this device.
    """
    frame = decode_frame(body, limits)
    single = templates.read(frame.content)
    if single is not None:
        origin, first, parent, min_time_us, layout = single
        last, row_count, max_time_us = first, 1, min_time_us
        brought: Sequence[FieldKind] = layout.brought
        brought_set = layout.brought_set
        value_count = len(brought)
    else:
        pack = decode_content(frame.content, limits)
        templates.learn(pack, frame.content)
        origin, first, last, parent, row_count = pack.origin, pack.first, pack.last, pack.parent, pack.row_count
        times = pack.effective_times()
        min_time_us, max_time_us = min(times, default=0), max(times, default=0)
        brought = [(column.field_id, column.kind) for column in pack.columns if column.data]
        brought_set = frozenset(brought)
        value_count = sum([len(column.data) for column in pack.columns])
    if origin == entries_origin(device.id):
        raise Malformed(
            "it is the origin under which the server numbers this device's JSON entries",
            place="origin",
            hint="Make a random one for each journal.",
        )
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
    return PackPush(device, claim, stored, brought, brought_set, limits, value_count)


def commits_refused(push: PackPush, refused: FieldsRefused) -> Invalid:
    """Return the error that names each commit with a refused field, so that the device can set just these aside.

    It reads the whole pack once more: not for the writer, nor for the event loop.
    """
    pack = push.decode()
    field_ids = set(refused.field_ids)
    columns = [column for column in pack.columns if column.field_id in field_ids]
    counts, named = _count_columns(columns, pack.row_count)
    numbers = pack.numbers()
    reasons: dict[tuple[int, ...], str] = {}
    rejected = []
    for row, *found in np.column_stack((np.arange(pack.row_count), counts, named))[counts > 0].tolist():
        alike = tuple(found)
        reason = reasons.get(alike)
        if reason is None:
            count, *first = alike
            names = _names([columns[at].field_id for at in first[:count]], count)
            reason = reasons[alike] = f"{refused.reason}, and {names} would be new"
        rejected.append((numbers[row], reason))
    return Invalid(
        f"Refused: {refused.reason}, and {_names(refused.field_ids, len(refused.field_ids))} would be new.",
        hint=f"Nothing of the pack was stored. {len(rejected)} of its {pack.row_count} commits have such a field; "
        "the others can be pushed without them.",
        rejected=tuple(rejected),
    )


def _count_columns(columns: Sequence[Column], row_count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each row how many of `columns` have a value there, and the indexes of the first few that do."""
    counts = np.zeros(row_count, dtype=np.int64)
    named = np.zeros((row_count, _NAMED), dtype=np.int64)
    every = np.arange(row_count)
    for number, column in enumerate(columns):
        rows = every if column.at is None else np.frombuffer(column.at, dtype=column.at.typecode)
        before = counts[rows]
        is_named = before < _NAMED
        named[rows[is_named], before[is_named]] = number
        counts[rows] += 1
    return counts, named


def _names(field_ids: Sequence[str], count: int) -> str:
    """Return the first few of `count` names, of which `field_ids` begins with these at least."""
    names = ", ".join([repr(field_id) for field_id in field_ids[:_NAMED]])
    return names if count <= _NAMED else f"{names} and {count - _NAMED} more"
