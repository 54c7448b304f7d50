"""`/admin/devices/{device_id}/values/delete`: deleting values, counted first and confirmed in place; and undoing it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import Conflict, Invalid, NotFound
from nikdev_iot.server.query.deletions import MAX_REASON_CHARS, Deletions, Preview, Scope
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.api.history import HistoryTurns
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .device_commits import log_path, names_of, parse_time
from .routing import Form, FormOf, VisitOf, Who, page_router, who
from .series import while_wanted
from .shell import page, redirect
from .visit import Visit

__all__ = ["routes"]

routes = page_router()

_PATH = "/admin/devices/{device_id}/values/delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the form asks about, as far as it could be read."""

    chosen: tuple[str, ...] | None
    """Field IDs; None: all."""
    start_us: int | None
    end_us: int | None
    commit: tuple[uuid.UUID, int] | None
    wrong: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with it, by the field of the form."""

    def scope(self) -> Scope | None:
        """Return what is meant; None where that is not said, or not clear."""
        if self.start_us is None or self.end_us is None or self.wrong:
            return None
        return Scope(fields=self.chosen, start_us=self.start_us, end_us=self.end_us, commit=self.commit)


@routes.get(_PATH, openapi_extra=who(Who.EDITOR))
async def ask(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """Choose fields and a stretch of time; once both are there, how many values that is.

    Counting reads the whole stretch: it waits for its turn, and ends when nobody waits for it any more.
    """
    device_id = visit.the_device.id
    query = request.query_params
    fields = await run_in_threadpool(services.fields.all, device_id)
    asked = _read(query, query.getlist("fields"), fields)
    if asked.scope() is None:
        return await run_in_threadpool(_form, request, visit, services, asked)
    turns: HistoryTurns = request.app.state.history_turns
    async with turns.read.take(device_id):
        answer = await while_wanted(request, lambda wanted: _form(request, visit, services, asked, is_wanted=wanted))
    return answer or Response(status_code=204)  # nobody is there to read it


@routes.post(_PATH, openapi_extra=who(Who.EDITOR))
async def delete(request: Request, visit: VisitOf, services: ServicesOf, form: FormOf) -> Response:
    """Hide the values that were counted, with a reason; they are counted again, so it waits for its turn."""
    turns: HistoryTurns = request.app.state.history_turns
    async with turns.read.take(visit.the_device.id):
        return await run_in_threadpool(_delete, request, visit, services, form)


def _delete(request: Request, visit: Visit, services: Services, form: Form) -> Response:
    device_id = visit.the_device.id
    asked = _read(form, form.all("fields"), services.fields.all(device_id))
    scope = asked.scope()
    if scope is None:
        return _form(request, visit, services, asked, status=422)
    try:
        arrival, expected = _number(form, "arrival"), _number(form, "count")
        _use(services).make(
            device_id, scope, reason=form.get("reason", ""), by=visit.email, arrival=arrival, expected=expected
        )
    except (Invalid, Conflict) as error:
        name, _, said = error.message.partition(": ")
        place, said = (name, said) if name in {"reason", "start", "end"} else ("count", str(error))
        typed = form.get("reason", "")
        return _form(request, visit, services, asked, status=error.status, wrong={place: _sentence(said)}, reason=typed)
    return redirect(f"{log_path(device_id)}#deletions")


@routes.post("/admin/devices/{device_id}/deletions/{deletion_id}/undo", openapi_extra=who(Who.EDITOR))
def undo(visit: VisitOf, services: ServicesOf, deletion_id: str) -> Response:
    """Show the values of a deletion again."""
    named = parse_uuid(deletion_id)
    if named is None:
        raise NotFound("The device has no such deletion.", hint="Its commits page lists them.")
    _use(services).undo(visit.the_device.id, named, by=visit.email)
    return redirect(f"{log_path(visit.the_device.id)}#deletions")


def _use(services: Services) -> Deletions:
    return Deletions(services.storage, now_us=services.now_us)


def _read(asked: Mapping[str, str], names: list[str], known: list[Field]) -> _Asked:
    wrong: dict[str, str] = {}
    every = [one.field_id for one in known]
    chosen = {name for text in names for name in text.split(",") if name}
    unknown = sorted(chosen.difference(every))
    if unknown:
        wrong["fields"] = f"This device has no field {', '.join(name[:64] for name in unknown[:3])}."
    elif not chosen and "chosen" in asked:
        wrong["fields"] = "Choose at least one field."
    bounds: dict[str, int | None] = {}
    for name in ("start", "end"):
        try:
            bounds[name] = parse_time(asked.get(f"{name}_us", ""), asked.get(name, ""))
        except Invalid as error:
            bounds[name], wrong[name] = None, error.message
        if bounds[name] is None and name not in wrong and "chosen" in asked:
            wrong[name] = "Say when."
    start_us, end_us = bounds["start"], bounds["end"]
    if start_us is not None and end_us is not None and end_us <= start_us:
        wrong["end"] = "Lies before the start, or is the same time; the end itself is not deleted."
    return _Asked(
        chosen=None if chosen.issuperset(every) or not chosen else tuple(one for one in every if one in chosen),
        start_us=start_us,
        end_us=end_us,
        commit=_commit(asked),
        wrong=wrong,
    )


def _commit(asked: Mapping[str, str]) -> tuple[uuid.UUID, int] | None:
    origin, number = parse_uuid(asked.get("origin", "")), asked.get("number", "")
    return (origin, int(number)) if origin and number.isascii() and number.isdigit() and len(number) < 19 else None


def _number(form: Mapping[str, str], name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid("The form is not complete.", hint="Nothing was deleted. Count again.")
    return int(text)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _form(
    request: Request,
    visit: Visit,
    services: Services,
    asked: _Asked,
    *,
    status: int = 200,
    wrong: Mapping[str, str] | None = None,
    reason: str = "",
    is_wanted: Callable[[], bool] = lambda: True,
) -> Response:
    device_id = visit.the_device.id
    wrong = {**asked.wrong, **(wrong or {})}
    preview: Preview | None = None
    scope = asked.scope()
    if scope is not None:
        try:
            preview = _use(services).preview(device_id, scope, is_wanted=is_wanted)
        except Invalid as error:
            name, _, said = error.message.partition(": ")
            wrong[name] = _sentence(said)
            status = 422
    names = names_of(services, device_id)
    return page(
        request,
        "device/value_deletion.html",
        status=status,
        names=names,
        asked=asked,
        preview=preview,
        counts=[(names.field(name), preview.counts[name]) for name in sorted(preview.counts)] if preview else [],
        origin_name=names.origin(asked.commit[0]) if asked.commit else "",
        wrong=wrong,
        reason=reason,
        max_reason=MAX_REASON_CHARS,
        back=log_path(device_id),
    )
