"""Which fields devices have: each push is compared with what is known, and new ones are made or refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.records import Device, Field, NewField

from .templates import FieldKind

__all__ = ["FieldsRefused", "KnownFields"]


@dataclass(frozen=True, slots=True)
class FieldsRefused:
    """Fields that a push brought and the device will not have, in the order of the push; `reason` names the rule."""

    field_ids: tuple[str, ...]
    reason: str


@dataclass(slots=True)
class _Known:
    kinds: set[FieldKind] = field(default_factory=set)
    field_ids: set[str] = field(default_factory=set)

    def add(self, field_id: str, kind: Kind) -> None:
        self.kinds.add((field_id, kind))
        self.field_ids.add(field_id)


class KnownFields:
    """The fields of the devices that pushed of late, for one thread.

    It may know too few (another process made one), never too many: fields are not removed, but with their device, whose
    pushes end before they come here. What a group of pushes adds is kept apart until `settle`, so that a group that
    failed leaves nothing behind.
    """

    def __init__(
        self,
        load: Callable[[uuid.UUID], Iterable[Field]],
        *,
        limit: int,
        max_devices: int = 10_000,
    ) -> None:
        self._load = load
        self._limit = limit
        self._max_devices = max_devices
        self._known: dict[uuid.UUID, _Known] = {}
        self._added: dict[uuid.UUID, _Known] = {}

    def admit(
        self, device: Device, brought: Sequence[FieldKind], brought_set: frozenset[FieldKind]
    ) -> list[NewField] | FieldsRefused:
        """Return what a push adds to its device's fields, or why it may not.

        `brought_set` is `brought` as a set: in the common case, all of it known, it is the only one looked at.
        """
        known = self._known.get(device.id)
        if known is not None and brought_set <= known.kinds:
            return []
        # A field made by hand, or by another process, is not known here yet.
        known = self._reload(device.id)
        added = self._added.get(device.id)
        if added is None:
            added = _Known()
        new = [pair for pair in brought if pair not in known.kinds and pair not in added.kinds]
        have = known.field_ids | added.field_ids
        new_ids = list(dict.fromkeys(field_id for field_id, _ in new if field_id not in have))
        if new_ids and not device.accepts_new_fields:
            return FieldsRefused(tuple(new_ids), "this device takes no new fields")
        room = self._limit - len(have)
        if len(new_ids) > room:
            return FieldsRefused(tuple(new_ids[max(room, 0) :]), f"a device has at most {self._limit} fields")
        for pair in new:
            added.add(*pair)
        self._added[device.id] = added
        return [NewField(device_id=device.id, field_id=field_id, kind=kind) for field_id, kind in new]

    def settle(self, *, stored: bool) -> None:
        """End a group: what it added is now known, or was never there."""
        if not self._added:
            return
        if stored:
            for device_id, added in self._added.items():
                known = self._known.get(device_id)
                if known is not None:
                    known.kinds |= added.kinds
                    known.field_ids |= added.field_ids
        self._added = {}

    def _reload(self, device_id: uuid.UUID) -> _Known:
        known = _Known()
        for item in self._load(device_id):
            known.field_ids.add(item.field_id)
            for kind in item.kinds:
                known.kinds.add((item.field_id, kind))
        self._known.pop(device_id, None)
        while len(self._known) >= self._max_devices:
            del self._known[next(iter(self._known))]
        self._known[device_id] = known
        return known
