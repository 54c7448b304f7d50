"""What is shown of many devices side by side: last values and messages, sparklines, how often they push.

Everything is kept in memory with the stamp of its device, so that only devices with news are read again.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Generic, TypeVar

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Stamp

from .latest import LatestValue
from .notes import Message
from .pack_cache import PackCache
from .previews import Previews
from .series import FieldBuckets, FieldRaw, SeriesData, SeriesQuery

__all__ = ["Fleet", "Glance", "Spark", "Sparks", "usual_distance_s"]

SPARK_POINTS = 48
SPARK_SPANS_US = (6 * 3_600_000_000, 1_800_000_000)
"""The last hours; less of them where they hold too much to be read for a picture so small."""
_SPARK_ROWS = 200_000
_SPARK_FRESH_US = 60_000_000
_MAX_KEPT = 5_000
_PUSHES = 8
"""So many of the newest pushes say what distance is usual."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Glance:
    """The newest of one device."""

    newest: Mapping[str, LatestValue] = field(default_factory=dict)
    """The newest value of each field that has one."""
    message: Message | None = None
    """That of the last commit of the newest push, if it has one."""


@dataclass(frozen=True, slots=True)
class Spark:
    """One field's last hours: means, and when; ascending."""

    times_us: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Sparks:
    """The last hours of a device."""

    by_field: Mapping[str, Spark] = field(default_factory=dict)
    gap_commits: int = 0
    """How many commits it declared as lost in that time."""


@dataclass(frozen=True, slots=True)
class _Made:
    made_us: int
    fields: frozenset[str]
    sparks: Sparks


class _Kept(Generic[_T]):
    """At most `_MAX_KEPT` things by device, each with what it was made of; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: OrderedDict[uuid.UUID, tuple[Any, _T]] = OrderedDict()

    def get(self, device_id: uuid.UUID, made_of: Any) -> _T | None:
        with self._lock:
            found = self._items.get(device_id)
            if found is None or found[0] != made_of:
                return None
            self._items.move_to_end(device_id)
            return found[1]

    def put(self, device_id: uuid.UUID, made_of: Any, item: _T) -> None:
        with self._lock:
            self._items[device_id] = made_of, item
            self._items.move_to_end(device_id)
            if len(self._items) > _MAX_KEPT:
                self._items.popitem(last=False)


class Fleet:
    """Reads many devices at once; from any thread. All calls block on storage, and raise as `Reader` does."""

    def __init__(
        self,
        storage: Storage,
        cache: PackCache,
        *,
        newest: Callable[[uuid.UUID], Mapping[str, LatestValue]],
        previews: Previews,
        series: Callable[[SeriesQuery, int], SeriesData | None],
    ) -> None:
        """`newest` returns the newest stored values of a device."""
        self._storage = storage
        self._previews = previews
        self._cache = cache
        self._newest = newest
        self._series = series
        self._glances: _Kept[Glance] = _Kept()
        self._distances: _Kept[tuple[float | None]] = _Kept()
        self._sparks: _Kept[_Made] = _Kept()

    def glances(self, device_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Glance]:
        """Return the newest of each device that has anything."""
        found = {}
        for device_id, stamp in self._storage.stamps(device_ids).items():
            glance = self._glances.get(device_id, stamp)
            if glance is None:
                # What is newer than the stamp may be in it already: then it is only made once more.
                glance = Glance(self._newest(device_id), self._message(device_id, stamp))
                self._glances.put(device_id, stamp, glance)
            newest = self._previews.over(device_id, glance.newest)
            found[device_id] = glance if newest is glance.newest else replace(glance, newest=newest)
        return found

    def _message(self, device_id: uuid.UUID, stamp: Stamp) -> Message | None:
        table = self._cache.pack(device_id, stamp.arrival)
        if not table.notes.messages or not len(table):
            return None
        last = table.notes.messages[-1]
        return last if (last.time_us, last.origin, last.number) == table.key(-1) else None

    def usual_s(self, pushed: Sequence[tuple[uuid.UUID, int]]) -> dict[uuid.UUID, float]:
        """Return the usual distance between pushes of these devices (each with its `last_push_us`), where it is known.

        It is read once after each push, so ask for those that have been quiet for a while.
        """
        found = {}
        unknown = []
        for device_id, last_push_us in pushed:
            kept = self._distances.get(device_id, last_push_us)
            if kept is None:
                unknown.append((device_id, last_push_us))
            elif kept[0] is not None:
                found[device_id] = kept[0]
        received = self._storage.received([device_id for device_id, _ in unknown], limit=_PUSHES)
        for device_id, last_push_us in unknown:
            distance_s = usual_distance_s(received.get(device_id, ()))
            self._distances.put(device_id, last_push_us, (distance_s,))
            if distance_s is not None:
                found[device_id] = distance_s
        return found

    def sparks(
        self, fields: Mapping[uuid.UUID, Mapping[str, frozenset[Kind]]], *, now_us: int
    ) -> dict[uuid.UUID, Sparks]:
        """Return the last hours of these fields of these devices, up to a minute old; none where there are none."""
        found = {}
        for device_id, stamp in self._storage.stamps(list(fields)).items():
            wanted, deleted = fields[device_id], stamp[1:]
            kept = self._sparks.get(device_id, deleted)
            is_fresh = kept is not None and kept.made_us <= now_us < kept.made_us + _SPARK_FRESH_US
            if kept is None or not is_fresh or not kept.fields.issuperset(wanted):
                kept = _Made(now_us, frozenset(wanted), self._read_sparks(device_id, wanted, now_us, stamp))
                self._sparks.put(device_id, deleted, kept)
            if kept.sparks != Sparks():
                found[device_id] = kept.sparks
        return found

    def _read_sparks(
        self, device_id: uuid.UUID, fields: Mapping[str, frozenset[Kind]], now_us: int, stamp: Stamp
    ) -> Sparks:
        glance = self._glances.get(device_id, stamp)
        if glance is not None and all(v.time_us < now_us - SPARK_SPANS_US[0] for v in glance.newest.values()):
            return Sparks()
        for span_us in SPARK_SPANS_US:
            query = SeriesQuery(
                device_id=device_id, fields=fields, start_us=now_us - span_us, end_us=now_us + 1, points=SPARK_POINTS
            )
            found = self._series(query, _SPARK_ROWS)
            if found is not None:
                sparks = {name: _spark(series.numbers) for name, series in found.fields.items()}
                return Sparks(
                    {name: spark for name, spark in sparks.items() if spark is not None},
                    sum(gap.count for gap in found.gaps),
                )
        return Sparks()


def _spark(numbers: FieldRaw | FieldBuckets | None) -> Spark | None:
    if numbers is None or not len(numbers.times):
        return None
    values = numbers.values if isinstance(numbers, FieldRaw) else numbers.means.tolist()
    return Spark(numbers.times.tolist(), [float(value) for value in values])


def usual_distance_s(received_us: Sequence[int]) -> float | None:
    """Return the median distance between pushes that were received at these times; None for fewer than three. Pure."""
    if len(received_us) < 3:
        return None
    distances = sorted(after - before for before, after in pairwise(sorted(received_us)))
    return distances[len(distances) // 2] / 1e6
