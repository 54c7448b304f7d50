"""Deletion of values: what it would hide, counted before; who made it, when and why; and its undoing.

What is deleted is hidden, not destroyed: packs, marks and digests stay as they are, so that devices push on as if
nothing had happened. Until the re-packing takes values of it out for good, a deletion can be undone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nikdev_iot.model.showing import one_line
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, iso
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import PackSpan, StoredPack
from nikdev_iot.wire.limits import UNLIMITED
from nikdev_iot.wire.pack import decode_content, decompress

from .decode import decode_table
from .mask import Mask
from .series import GivenUp
from .span_tables import span_tables
from .table import Table, split_origin

__all__ = ["MAX_REASON_CHARS", "Deletions", "Preview", "Scope"]

MAX_REASON_CHARS = 500
_MAX_FIELDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which values are meant."""

    fields: tuple[str, ...] | None = None
    """None: all."""
    start_us: int
    end_us: int
    """Exclusive."""
    commit: tuple[uuid.UUID, int] | None = None
    """(origin, number), where one commit alone is meant."""

    def check(self) -> None:
        """Raise `Invalid` where it cannot mean anything."""
        if not MIN_TIME_US <= self.start_us <= MAX_TIME_US:
            raise Invalid("start: the time is outside the years 1 to 9999.")
        if not self.start_us < self.end_us <= MAX_TIME_US + 1:
            raise Invalid("end: lies before the start, or is the same time; the end itself is not deleted.")
        if self.fields is not None and not 0 < len(self.fields) <= _MAX_FIELDS:
            raise Invalid(f"fields: choose from 1 to {_MAX_FIELDS}, or all.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a deletion would hide if it were made now."""

    scope: Scope
    arrival: int
    """The newest pack that it would be about."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many values that are shown now, by Field ID; only fields that have some."""

    @property
    def value_count(self) -> int:
        """How many values altogether."""
        return sum(self.counts.values())


class Deletions:
    """Makes deletions and undoes them; from any thread. All calls block on storage."""

    def __init__(
        self, storage: Storage, *, now_us: Callable[[], int], new_id: Callable[[], uuid.UUID] = uuid.uuid4
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._new_id = new_id

    def all(self, device_id: uuid.UUID) -> list[Deletion]:
        """Return a device's deletions, undone ones too, the newest first."""
        return self._storage.deletions(device_id)[::-1]

    def preview(
        self,
        device_id: uuid.UUID,
        scope: Scope,
        *,
        arrival: int | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Preview:
        """Count the values that a deletion would hide: of those stored by now, or up to a pack.

        It opens every pack in the stretch, and asks `is_wanted` with each.

        Raises:
            Invalid: the scope cannot be.
            GivenUp: it is not wanted any more.
        """
        scope.check()
        newest = max((head.arrival for head in self._storage.origins(device_id)), default=0)
        arrival = newest if arrival is None else min(arrival, newest)
        spans = self._storage.spans(device_id, start_us=scope.start_us, end_us=scope.end_us)
        mask = Mask(self._storage.deletions(device_id))
        counts: dict[str, int] = {}
        for found in self._counts(device_id, spans, scope, mask, arrival):
            if not is_wanted():
                raise GivenUp("Nobody waits for it any more.")
            for field_id, count in found:
                counts[field_id] = counts.get(field_id, 0) + count
        return Preview(scope=scope, arrival=arrival, counts=counts)

    def _counts(
        self, device_id: uuid.UUID, spans: Sequence[PackSpan], scope: Scope, mask: Mask, arrival: int
    ) -> Iterator[Collection[tuple[str, int]]]:
        """Yield how many values of each field are meant, of each pack up to `arrival`, and of each segment."""
        templates = Templates()
        arrivals = [span.arrival for span in spans if span.segment is None and span.arrival <= arrival]
        for pack in self._storage.packs(device_id, arrivals):
            found = _single(pack, scope, mask, templates)
            yield _count(mask.show(decode_table(pack), pack.arrival), scope) if found is None else found
        segments = [span for span in spans if span.segment is not None]
        for table, last_arrival in span_tables(self._storage, device_id, segments):
            shown = mask.show(table, last_arrival)
            yield _count(shown if last_arrival <= arrival else _until(shown, arrival), scope)

    def make(
        self,
        device_id: uuid.UUID,
        scope: Scope,
        *,
        reason: str,
        by: str,
        arrival: int | None = None,
        expected: int | None = None,
    ) -> Deletion:
        """Hide values, if there are as many as `expected` says (a person confirmed that number); return the record.

        Values that were stored after the pack `arrival` stay.

        Raises:
            Invalid: no reason, no values, or a scope that cannot be.
            Conflict: there are more or fewer values than expected, or another deletion was made meanwhile.
            NotFound: the device was deleted meanwhile.
        """
        reason = check_reason(reason)
        honoured = Mask(self._storage.deletions(device_id)).ids
        preview = self.preview(device_id, scope, arrival=arrival)
        if not preview.value_count:
            raise Invalid("There is no value to delete there.", hint="Nothing was changed.")
        if expected is not None and preview.value_count != expected:
            raise Conflict(
                f"There are {preview.value_count:,} values now; when you were asked, there were {expected:,}. Somebody "
                "else has deleted some, or shown some again.",
                hint="Nothing was changed. Look again, and confirm the new number.",
            )
        deletion = Deletion(
            id=self._new_id(),
            device_id=device_id,
            fields=scope.fields,
            start_us=scope.start_us,
            end_us=scope.end_us,
            commit=scope.commit,
            arrival=preview.arrival,
            value_count=preview.value_count,
            reason=reason,
            made_us=self._now_us(),
            made_by=by,
        )
        with self._storage.write() as write:
            # Nobody else can write now. What was counted still holds if no deletion came or went since.
            if Mask(self._storage.deletions(device_id)).ids != honoured:
                raise Conflict(
                    "Another deletion of this device was made or undone at the same moment.",
                    hint="Nothing was changed. Look again, and confirm the new number.",
                )
            if device_id in write.departed([device_id]):
                raise NotFound("The device was deleted.")
            write.add_deletion(deletion)
        return deletion

    def undo(self, device_id: uuid.UUID, deletion_id: uuid.UUID, *, by: str) -> Deletion:
        """Show the values again, and return the record.

        Raises:
            NotFound: the device has no such deletion.
            Conflict: it was undone before, or its values are gone for good.
        """
        with self._storage.write() as write:
            is_done = write.undo_deletion(device_id, deletion_id, at_us=self._now_us(), by=by)
        found = next((one for one in self._storage.deletions(device_id) if one.id == deletion_id), None)
        if found is None:
            raise NotFound("The device has no such deletion.")
        if not is_done and found.is_in_force:
            raise Conflict("Its values have been taken out for good since; they cannot be shown again.")
        if not is_done:
            when = "" if found.undone_us is None else f", {iso(found.undone_us)}"
            raise Conflict(f"That was undone before, by {found.undone_by}{when}.", hint="Nothing was changed.")
        return found


def check_reason(reason: str) -> str:
    """Return it as it is kept, on one line; raises `Invalid`."""
    reason = one_line(reason[: 4 * MAX_REASON_CHARS])
    if not reason:
        raise Invalid("reason: say why, for those who will miss the values later.", hint="Nothing was changed.")
    if len(reason) > MAX_REASON_CHARS:
        raise Invalid(f"reason: {len(reason)} characters; the longest has {MAX_REASON_CHARS}.")
    return reason


def _single(pack: StoredPack, scope: Scope, mask: Mask, templates: Templates) -> Collection[tuple[str, int]] | None:
    """Return the same for a pack of one commit whose layout is known; None where it has to be opened.

    There may be hundreds of thousands of them, and this takes a tenth of the time.
    """
    time_us = pack.min_time_us
    is_whole = pack.row_count == 1 and scope.commit is None and scope.start_us <= time_us < scope.end_us
    if not is_whole or mask.of_pack(pack.arrival, time_us, time_us):
        return None
    content = decompress(pack.payload, pack.codec, pack.content_bytes)
    single = templates.read(content)
    if single is None:
        templates.learn(decode_content(content, UNLIMITED), content)
        return None
    return [(name, 1) for name, _ in single.layout.brought if scope.fields is None or name in scope.fields]


def _until(table: Table, arrival: int) -> Table:
    """Return the rows of a segment that packs up to an arrival brought."""
    if table.packs is None:
        return table
    return table.take(np.flatnonzero(table.packs.arrivals_of(table.numbers) <= arrival))


def _count(table: Table, scope: Scope) -> Collection[tuple[str, int]]:
    """Return (Field ID, how many values) that are meant of one pack, for each of its columns."""
    low, high = np.searchsorted(table.times, (scope.start_us, scope.end_us)).tolist()
    part = table.slice(low, high)
    if scope.commit is not None:
        origin, number = scope.commit
        is_it = np.flatnonzero(part.numbers == number)
        if not len(is_it) or (int(part.origin_high[0]), int(part.origin_low[0])) != split_origin(origin):
            return []
        part = part.slice(int(is_it[0]), int(is_it[0]) + 1)
    return [
        (field_id, len(column.data))
        for (field_id, _kind), column in part.columns.items()
        if len(column.data) and (scope.fields is None or field_id in scope.fields)
    ]
