"""Packs with real content, and segments of them, over any store."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from tests.server.segments.made import packs_of, stored_of

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.segments.decode import decode_segment
from nikdev_iot.server.segments.encode import encode_segment
from nikdev_iot.server.segments.gather import Gatherer
from nikdev_iot.server.segments.records import HASH_KEPT_BYTES, Segment
from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.server.storage.records import StoredPack
from nikdev_iot.server.storage.segments import NewSegment
from nikdev_iot.wire.limits import UNLIMITED
from nikdev_iot.wire.pack import decode_content, decompress

AT_US = 1_800_000_000_000_000


def push(storage: Storage, key: OriginKey, plan: list[list[tuple]]) -> None:
    """Store the packs of a plan behind what the origin has."""
    mark = storage.mark(key)
    packs = packs_of(plan, origin=key[1], first=mark.number + 1, parent=mark.hash)
    with storage.write() as write:
        write.marks([key])
        write.put_packs([stored_of(pack, pack.first, device_id=key[0]) for pack in packs])


def one_commit(number: int, time_us: int | None = None) -> list[tuple]:
    """What a pack of one commit brings."""
    return [(number * 1_000_000 if time_us is None else time_us, (("a", float(number)), ("b", number)), None, 0, False)]


def new_segment(segment: Segment) -> NewSegment:
    """A segment as the port takes it."""
    encoded = encode_segment(segment)
    has_rows = len(segment) > 0
    return NewSegment(
        device_id=segment.device_id,
        origin=segment.origin,
        first=segment.first,
        last=segment.last,
        first_arrival=segment.packs[0].arrival,
        last_arrival=segment.packs[-1].arrival,
        row_count=len(segment),
        pack_count=len(segment.packs),
        min_time_us=int(segment.times[0]) if has_rows else 0,
        max_time_us=int(segment.times[-1]) if has_rows else 0,
        summary=encoded.summary,
        body=encoded.body,
    )


def segment_of(storage: Storage, key: OriginKey, *, ids: Collection[int] = (), count: int = 0) -> Segment:
    """One segment of these, and of the first packs that are in none."""
    gatherer = Gatherer(*key)
    for stored in storage.segments(key[0], list(ids)):
        gatherer.add_segment(decode_segment(stored.summary, stored.load_body()))
    arrivals = [pack.arrival for pack in storage.open_packs(key, limit=count)] if count else []
    for pack in storage.packs(key[0], arrivals):
        gatherer.add_pack(pack)
    return gatherer.finish()


def repack(storage: Storage, key: OriginKey, *, ids: Collection[int] = (), count: int = 0) -> int | None:
    """Put such a segment in the place of what it is of."""
    segment = segment_of(storage, key, ids=ids, count=count)
    honours = [deletion.id for deletion in storage.deletions(key[0]) if deletion.is_in_force]
    return storage.put_segment(new_segment(segment), replaces=ids, honours=honours, at_us=AT_US)


def told(pack: StoredPack) -> tuple:
    """What a pack says, whether it comes as it was stored or out of a segment."""
    return (
        *pack._replace(hash=pack.hash[:HASH_KEPT_BYTES], parent=b"", codec=0, content_bytes=0, payload=b"", erased=()),
        decode_content(decompress(pack.payload, pack.codec, pack.content_bytes), UNLIMITED).gaps,
        [_exact(commit) for commit in commits_of(pack)],
    )


def commits_of(pack: StoredPack) -> list[Commit]:
    """A pack's commits."""
    return decode_content(decompress(pack.payload, pack.codec, pack.content_bytes), UNLIMITED).commits()


def _exact(commit: Commit) -> tuple:
    values = tuple((name, type(value), str(value)) for name, value in commit.values)
    return commit.number, commit.time_us, values, commit.message, commit.shift_us, commit.uncertain


def all_packs(storage: Storage, device_id: uuid.UUID) -> list[tuple]:
    """Everything that a device sent."""
    return [told(pack) for pack in storage.packs_after(device_id, 0, limit=100_000)]
