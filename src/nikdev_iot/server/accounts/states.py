"""Whether a device is online, silent, or was never seen: by when it pushed last, and how long it may be quiet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from nikdev_iot.server.storage.records import Device

__all__ = ["DEFAULT_SILENT_AFTER_S", "DeviceState", "StateWord", "may_be_silent", "state_of"]

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


def may_be_silent(device: Device, now_us: int) -> bool:
    """Return whether the usual distance between its pushes decides what is said of a device."""
    return (
        device.silent_after_s is None
        and device.last_push_us is not None
        and now_us - device.last_push_us >= DEFAULT_SILENT_AFTER_S * 1_000_000
    )
