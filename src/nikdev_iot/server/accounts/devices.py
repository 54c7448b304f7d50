"""Devices of an account."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Device

from .keys import KEEP, Keep
from .room import check_room
from .texts import check_note, check_tags, check_text

__all__ = ["LONGEST_SILENCE_S", "SHORTEST_SILENCE_S", "Devices"]

SHORTEST_SILENCE_S = 10
LONGEST_SILENCE_S = 366 * 86_400


def _nothing() -> None:
    pass


class Devices:
    """Makes, finds, changes and deletes devices. Where an `account_id` is given, other accounts' devices do not exist.

    `on_delete` is called after a device was deleted, so that whoever remembers one can forget it. An account may have
    `most` of them; None for no limit.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        now_us: Callable[[], int],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        on_delete: Callable[[], None] = _nothing,
        most: int | None = None,
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._new_id = new_id
        self._on_delete = on_delete
        self._most = most

    def add(self, account_id: uuid.UUID, name: object, *, accepts_new_fields: bool = True) -> Device:
        """Make a device.

        Raises:
            Invalid: the name is empty, too long, or has characters that cannot be shown; or there are too many devices.
            NotFound: no such account.
        """
        if self._storage.account(account_id) is None:
            raise NotFound(f"There is no account {account_id}.")
        device = Device(
            id=self._new_id(),
            account_id=account_id,
            name=check_text(name, what="The device's name"),
            created_us=self._now_us(),
            accepts_new_fields=accepts_new_fields,
        )
        with self._storage.write() as write:
            count = 0 if self._most is None else len(self._storage.devices(account_id))
            check_room(count, self._most, of="devices", have="This account", instead="Delete one that nobody needs")
            write.add_device(device)
        return device

    def get(self, device_id: uuid.UUID, *, account_id: uuid.UUID | None = None) -> Device:
        """Return a device; raises `NotFound`."""
        device = self._storage.device(device_id)
        if device is None or (account_id is not None and device.account_id != account_id):
            raise NotFound(f"There is no device {device_id}.")
        return device

    def all(self, account_id: uuid.UUID | None = None) -> list[Device]:
        """Return an account's devices, or all, the oldest first."""
        return self._storage.devices(account_id)

    def tags(self, account_id: uuid.UUID) -> list[str]:
        """Return the tags that an account's devices have, the commonest first."""
        counts: dict[str, int] = {}
        for device in self._storage.devices(account_id):
            for tag in device.tags:
                counts[tag] = counts.get(tag, 0) + 1
        return sorted(counts, key=lambda tag: (-counts[tag], tag.casefold(), tag))

    def update(
        self,
        device_id: uuid.UUID,
        *,
        account_id: uuid.UUID | None = None,
        name: object = None,
        accepts_new_fields: bool | None = None,
        note: object = None,
        tags: Iterable[object] | None = None,
        silent_after_s: int | Keep | None = KEEP,
    ) -> Device:
        """Change what is given (`silent_after_s=None`: the server's own guess); return the device.

        Raises:
            NotFound: no such device.
            Invalid: a text or a time that cannot be.
        """
        new_name = None if name is None else check_text(name, what="The device's name")
        new_note = None if note is None else check_note(note)
        new_tags = None if tags is None else check_tags(tags)
        if not isinstance(silent_after_s, Keep):
            _check_silence(silent_after_s)
        with self._storage.write() as write:
            device = self.get(device_id, account_id=account_id)
            device = replace(
                device,
                name=device.name if new_name is None else new_name,
                accepts_new_fields=device.accepts_new_fields if accepts_new_fields is None else accepts_new_fields,
                note=device.note if new_note is None else new_note,
                tags=device.tags if new_tags is None else new_tags,
                silent_after_s=device.silent_after_s if isinstance(silent_after_s, Keep) else silent_after_s,
            )
            write.update_device(device)
        return device

    def delete(self, device_id: uuid.UUID, *, account_id: uuid.UUID | None = None) -> Device:
        """Delete a device with its keys and all it sent, for ever; return what it was. Raises `NotFound`.

        Nobody gets at it any more when this returns; the disk space comes back in the background (`Leaving`).
        """
        with self._storage.write() as write:
            device = self.get(device_id, account_id=account_id)
            write.delete_device(device_id, at_us=self._now_us())
        self._on_delete()
        return device


def _check_silence(silent_after_s: int | None) -> None:
    if silent_after_s is not None and not SHORTEST_SILENCE_S <= silent_after_s <= LONGEST_SILENCE_S:
        raise Invalid(
            f"A device can be called silent after {SHORTEST_SILENCE_S} s to {LONGEST_SILENCE_S // 86_400} days.",
            hint="Nothing was changed.",
        )
