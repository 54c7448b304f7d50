"""Reading of many devices at once."""

# ruff: noqa: S608 - the f-strings below hold our own lists of columns, and question marks
from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from nikdev_iot.server.storage.records import Field, Stamp

from .bulk import Execute
from .contents import Contents
from .origins import unpack_arrivals
from .rows import FIELD, field_of

__all__ = ["FleetReads"]

_AT_ONCE = 500
_MARKS = ",".join("?" * _AT_ONCE)
"""Always as many, so that there is one statement to prepare; those left over are null, which equals nothing."""


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    items = list(items)
    for start in range(0, len(items), _AT_ONCE):
        batch = items[start : start + _AT_ONCE]
        yield batch + [None] * (_AT_ONCE - len(batch))


class FleetReads(ABC):
    """The part of `port.Storage` that answers for many devices at once."""

    _contents: Contents

    @abstractmethod
    def _snapshot(self) -> AbstractContextManager[Execute]: ...

    @abstractmethod
    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    def _read_of(self, statement: str, device_ids: Sequence[uuid.UUID]) -> list[Any]:
        return [
            row
            for batch in _batches(device_id.bytes for device_id in device_ids)
            for row in self._read_all(statement, batch)
        ]

    def stamps(self, device_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Stamp]:
        newest: dict[bytes, int] = {}
        for device, arrivals in self._read_of(
            f"SELECT device, arrivals FROM origins WHERE device IN ({_MARKS})", device_ids
        ):
            newest[device] = max(newest.get(device, 0), *unpack_arrivals(arrivals[-8:]))
        deleted = {
            device: (count, made_us)
            for device, count, made_us in self._read_of(
                f"SELECT device, count(*) + count(undone_us), max(made_us) FROM deletions WHERE device IN ({_MARKS}) "
                "GROUP BY device",
                device_ids,
            )
        }
        return {
            uuid.UUID(bytes=device): Stamp(arrival, *deleted.get(device, (0, 0))) for device, arrival in newest.items()
        }

    def fields_of(self, device_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Field]]:
        found: dict[uuid.UUID, list[Field]] = {}
        for row in self._read_of(
            f"SELECT {FIELD} FROM fields WHERE device IN ({_MARKS}) ORDER BY device, created_us, field_id", device_ids
        ):
            field = field_of(row)
            found.setdefault(field.device_id, []).append(field)
        return found

    def received(self, device_ids: Sequence[uuid.UUID], *, limit: int) -> dict[uuid.UUID, list[int]]:
        held: dict[bytes, list[int]] = {}
        for device, arrivals in self._read_of(
            f"SELECT device, arrivals FROM origins WHERE device IN ({_MARKS})", device_ids
        ):
            held.setdefault(device, []).extend(unpack_arrivals(arrivals[-8 * limit :]))
        re_packed = self._received_earlier({device: limit - len(arrivals) for device, arrivals in held.items()})
        wanted = sorted(arrival for arrivals in held.values() for arrival in sorted(arrivals)[-limit:])
        for batch in _batches(wanted):
            for device, received_us in self._read_all(
                f"SELECT device, received_us FROM packs WHERE arrival IN ({_MARKS}) ORDER BY arrival", batch
            ):
                re_packed.setdefault(uuid.UUID(bytes=device), []).append(received_us)
        return re_packed

    def _received_earlier(self, wanted: Mapping[bytes, int]) -> dict[uuid.UUID, list[int]]:
        """Return the same of packs in segments, as many of each device."""
        found = {}
        with self._snapshot() as execute:
            for device, limit in wanted.items():
                if limit > 0 and (pairs := self._contents.received(execute, device, limit=limit)):
                    found[uuid.UUID(bytes=device)] = [received_us for _, received_us in pairs]
        return found
