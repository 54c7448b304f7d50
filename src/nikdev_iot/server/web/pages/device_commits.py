"""`/admin/devices/{device_id}/commits`: the log of a device, and one commit of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, iso, to_time_us
from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.ingest.entries import entries_origin
from nikdev_iot.server.query.commits import CommitLog, LogCommit, LogPage, LogPlace
from nikdev_iot.server.query.deletions import Deletions
from nikdev_iot.server.storage.commit_log import OriginHead
from nikdev_iot.server.storage.deletions import Deletion
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .log_rows import LogRow, Names, duration_text
from .routing import VisitOf, Who, page_router, who
from .shell import page

__all__ = ["COMMITS", "DeletionRow", "log_path", "names_of", "parse_time", "routes"]

routes = page_router()

COMMITS = "/admin/devices/{device_id}/commits"
_LIMIT = 50
_FEW_DELETIONS = 10
_US = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeletionRow:
    """A deletion as the page shows it."""

    deletion: Deletion
    fields: str


@routes.get(COMMITS, openapi_extra=who(Who.VIEWER))
def log(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """A page of the log, the newest first: all origins or one, from its end, from a place or at a time."""
    device = visit.the_device
    asked = request.query_params
    reader = CommitLog(services.storage)
    heads = services.storage.origins(device.id)
    origin = _asked_origin(asked.get("origin", ""), heads)
    values: dict[str, Any] = {"wrong": "", "at_us": None, "target": None, "is_newest": False}
    found: LogPage | None = None
    try:
        at_us = parse_time(asked.get("at_us", ""), asked.get("at", ""))
        if at_us is not None:
            values["at_us"] = at_us
            target = reader.place_of(device.id, at_us, origin=origin)
            if target is None:
                values["wrong"] = "No commit is that old; these are the newest."
            else:
                values["target"] = target
                following = LogPlace(target.arrival, target.number + 1)
                found = reader.page(device.id, origin=origin, before=following, limit=_LIMIT)
    except Invalid as error:
        values["wrong"] = error.message
    if found is None:
        found = _asked_page(reader, device.id, origin, asked.get("before", ""), asked.get("after", ""))
    names = names_of(services, device.id)
    deletions = Deletions(services.storage, now_us=services.now_us).all(device.id)
    every = "deletions" in asked
    return page(
        request,
        "device/commits.html",
        rows=_rows(names, found),
        found=found,
        names=names,
        heads=heads,
        origin=origin,
        older=found.older and log_path(device.id, origin=origin, before=found.older.to_text()),
        newer=found.newer and log_path(device.id, origin=origin, after=found.newer.to_text()),
        newest=log_path(device.id, origin=origin),
        deletions=[
            DeletionRow(one, names.deleted_fields(one)) for one in (deletions if every else deletions[:_FEW_DELETIONS])
        ],
        deletion_count=len(deletions),
        **values,
    )


@routes.get(f"{COMMITS}/{{origin}}/{{number}}", openapi_extra=who(Who.VIEWER))
def commit(request: Request, visit: VisitOf, services: ServicesOf, origin: str, number: str) -> Response:
    """One commit, or the gap that its number is in; for a script of htmx, all of a commit's values."""
    device_id = visit.the_device.id
    named = parse_uuid(origin)
    is_number = re.fullmatch(r"[1-9]\d{0,18}", number, re.ASCII)
    item = CommitLog(services.storage).item(device_id, named, int(number)) if named and is_number else None
    if item is None:
        raise NotFound("There is no such commit of this device.", hint="Its log has those that were pushed so far.")
    names = names_of(services, device_id)
    row = names.row(item, few=None)
    if request.headers.get("hx-request"):
        return page(request, "device/commit_values.html", row=row)
    last = services.storage.mark((device_id, item.origin)).number
    first_here, last_here = (item.number,) * 2 if isinstance(item, LogCommit) else (item.first, item.last)
    return page(
        request,
        "device/commit.html",
        row=row,
        pairs=row.pairs,
        number=int(number),
        origin_name=names.origin(item.origin, short=False),
        shift=_shift_words(item.time_us - item.recorded_us) if isinstance(item, LogCommit) else "",
        is_json_v1=item.origin == entries_origin(device_id),
        earlier=first_here - 1 if first_here > 1 else None,
        later=last_here + 1 if last_here < last else None,
        in_log=log_path(device_id, before=LogPlace(item.place.arrival, item.place.number + 1).to_text()),
    )


def log_path(device_id: uuid.UUID, *, origin: uuid.UUID | None = None, **more: str) -> str:
    """Return the address of a page of the log."""
    query = {**({"origin": str(origin)} if origin else {}), **more}
    return COMMITS.format(device_id=device_id) + (f"?{urlencode(query)}" if query else "")


def names_of(services: Services, device_id: uuid.UUID) -> Names:
    """Return what the fields and keys of a device are called."""
    return Names(
        device_id,
        services.fields.all(device_id),
        services.keys.all(device_id),
        json_origin=entries_origin(device_id),
    )


def parse_time(exact: str, text: str) -> int | None:
    """Return the time that a form asks for: in µs, else as a text, UTC unless it says its zone; None for none.

    Raises:
        Invalid: it is no time.
    """
    exact, text = exact.strip(), text.strip()
    if exact:
        if not _US.fullmatch(exact):
            raise Invalid(f"{exact[:40]!r} is not a time in µs since 1970-01-01 UTC.")
        return min(max(int(exact), MIN_TIME_US), MAX_TIME_US + 1)
    if not text:
        return None
    for zoned in (text, f"{text}Z"):
        try:
            return to_time_us(zoned)
        except ValueRefused:
            continue
    raise Invalid(f"{text[:40]!r} is not a time; write it like {iso(1_795_339_800_000_000)}.")


def _shift_words(shift_us: int) -> str:
    return f"{duration_text(shift_us)} {'forward' if shift_us > 0 else 'back'}"


def _asked_origin(text: str, heads: Sequence[OriginHead]) -> uuid.UUID | None:
    if not text:
        return None
    origin = parse_uuid(text)
    if origin not in {head.origin for head in heads}:
        raise NotFound("This device has no such origin.", hint="Its log names those that have pushed.")
    return origin


def _asked_page(reader: CommitLog, device_id: uuid.UUID, origin: uuid.UUID | None, before: str, after: str) -> LogPage:
    if after:
        found = reader.page(device_id, origin=origin, after=LogPlace.from_text(after), limit=_LIMIT)
        if found.newer is not None:
            return found
    below = LogPlace.from_text(before) if before and not after else None
    return reader.page(device_id, origin=origin, before=below, limit=_LIMIT)


def _rows(names: Names, found: LogPage) -> list[LogRow]:
    return [names.row(item, before=found.items[place - 1] if place else None) for place, item in enumerate(found.items)]
