"""`/admin/register`: an account for whoever comes, where the operator lets everybody in."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from nikdev_iot.server.accounts.sessions import SignedIn
from nikdev_iot.server.errors import Forbidden, Invalid, TooMany
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import FormOf, Who, page_router, who
from .shell import page
from .signing import browser_of, enter, hashing, peer_of, wrong_entries

__all__ = ["routes"]

routes = page_router()


@routes.get("/admin/register", openapi_extra=who(Who.ANYONE))
def register(request: Request, services: ServicesOf) -> Response:
    """The form, or why there is none."""
    return _form(request, services)


@routes.post("/admin/register", openapi_extra=who(Who.ANYONE))
async def make(request: Request, form: FormOf, services: ServicesOf) -> Response:
    """Make the account, and sign its owner in."""
    email, password = form.text("email"), form.get("password", "")
    if wrong := wrong_entries(services, email=email, password=password):
        return await asyncio.to_thread(_form, request, services, status=422, email=email, wrong=wrong)
    peer, browser = peer_of(request), browser_of(request)

    def begin() -> SignedIn:
        person = services.registering.register(email=email, password=password, peer=peer)
        return services.sessions.begin(person.id, peer=peer, browser=browser)

    try:
        signed_in = await hashing(services, begin)
    except (Forbidden, Invalid, TooMany) as error:
        wrong = {"email": str(error)}
        return await asyncio.to_thread(_form, request, services, status=error.status, email=email, wrong=wrong)
    return await enter(request, services, signed_in)


def _form(
    request: Request, services: Services, *, status: int = 200, email: str = "", wrong: dict[str, str] | None = None
) -> Response:
    return page(
        request,
        "register/register.html",
        status=status,
        email=email,
        wrong=wrong or {},
        needs_set_up=services.set_up.is_needed(),
        registration=services.settings.registration.value,
    )
