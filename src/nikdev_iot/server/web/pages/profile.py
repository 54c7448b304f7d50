"""`/admin/profile`: one's password, second factor, sessions and accounts."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from nikdev_iot.server.accounts.sessions import handle_of
from nikdev_iot.server.errors import Invalid, TooMany, Unauthorized
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .browsers import browser_words
from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .signing import hashing, peer_of
from .visit import Visit

__all__ = ["routes", "show_profile"]

routes = page_router()
_PATH = "/admin/profile"
_DONE = {
    "password": "The password is changed, and you are signed out everywhere else.",
    "on": "The second factor is on, and you are signed out everywhere else.",
    "off": "The second factor is off, and you are signed out everywhere else.",
    "session": "The session is ended.",
    "others": "You are signed out everywhere else.",
}


@routes.get(_PATH, openapi_extra=who(Who.VIEWER))
def profile(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """All of it on one page."""
    return show_profile(request, visit, services)


@routes.post(f"{_PATH}/password", openapi_extra=who(Who.VIEWER))
async def change_password(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Change the password, and end all other sessions."""
    new = form.get("new_password", "")
    wrong = {}
    try:
        services.people.check_password(new)
    except Invalid as error:
        wrong["new_password"] = str(error)
    if not wrong:
        try:
            await hashing(
                services,
                services.people.change_password,
                visit.person.id,
                old=form.get("old_password", ""),
                new=new,
                peer=peer_of(request),
                keep=visit.session.token_hash,
            )
        except (Unauthorized, TooMany) as error:
            wrong["old_password"] = str(error)
    if wrong:
        return await asyncio.to_thread(show_profile, request, visit, services, status=422, wrong=wrong)
    return redirect(f"{_PATH}?done=password")


@routes.post(f"{_PATH}/sessions/end", openapi_extra=who(Who.VIEWER))
def end_session(visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """End one session of the person's."""
    services.sessions.end(visit.person.id, form.text("session"))
    return redirect(f"{_PATH}?done=session#sessions")


@routes.post(f"{_PATH}/sessions/end-others", openapi_extra=who(Who.VIEWER))
def end_other_sessions(visit: VisitOf, services: ServicesOf) -> Response:
    """End all sessions of the person's but this one."""
    services.sessions.end_others(visit.person.id, keep=visit.session.token_hash)
    return redirect(f"{_PATH}?done=others#sessions")


def show_profile(
    request: Request, visit: Visit, services: Services, *, status: int = 200, wrong: dict[str, str] | None = None
) -> Response:
    """Return the page, with what is wrong in its forms by the field's name."""
    sessions = [
        {
            "handle": handle_of(session),
            "browser": browser_words(session.browser),
            "peer": session.peer,
            "created_us": session.created_us,
            "seen_us": session.seen_us,
            "is_this": session.token_hash == visit.session.token_hash,
        }
        for session in services.sessions.all(visit.person.id)
    ]
    return page(
        request,
        "profile/profile.html",
        status=status,
        wrong=wrong or {},
        done=_DONE.get(request.query_params.get("done", ""), ""),
        sessions=sorted(sessions, key=lambda session: not session["is_this"]),
        accounts=services.people.accounts(visit.person.id),
        backup_codes=services.storage.count_backup_codes(visit.person.id),
    )
