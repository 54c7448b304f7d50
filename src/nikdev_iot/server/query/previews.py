"""Newest values that devices with a backlog showed ahead of it: in memory alone, for minutes, and never history.

Once the commit itself is stored, or a newer one, there is nothing left of its preview.
"""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .latest import LatestValue

__all__ = ["KEEP_S", "Preview", "Previews"]

KEEP_S = 300.0
"""A preview is believed for so long: a device with a wrong clock does not say for ever what is newest."""
_MAX_BYTES = 64 * 1024 * 1024
_OWN_BYTES = 2_000
"""What a preview takes in memory beside its values."""
_VALUE_BYTES = 400
_PER_S = 200
"""So many previews a second are asked for, of all devices together; each at most every `_EVERY_S`."""
_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Preview:
    """What one device showed ahead."""

    device_id: uuid.UUID
    origin: uuid.UUID
    number: int
    """The last of its commits."""
    values: Mapping[str, LatestValue]
    """By Field ID."""
    text_bytes: int = 0
    """Of its texts."""

    @property
    def size_bytes(self) -> int:
        """About what it holds in memory."""
        return _OWN_BYTES + _VALUE_BYTES * len(self.values) + self.text_bytes


class Previews:
    """At most one of each device. Written on the event loop's thread, read from any."""

    def __init__(
        self, *, monotonic_s: Callable[[], float] = time.monotonic, max_bytes: int = _MAX_BYTES, keep_s: float = KEEP_S
    ) -> None:
        self._monotonic_s = monotonic_s
        self._max_bytes = max_bytes
        self._keep_s = keep_s
        self._arriving: dict[uuid.UUID, Preview] = {}
        self._shown: OrderedDict[uuid.UUID, tuple[float, Preview]] = OrderedDict()
        """With when it came; the oldest first."""
        self._bytes = 0

    @property
    def count(self) -> int:
        """How many are kept."""
        return len(self._shown)

    @property
    def is_empty(self) -> bool:
        """Whether no device shows anything ahead, or is about to."""
        return not self._shown and not self._arriving

    @property
    def again_after_s(self) -> float:
        """When a device shall show the next one, at the earliest: the more of them do, the later."""
        return max(_EVERY_S, len(self._shown) / _PER_S)

    # -- on the event loop's thread ----------------------------------------------------------------------

    def expect(self, preview: Preview) -> None:
        """Take note of one that is being looked at: if its commit is stored meanwhile, it is not shown any more."""
        self._arriving[preview.device_id] = preview

    def show(self, expected: Preview, preview: Preview | None) -> bool:
        """Show `preview` from now on, in the place of the one `expected`; return whether that is still wanted."""
        if self._arriving.get(expected.device_id) is not expected:
            return False  # its commit was stored, or there is a newer one
        del self._arriving[expected.device_id]
        if preview is None:
            return False
        self._drop(preview.device_id)
        self._shown[preview.device_id] = self._monotonic_s(), preview
        self._bytes += preview.size_bytes
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._shown)))
        self.forget_old()
        return preview.device_id in self._shown

    def stored(self, device_id: uuid.UUID, origin: uuid.UUID, number: int) -> None:
        """The commits of `origin` up to `number` are stored."""
        arriving = self._arriving.get(device_id)
        if arriving is not None and _covers(arriving, origin, number):
            del self._arriving[device_id]
        shown = self._shown.get(device_id)
        if shown is not None and _covers(shown[1], origin, number):
            self._drop(device_id)

    def forget_old(self) -> None:
        """Let go of what is no longer shown."""
        oldest_s = self._monotonic_s() - self._keep_s
        while self._shown and next(iter(self._shown.values()))[0] <= oldest_s:
            self._drop(next(iter(self._shown)))

    def _drop(self, device_id: uuid.UUID) -> None:
        found = self._shown.pop(device_id, None)
        if found is not None:
            self._bytes -= found[1].size_bytes

    # -- from any thread -----------------------------------------------------------------------------------

    def of(self, device_id: uuid.UUID) -> Mapping[str, LatestValue]:
        """Return what a device shows ahead, by Field ID; nothing where it does not."""
        found = self._shown.get(device_id)
        if found is None or found[0] <= self._monotonic_s() - self._keep_s:
            return {}
        return found[1].values

    def over(self, device_id: uuid.UUID, stored: Mapping[str, LatestValue]) -> Mapping[str, LatestValue]:
        """Return the newest values of a device: those stored, but for what it shows ahead that is newer."""
        ahead = self.of(device_id)
        newer = {name: v for name, v in ahead.items() if name not in stored or v.place > stored[name].place}
        return {**stored, **newer} if newer else stored


def _covers(preview: Preview, origin: uuid.UUID, number: int) -> bool:
    return preview.origin == origin and preview.number <= number
