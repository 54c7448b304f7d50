"""What a device may read with its key: itself, its fields, latest values, history."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import Request, Response

from .access import KeyCaller, Needs, needs
from .history import HISTORY_DOC, answer_history
from .routing import PREFIX, ReaderOf, ServicesOf, router
from .schemas import DeviceSelf, FieldList, FieldOut, KeySelf, LimitsOut
from .values import VALUES_DOC, answer_values

__all__ = ["routes"]

routes = router("device")


@routes.get(f"{PREFIX}/device", openapi_extra=needs(Needs.ANY), summary="Which device and key am I?")
def device(caller: KeyCaller, services: ServicesOf) -> DeviceSelf:
    """The device, what its key allows, the server's clock and limits. For a connection test."""
    key = caller.key
    return DeviceSelf(
        device_id=str(caller.device.id),
        name=caller.device.name,
        accepts_new_fields=caller.device.accepts_new_fields,
        field_count=len(services.fields.all(caller.device.id)),
        key=KeySelf(name=key.name, read=key.can_read, write=key.can_write, expires_us=key.expires_us),
        server_time_us=services.now_us(),
        epoch=services.storage.epoch.hex(),
        limits=LimitsOut(**asdict(services.limits), **services.limits_shown),
    )


@routes.get(f"{PREFIX}/fields", openapi_extra=needs(Needs.READ), summary="The device's fields")
def fields(caller: KeyCaller, services: ServicesOf) -> FieldList:
    """Every field, with the kinds of its values so far."""
    return FieldList(fields=[FieldOut.of(field) for field in services.fields.all(caller.device.id)])


@routes.get(f"{PREFIX}/values", openapi_extra=needs(Needs.READ), **VALUES_DOC)
@routes.get(f"{PREFIX}/values/", openapi_extra=needs(Needs.READ), **VALUES_DOC)
def values(caller: KeyCaller, services: ServicesOf, reader: ReaderOf) -> Response:
    """The newest value of every field; nulls where there is none yet."""
    return answer_values(services, reader, caller.device.id, None)


@routes.get(f"{PREFIX}/values/{{field_ids}}", openapi_extra=needs(Needs.READ), **VALUES_DOC)
def values_of(field_ids: str, caller: KeyCaller, services: ServicesOf, reader: ReaderOf) -> Response:
    """The newest value of the fields named, joined by commas."""
    return answer_values(services, reader, caller.device.id, field_ids)


@routes.get(
    f"{PREFIX}/history", openapi_extra=needs(Needs.READ, parameters=HISTORY_DOC.parameters), **HISTORY_DOC.route
)
async def history(request: Request, caller: KeyCaller, services: ServicesOf, reader: ReaderOf) -> Response:
    """Rows or buckets of the device."""
    return await answer_history(request, services, reader, caller.device.id)
