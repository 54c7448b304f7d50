"""`/admin/devices/{device_id}/fields`: how the fields of a device are named, shown and ordered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request, Response

from nikdev_iot.server.accounts.fields import MAX_DECIMALS, PALETTE, colors_of
from nikdev_iot.server.accounts.texts import check_color, check_text
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf
from nikdev_iot.server.web.api.services import Services

from .figures import figure
from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .visit import Visit

__all__ = ["COLOR_NAMES", "FieldRow", "Refusal", "routes"]

routes = page_router()
_FIELDS = "/admin/devices/{device_id}/fields"

COLOR_NAMES = dict(zip(PALETTE, ("Blue", "Orange", "Green", "Pink", "Sky blue", "Red", "Yellow", "Grey"), strict=True))
_PAGE_ROWS = 50
_PAGE = re.compile(r"[0-9]{1,6}")
_MAX_SEARCH_CHARS = 200
_OWN = "own"
"""What the form says of a colour that is not the palette's; it comes beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A field as the page shows it."""

    field: Field
    key: int
    """Its number among the device's fields by age: what it is called in the page, wherever it stands."""
    color: str
    """The one that it has: `#rrggbb`, or a name of the palette's."""
    newest: LatestValue | None
    figure: str
    """The newest value, as pages show it."""
    is_first: bool
    """Of all, not only of those on the page."""
    is_last: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return self.field.label or self.field.field_id

    @property
    def kinds(self) -> str:
        """The kinds of its values so far."""
        return ", ".join(kind.name.lower() for kind in sorted(self.field.kinds))

    @property
    def choice(self) -> str:
        """Which colour the form has chosen: '' for the one of its own accord."""
        return _OWN if self.field.color.startswith("#") else self.field.color


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What was wrong with a form."""

    field_id: str
    name: str
    """The input."""
    message: str
    typed: Mapping[str, str]


@routes.get(_FIELDS, openapi_extra=who(Who.VIEWER))
def fields(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """The fields, each a form of its own: as many as a page holds, or those that are searched for."""
    return _page(request, visit, services, reader, saved=request.query_params.get("saved", ""))


@routes.post(_FIELDS, openapi_extra=who(Who.EDITOR))
def add(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Make a field by hand."""
    try:
        made = services.fields.add(
            visit.the_device.id, form.get("field_id", ""), label=form.get("label", ""), unit=form.get("unit", "")
        )
    except (Invalid, Conflict) as error:
        refusal = Refusal(field_id="", name="field_id", message=str(error), typed=form)
        return _page(request, visit, services, reader, status=error.status, new=refusal)
    return _back(visit, services, made.field_id)


