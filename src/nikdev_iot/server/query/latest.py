"""The newest value of each field of a device, kept at hand and rolled forward by the packs that came since."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import numpy as np

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import Value
from nikdev_iot.server.errors import StorageError
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import LatestSnapshot

from .decode import decode_table
from .table import Table

__all__ = ["LatestReader", "LatestValue", "newest_of", "pack_snapshot", "unpack_snapshot"]

SNAPSHOT_PACKS = 64
"""A snapshot is kept once it saves the next reader from opening this many packs."""
_BATCH = 16
_MAX_DEVICES = 2_000
_VERSION = 1


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The value of a field with the highest (time, origin, number)."""

    time_us: int
    origin: uuid.UUID
    number: int
    value: Value

    @property
    def place(self) -> tuple[int, uuid.UUID, int]:
        """Where it stands in the order."""
        return self.time_us, self.origin, self.number


Newest: TypeAlias = dict[str, LatestValue]


def newest_of(table: Table, fields: Iterable[str] | None = None) -> Newest:
    """Return the newest value of each field of a table (only of `fields`, if given). Pure."""
    found: Newest = {}
    wanted = None if fields is None else frozenset(fields)
    for (field_id, _kind), column in table.columns.items():
        if wanted is not None and field_id not in wanted:
            continue
        row = -1 if column.at is None else int(column.at[-1])
        value = column.data[-1]
        _keep(found, field_id, LatestValue(*table.key(row), value.item() if isinstance(value, np.generic) else value))
    return found


def _keep(newest: Newest, field_id: str, value: LatestValue) -> None:
    known = newest.get(field_id)
    if known is None or value.place > known.place:
        newest[field_id] = value


def pack_snapshot(newest: Mapping[str, LatestValue]) -> bytes:
    """Return what `unpack_snapshot` reads; MessagePack keeps ints, floats, bools and texts apart."""
    rows = [[name, v.time_us, v.origin.bytes, v.number, v.value] for name, v in newest.items()]
    return msgspec.msgpack.encode([_VERSION, rows])


def unpack_snapshot(content: bytes) -> Newest | None:
    """Return the values of a snapshot; None where it is none of this version, and is to be made anew."""
    try:
        version, rows = msgspec.msgpack.decode(content)
        if version != _VERSION:
            return None
        return {name: LatestValue(at, uuid.UUID(bytes=origin), number, v) for name, at, origin, number, v in rows}
    except (msgspec.DecodeError, ValueError, TypeError):
        return None


@dataclass(slots=True)
class _State:
    """What is known of one device; the lock is held while it is rolled forward."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    arrival: int = -1
    """The last pack it covers; -1 before anything was read, 0 where there was nothing."""
    packs_since_kept: int = 0
    """Packs that it covers and the stored snapshot does not."""
    newest: Newest = field(default_factory=dict)


class LatestReader:
    """Answers from memory and from the packs stored since; from any thread."""

    def __init__(self, storage: Storage, *, max_devices: int = _MAX_DEVICES) -> None:
        self._storage = storage
        self._max_devices = max_devices
        self._lock = threading.Lock()
        self._states: OrderedDict[uuid.UUID, _State] = OrderedDict()

    def newest(self, device_id: uuid.UUID) -> Mapping[str, LatestValue]:
        """Return the newest value of each field that has one.

        Every pack whose storing was acknowledged before the call counts.

        Raises:
            StorageUnavailable: the engine cannot be reached.
            StorageCorrupt: a stored pack cannot be read.
        """
        state = self._state(device_id)
        with state.lock:
            if state.arrival < 0:
                self._begin(device_id, state)
            self._roll(device_id, state)
            if state.packs_since_kept >= SNAPSHOT_PACKS:
                self._save(device_id, state)
            return dict(state.newest)

    def _state(self, device_id: uuid.UUID) -> _State:
        with self._lock:
            state = self._states.pop(device_id, None) or _State()
            self._states[device_id] = state
            if len(self._states) > self._max_devices:
                self._states.popitem(last=False)
            return state

    def _begin(self, device_id: uuid.UUID, state: _State) -> None:
        snapshot = self._storage.latest(device_id)
        newest = None if snapshot is None else unpack_snapshot(snapshot.content)
        if snapshot is not None and newest is not None:
            state.arrival = snapshot.arrival
            state.newest = newest
        else:
            state.arrival = 0

    def _roll(self, device_id: uuid.UUID, state: _State) -> None:
        packs = self._storage.packs_after(device_id, state.arrival, limit=_BATCH)
        if len(packs) == _BATCH:
            self._leap(device_id, state)
            return
        for pack in packs:
            if pack.row_count:
                _take(state.newest, decode_table(pack))
            state.arrival = pack.arrival
        state.packs_since_kept += len(packs)

    def _leap(self, device_id: uuid.UUID, state: _State) -> None:
        """Roll over many packs: the newest first, and no further back than some field still needs."""
        spans = [
            span
            for span in self._storage.spans(device_id, start_us=MIN_TIME_US, end_us=MAX_TIME_US + 1)
            if span.arrival > state.arrival
        ]
        # Read after the packs: so every field that they hold is among these.
        fields = [field.field_id for field in self._storage.fields(device_id) if field.kinds]
        spans.sort(key=lambda span: span.max_time_us, reverse=True)
        newest = dict(state.newest)
        at = 0
        while at < len(spans) and _matters(newest, fields, spans[at].max_time_us):
            batch = spans[at : at + 1 if at < _BATCH else at + _BATCH]
            for pack in self._storage.packs(device_id, [span.arrival for span in batch]):
                _take(newest, decode_table(pack))
            at += len(batch)
        state.newest = newest
        state.arrival = max((span.arrival for span in spans), default=state.arrival)
        state.packs_since_kept += len(spans)

    def _save(self, device_id: uuid.UUID, state: _State) -> None:
        state.packs_since_kept = 0
        try:
            with self._storage.write() as write:
                write.put_latest(device_id, LatestSnapshot(arrival=state.arrival, content=pack_snapshot(state.newest)))
        except StorageError:
            # Only a short cut for the next process was lost (a full disk, for one); reading goes on.
            return


def _take(newest: Newest, table: Table) -> None:
    for field_id, value in newest_of(table).items():
        _keep(newest, field_id, value)


def _matters(newest: Mapping[str, Any], fields: Sequence[str], max_time_us: int) -> bool:
    """Return whether a pack that ends at `max_time_us` may hold a newer value of some field."""
    return any(name not in newest or newest[name].time_us <= max_time_us for name in fields)
