"""The list of devices: which of them, in which order, and what is wrong with how many. Pure."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nikdev_iot.server.storage.records import Device

from .states import DeviceState, StateWord, state_of

__all__ = ["Listed", "Listing", "Order", "list_devices"]

_DIGITS = re.compile(r"(\d+)")
_MIN_ID_CHARS = 6
_TROUBLE = {StateWord.SILENT: 0, StateWord.NEVER: 1, StateWord.ONLINE: 2}


class Order(StrEnum):
    """How the list is sorted."""

    TROUBLE = "trouble"
    """Silent ones first, then those never seen, then the rest; by name among themselves."""
    NAME = "name"
    SEEN = "seen"
    """Whoever pushed last comes first."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One device in the list."""

    device: Device
    state: DeviceState


@dataclass(frozen=True, slots=True)
class Listing:
    """The devices that were asked for, and what is known of all of them."""

    found: tuple[Listed, ...]
    total: int
    """Of the account, whatever was asked for."""
    counts: Mapping[StateWord, int]
    """How many of those found are in which state."""
    tags: tuple[str, ...]
    """All tags of the account's devices, the most used first."""


def list_devices(
    devices: Sequence[Device],
    now_us: int,
    *,
    search: str = "",
    tags: Sequence[str] = (),
    order: Order = Order.TROUBLE,
    usual_s: Mapping[uuid.UUID, float] | None = None,
) -> Listing:
    """Return the devices that have every word of `search` in name, tags, note or Device ID, and all of `tags`.

    `usual_s` is the usual distance between a device's pushes, where that is known.
    """
    words = search.casefold().split()
    wanted = frozenset(tags)
    known = usual_s or {}
    found = [
        Listed(device, state_of(device, now_us, usual_s=known.get(device.id)))
        for device in devices
        if wanted.issubset(device.tags) and _matches(device, words)
    ]
    found.sort(key=lambda listed: natural(listed.device.name))
    if order is Order.TROUBLE:
        found.sort(key=lambda listed: _TROUBLE[listed.state.word])
    elif order is Order.SEEN:
        found.sort(key=lambda listed: -(listed.state.last_push_us or 0))
    used = Counter(tag for device in devices for tag in device.tags)
    return Listing(
        tuple(found),
        len(devices),
        Counter(listed.state.word for listed in found),
        tuple(sorted(used, key=lambda tag: (-used[tag], natural(tag)))),
    )


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return what names are sorted by: without regard to case, and `Room 2` before `Room 10`."""
    parts = _DIGITS.split(name.casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)


def _matches(device: Device, words: Sequence[str]) -> bool:
    if not words:
        return True
    text = "\n".join((device.name, *device.tags, device.note)).casefold()
    # Fewer characters of a Device ID are in many of them.
    return all(word in text or (len(word) >= _MIN_ID_CHARS and word in str(device.id)) for word in words)