@routes.post(f"{_FIELDS}/change", openapi_extra=who(Who.EDITOR))
def change(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Change one field: all that the form has. To htmx, a line that says so, with the way back."""
    field_id, device = form.get("field", ""), visit.the_device
    before = services.fields.get(device.id, field_id)
    is_part = "hx-request" in request.headers
    wrong = _wrong(form)
    if wrong is not None:
        refusal = Refusal(field_id=field_id, name=wrong[0], message=wrong[1], typed=form)
        if is_part:
            return page(request, "device/field_refused.html", status=422, refusal=refusal)
        return _page(request, visit, services, reader, status=422, refusal=refusal)
    changed = services.fields.update(
        device.id,
        field_id,
        label=form.get("label", ""),
        unit=form.get("unit", ""),
        color=_color(form),
        decimals=_decimals(form),
        hidden=form.get("hidden") == "on",
    )
    if not is_part:
        return _back(visit, services, field_id)
    found = services.fields.all(device.id)
    (row,) = _rows(reader, visit, found, [field for field in found if field.field_id == field_id])
    if "undo" in form:
        return page(request, "device/field_undone.html", row=row, color_names=COLOR_NAMES, refusal=None)
    undo = None if changed == before else _as_form(before)
    return page(request, "device/field_saved.html", row=row, undo=undo)


@routes.post(f"{_FIELDS}/move", openapi_extra=who(Who.EDITOR))
def move(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Move a field before another one (`before`, empty for the end), or by one (`direction`)."""
    field_id, device = form.get("field", ""), visit.the_device
    ids = [field.field_id for field in services.fields.all(device.id)]
    services.fields.move(device.id, field_id, before=_before(form, ids))
    if "hx-request" in request.headers:
        return Response(status_code=204)
    return _back(visit, services, field_id)


def _page(
    request: Request,
    visit: Visit,
    services: Services,
    reader: Reader,
    *,
    status: int = 200,
    saved: str = "",
    refusal: Refusal | None = None,
    new: Refusal | None = None,
) -> Response:
    found = services.fields.all(visit.the_device.id)
    search = request.query_params.get("q", "").strip()[:_MAX_SEARCH_CHARS]
    of_search = [field for field in found if _matches(field, search)]
    wanted = saved or (refusal.field_id if refusal else "")
    start = _start(request.query_params.get("page", ""), of_search, wanted)
    shown = of_search[start : start + _PAGE_ROWS]
    return page(
        request,
        "device/fields.html",
        status=status,
        rows=_rows(reader, visit, found, shown),
        search=search,
        start=start,
        count=len(of_search),
        all_count=len(found),
        # What a field is put before that is dropped behind the last one of the page.
        behind=next((field.field_id for field in of_search[start + _PAGE_ROWS :]), ""),
        earlier=_address(search, start // _PAGE_ROWS) if start else "",
        later=_address(search, start // _PAGE_ROWS + 2) if start + _PAGE_ROWS < len(of_search) else "",
        color_names=COLOR_NAMES,
        saved=saved,
        refusal=refusal,
        new=new,
    )


def _matches(field: Field, search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in text.casefold() for text in (field.field_id, field.label, field.unit))


def _start(page: str, fields: Sequence[Field], wanted: str) -> int:
    """Return where the page begins: the one that has a field, or the one asked for, as far as there are so many."""
    number = int(page) if _PAGE.fullmatch(page) else 1
    at = next((at for at, field in enumerate(fields) if field.field_id == wanted), max(number - 1, 0) * _PAGE_ROWS)
    last = max(len(fields) - 1, 0)
    return min(at, last) // _PAGE_ROWS * _PAGE_ROWS


def _address(search: str, number: int) -> str:
    return "?" + urlencode(([("q", search)] if search else []) + [("page", str(number))])


def _rows(reader: Reader, visit: Visit, found: Sequence[Field], shown: Sequence[Field]) -> list[FieldRow]:
    newest = reader.newest(visit.the_device.id)
    keys = _keys(found)
    colors = colors_of(found)
    rows = []
    for field in shown:
        value = newest.get(field.field_id)
        rows.append(
            FieldRow(
                field=field,
                key=keys[field.field_id],
                color=colors[field.field_id],
                newest=value,
                figure="" if value is None else figure(value.value, field.decimals),
                is_first=field is found[0],
                is_last=field is found[-1],
            )
        )
    return rows


def _keys(fields: Sequence[Field]) -> dict[str, int]:
    by_age = sorted(fields, key=lambda field: (field.created_us, field.field_id))
    return {field.field_id: number for number, field in enumerate(by_age, 1)}


def _back(visit: Visit, services: Services, field_id: str) -> Response:
    key = _keys(services.fields.all(visit.the_device.id))[field_id]
    return redirect(f"/admin/devices/{visit.the_device.id}/fields?{urlencode({'saved': field_id})}#field-{key}")


def _before(form: Form, ids: Sequence[str]) -> str | None:
    if "before" in form:
        return form["before"] or None
    field_id = form.get("field", "")
    if field_id not in ids:
        raise NotFound(f"The device has no field {field_id!r}.")
    at = ids.index(field_id)
    to = max(at - 1, 0) if form.get("direction") == "up" else at + 2
    return ids[to] if to < len(ids) else None


def _wrong(form: Form) -> tuple[str, str] | None:
    """Return the first input that cannot be, and why."""
    checks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("label", lambda: check_text(form.get("label", ""), what="The label", empty=True)),
        ("unit", lambda: check_text(form.get("unit", ""), what="The unit", empty=True)),
        ("color", lambda: check_color(_color(form))),
        ("decimals", lambda: _decimals(form)),
    )
    for name, check in checks:
        try:
            check()
        except Invalid as error:
            return name, str(error)
    return None


def _color(form: Form) -> str:
    choice = form.get("color", "")
    return form.get("own_color", "") if choice == _OWN else choice


def _decimals(form: Form) -> int | None:
    text = form.text("decimals")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > MAX_DECIMALS:
        raise Invalid(f"Decimals are a whole number from 0 to {MAX_DECIMALS}; none for as many as there are.")
    return int(text)


def _as_form(field: Field) -> dict[str, str]:
    """Return what the form sends to make the field as it is here."""
    return {
        "field": field.field_id,
        "label": field.label,
        "unit": field.unit,
        "color": field.color,
        "decimals": "" if field.decimals is None else str(field.decimals),
        "hidden": "on" if field.hidden else "",
        "undo": "1",
    }
