"""`/admin/devices/{device_id}/settings`: what a device is called, how it is watched, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from fastapi import Request, Response

from nikdev_iot.server.accounts.texts import check_note, check_tags, check_text
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.storage.records import Device
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .visit import Visit

__all__ = ["UNITS", "routes", "silence_of", "tags_of"]

routes = page_router()
_SETTINGS = "/admin/devices/{device_id}/settings"

UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
"""Of the time after which a device counts as silent, in seconds."""


@routes.get(_SETTINGS, openapi_extra=who(Who.VIEWER))
def settings(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """The settings."""
    return _page(request, visit, services, is_saved="saved" in request.query_params)


@routes.post(_SETTINGS, openapi_extra=who(Who.EDITOR))
def save(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Save them all, or none and say what is wrong with each."""
    wrong = _wrong(form)
    if not wrong:
        try:
            services.devices.update(
                visit.the_device.id,
                account_id=visit.account.id,
                name=form.get("name", ""),
                note=form.get("note", ""),
                tags=tags_of(form.get("tags", "")),
                accepts_new_fields=form.get("accepts_new_fields") == "on",
                silent_after_s=silence_of(form),
            )
        except Invalid as error:  # the one thing that is checked there alone
            wrong = {"silent_after": error.message}
    if wrong:
        return _page(request, visit, services, status=422, typed=form, wrong=wrong)
    return redirect(f"/admin/devices/{visit.the_device.id}/settings?saved")


@routes.post(f"{_SETTINGS}/delete", openapi_extra=who(Who.OWNER))
def delete(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Delete the device, if its name was typed."""
    device = visit.the_device
    if form.text("name") != device.name:
        wrong = {"delete": f"That is not its name, which is “{device.name}”. Nothing was deleted."}
        return _page(request, visit, services, status=422, wrong=wrong)
    services.devices.delete(device.id, account_id=visit.account.id)
    return page(request, "device/deleted.html", name=device.name)


def tags_of(text: str) -> list[str]:
    """Return the tags of a text with commas between them."""
    return text.split(",")


def silence_of(form: Form) -> int | None:
    """Return the seconds after which the form calls the device silent; None for the server's own guess.

    Raises `Invalid`.
    """
    text = form.text("silent_after").replace(",", ".")
    unit = UNITS.get(form.get("silent_unit", ""))
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if unit is None or not number.is_finite() or not 0 <= number < 10**9:
        raise Invalid("Write how long it may be quiet as a number, or leave it empty.")
    return round(number * unit)


def _wrong(form: Form) -> dict[str, str]:
    """Return what is wrong with which input."""
    checks: dict[str, Callable[[], object]] = {
        "name": lambda: check_text(form.get("name", ""), what="The device's name"),
        "note": lambda: check_note(form.get("note", "")),
        "tags": lambda: check_tags(tags_of(form.get("tags", ""))),
        "silent_after": lambda: silence_of(form),
    }
    wrong = {}
    for name, check in checks.items():
        try:
            check()
        except Invalid as error:
            wrong[name] = error.message
    return wrong


def _typed(device: Device) -> dict[str, str]:
    """Return the device as the form has it."""
    unit = "min"
    text = ""
    if device.silent_after_s is not None:
        unit = next(name for name in reversed(UNITS) if device.silent_after_s % UNITS[name] == 0)
        text = str(device.silent_after_s // UNITS[unit])
    return {
        "name": device.name,
        "note": device.note,
        "tags": ", ".join(device.tags),
        "silent_after": text,
        "silent_unit": unit,
        **({"accepts_new_fields": "on"} if device.accepts_new_fields else {}),
    }


def _page(
    request: Request,
    visit: Visit,
    services: Services,
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    is_saved: bool = False,
) -> Response:
    device = visit.the_device
    return page(
        request,
        "device/settings.html",
        status=status,
        typed=_typed(device) if typed is None else typed,
        wrong=wrong or {},
        is_saved=is_saved,
        known_tags=[tag for tag in services.devices.tags(visit.account.id) if tag not in device.tags][:20],
    )
