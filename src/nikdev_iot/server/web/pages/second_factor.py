"""`/admin/profile/second-factor`: the codes of an app, switched on and off."""

from __future__ import annotations

import asyncio

import segno
from fastapi import Request, Response

from nikdev_iot.server.accounts.twofactor import Proposal
from nikdev_iot.server.errors import Invalid, TooMany, Unauthorized
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .profile import show_profile
from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .signing import hashing, peer_of
from .visit import Visit

__all__ = ["routes"]

routes = page_router()
_PATH = "/admin/profile/second-factor"


@routes.get(_PATH, openapi_extra=who(Who.VIEWER))
def propose(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """A new secret for the app; it is in force once a code has shown that the app has it."""
    if visit.person.totp_secret is not None:
        return redirect("/admin/profile#second-factor")
    return _proposal(request, visit, services)


@routes.post(_PATH, openapi_extra=who(Who.VIEWER))
async def switch_on(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Switch it on, and show the backup codes: this once."""
    secret = form.text("secret")
    services.two_factor.propose(visit.person, server="", secret=secret)  # else: it is none that we proposed
    try:
        codes = await hashing(
            services,
            services.two_factor.switch_on,
            visit.person.id,
            secret=secret,
            code=form.text("code"),
            password=form.get("password", ""),
            peer=peer_of(request),
            keep=visit.session.token_hash,
        )
    except Invalid as error:
        wrong = {"code": str(error)}
    except (Unauthorized, TooMany) as error:
        wrong = {"password": str(error)}
    else:
        return page(request, "profile/codes.html", codes=codes, is_new=True)
    return await asyncio.to_thread(_proposal, request, visit, services, secret=secret, wrong=wrong)


@routes.post(f"{_PATH}/off", openapi_extra=who(Who.VIEWER))
async def switch_off(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Switch it off, for who knows the password."""
    try:
        await hashing(
            services,
            services.two_factor.switch_off,
            visit.person.id,
            password=form.get("off_password", ""),
            peer=peer_of(request),
            keep=visit.session.token_hash,
        )
    except (Unauthorized, TooMany) as error:
        wrong = {"off_password": str(error)}
        return await asyncio.to_thread(show_profile, request, visit, services, status=422, wrong=wrong)
    return redirect("/admin/profile?done=off#second-factor")


@routes.post(f"{_PATH}/codes", openapi_extra=who(Who.VIEWER))
async def renew_codes(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Show new backup codes in place of the old ones: this once."""
    try:
        codes = await hashing(
            services,
            services.two_factor.renew_codes,
            visit.person.id,
            password=form.get("codes_password", ""),
            peer=peer_of(request),
        )
    except (Unauthorized, TooMany) as error:
        wrong = {"codes_password": str(error)}
        return await asyncio.to_thread(show_profile, request, visit, services, status=422, wrong=wrong)
    return page(request, "profile/codes.html", codes=codes, is_new=False)


def _proposal(
    request: Request,
    visit: Visit,
    services: Services,
    *,
    secret: str | None = None,
    wrong: dict[str, str] | None = None,
) -> Response:
    server = request.url.hostname or ""
    proposal = services.two_factor.propose(visit.person, server=server, secret=secret)
    return page(
        request,
        "profile/second_factor.html",
        status=422 if wrong else 200,
        proposal=proposal,
        in_groups=" ".join(proposal.secret[start : start + 4] for start in range(0, len(proposal.secret), 4)),
        picture=_picture(proposal),
        wrong=wrong or {},
    )


def _picture(proposal: Proposal) -> str:
    """Return the QR code as an address for an image; dark on light in both themes, as cameras expect it."""
    code = segno.make(proposal.uri, error="m", micro=False)
    return str(code.svg_data_uri(scale=5, border=4, dark="#000", light="#fff", omitsize=True))
