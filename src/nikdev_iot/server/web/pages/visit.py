"""Who looks at a page: the session in the cookie, the account it is about, and what the person may do there."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from fastapi import Request, Response

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import Forbidden, NotFound, Unauthorized
from nikdev_iot.server.storage.people import Person, Role
from nikdev_iot.server.storage.records import Account, Device, Session
from nikdev_iot.server.web.api.services import Services

__all__ = [
    "COOKIE",
    "Role",
    "Visit",
    "check_origin",
    "cookie_name",
    "find_visit",
    "forget_session",
    "keep_session",
    "session_token",
]

COOKIE = "nikdev_session"
"""Over plain HTTP; see `cookie_name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a signed-in person."""

    person: Person
    account: Account
    """The one that the person works with at present; there may be others."""
    session: Session
    token: str
    role: Role
    """The person's in this account."""
    has_others: bool = False
    """Whether the person belongs to further accounts."""
    device: Device | None = None
    """The device that the path names: one of this account."""

    @property
    def email(self) -> str:
        """The person's e-mail address."""
        return self.person.email

    @property
    def is_operator(self) -> bool:
        """Whether the person runs this server, and sees its page."""
        return self.person.is_operator

    @property
    def can_edit(self) -> bool:
        """Whether forms that change things are shown."""
        return self.role >= Role.EDITOR

    @property
    def can_own(self) -> bool:
        """Whether people are invited and removed."""
        return self.role >= Role.OWNER

    @property
    def csrf(self) -> str:
        """What each form sends along, and no other site can know."""
        return hmac.new(self.token.encode(), b"nikdev-csrf", hashlib.sha256).hexdigest()

    @property
    def the_device(self) -> Device:
        """The device that the path names; for routes whose path has one."""
        if self.device is None:
            raise TypeError("the path names no device")
        return self.device


def find_visit(request: Request, services: Services) -> Visit:
    """Return who asks, by the cookie, and look up the device that the path names. Reads the store.

    Raises:
        Unauthorized: not signed in, or no longer.
        NotFound: the path names a device that is not of this account.
    """
    token = session_token(request)
    if not token:
        raise Unauthorized("You are not signed in.", hint="Sign in.")
    standing = services.sessions.standing(token)
    device = None
    if "device_id" in request.path_params:
        device_id = parse_uuid(request.path_params["device_id"])
        if device_id is None:
            raise NotFound("There is no such device.", hint="A Device ID is a UUID.")
        (device,) = services.last_pushes.merged([services.devices.get(device_id, account_id=standing.account.id)])
    return Visit(
        person=standing.person,
        account=standing.account,
        session=standing.session,
        token=token,
        role=standing.role,
        has_others=standing.account_count > 1,
        device=device,
    )


def check_origin(request: Request) -> None:
    """Raise `Forbidden` where another site's page made the browser send this form."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    elif origin is not None:
        is_ours = origin.partition("://")[2] == request.headers.get("host")
    else:
        is_ours = True  # no browser: nobody's cookie was borrowed
    if not is_ours:
        raise Forbidden("This form was sent by another site's page.", hint="Nothing was changed. Open the page again.")


def cookie_name(request: Request, name: str = COOKIE, *, prefix: str = "__Host-") -> str:
    """Return what a cookie is called here: over HTTPS with a prefix, so that only this very host can have set it.

    Neither a neighbouring domain nor a page over plain HTTP can then slip somebody a session of its own.
    """
    return f"{prefix}{name}" if request.url.scheme == "https" else name


def session_token(request: Request) -> str:
    """Return the secret of the browser's session; '' where there is none."""
    return request.cookies.get(cookie_name(request), "")


def keep_session(response: Response, request: Request, token: str, *, lifetime_s: int) -> None:
    """Give the browser its session."""
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=lifetime_s,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )


def forget_session(response: Response, request: Request) -> None:
    """Take the browser's session away."""
    is_secure = request.url.scheme == "https"  # else the browser does not take the prefix
    response.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="lax", secure=is_secure)
