"""The log of a device: its commits and declared gaps in the order in which the server received them.

Within one origin that is the order of the numbers. It is not the order of time: what a device commits while it is
offline comes in later than what another of its journals pushed meanwhile. So the log only ever grows at its end, and a
place in it stays where it is.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.times import MAX_TIME_US
from nikdev_iot.model.values import INT64_MAX, Value
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import PackSpan, StoredPack

from .mask import Mask, is_hidden_by
from .pack_rows import PackRows

__all__ = ["CommitLog", "LogCommit", "LogGap", "LogItem", "LogPage", "LogPlace", "Pushed"]

_PLACE = re.compile(r"(\d{1,19})-(\d{1,19})", re.ASCII)
_FEW_PACKS = 4


class LogPlace(NamedTuple):
    """Where a commit or gap stands in the log; ascending with time of receipt."""

    arrival: int
    number: int
    """Of a gap, its last."""

    def to_text(self) -> str:
        """Return it as it goes into a URL."""
        return f"{self.arrival}-{self.number}"

    @classmethod
    def from_text(cls, text: str) -> LogPlace:
        """Read a place, from anyone; raises `Invalid`."""
        found = _PLACE.fullmatch(text)
        if not found or max(map(int, found.groups())) > INT64_MAX:
            raise Invalid(
                f"{text[:60]!r} is not a place in the log.",
                hint='Take it unchanged from "older" or "newer" of a page, or leave it out for the newest commits.',
            )
        return cls(int(found[1]), int(found[2]))


class Pushed(NamedTuple):
    """How a commit came in: the push that brought its pack."""

    key_id: uuid.UUID | None
    received_us: int
    clock_offset_us: int | None
    """The device's clock less the server's; None where the client did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCommit:
    """One commit."""

    place: LogPlace
    origin: uuid.UUID
    number: int
    time_us: int
    """Effective."""
    recorded_us: int
    """As the device's clock had it; other than `time_us` where a better clock corrected it."""
    is_uncertain: bool
    """Whether the device's clock was not known to be right, and could not be repaired."""
    message: str | None
    values: tuple[tuple[str, Value], ...]
    deleted: tuple[str, ...]
    """Fields whose value in this commit was deleted."""
    pushed: Pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGap:
    """Numbers of an origin that will never come, declared by the device: lost, evicted or rejected commits."""

    place: LogPlace
    origin: uuid.UUID
    first: int
    last: int
    reason: str
    pushed: Pushed


LogItem: TypeAlias = LogCommit | LogGap


@dataclass(frozen=True, slots=True)
class LogPage:
    """A part of the log, the newest first."""

    items: tuple[LogItem, ...]
    older: LogPlace | None
    """What to ask for `before`; None at the beginning of the log."""
    newer: LogPlace | None
    """What to ask for `after`; None at its end."""


