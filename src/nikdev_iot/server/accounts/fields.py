"""Fields of a device: unit and label. Their kinds come with the values (`ingest`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import check_field_id
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Field

from .texts import check_text

__all__ = ["Fields"]


class Fields:
    """Makes, finds and changes fields. The caller has made sure that the device is the right account's."""

    def __init__(self, storage: Storage, *, now_us: Callable[[], int]) -> None:
        self._storage = storage
        self._now_us = now_us

    def all(self, device_id: uuid.UUID) -> list[Field]:
        """Return the device's fields, the oldest first."""
        return self._storage.fields(device_id)

    def get(self, device_id: uuid.UUID, field_id: str) -> Field:
        """Return one field; raises `NotFound`."""
        for field in self._storage.fields(device_id):
            if field.field_id == field_id:
                return field
        raise NotFound(f"The device has no field {field_id!r}.")

    def add(self, device_id: uuid.UUID, field_id: object, *, unit: object = "", label: object = "") -> Field:
        """Make a field by hand, as a device that accepts no new ones needs it.

        Raises:
            Invalid: no such Field ID, unit or label can be.
            NotFound: no such device.
            Conflict: the field is there already.
        """
        try:
            checked = check_field_id(field_id)
        except ValueRefused as error:
            raise Invalid(error.message, hint=error.hint) from None
        field = Field(
            device_id=device_id,
            field_id=checked,
            kinds=frozenset(),
            unit=check_text(unit, what="The unit", empty=True),
            label=check_text(label, what="The label", empty=True),
            created_us=self._now_us(),
        )
        with self._storage.write() as write:
            if self._storage.device(device_id) is None:
                raise NotFound(f"There is no device {device_id}.")
            if any(known.field_id == checked for known in self._storage.fields(device_id)):
                raise Conflict(f"The device has a field {checked!r} already.", hint="Nothing was changed.")
            write.update_field(field)
        return field

    def update(self, device_id: uuid.UUID, field_id: str, *, unit: object = None, label: object = None) -> Field:
        """Change what is given; return the field. Raises `NotFound` and `Invalid`."""
        new_unit = None if unit is None else check_text(unit, what="The unit", empty=True)
        new_label = None if label is None else check_text(label, what="The label", empty=True)
        with self._storage.write() as write:
            field = self.get(device_id, field_id)
            field = replace(
                field,
                unit=field.unit if new_unit is None else new_unit,
                label=field.label if new_label is None else new_label,
            )
            write.update_field(field)
        return field
