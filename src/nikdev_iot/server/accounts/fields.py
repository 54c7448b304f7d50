"""Fields of a device: how they are named, shown and ordered. Their kinds come with the values (`ingest`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import check_field_id
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Field

from .keys import KEEP, Keep
from .room import check_room
from .texts import check_color, check_text

__all__ = ["MAX_DECIMALS", "PALETTE", "Fields", "colors_of", "in_order", "moved", "own_color", "palette_places"]

MAX_DECIMALS = 10
PALETTE = tuple(f"series-{number}" for number in range(1, 9))
"""The names of the colours that fields have of their own accord."""


def in_order(fields: Iterable[Field]) -> list[Field]:
    """Return fields as they stand on pages: by position, and those without one last, the oldest first. Pure."""
    return sorted(fields, key=lambda field: (field.position is None, field.position or 0))


def palette_places(fields: Iterable[Field]) -> dict[str, int]:
    """Return which colour of the palette each field has, by its id: the chosen one, or by the order of their making.

    So a field keeps its colour when it is moved, and has the same one on every page, unless it has one of its own
    (`own_color`). `fields` are all of a device, hidden ones too. Pure.
    """
    by_age = sorted(fields, key=lambda field: (field.created_us, field.field_id))
    return {
        field.field_id: PALETTE.index(field.color) if field.color in PALETTE else at % len(PALETTE)
        for at, field in enumerate(by_age)
    }


def own_color(field: Field) -> str:
    """Return `#rrggbb` where the field has a colour that is not the palette's, else ''. Pure."""
    return field.color if field.color.startswith("#") else ""


def colors_of(fields: Iterable[Field]) -> dict[str, str]:
    """Return each field's colour by its id: `#rrggbb`, or the name of one of the palette's. Pure."""
    known = list(fields)
    places = palette_places(known)
    return {field.field_id: own_color(field) or PALETTE[places[field.field_id]] for field in known}


def moved(ids: Sequence[str], field_id: str, *, before: str | None) -> list[str]:
    """Return the ids with one of them moved before another, or to the end. Pure."""
    if before == field_id:
        return list(ids)
    rest = [one for one in ids if one != field_id]
    at = rest.index(before) if before in rest else len(rest)
    return [*rest[:at], field_id, *rest[at:]]


class Fields:
    """Makes, finds and changes fields. The caller has made sure that the device is the right account's."""

    def __init__(self, storage: Storage, *, now_us: Callable[[], int], most: int | None = None) -> None:
        self._storage = storage
        self._now_us = now_us
        self._most = most

    def all(self, device_id: uuid.UUID) -> list[Field]:
        """Return the device's fields, in their order."""
        return in_order(self._storage.fields(device_id))

    def get(self, device_id: uuid.UUID, field_id: str) -> Field:
        """Return one field; raises `NotFound`."""
        for field in self._storage.fields(device_id):
            if field.field_id == field_id:
                return field
        raise NotFound(f"The device has no field {field_id!r}.")

    def add(self, device_id: uuid.UUID, field_id: object, *, unit: object = "", label: object = "") -> Field:
        """Make a field by hand, as a device that accepts no new ones needs it.

        Raises:
            Invalid: no such Field ID, unit or label can be, or there are too many fields.
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
            known = [one.field_id for one in self._storage.fields(device_id)]
            if checked in known:
                raise Conflict(f"The device has a field {checked!r} already.", hint="Nothing was changed.")
            check_room(len(known), self._most, of="fields", have="This device", instead="Use one that is there")
            write.update_field(field)
        return field

    def update(
        self,
        device_id: uuid.UUID,
        field_id: str,
        *,
        unit: object = None,
        label: object = None,
        color: object = None,
        decimals: int | Keep | None = KEEP,
        hidden: bool | None = None,
    ) -> Field:
        """Change what is given (`decimals=None`: as many as there are); return the field.

        Raises:
            NotFound: no such field.
            Invalid: a text, colour or number of decimals that cannot be.
        """
        new_unit = None if unit is None else check_text(unit, what="The unit", empty=True)
        new_label = None if label is None else check_text(label, what="The label", empty=True)
        new_color = None if color is None else check_color(color)
        if isinstance(decimals, int) and not 0 <= decimals <= MAX_DECIMALS:
            raise Invalid(f"A value is shown with 0 to {MAX_DECIMALS} decimals.", hint="Nothing was changed.")
        with self._storage.write() as write:
            field = self.get(device_id, field_id)
            field = replace(
                field,
                unit=field.unit if new_unit is None else new_unit,
                label=field.label if new_label is None else new_label,
                color=field.color if new_color is None else new_color,
                decimals=field.decimals if isinstance(decimals, Keep) else decimals,
                hidden=field.hidden if hidden is None else hidden,
            )
            write.update_field(field)
        return field

    def move(self, device_id: uuid.UUID, field_id: str, *, before: str | None) -> list[Field]:
        """Move a field before another one, or to the end; return all fields, in their order.

        Raises:
            NotFound: no such field, or none to stand before.
        """
        with self._storage.write() as write:
            fields = {field.field_id: field for field in self.all(device_id)}
            for name in (field_id, *([] if before is None else [before])):
                if name not in fields:
                    raise NotFound(f"The device has no field {name!r}.")
            arranged = []
            for position, name in enumerate(moved(list(fields), field_id, before=before)):
                field = fields[name]
                if field.position != position:
                    field = replace(field, position=position)
                    write.update_field(field)
                arranged.append(field)
        return arranged
