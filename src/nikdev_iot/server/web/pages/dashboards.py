"""`/admin/dashboards`: fields of several devices on one page, arranged by dragging, and shown to others by a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.accounts.states import state_of
from nikdev_iot.server.dashboards.content import RANGES, Content, Place, Tile, read_content
from nikdev_iot.server.dashboards.dashboards import Changed
from nikdev_iot.server.dashboards.starter import starter_tiles
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.storage.dashboards import Dashboard
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf
from nikdev_iot.server.web.api.services import Services

from .dashboard_data import Board, answer_board_series, board_of, newest_of_board
from .dashboard_view import Shown, show_tiles
from .ranges import QUICK_RANGES, Span, span_of
from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .visit import Visit

__all__ = ["QUICK", "edit_page", "find_dashboard", "routes", "shown_of"]

routes = page_router()

_MAX_LISTED_DEVICES = 200
"""To begin with: those that pushed last."""
QUICK = {name: QUICK_RANGES[name] for name in RANGES}


def find_dashboard(services: Services, visit: Visit, dashboard_id: str) -> Dashboard:
    """Return the dashboard that a path names: one of the visit's account; raises `NotFound`."""
    found = parse_uuid(dashboard_id)
    if found is None:
        raise NotFound("There is no such dashboard.", hint="It may have been deleted.")
    return services.dashboards.get(found, account_id=visit.account.id)


def shown_of(services: Services, reader: Reader, board: Board, query: Mapping[str, str]) -> tuple[list[Shown], Span]:
    """Return the tiles of a dashboard with their newest values, and what time it shows; reads the store.

    Where nothing of all that is on it came within its range, that time ends with the newest value.
    """
    now_us = services.now_us()
    newest = newest_of_board(reader, board)
    times = [value.time_us for values in newest.values() for value in values.values()]
    silent_after_s = {
        device_id: state_of(device, now_us).silent_after_s for device_id, device in board.scope.devices.items()
    }
    span = span_of(query, now_us=now_us, newest_us=max(times, default=None), usual=board.content.range, known=QUICK)
    return show_tiles(board.content, board.scope, newest, silent_after_s=silent_after_s), span


# -- the list ---------------------------------------------------------------------------------------


def _list(request: Request, visit: Visit, services: Services, *, form: Form | None = None, wrong: str = "") -> Response:
    found = []
    for dashboard in services.dashboards.all(visit.account.id):
        content = read_content(dashboard.content)
        found.append((dashboard, len(content.tiles)))
    devices = services.devices.all(visit.account.id) if visit.can_edit else []
    devices.sort(key=lambda device: device.last_push_us or 0, reverse=True)
    return page(
        request,
        "dashboards/list.html",
        status=422 if wrong else 200,
        dashboards=found,
        devices=devices[:_MAX_LISTED_DEVICES],
        form=form or {},
        wrong=wrong,
    )


