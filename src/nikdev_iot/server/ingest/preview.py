"""The body of `POST live`: the newest commits of a device whose backlog is not stored yet, to be shown and not kept."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace

from nikdev_iot.model.errors import TooLarge
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.query.previews import Preview, Previews
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.wire.frame import decode_frame
from nikdev_iot.wire.limits import PREVIEW_BYTES, PREVIEW_COMMITS, Limits
from nikdev_iot.wire.pack import decode_content

from .group import Outcome, PackOutcome, Push
from .packs import PackPush

__all__ = ["forget_stored", "known_part", "read_preview"]


def read_preview(body: bytes, *, device_id: uuid.UUID, limits: Limits) -> Preview:
    """Read a frame as `POST packs` takes it, with few commits.

    Raises:
        Damaged, Malformed, TooLarge, Unsupported: as `wire.frame` and `wire.pack` do, naming the place.
    """
    limits = replace(
        limits,
        body_bytes=min(limits.body_bytes, PREVIEW_BYTES),
        content_bytes=min(limits.content_bytes, PREVIEW_BYTES),
        commits=min(limits.commits, PREVIEW_COMMITS),
    )
    if len(body) > limits.body_bytes:
        raise TooLarge(
            f"{len(body)} bytes; the limit is {limits.body_bytes} for what is shown ahead",
            limit=limits.body_bytes,
            place="body",
        )
    pack = decode_content(decode_frame(body, limits).content, limits)
    values: dict[str, LatestValue] = {}
    text_bytes = 0
    for commit in pack.commits():
        for field_id, value in commit.values:
            found = LatestValue(commit.time_us + commit.shift_us, pack.origin, commit.number, value, is_preview=True)
            text_bytes += len(value) if isinstance(value, str) else 0
            if field_id not in values or found.place > values[field_id].place:
                values[field_id] = found
    return Preview(device_id, pack.origin, pack.last, values, text_bytes)


def known_part(storage: Storage, preview: Preview) -> Preview | None:
    """Return of a preview what may be shown: the fields that the device has; None where that is nothing.

    A preview makes no fields. Nor is there anything to show ahead where its commits are stored. Blocks on storage.
    """
    if storage.mark((preview.device_id, preview.origin)).number >= preview.number:
        return None
    names: Collection[str] = {field.field_id for field in storage.fields(preview.device_id)}
    values = {name: value for name, value in preview.values.items() if name in names}
    return replace(preview, values=values) if values else None


def forget_stored(previews: Previews, pushes: Sequence[Push], outcomes: Sequence[Outcome]) -> None:
    """Forget what is stored now: it is no longer ahead of anything. On the event loop's thread."""
    if previews.is_empty:
        return
    for push, outcome in zip(pushes, outcomes, strict=True):
        if isinstance(push, PackPush) and isinstance(outcome, PackOutcome):
            previews.stored(push.device.id, push.claim.origin, outcome.mark.number)
