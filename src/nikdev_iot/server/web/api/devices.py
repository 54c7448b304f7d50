"""Devices of the account that is signed in, and what they sent."""

from __future__ import annotations

from fastapi import Request, Response

from nikdev_iot.server.accounts.keys import KEEP
from nikdev_iot.server.storage.people import Role

from .access import Needs, Owned, SessionCaller, needs
from .history import HISTORY_DOC, answer_history
from .routing import PREFIX, ReaderOf, ServicesOf, router
from .schemas import DeviceChange, DeviceIn, DeviceList, DeviceOut
from .values import VALUES_DOC, answer_values

__all__ = ["routes"]

routes = router("devices")
_DEVICES = f"{PREFIX}/devices"
_DEVICE = f"{_DEVICES}/{{device_id}}"


@routes.get(_DEVICES, openapi_extra=needs(Needs.SESSION), summary="My devices")
def devices(caller: SessionCaller, services: ServicesOf) -> DeviceList:
    """The account's devices."""
    return DeviceList(devices=[DeviceOut.of(device) for device in services.devices.all(caller.session.account_id)])


@routes.post(_DEVICES, status_code=201, openapi_extra=needs(Needs.SESSION), summary="Make a device")
def add(body: DeviceIn, caller: SessionCaller, services: ServicesOf) -> DeviceOut:
    """A new device; it needs an API key next."""
    device = services.devices.add(caller.session.account_id, body.name, accepts_new_fields=body.accepts_new_fields)
    return DeviceOut.of(device)


@routes.get(_DEVICE, openapi_extra=needs(Needs.SESSION), summary="One device")
def device(caller: Owned) -> DeviceOut:
    """The device."""
    return DeviceOut.of(caller.device)


@routes.patch(_DEVICE, openapi_extra=needs(Needs.SESSION), summary="Change a device")
def change(body: DeviceChange, caller: Owned, services: ServicesOf) -> DeviceOut:
    """Change what is given."""
    changed = services.devices.update(
        caller.device.id,
        account_id=caller.session.account_id,
        name=body.name,
        accepts_new_fields=body.accepts_new_fields,
        note=body.note,
        tags=body.tags,
        silent_after_s=body.silent_after_s if "silent_after_s" in body.model_fields_set else KEEP,
    )
    return DeviceOut.of(changed)


@routes.delete(
    _DEVICE,
    openapi_extra=needs(Needs.SESSION, role=Role.OWNER),
    summary="Delete a device",
    description="For ever: its keys, its fields and all that it sent. Nobody gets at them once this is answered; the "
    "disk space comes back in the background. The answer is what the device was.",
)
def delete(caller: Owned, services: ServicesOf) -> DeviceOut:
    """Delete the device."""
    return DeviceOut.of(services.devices.delete(caller.device.id, account_id=caller.session.account_id))


@routes.get(f"{_DEVICE}/values", openapi_extra=needs(Needs.SESSION), **VALUES_DOC)
def values(caller: Owned, services: ServicesOf, reader: ReaderOf) -> Response:
    """The newest value of every field."""
    return answer_values(services, reader, caller.device.id, None)


@routes.get(
    f"{_DEVICE}/history",
    openapi_extra=needs(Needs.SESSION, parameters=HISTORY_DOC.parameters),
    **HISTORY_DOC.route,
)
async def history(request: Request, caller: Owned, services: ServicesOf, reader: ReaderOf) -> Response:
    """Rows or buckets of the device."""
    return await answer_history(request, services, reader, caller.device.id)
