"""Single steps of re-packing: each reads, makes one segment, and puts it in the place of what it was made of."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence

import numpy as np

from nikdev_iot.server.errors import StorageCorrupt
from nikdev_iot.server.query.mask import Mask
from nikdev_iot.server.segments.decode import decode_segment
from nikdev_iot.server.segments.encode import encode_segment
from nikdev_iot.server.segments.erase import erase
from nikdev_iot.server.segments.gather import Gatherer
from nikdev_iot.server.segments.records import Int64s, Segment, SegmentDamaged
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.port import OriginKey, Storage
from nikdev_iot.server.storage.segments import NewSegment

from .policy import Policy, packs_to_take, segments_to_merge

__all__ = ["Steps"]


class Steps:
    """What can be done for one origin or device at a time. All calls block on storage; one thread at a time."""

    def __init__(self, storage: Storage, *, now_us: Callable[[], int], policy: Policy) -> None:
        self._storage = storage
        self._now_us = now_us
        self._policy = policy
        self._clean: dict[uuid.UUID, set[int]] = {}
        """Of each deletion whose time has come: the segments that hold nothing of it."""

    def pack(self, key: OriginKey) -> bool:
        """Make one segment of the oldest open packs, if it is time to; return whether it did."""
        packs = self._storage.open_packs(key, limit=self._policy.step_packs + 1)
        count = packs_to_take(packs, self._policy, now_us=self._now_us())
        return bool(count) and self._replace(key, [], [pack.arrival for pack in packs[:count]])

    def merge(self, key: OriginKey) -> bool:
        """Make one segment of neighbours that are of a like size, if there are enough; return whether it did."""
        ids = segments_to_merge(self._storage.segment_heads(key), self._policy)
        return bool(ids) and self._replace(key, ids, [])

    def erase(self, device_id: uuid.UUID) -> bool:
        """Take deleted values out of one segment, if there are any whose time has come; return whether it did."""
        _, ripe = self._deletions(device_id)
        for deletion in ripe:
            clean = self._clean.setdefault(deletion.id, set())
            spans = self._storage.spans(device_id, start_us=deletion.start_us, end_us=deletion.end_us)
            for span in spans:
                if span.segment is None or span.segment in clean:
                    continue
                segment = self._segment(device_id, span.segment)
                if segment is None or not _hidden(segment, [deletion]):
                    clean.add(span.segment)
                    continue
                return self._replace((device_id, segment.origin), [span.segment], [])
        return False

    def _deletions(self, device_id: uuid.UUID) -> tuple[list[uuid.UUID], list[Deletion]]:
        """Return the ids of those in force, and those of them whose values go for good."""
        in_force = [deletion for deletion in self._storage.deletions(device_id) if deletion.is_in_force]
        before_us = self._now_us() - self._policy.undo_for_us
        return [deletion.id for deletion in in_force], [one for one in in_force if one.made_us < before_us]

    def _replace(self, key: OriginKey, ids: Collection[int], arrivals: Sequence[int]) -> bool:
        # Read first: what comes or goes from now on is noticed when the segment is put in its place.
        honours, ripe = self._deletions(key[0])
        gatherer = Gatherer(*key)
        for id_ in ids:
            segment = self._segment(key[0], id_)
            if segment is None:
                return False
            gatherer.add_segment(segment)
        count = 0
        for pack in self._storage.packs(key[0], arrivals):
            gatherer.add_pack(pack)
            count += 1
        if count != len(arrivals):
            return False
        whole = gatherer.finish()
        hidden = _hidden(whole, ripe)
        erased = [deletion.id for deletion in ripe if _hidden(whole, [deletion])]
        new = _new_segment(erase(whole, hidden))
        put = self._storage.put_segment(new, replaces=ids, honours=honours, erases=erased, at_us=self._now_us())
        return put is not None

    def _segment(self, device_id: uuid.UUID, id_: int) -> Segment | None:
        stored = next(self._storage.segments(device_id, [id_]), None)
        if stored is None:
            return None
        try:
            return decode_segment(stored.summary, stored.load_body())
        except SegmentDamaged as error:
            raise StorageCorrupt(
                f"The segment {id_} cannot be read back: {error.message}",
                hint="It was left as it is. Check the disk, and restore the store from a backup.",
            ) from error


def _hidden(segment: Segment, deletions: Sequence[Deletion]) -> dict[int, Int64s]:
    """Return which rows of which columns, by their index, have a value that these deletions hide."""
    mask = Mask(deletions)
    hidden: dict[int, Int64s] = {}
    if not mask.deletions or not len(segment):
        return hidden
    firsts = np.array([pack.first for pack in segment.packs], dtype=np.int64)
    arrivals = np.array([pack.arrival for pack in segment.packs], dtype=np.int64)
    of_rows = arrivals[np.searchsorted(firsts, segment.numbers, "right") - 1]
    for deletion in mask.deletions:
        is_meant = (
            (segment.times >= deletion.start_us) & (segment.times < deletion.end_us) & (of_rows <= deletion.arrival)
        )
        if deletion.commit is not None:
            origin, number = deletion.commit
            is_meant &= (segment.numbers == number) & (segment.origin == origin)
        if not is_meant.any():
            continue
        rows = np.flatnonzero(is_meant)
        for index, column in enumerate(segment.columns):
            if deletion.fields is None or column.field_id in deletion.fields:
                had = rows if column.at is None else np.intersect1d(rows, column.at, assume_unique=True)
                if len(had):
                    hidden[index] = np.union1d(hidden[index], had) if index in hidden else had
    return hidden


def _new_segment(segment: Segment) -> NewSegment:
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
