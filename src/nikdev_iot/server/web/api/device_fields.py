"""Fields of a device: how they are named, shown and ordered."""

from __future__ import annotations

from nikdev_iot.server.accounts.keys import KEEP

from .access import Needs, Owned, needs
from .routing import PREFIX, ServicesOf, router
from .schemas import FieldChange, FieldIn, FieldList, FieldOut

__all__ = ["routes"]

routes = router("fields")
_FIELDS = f"{PREFIX}/devices/{{device_id}}/fields"


@routes.get(_FIELDS, openapi_extra=needs(Needs.SESSION), summary="A device's fields")
def fields(caller: Owned, services: ServicesOf) -> FieldList:
    """Every field, with the kinds of its values so far."""
    return FieldList(fields=[FieldOut.of(field) for field in services.fields.all(caller.device.id)])


@routes.post(_FIELDS, status_code=201, openapi_extra=needs(Needs.SESSION), summary="Make a field by hand")
def add(body: FieldIn, caller: Owned, services: ServicesOf) -> FieldOut:
    """A field before its first value, as a device needs it that accepts no new ones."""
    return FieldOut.of(services.fields.add(caller.device.id, body.field_id, unit=body.unit, label=body.label))


@routes.patch(f"{_FIELDS}/{{field_id}}", openapi_extra=needs(Needs.SESSION), summary="Change a field")
def change(field_id: str, body: FieldChange, caller: Owned, services: ServicesOf) -> FieldOut:
    """Change what is given."""
    if body.before is not None:
        services.fields.get(caller.device.id, body.before)  # before anything is changed
    changed = services.fields.update(
        caller.device.id,
        field_id,
        unit=body.unit,
        label=body.label,
        color=body.color,
        decimals=body.decimals if "decimals" in body.model_fields_set else KEEP,
        hidden=body.hidden,
    )
    if "before" in body.model_fields_set:
        services.fields.move(caller.device.id, field_id, before=body.before)
        changed = services.fields.get(caller.device.id, field_id)
    return FieldOut.of(changed)
