"""`/admin/invitations/{token}`: the link by which somebody comes to an account."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from nikdev_iot.server.accounts.invitations import OpenInvitation
from nikdev_iot.server.accounts.sessions import SignedIn
from nikdev_iot.server.accounts.settings import Registration
from nikdev_iot.server.errors import Forbidden, Invalid, NotFound, TooMany, Unauthorized
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .signing import browser_of, enter, hashing, peer_of, wrong_entries
from .visit import find_visit

__all__ = ["routes"]

routes = page_router()
_PATH = "/admin/invitations/{token}"


@routes.get(_PATH, openapi_extra=who(Who.ANYONE))
def invitation(request: Request, token: str, services: ServicesOf) -> Response:
    """What one is invited to, and the way in: a button for who is signed in, a form for all others."""
    try:
        request.state.visit = find_visit(request, services)
    except (Unauthorized, NotFound):
        request.state.visit = None
    return _form(request, services, token, services.invitations.find(token))


@routes.post(_PATH, openapi_extra=who(Who.ANYONE))
async def register(request: Request, token: str, form: FormOf, services: ServicesOf) -> Response:
    """Register, join the account, and begin a session."""
    found = await asyncio.to_thread(services.invitations.find, token)
    email = found.invitation.email or form.text("email")
    password = form.get("password", "")
    if wrong := wrong_entries(services, email=email, password=password):
        return await asyncio.to_thread(_form, request, services, token, found, status=422, email=email, wrong=wrong)
    peer, browser = peer_of(request), browser_of(request)

    def begin() -> SignedIn:
        person = services.registering.register(email=email, password=password, peer=peer, invitation=token)
        return services.sessions.begin(person.id, peer=peer, browser=browser)

    try:
        signed_in = await hashing(services, begin)
    except (Forbidden, Invalid, TooMany) as error:
        wrong = {"email": str(error)}
        return await asyncio.to_thread(
            _form, request, services, token, found, status=error.status, email=email, wrong=wrong
        )
    return await enter(request, services, signed_in)


@routes.post(f"{_PATH}/accept", openapi_extra=who(Who.VIEWER))
def accept(token: str, visit: VisitOf, services: ServicesOf) -> Response:
    """Join the account as the person who is signed in, and go there."""
    account_id = services.invitations.accept(token, visit.person)
    services.sessions.switch(visit.token, account_id)
    return redirect("/admin/devices")


def _form(
    request: Request,
    services: Services,
    token: str,
    found: OpenInvitation,
    *,
    status: int = 200,
    email: str = "",
    wrong: dict[str, str] | None = None,
) -> Response:
    inviter = services.storage.person(found.invitation.invited_by)
    return page(
        request,
        "invitations/invitation.html",
        status=status,
        token=token,
        invitation=found.invitation,
        account=found.account,
        inviter=inviter.email if inviter else "",
        is_closed=services.settings.registration is Registration.CLOSED,
        email=email or found.invitation.email,
        wrong=wrong or {},
    )
