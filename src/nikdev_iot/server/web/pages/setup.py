"""`/admin/setup/{token}`: the one-time link of the first start, which makes the first account."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from nikdev_iot.server.accounts.sessions import SignedIn
from nikdev_iot.server.web.api.routing import ServicesOf

from .routing import FormOf, Who, page_router, who
from .shell import page
from .signing import browser_of, enter, hashing, peer_of, wrong_entries

__all__ = ["routes"]

routes = page_router()


@routes.get("/admin/setup/{token}", openapi_extra=who(Who.ANYONE))
def setup(request: Request, token: str, services: ServicesOf) -> Response:
    """The form."""
    services.set_up.check(token)
    return page(request, "setup/setup.html", email="", wrong={})


@routes.post("/admin/setup/{token}", openapi_extra=who(Who.ANYONE))
async def make(request: Request, token: str, form: FormOf, services: ServicesOf) -> Response:
    """Make the account, and sign its owner in."""
    email, password = form.text("email"), form.get("password", "")
    await asyncio.to_thread(services.set_up.check, token)
    if wrong := wrong_entries(services, email=email, password=password):
        return page(request, "setup/setup.html", status=422, email=email, wrong=wrong)
    peer, browser = peer_of(request), browser_of(request)

    def begin() -> SignedIn:
        services.set_up.make_account(token, email=email, password=password)
        return services.sessions.begin(services.people.find(email).id, peer=peer, browser=browser)

    return await enter(request, services, await hashing(services, begin))
