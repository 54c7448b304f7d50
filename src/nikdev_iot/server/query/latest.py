"""The newest value of each field of a device, kept at hand and rolled forward by the packs that came since.

A value that is deleted makes way for the newest that is left, and comes back when the deletion is undone: what is kept
at hand knows which deletions it honours, and looks again for just the fields that another one concerns.
"""

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
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import LatestSnapshot, PackSpan

from .decode import decode_table
from .mask import Mask, is_hidden_by
from .span_tables import span_tables
from .table import Table

__all__ = ["LatestReader", "LatestValue", "newest_of", "pack_snapshot", "unpack_snapshot"]

SNAPSHOT_PACKS = 64
"""A snapshot is kept once it saves the next reader from opening this many packs."""
_BATCH = 16
_MAX_DEVICES = 2_000
_PLAIN, _WITH_DELETIONS = 1, 2
"""Versions of a snapshot: of a device without deletions in force, and with them."""
_LOOK_BACK_US = 3_600_000_000
"""How far back a value that makes way is looked for at first."""


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The value of a field with the highest (time, origin, number)."""

    time_us: int
    origin: uuid.UUID
    number: int
    value: Value
    is_preview: bool = False
    """Whether the device showed it ahead of its history: it is not stored, and may never be."""

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


def pack_snapshot(newest: Mapping[str, LatestValue], deletions: Iterable[uuid.UUID] = ()) -> bytes:
    """Return what `unpack_snapshot` reads; MessagePack keeps ints, floats, bools and texts apart."""
    rows = [[name, v.time_us, v.origin.bytes, v.number, v.value] for name, v in newest.items()]
    honoured = sorted(deletion.bytes for deletion in deletions)
    return msgspec.msgpack.encode([_WITH_DELETIONS, rows, honoured] if honoured else [_PLAIN, rows])


def unpack_snapshot(content: bytes) -> tuple[Newest, frozenset[uuid.UUID]] | None:
    """Return the values of a snapshot, and the deletions that it honours.

    None where it is none of these versions, and is to be made anew.
    """
    try:
        version, rows, *more = msgspec.msgpack.decode(content)
        if (version, len(more)) not in {(_PLAIN, 0), (_WITH_DELETIONS, 1)}:
            return None
        newest = {name: LatestValue(at, uuid.UUID(bytes=origin), number, v) for name, at, origin, number, v in rows}
        return newest, frozenset(uuid.UUID(bytes=raw) for raw in (more[0] if more else ()))
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
    honoured: frozenset[uuid.UUID] = frozenset()
    """The deletions that `newest` knows of."""


class LatestReader:
    """Answers from memory and from the packs stored since; from any thread."""

    def __init__(self, storage: Storage, *, max_devices: int = _MAX_DEVICES) -> None:
        self._storage = storage
        self._max_devices = max_devices
        self._lock = threading.Lock()
        self._states: OrderedDict[uuid.UUID, _State] = OrderedDict()

    def newest(self, device_id: uuid.UUID) -> Mapping[str, LatestValue]:
        """Return the newest value of each field that has one.

        Every pack and every deletion whose storing was acknowledged before the call counts.

        Raises:
            StorageUnavailable: the engine cannot be reached.
            StorageCorrupt: a stored pack cannot be read.
        """
        state = self._state(device_id)
        with state.lock:
            if state.arrival < 0:
                self._begin(device_id, state)
            deletions = self._storage.deletions(device_id)
            mask = Mask(deletions)
            if state.honoured != mask.ids:
                self._honour(device_id, state, deletions, mask)
            self._roll(device_id, state, mask)
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
        known = None if snapshot is None else unpack_snapshot(snapshot.content)
        if snapshot is not None and known is not None:
            state.arrival = snapshot.arrival
            state.newest, state.honoured = known
        else:
            state.arrival = 0

    def _honour(self, device_id: uuid.UUID, state: _State, deletions: Sequence[Deletion], mask: Mask) -> None:
        """Bring what is known, up to the pack `state.arrival`, into line with the deletions that are in force now."""
        by_id = {deletion.id: deletion for deletion in deletions}
        made = [deletion for deletion in mask.deletions if deletion.id not in state.honoured]
        undone = [by_id[known] for known in state.honoured - mask.ids if known in by_id]
        lost = {
            name: value
            for name, value in state.newest.items()
            if any(is_hidden_by(d, name, time_us=value.time_us, origin=value.origin, number=value.number) for d in made)
        }
        newest = {name: value for name, value in state.newest.items() if name not in lost}
        if lost:
            self._look_back(device_id, newest, lost, mask)
        for deletion in undone:
            spans = self._storage.spans(device_id, start_us=deletion.start_us, end_us=deletion.end_us)
            names = self._field_ids(device_id) if deletion.fields is None else deletion.fields
            self._look(device_id, newest, names, spans, mask)
        state.newest, state.honoured = newest, mask.ids
        state.packs_since_kept = SNAPSHOT_PACKS  # to be kept now: looking again may take long

    def _look_back(self, device_id: uuid.UUID, newest: Newest, lost: Mapping[str, LatestValue], mask: Mask) -> None:
        """Look for what is left of fields whose newest value was hidden: near it first, then ever further back."""
        end_us = max(value.time_us for value in lost.values()) + 1
        names, reach_us = list(lost), _LOOK_BACK_US
        while names and end_us > MIN_TIME_US:
            start_us = max(end_us - reach_us, MIN_TIME_US)
            spans = self._storage.spans(device_id, start_us=start_us, end_us=end_us)
            self._look(device_id, newest, names, spans, mask)
            # A pack may reach further back than where was looked, and then another there may hold a newer value.
            names = [name for name in names if name not in newest or newest[name].time_us < start_us]
            end_us = start_us
            reach_us *= 16

    def _roll(self, device_id: uuid.UUID, state: _State, mask: Mask) -> None:
        packs = self._storage.packs_after(device_id, state.arrival, limit=_BATCH)
        if len(packs) == _BATCH:
            self._leap(device_id, state, mask)
            return
        for pack in packs:
            if pack.row_count:
                _take(state.newest, mask.show(decode_table(pack), pack.arrival))
            state.arrival = pack.arrival
        state.packs_since_kept += len(packs)

    def _leap(self, device_id: uuid.UUID, state: _State, mask: Mask) -> None:
        """Roll over many packs: the newest first, and no further back than some field still needs."""
        spans = [
            span
            for span in self._storage.spans(device_id, start_us=MIN_TIME_US, end_us=MAX_TIME_US + 1)
            if span.arrival > state.arrival
        ]
        newest = dict(state.newest)
        # Read after the packs: so every field that they hold is among these.
        self._look(device_id, newest, self._field_ids(device_id), spans, mask)
        state.newest = newest
        state.arrival = max((span.arrival for span in spans), default=state.arrival)
        state.packs_since_kept += len(spans)

    def _field_ids(self, device_id: uuid.UUID) -> list[str]:
        return [field.field_id for field in self._storage.fields(device_id) if field.kinds]

    def _look(
        self, device_id: uuid.UUID, newest: Newest, names: Sequence[str], spans: Sequence[PackSpan], mask: Mask
    ) -> None:
        """Take from these packs what is newer, of the fields named at least; those that cannot have it stay closed."""
        spans = sorted(mask.open(spans, names), key=lambda span: span.max_time_us, reverse=True)
        at = opened = 0
        while at < len(spans):
            wanted = _wanting(newest, names, spans[at].max_time_us)
            if not wanted:
                return
            batch = spans[at : at + 1 if opened < _BATCH else at + _BATCH]
            at += len(batch)
            opened += len(batch)
            for table in span_tables(self._storage, device_id, mask.open(batch, wanted)):
                _take(newest, mask.show(*table))

    def _save(self, device_id: uuid.UUID, state: _State) -> None:
        state.packs_since_kept = 0
        try:
            content = pack_snapshot(state.newest, state.honoured)
            with self._storage.write() as write:
                write.put_latest(device_id, LatestSnapshot(arrival=state.arrival, content=content))
        except StorageError:
            # Only a short cut for the next process was lost (a full disk, for one); reading goes on.
            return


def _take(newest: Newest, table: Table) -> None:
    for field_id, value in newest_of(table).items():
        _keep(newest, field_id, value)


def _wanting(newest: Mapping[str, Any], names: Sequence[str], max_time_us: int) -> list[str]:
    """Return the fields of which a pack that ends at `max_time_us` may hold a newer value."""
    return [name for name in names if name not in newest or newest[name].time_us <= max_time_us]
