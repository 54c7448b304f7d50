"""What a live stream tells of a device, and how it stands in a stream of server-sent events. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

__all__ = ["EXACT", "MAX_POINTS", "LiveEvent", "Point", "gone_bytes", "joined", "narrowed", "shown"]

MAX_POINTS = 500
"""Values of one event; where there would be more, it says `reload` instead."""
EXACT = 2**53
"""JavaScript keeps whole numbers up to here."""

Point: TypeAlias = tuple[int, Any]
"""(time in µs UTC, value)."""


@dataclass(slots=True)
class LiveEvent:
    """What has become of one device since the event before."""

    device_id: uuid.UUID
    received_us: int | None
    """When the newest of it was stored; None where that is not known."""
    latest: Mapping[str, Point]
    """The newest value of each field that something came of."""
    points: Mapping[str, list[Point]] | None
    """All that came, in the order of coming; None where that is too much, and has to be asked for."""
    previewed: frozenset[str] = frozenset()
    """Fields of which `latest` is shown ahead of history: no points, which come with the history."""
    _encoded: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def size(self) -> int:
        """How many values it brings."""
        return sum(map(len, self.points.values())) if self.points else 0

    def encode(self) -> bytes:
        """Return it as a server-sent event; made once for all who get it."""
        if self._encoded is None:
            data: dict[str, Any] = {
                "device": str(self.device_id),
                "received_us": self.received_us,
                "latest": self.latest,
            }
            if self.points is None:
                data["reload"] = True
            else:
                data["points"] = self.points
            if self.previewed:
                data["preview"] = sorted(self.previewed)
            self._encoded = b"event: values\ndata: " + msgspec.json.encode(data) + b"\n\n"
        return self._encoded


def shown(value: Any) -> Any:
    """Return a value as JSON can carry it to a browser without loss."""
    return str(value) if type(value) is int and not -EXACT <= value <= EXACT else value


def joined(before: LiveEvent, after: LiveEvent) -> LiveEvent:
    """Return one event that says what two of the same device say."""
    points: dict[str, list[Point]] | None = None
    if before.points is not None and after.points is not None and before.size + after.size <= MAX_POINTS:
        points = {name: list(found) for name, found in before.points.items()}
        for name, found in after.points.items():
            points[name] = points[name] + found if name in points else found
    received_us = after.received_us if after.received_us is not None else before.received_us
    previewed = (before.previewed - after.latest.keys()) | after.previewed
    return LiveEvent(after.device_id, received_us, {**before.latest, **after.latest}, points, previewed)


def narrowed(event: LiveEvent, fields: Collection[str]) -> LiveEvent | None:
    """Return what an event says of some fields alone; None where it says nothing of them."""
    latest = {name: point for name, point in event.latest.items() if name in fields}
    if not latest:
        return None
    points = event.points
    if points is not None:
        points = {name: found for name, found in points.items() if name in fields}
    return LiveEvent(event.device_id, event.received_us, latest, points, event.previewed.intersection(fields))


def gone_bytes(device_id: uuid.UUID | None = None) -> bytes:
    """Return the event that ends a stream: this device is gone, or else whoever looked is no longer signed in."""
    data = {} if device_id is None else {"device": str(device_id)}
    return b"event: gone\ndata: " + msgspec.json.encode(data) + b"\n\n"