@routes.get("/admin/dashboards", openapi_extra=who(Who.VIEWER))
def dashboards(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """List them."""
    return _list(request, visit, services)


@routes.post("/admin/dashboards", openapi_extra=who(Who.EDITOR))
def add(request: Request, visit: VisitOf, services: ServicesOf, form: FormOf) -> Response:
    """Make one, empty or with all that a device has."""
    tiles: tuple[Tile, ...] = ()
    try:
        device_id = parse_uuid(form.text("device")) if form.text("device") else None
        if device_id is not None:
            device = services.devices.get(device_id, account_id=visit.account.id)
            tiles = starter_tiles(device.id, services.fields.all(device.id))
        made = services.dashboards.add(visit.account.id, form.text("name"), tiles=tiles)
    except (Invalid, NotFound) as error:
        return _list(request, visit, services, form=form, wrong=str(error))
    return redirect(f"/admin/dashboards/{made.id}" + ("" if tiles else "/edit"))


# -- one dashboard ----------------------------------------------------------------------------------


@routes.get("/admin/dashboards/{dashboard_id}", openapi_extra=who(Who.VIEWER))
def dashboard(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Show it."""
    board = board_of(services, find_dashboard(services, visit, dashboard_id))
    shown, span = shown_of(services, reader, board, request.query_params)
    return page(
        request,
        "dashboards/view.html",
        dashboard=board.dashboard,
        content=board.content,
        shown=shown,
        span=span,
        ranges=QUICK,
        src=f"/admin/dashboards/{board.dashboard.id}/series",
        device_ids=[str(device_id) for device_id in board.scope.devices],
    )


@routes.get("/admin/dashboards/{dashboard_id}/series", openapi_extra=who(Who.VIEWER))
async def series(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Return what its charts draw."""

    def find() -> Board:
        return board_of(services, find_dashboard(services, visit, dashboard_id))

    return await answer_board_series(request, await run_in_threadpool(find))


def edit_page(request: Request, visit: Visit, services: Services, dashboard_id: str, **special: Any) -> Response:
    """Return the page on which a dashboard is arranged; `special` goes over its values."""
    board = board_of(services, find_dashboard(services, visit, dashboard_id))
    shown, span = shown_of(services, request.app.state.reader, board, {})
    values: dict[str, Any] = {
        "dashboard": board.dashboard,
        "content": board.content,
        "shown": shown,
        "span": span,
        "ranges": QUICK,
        "form": {},
        "wrong": {},
        "token": "",
        "changed": "",
        "status": 200,
    }
    return page(request, "dashboards/edit.html", **(values | special))


@routes.get("/admin/dashboards/{dashboard_id}/edit", openapi_extra=who(Who.EDITOR))
def edit(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Arrange it."""
    return edit_page(request, visit, services, dashboard_id)


def _version(form: Form) -> int:
    text = form.text("version")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Invalid("The form does not say which version it is of.", hint="Nothing was changed. Open the page again.")
    return int(text)


@routes.post("/admin/dashboards/{dashboard_id}/name", openapi_extra=who(Who.EDITOR))
def rename(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf, form: FormOf) -> Response:
    """Change its name, and what it shows when it is opened."""
    found = find_dashboard(services, visit, dashboard_id)
    version = _version(form)
    try:
        content = msgspec.structs.replace(read_content(found.content), range=form.text("range"))
        services.dashboards.change(
            found.id, account_id=visit.account.id, version=version, name=form.text("name"), content=content
        )
    except Changed as error:
        return edit_page(request, visit, services, dashboard_id, status=409, form=form, changed=str(error))
    except Invalid as error:
        return edit_page(request, visit, services, dashboard_id, status=422, form=form, wrong={"name": str(error)})
    return redirect(f"/admin/dashboards/{found.id}/edit")


@routes.post("/admin/dashboards/{dashboard_id}/layout", openapi_extra=who(Who.EDITOR))
def layout(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf, form: FormOf) -> Response:
    """Put tiles elsewhere: `places` as JSON from a script, or order, width and height of each from the form."""
    found = find_dashboard(services, visit, dashboard_id)
    content = read_content(found.content)
    version = _version(form)
    is_script = "places" in form
    places = _read_places(form["places"]) if is_script else _typed_places(form, content)
    moved = [msgspec.structs.replace(tile, place=places.get(tile.id, tile.place)) for tile in content.tiles]
    try:
        changed = services.dashboards.change(
            found.id,
            account_id=visit.account.id,
            version=version,
            content=msgspec.structs.replace(content, tiles=tuple(moved)),
        )
    except Changed as error:
        if is_script:
            body = {"message": str(error), "code": error.code, "version": error.current.version}
            return JSONResponse(body, 409, {"cache-control": "no-store"})
        return edit_page(request, visit, services, dashboard_id, status=409, changed=str(error))
    if is_script:
        return JSONResponse({"version": changed.version}, headers={"cache-control": "no-store"})
    return redirect(f"/admin/dashboards/{found.id}/edit")


def _read_places(text: str) -> dict[str, Place]:
    try:
        return msgspec.json.decode(text, type=dict[str, Place])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise Invalid(f"places: {error}.", hint="Nothing was changed.") from None


def _typed_places(form: Form, content: Content) -> dict[str, Place]:
    """Return places as order, width and height say: row by row, as words stand on a page."""
    wanted = []
    for number, tile in enumerate(content.tiles):
        order = _number(form, f"order-{tile.id}", number + 1, low=-9_999, high=9_999)
        width = _number(form, f"w-{tile.id}", tile.place.w, low=1, high=12)
        height = _number(form, f"h-{tile.id}", tile.place.h, low=1, high=24)
        wanted.append((order, number, tile, width, height))
    # Who changes nothing but a width keeps all else where it is.
    if [tile.id for *_, tile, _, _ in sorted(wanted, key=lambda one: one[:2])] == [t.id for t in content.tiles]:
        return {tile.id: Place(min(tile.place.x, 12 - w), tile.place.y, w, h) for _, _, tile, w, h in wanted}
    places, x, y, row = {}, 0, 0, 0
    for _, _, tile, width, height in sorted(wanted, key=lambda one: one[:2]):
        if x + width > 12:
            x, y, row = 0, y + row, 0
        places[tile.id] = Place(x, min(y, 240), width, height)
        x, row = x + width, max(row, height)
    return places


def _number(form: Form, name: str, default: int, *, low: int, high: int) -> int:
    try:
        return max(low, min(int(form.text(name)), high))
    except ValueError:
        return default


@routes.post("/admin/dashboards/{dashboard_id}/delete", openapi_extra=who(Who.EDITOR))
def delete(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf, form: FormOf) -> Response:
    """Delete it, after its name was typed."""
    found = find_dashboard(services, visit, dashboard_id)
    if form.text("name") != found.name:
        wrong = {"delete": "That is not its name. Nothing was deleted."}
        return edit_page(request, visit, services, dashboard_id, status=422, wrong=wrong)
    services.dashboards.remove(found.id, account_id=visit.account.id)
    return redirect("/admin/dashboards")


# -- its link ---------------------------------------------------------------------------------------


@routes.post("/admin/dashboards/{dashboard_id}/share", openapi_extra=who(Who.EDITOR))
def share(request: Request, dashboard_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Make a link that shows it to anyone, in the place of the one before; its secret is shown now and never again."""
    found = find_dashboard(services, visit, dashboard_id)
    token = services.dashboards.share(found.id, account_id=visit.account.id)
    return edit_page(request, visit, services, dashboard_id, token=token)


@routes.post("/admin/dashboards/{dashboard_id}/withdraw", openapi_extra=who(Who.EDITOR))
def withdraw(dashboard_id: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Let its link open nothing any more."""
    found = find_dashboard(services, visit, dashboard_id)
    services.dashboards.withdraw(found.id, account_id=visit.account.id)
    return redirect(f"/admin/dashboards/{found.id}/edit#share")