class CommitLog:
    """Reads logs, each for one request: from the end they are asked for, never whole.

    Each call raises `StorageUnavailable` where the engine cannot be reached, `StorageCorrupt` where a pack cannot be
    read.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._kept: PackRows | None = None

    def page(
        self,
        device_id: uuid.UUID,
        *,
        origin: uuid.UUID | None = None,
        before: LogPlace | None = None,
        after: LogPlace | None = None,
        limit: int = 50,
    ) -> LogPage:
        """Return at most `limit` items (of one origin, if given): the newest, or those next to a place."""
        if after is not None:
            found = self._up(device_id, origin, after, limit + 1)
            items = tuple(reversed(found[:limit]))
            is_last = not items or self._is_first(device_id, origin, items[-1])
            return LogPage(items, None if is_last else items[-1].place, items[0].place if len(found) > limit else None)
        found = self._down(device_id, origin, before or LogPlace(INT64_MAX - 1, INT64_MAX), limit + 1)
        items = tuple(found[:limit])
        is_newest = not items or before is None or self._is_newest(device_id, origin, items[0])
        return LogPage(items, items[-1].place if len(found) > limit else None, None if is_newest else items[0].place)

    def item(self, device_id: uuid.UUID, origin: uuid.UUID, number: int) -> LogItem | None:
        """Return one commit, or the gap that it is in; None where nothing of this number was pushed."""
        if not 1 <= number <= INT64_MAX:
            return None
        stored = self._storage.pack_holding((device_id, origin), number)
        if stored is None:
            return None
        found = PackRows(stored).at(number)
        return None if found is None else _item(stored, found, Mask(self._storage.deletions(device_id)))

    def place_of(self, device_id: uuid.UUID, time_us: int, *, origin: uuid.UUID | None = None) -> LogPlace | None:
        """Return the place of the last commit at or before a time; None where there is none.

        Of one origin, it is the last by number, found as if its clock never stepped back.
        """
        if origin is not None:
            return self._place_in_origin((device_id, origin), time_us)
        limit = _FEW_PACKS
        while True:
            spans = self._storage.last_spans(device_id, end_us=min(time_us, MAX_TIME_US) + 1, limit=limit)
            best = self._last_row(device_id, spans, time_us)
            if best is None:
                return None
            if len(spans) < limit or spans[-1].max_time_us < best[0]:
                return best[1]
            limit *= 4  # others reach as far, and may hold a later commit

    def _is_first(self, device_id: uuid.UUID, origin: uuid.UUID | None, item: LogItem) -> bool:
        first = item.number if isinstance(item, LogCommit) else item.first
        heads = self._storage.heads_before(device_id, item.place.arrival + 1, origin=origin, limit=2)
        return all(head.arrival == item.place.arrival and head.first == first for head in heads)

    def _is_newest(self, device_id: uuid.UUID, origin: uuid.UUID | None, item: LogItem) -> bool:
        heads = self._storage.heads_after(device_id, item.place.arrival - 1, origin=origin, limit=2)
        return all(head.arrival == item.place.arrival and head.last == item.place.number for head in heads)

    def _rows(self, stored: StoredPack) -> PackRows:
        """Return a pack's rows; the last one is kept, for it is often the next one too."""
        if self._kept is None or self._kept.stored != stored:
            self._kept = PackRows(stored)
        return self._kept

    def _down(self, device_id: uuid.UUID, origin: uuid.UUID | None, below: LogPlace, limit: int) -> list[LogItem]:
        heads = self._storage.heads_before(device_id, below.arrival + 1, origin=origin, limit=limit + 1)
        packs = self._storage.packs(device_id, [head.arrival for head in heads])
        return self._items(
            device_id,
            (
                (pack, self._rows(pack).down(below.number if pack.arrival == below.arrival else INT64_MAX))
                for pack in packs
            ),
            limit,
        )

    def _up(self, device_id: uuid.UUID, origin: uuid.UUID | None, above: LogPlace, limit: int) -> list[LogItem]:
        heads = self._storage.heads_after(device_id, max(above.arrival - 1, 0), origin=origin, limit=limit + 1)
        packs = self._storage.packs(device_id, [head.arrival for head in heads])
        return self._items(
            device_id,
            ((pack, self._rows(pack).up(above.number if pack.arrival == above.arrival else 0)) for pack in packs),
            limit,
        )

    def _items(
        self, device_id: uuid.UUID, packs: Iterable[tuple[StoredPack, Iterator[Commit | Gap]]], limit: int
    ) -> list[LogItem]:
        mask = Mask(self._storage.deletions(device_id))
        items: list[LogItem] = []
        for stored, found in packs:
            for one in found:
                items.append(_item(stored, one, mask))
                if len(items) == limit:
                    return items
        return items

    def _last_row(self, device_id: uuid.UUID, spans: list[PackSpan], time_us: int) -> tuple[int, LogPlace] | None:
        """Return time and place of the last row of these packs, in the order of history, up to a time."""
        best: tuple[tuple[int, uuid.UUID, int], LogPlace] | None = None
        for span, pack in zip(spans, self._storage.packs(device_id, [span.arrival for span in spans]), strict=False):
            if best is not None and span.max_time_us < best[0][0]:
                break
            found = self._rows(pack).newest(time_us)
            if found is not None:
                key = (found[0], pack.origin, found[1])
                best = max(best or (key, LogPlace(0, 0)), (key, LogPlace(pack.arrival, found[1])))
        return None if best is None else (best[0][0], best[1])

    def _place_in_origin(self, key: tuple[uuid.UUID, uuid.UUID], time_us: int) -> LogPlace | None:
        low, high = 1, self._storage.mark(key).number
        best: StoredPack | None = None
        while low <= high:
            middle = (low + high) // 2
            stored = pack = self._storage.pack_holding(key, middle)
            while pack is not None and not pack.row_count and pack.first > low:
                pack = self._storage.pack_holding(key, pack.first - 1)  # a gap alone has no time
            if stored is None or pack is None:
                break
            if pack.row_count and pack.min_time_us <= time_us:
                best, low = pack, stored.last + 1
            elif pack.row_count:
                high = pack.first - 1
            else:
                low = stored.last + 1
        if best is None:
            return None
        number = self._rows(best).until(time_us)
        return None if number is None else LogPlace(best.arrival, number)


def _item(stored: StoredPack, found: Commit | Gap, mask: Mask) -> LogItem:
    pushed = Pushed(stored.key_id, stored.received_us, stored.clock_offset_us)
    if isinstance(found, Gap):
        return LogGap(
            place=LogPlace(stored.arrival, found.last),
            origin=stored.origin,
            first=found.first,
            last=found.last,
            reason=found.reason,
            pushed=pushed,
        )
    time_us = found.effective_time_us
    deletions = mask.of_pack(stored.arrival, time_us, time_us)
    erased = next((one.field_ids for one in stored.erased if one.number == found.number), ())
    hidden = frozenset(
        field_id
        for field_id, _ in found.values
        if any(
            is_hidden_by(deletion, field_id, time_us=time_us, origin=stored.origin, number=found.number)
            for deletion in deletions
        )
    )
    return LogCommit(
        place=LogPlace(stored.arrival, found.number),
        origin=stored.origin,
        number=found.number,
        time_us=time_us,
        recorded_us=found.time_us,
        is_uncertain=found.uncertain,
        message=found.message,
        values=tuple(pair for pair in found.values if pair[0] not in hidden) if hidden else found.values,
        deleted=(*erased, *(field_id for field_id, _ in found.values if field_id in hidden)),
        pushed=pushed,
    )
