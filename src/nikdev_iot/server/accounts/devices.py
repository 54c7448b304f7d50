"""Devices of an account."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from nikdev_iot.server.errors import NotFound
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Device

from .texts import check_text

__all__ = ["Devices"]


class Devices:
    """Makes, finds and changes devices. Where an `account_id` is given, other accounts' devices do not exist."""

    def __init__(
        self, storage: Storage, *, now_us: Callable[[], int], new_id: Callable[[], uuid.UUID] = uuid.uuid4
    ) -> None:
        self._storage = storage
        self._now_us = now_us
        self._new_id = new_id

    def add(self, account_id: uuid.UUID, name: object, *, accepts_new_fields: bool = True) -> Device:
        """Make a device.

        Raises:
            Invalid: the name is empty, too long, or has characters that cannot be shown.
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

    def update(
        self,
        device_id: uuid.UUID,
        *,
        account_id: uuid.UUID | None = None,
        name: object = None,
        accepts_new_fields: bool | None = None,
    ) -> Device:
        """Change what is given; return the device. Raises `NotFound` and `Invalid`."""
        new_name = None if name is None else check_text(name, what="The device's name")
        with self._storage.write() as write:
            device = self.get(device_id, account_id=account_id)
            device = replace(
                device,
                name=device.name if new_name is None else new_name,
                accepts_new_fields=device.accepts_new_fields if accepts_new_fields is None else accepts_new_fields,
            )
            write.update_device(device)
        return device
