"""When each device pushed last: written down now and then, and known at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable
from dataclasses import replace

from nikdev_iot.server.storage.records import Device

__all__ = ["LastPushes"]


class LastPushes:
    """Notes stored pushes until they are written down with the writer's chores.

    `note`, `take` and `settle` belong to the writer's thread; the others may be called from any.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[uuid.UUID, int] = {}
        self._taken: dict[uuid.UUID, int] = {}
        self._written: dict[uuid.UUID, int] = {}
        """Kept until the next ones are: whoever read the store before they were in it finds them here."""

    def note(self, device_ids: Iterable[uuid.UUID], at_us: int) -> None:
        """Note that pushes of these devices were stored."""
        with self._lock:
            self._noted.update(dict.fromkeys(device_ids, at_us))

    def take(self) -> list[tuple[uuid.UUID, int]]:
        """Return what has not been written down yet; `settle` says whether it was."""
        with self._lock:
            self._taken, self._noted = {**self._taken, **self._noted}, {}
            return list(self._taken.items())

    def settle(self, *, stored: bool) -> None:
        """Say what became of the transaction in which `take` was called, if it was."""
        if not self._taken:
            return
        with self._lock:
            if stored:
                self._written = self._taken
            else:
                self._noted = {**self._taken, **self._noted}
            self._taken = {}

    def of(self, device_id: uuid.UUID) -> int | None:
        """Return when a device pushed last, as far as the store may not say it yet; None where nothing is known here.

        The store has (or will have, in some seconds) everything else: `Device.last_push_us`.
        """
        with self._lock:
            return self._of(device_id)

    def _of(self, device_id: uuid.UUID) -> int | None:
        for known in (self._noted, self._taken, self._written):
            found = known.get(device_id)
            if found is not None:
                return found
        return None

    def merged(self, devices: Iterable[Device]) -> list[Device]:
        """Return records read from the store with `last_push_us` as it is at this moment."""
        found = []
        with self._lock:
            for device in devices:
                at_us = self._of(device.id)
                if at_us is not None and at_us > (device.last_push_us or 0):
                    device = replace(device, last_push_us=at_us)  # noqa: PLW2901
                found.append(device)
        return found
