"""Deletions of a device's values: made, listed, undone."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import Invalid, NotFound
from nikdev_iot.server.query.deletions import MAX_REASON_CHARS, Deletions, Scope
from nikdev_iot.server.storage import deletions as records

from .access import Needs, Owned, needs
from .routing import PREFIX, ServicesOf, router
from .schemas import TimeUs
from .services import Services
from .values import check_known

__all__ = ["DeletionIn", "DeletionOut", "routes"]

routes = router("deletions")
_DELETIONS = f"{PREFIX}/devices/{{device_id}}/deletions"


class DeletionIn(BaseModel):
    """Which values to hide: those stored by now, with start <= time < end."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fields: Annotated[list[str] | None, Field(description="Field IDs; null or absent for all")] = None
    start_us: Annotated[int, Field(description="µs since 1970-01-01 UTC", ge=MIN_TIME_US, le=MAX_TIME_US)]
    end_us: Annotated[int, Field(description="exclusive", ge=MIN_TIME_US, le=MAX_TIME_US + 1)]
    origin: Annotated[str | None, Field(description="with number: of one commit alone")] = None
    number: Annotated[int | None, Field(ge=1, le=2**63 - 1)] = None
    reason: Annotated[str, Field(description="for those who will miss the values", max_length=4 * MAX_REASON_CHARS)]
    expected: Annotated[int | None, Field(description="refuse, unless it hides exactly so many values", ge=0)] = None

    def scope(self) -> Scope:
        """Return what is meant; raises `Invalid`."""
        if (self.origin is None) != (self.number is None):
            raise Invalid("origin, number: one commit needs both.")
        commit = None
        if self.origin is not None and self.number is not None:
            origin = parse_uuid(self.origin)
            if origin is None:
                raise Invalid(f"origin: {self.origin[:60]!r} is not a UUID.")
            commit = (origin, self.number)
        fields = None if self.fields is None else tuple(dict.fromkeys(self.fields))
        return Scope(fields=fields, start_us=self.start_us, end_us=self.end_us, commit=commit)


class DeletionOut(BaseModel):
    """A deletion on record. It hides values, and can be undone for a day; then they are taken out for good."""

    deletion_id: str
    fields: Annotated[list[str] | None, Field(description="null: all")]
    start_us: int
    end_us: Annotated[int, Field(description="exclusive")]
    origin: str | None
    number: int | None
    value_count: Annotated[int, Field(description="how many values it hid")]
    reason: str
    made_us: TimeUs
    made_by: str
    undone_us: TimeUs | None
    undone_by: str | None
    erased_us: Annotated[TimeUs | None, Field(description="when its values were taken out of the store for good")]

    @classmethod
    def of(cls, deletion: records.Deletion) -> DeletionOut:
        """Return a deletion as JSON."""
        origin, number = deletion.commit or (None, None)
        return cls(
            deletion_id=str(deletion.id),
            fields=None if deletion.fields is None else list(deletion.fields),
            start_us=deletion.start_us,
            end_us=deletion.end_us,
            origin=None if origin is None else str(origin),
            number=number,
            value_count=deletion.value_count,
            reason=deletion.reason,
            made_us=deletion.made_us,
            made_by=deletion.made_by,
            undone_us=deletion.undone_us,
            undone_by=deletion.undone_by or None,
            erased_us=deletion.erased_us,
        )


class DeletionList(BaseModel):
    """A device's deletions, undone ones too, the newest first."""

    deletions: list[DeletionOut]


def _use(services: Services) -> Deletions:
    return Deletions(services.storage, now_us=services.now_us)


@routes.get(_DELETIONS, openapi_extra=needs(Needs.SESSION), summary="Deletions of a device's values")
def deletions(caller: Owned, services: ServicesOf) -> DeletionList:
    """Every one on record."""
    return DeletionList(deletions=[DeletionOut.of(one) for one in _use(services).all(caller.device.id)])


@routes.post(_DELETIONS, status_code=201, openapi_extra=needs(Needs.SESSION), summary="Delete values")
def add(body: DeletionIn, caller: Owned, services: ServicesOf) -> DeletionOut:
    """Hide values from every read. What is pushed later, even into the same stretch, is shown."""
    scope = body.scope()
    if scope.fields is not None:
        check_known(scope.fields, [field.field_id for field in services.fields.all(caller.device.id)])
    made = _use(services).make(
        caller.device.id, scope, reason=body.reason, by=caller.standing.person.email, expected=body.expected
    )
    return DeletionOut.of(made)


@routes.delete(f"{_DELETIONS}/{{deletion_id}}", openapi_extra=needs(Needs.SESSION), summary="Undo a deletion")
def undo(
    deletion_id: Annotated[str, Path(description="a deletion of the device")], caller: Owned, services: ServicesOf
) -> DeletionOut:
    """Show the values again; the deletion stays on record."""
    named = parse_uuid(deletion_id)
    if named is None:
        raise NotFound("The device has no such deletion.", hint="A deletion's id is a UUID.")
    return DeletionOut.of(_use(services).undo(caller.device.id, named, by=caller.standing.person.email))
