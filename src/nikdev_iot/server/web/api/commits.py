"""The log of a device: commits and declared gaps, the newest first, page by page."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.ingest.entries import entries_origin
from nikdev_iot.server.query.commits import CommitLog, LogCommit, LogGap, LogItem, LogPlace

from .access import KeyCaller, Needs, Owned, needs
from .routing import PREFIX, ServicesOf, router
from .schemas import TimeUs
from .services import Services

__all__ = ["LogOut", "routes"]

routes = router("commits")

_MAX_LIMIT = 500
_DOC: dict[str, Any] = {
    "summary": "The log: commits and gaps, the newest first",
    "description": "In the order in which the server received them, which within one origin is that of the numbers. "
    "The log only grows at its newer end: a place in it stays where it is. A value that was deleted is not shown; its "
    "field is named in `deleted`.",
}


class _Pushed(BaseModel):
    origin: Annotated[str, Field(description="the journal that numbers the commits")]
    is_json_v1: Annotated[bool, Field(description="whether the server numbered them, because they came as JSON")]
    received_us: TimeUs
    clock_offset_us: Annotated[int | None, Field(description="the device's clock less the server's when it was pushed")]
    key_id: Annotated[str | None, Field(description="the key that pushed it")]


class CommitOut(_Pushed):
    """One commit."""

    type: Literal["commit"] = "commit"
    number: int
    time_us: TimeUs
    recorded_us: Annotated[int, Field(description="by the device's clock; other than time_us where that was corrected")]
    uncertain: Annotated[bool, Field(description="whether the device's clock was not known to be right")]
    message: str | None
    values: Annotated[dict[str, Any], Field(description="by Field ID, each of its exact kind")]
    deleted: Annotated[list[str], Field(description="fields whose value was deleted")]


class GapOut(_Pushed):
    """Numbers that will never come."""

    type: Literal["gap"] = "gap"
    first: int
    last: int
    reason: str


class LogOut(BaseModel):
    """A page of the log."""

    items: list[CommitOut | GapOut]
    older: Annotated[str | None, Field(description="`before` of the next page; null at the beginning of the log")]
    newer: Annotated[str | None, Field(description="`after` of the page with newer ones; null at the end")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    origin: Annotated[str | None, Field(description="Only this origin's.")] = None
    before: Annotated[str | None, Field(description="The `older` of a page.")] = None
    after: Annotated[str | None, Field(description="The `newer` of a page.")] = None
    limit: Annotated[int, Field(ge=1, le=_MAX_LIMIT, description="Commits and gaps per page.")] = 50


_AskedOf: TypeAlias = Annotated[_Asked, Query()]


@routes.get(f"{PREFIX}/commits", openapi_extra=needs(Needs.READ), **_DOC)
def log(caller: KeyCaller, services: ServicesOf, asked: _AskedOf) -> LogOut:
    """The log of the key's device."""
    return _log(services, caller.device.id, asked)


@routes.get(f"{PREFIX}/devices/{{device_id}}/commits", openapi_extra=needs(Needs.SESSION), **_DOC)
def log_of(caller: Owned, services: ServicesOf, asked: _AskedOf) -> LogOut:
    """The log of a device."""
    return _log(services, caller.device.id, asked)


def _log(services: Services, device_id: uuid.UUID, asked: _Asked) -> LogOut:
    if asked.before is not None and asked.after is not None:
        raise Invalid("before, after: give one of them.")
    origin = None if asked.origin is None else parse_uuid(asked.origin)
    if asked.origin is not None and origin is None:
        raise Invalid(f"origin: {asked.origin[:60]!r} is not a UUID.")
    page = CommitLog(services.storage).page(
        device_id,
        origin=origin,
        before=None if asked.before is None else LogPlace.from_text(asked.before),
        after=None if asked.after is None else LogPlace.from_text(asked.after),
        limit=asked.limit,
    )
    own = entries_origin(device_id)
    return LogOut(
        items=[_out(item, is_json_v1=item.origin == own) for item in page.items],
        older=None if page.older is None else page.older.to_text(),
        newer=None if page.newer is None else page.newer.to_text(),
    )


def _out(item: LogItem, *, is_json_v1: bool) -> CommitOut | GapOut:
    pushed: dict[str, Any] = {
        "origin": str(item.origin),
        "is_json_v1": is_json_v1,
        "received_us": item.pushed.received_us,
        "clock_offset_us": item.pushed.clock_offset_us,
        "key_id": None if item.pushed.key_id is None else str(item.pushed.key_id),
    }
    if isinstance(item, LogGap):
        return GapOut(**pushed, first=item.first, last=item.last, reason=item.reason)
    return _commit_out(item, pushed)


def _commit_out(item: LogCommit, pushed: dict[str, Any]) -> CommitOut:
    return CommitOut(
        **pushed,
        number=item.number,
        time_us=item.time_us,
        recorded_us=item.recorded_us,
        uncertain=item.is_uncertain,
        message=item.message,
        values=dict(item.values),
        deleted=list(item.deleted),
    )
