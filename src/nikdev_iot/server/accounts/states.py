"""Whether a device is online, silent, or was never seen: by when it pushed last, and how long it may be quiet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from nikdev_iot.server.storage.records import Device

__all__ = ["DEFAULT_SILENT_AFTER_S", "DeviceState", "StateWord", "state_of", "usual_distance_s"]

DEFAULT_SILENT_AFTER_S = 15 * 60
_USUAL_DISTANCES = 3
"""A device is silent when it has been quiet for this many times what is usual for it."""


class StateWord(Enum):
    """What is said of a device; in the order of trouble."""

    SILENT = "silent"
    NEVER = "never"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class DeviceState:
    """The state of a device at one moment."""

    word: StateWord
    last_push_us: int | None
    """None where it never pushed."""
    silent_after_s: int
    """How long it may be quiet: its own setting, or a guess."""


def state_of(device: Device, now_us: int, *, usual_s: float | None = None) -> DeviceState:
    """Return a device's state; `usual_s` is the usual distance between its pushes, where that is known."""
    after_s = device.silent_after_s
    if after_s is None:
        after_s = max(DEFAULT_SILENT_AFTER_S, round(_USUAL_DISTANCES * (usual_s or 0)))
    if device.last_push_us is None:
        word = StateWord.NEVER
    elif now_us - device.last_push_us < after_s * 1_000_000:
        word = StateWord.ONLINE
    else:
        word = StateWord.SILENT
    return DeviceState(word, device.last_push_us, after_s)


def usual_distance_s(received_us: Sequence[int]) -> float | None:
    """Return the median distance between pushes that were received at these times; None for fewer than three."""
    if len(received_us) < 3:
        return None
    times = sorted(received_us)
    distances = sorted(after - before for before, after in pairwise(times))
    return distances[len(distances) // 2] / 1e6
