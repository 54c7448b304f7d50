"""Who may do what: each route names the access it needs, and it is checked before anything else of the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute

from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.accounts.people import parse_role
from nikdev_iot.server.errors import Forbidden, NotFound, Unauthorized
from nikdev_iot.server.storage.people import Role, Standing
from nikdev_iot.server.storage.records import ApiKey, Device, Session
from nikdev_iot.server.web.doubles import refuse_doubles
from nikdev_iot.wire.headers import API_KEY, DEVICE_ID

from .services import Services

__all__ = [
    "ACCESS",
    "ROLE",
    "Caller",
    "GuardedRoute",
    "KeyCaller",
    "KeyHolder",
    "Needs",
    "Owned",
    "OwnedDevice",
    "OwnedKey",
    "SessionCaller",
    "SignedIn",
    "needs",
]

ACCESS = "x-nikdev-access"
"""The key under which the OpenAPI document tells the access of each operation."""
ROLE = "x-nikdev-role"
"""The same for the role that a signed-in person needs in the account."""

_READING = frozenset({"GET", "HEAD"})


class Needs(StrEnum):
    """The access that a route needs."""

    PUBLIC = "public"
    SESSION = "session"
    """A signed-in person. Devices, fields and keys in the path are the account's, or do not exist."""
    READ = "read"
    """A device's key with read access."""
    WRITE = "write"
    """A device's key with write access."""
    ANY = "any"
    """A device's key, whatever it allows."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who came with a device's key."""

    device: Device
    key: ApiKey


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who came with a session."""

    standing: Standing
    token: str

    @property
    def session(self) -> Session:
        """The session."""
        return self.standing.session


@dataclass(frozen=True, slots=True)
class OwnedDevice:
    """A signed-in person, and the device of the account that the path names."""

    standing: Standing
    device: Device
    key: ApiKey | None = None
    """Where the path names one."""

    @property
    def session(self) -> Session:
        """The session."""
        return self.standing.session


Caller: TypeAlias = KeyHolder | SignedIn | OwnedDevice | None


def needs(access: Needs, *, role: Role | None = None, **more: Any) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that needs this access; `more` goes into the document beside it.

    A route of a signed-in person is for viewers where it only reads, else for editors, unless it says another `role`.
    """
    return {ACCESS: access.value, **({ROLE: role.name.lower()} if role else {}), **more}


class GuardedRoute(APIRoute):
    """A route that checks access before query and body are looked at, so that 401, 403 and 404 win over 422."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler behind the check; raises `ValueError` for a route that names no access."""
        handler = super().get_route_handler()
        extra = dict(self.openapi_extra or {})
        access = Needs(extra.get(ACCESS, ""))
        role = Role.VIEWER
        if access is Needs.SESSION:
            default = Role.VIEWER if (self.methods or set()) <= _READING else Role.EDITOR
            role = parse_role(extra.setdefault(ROLE, default.name.lower()))
            self.openapi_extra = extra

        async def guarded(request: Request) -> Response:
            request.state.caller = await _admit(request, access, role)
            return await handler(request)

        return guarded


async def _admit(request: Request, access: Needs, role: Role) -> Caller:
    services: Services = request.app.state.services
    refuse_doubles(request.headers.raw)
    if access is Needs.PUBLIC:
        return None
    if access is Needs.SESSION:
        return await _admit_session(request, services, role)
    peer = request.client.host if request.client else ""
    found = await services.gate.admit(request.headers.get(DEVICE_ID), request.headers.get(API_KEY), peer)
    if access is Needs.READ and not found.key.can_read:
        raise Forbidden("This API key has no read access.", hint="Use a key with read access, or give it to this one.")
    if access is Needs.WRITE and not found.key.can_write:
        raise Forbidden(
            "This API key has no write access.", hint="Use a key with write access, or give it to this one."
        )
    return KeyHolder(found.device, found.key)


async def _admit_session(request: Request, services: Services, role: Role) -> Caller:
    request.state.challenge = "Bearer"  # what an answer of 401 has to say (RFC 9110, 15.5.2)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("You are not signed in.", hint="Sign in at POST /api/v1/sessions and send its token.")
    standing = await asyncio.to_thread(services.sessions.standing, token)
    if standing.role < role:
        raise Forbidden(
            f"That is for an {role.name.lower()} of the account; you are its {standing.role.name.lower()}.",
            hint="Nothing was changed. Ask an owner of the account.",
        )
    if "device_id" not in request.path_params:
        return SignedIn(standing, token)
    return await asyncio.to_thread(_find_owned, services, standing, request.path_params)


def _find_owned(services: Services, standing: Standing, named: Mapping[str, str]) -> OwnedDevice:
    """Look up what the path names, so that a thing that is not there is 404 whatever the body."""
    device_id = parse_uuid(named["device_id"])
    if device_id is None:
        raise NotFound(f"There is no device {named['device_id'][:60]!r}.", hint="A Device ID is a UUID.")
    device = services.devices.get(device_id, account_id=standing.account.id)
    key = None
    if "key_id" in named:
        key_id = parse_uuid(named["key_id"])
        if key_id is None:
            hint = "A key's id is a UUID; it is not its secret."
            raise NotFound(f"There is no API key {named['key_id'][:60]!r}.", hint=hint)
        key = services.keys.get(key_id, device_id=device_id)
    if "field_id" in named:
        services.fields.get(device_id, named["field_id"])
    return OwnedDevice(standing, device, key)


def _caller(request: Request, kind: type[Any]) -> Any:
    caller = request.state.caller
    if not isinstance(caller, kind):
        raise TypeError(f"{request.url.path} expects {kind.__name__}, and its access brings another caller")
    return caller


def _key_holder(request: Request) -> Any:
    return _caller(request, KeyHolder)


def _signed_in(request: Request) -> Any:
    return _caller(request, SignedIn)


def _owned_key(
    request: Request,
    key_id: Annotated[str, Path(description="a key of the device; not its secret")],  # noqa: ARG001 - as below
) -> Any:
    return _caller(request, OwnedDevice).key


def _owned(
    request: Request,
    device_id: Annotated[str, Path(description="a device of the account")],  # noqa: ARG001
) -> Any:
    # The parameter is here for the document; the device was looked up when access was checked.
    return _caller(request, OwnedDevice)


KeyCaller = Annotated[KeyHolder, Depends(_key_holder)]
"""What a route with a device's key gets."""
SessionCaller = Annotated[SignedIn, Depends(_signed_in)]
"""What a route of a signed-in person gets."""
OwnedKey = Annotated[ApiKey, Depends(_owned_key)]
"""The key that a route under `devices/{device_id}/keys/{key_id}` names."""
Owned = Annotated[OwnedDevice, Depends(_owned)]
"""What a route under `devices/{device_id}` gets."""
