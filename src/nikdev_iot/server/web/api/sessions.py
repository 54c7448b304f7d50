"""Signing in and out, and who is signed in."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import Request, Response

from nikdev_iot.server.storage.people import Role

from .access import Needs, SessionCaller, needs
from .routing import PREFIX, ServicesOf, router
from .schemas import AccountOut, SessionIn, SessionOut

__all__ = ["routes"]

routes = router("account")


@routes.post(
    f"{PREFIX}/sessions",
    status_code=201,
    openapi_extra=needs(Needs.PUBLIC),
    summary="Sign in",
    description="Send the token of the answer as `Authorization: Bearer TOKEN`. Failed attempts are "
    "slowed down. Where the second factor is on, an answer of 401 with the code `second-factor` asks for `code`.",
)
async def sign_in(body: SessionIn, request: Request, services: ServicesOf) -> SessionOut:
    """Begin a session."""
    peer = request.client.host if request.client else ""
    sign_in = partial(
        services.sessions.sign_in,
        email=body.email,
        password=body.password,
        code=body.code,
        peer=peer,
        browser=request.headers.get("user-agent", ""),
    )
    signed_in = await asyncio.get_running_loop().run_in_executor(services.password_executor, sign_in)
    session = signed_in.session
    return SessionOut(token=signed_in.token, expires_us=session.expires_us, account_id=str(session.account_id))


@routes.delete(
    f"{PREFIX}/sessions/current",
    status_code=204,
    response_class=Response,
    openapi_extra=needs(Needs.SESSION, role=Role.VIEWER),
    summary="Sign out",
)
def sign_out(caller: SessionCaller, services: ServicesOf) -> Response:
    """End the session that the request came with."""
    services.sessions.sign_out(caller.token)
    return Response(status_code=204)


@routes.get(f"{PREFIX}/account", openapi_extra=needs(Needs.SESSION), summary="Who am I?")
def account(caller: SessionCaller) -> AccountOut:
    """Who is signed in, and to which account."""
    standing = caller.standing
    account = standing.account
    return AccountOut(
        account_id=str(account.id),
        email=standing.person.email,
        created_us=account.created_us,
        name=account.name,
        role=standing.role.name.lower(),
    )
