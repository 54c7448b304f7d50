"""How pages are made: each names who may see it, and that is checked before anything else of the request."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.server.errors import Forbidden, Invalid, ServerError, StorageError, Unauthorized
from nikdev_iot.server.web.api.services import Services
from nikdev_iot.server.web.doubles import refuse_doubles

from .shell import error_page
from .visit import Role, Visit, check_origin, find_visit

__all__ = ["WHO", "Form", "FormOf", "PageRoute", "VisitOf", "Who", "page_router", "who"]

WHO = "x-nikdev-who"
"""The key under which a page's route keeps who may see it."""
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAX_FIELDS = 500
_log = logging.getLogger("nikdev_iot.server.web")


class Who(Enum):
    """Who may see a page, or send its form."""

    ANYONE = "anyone"
    VIEWER = "viewer"
    """Anyone of the account."""
    EDITOR = "editor"
    OWNER = "owner"
    OPERATOR = "operator"
    """Whoever runs this server."""


_ROLES = {Who.VIEWER: Role.VIEWER, Who.EDITOR: Role.EDITOR, Who.OWNER: Role.OWNER, Who.OPERATOR: Role.VIEWER}


class Form(dict[str, str]):
    """What a form sent: the last of equal names; `all(name)` has every one, in their order."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def all(self, name: str) -> list[str]:
        """Return every value of a name."""
        return [value for key, value in self._pairs if key == name]

    def text(self, name: str) -> str:
        """Return a value without white space at its ends, '' where there is none."""
        return self.get(name, "").strip()


def who(allowed: Who) -> dict[str, Any]:
    """Return the `openapi_extra` of a page's route."""
    return {WHO: allowed.value}


def page_router() -> APIRouter:
    """Return a router for pages: guarded, and not part of the API's document."""
    return APIRouter(route_class=PageRoute, redirect_slashes=False, include_in_schema=False)


class PageRoute(APIRoute):
    """A route that knows who may see it: session, role, the device in the path, and the token of forms come first.

    A handler finds its visit in `VisitOf` and what a form sent in `FormOf`. Errors become pages; a script that asked
    (`accept: application/json`) gets them as JSON, and a script of htmx is sent to the login like everyone.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler behind the check; raises `ValueError` for a route that names nobody."""
        handler = super().get_route_handler()
        allowed = Who((self.openapi_extra or {}).get(WHO, ""))

        async def guarded(request: Request) -> Response:
            try:
                refuse_doubles(request.headers.raw)
                request.state.visit = None
                if request.method in _UNSAFE:
                    check_origin(request)
                if allowed is not Who.ANYONE:
                    services: Services = request.app.state.services
                    visit = request.state.visit = await asyncio.to_thread(find_visit, request, services)
                    _check_role(visit, allowed)
                if request.method in _UNSAFE:
                    request.state.form = await _read_form(request)
                    if allowed is not Who.ANYONE:
                        _check_token(request)
                return await handler(request)
            except NikDevError as error:
                return _answer(request, error)
            except RequestValidationError:
                return _answer(request, Invalid("The address cannot be read.", hint="Nothing was changed."))
            except (HTTPException, ClientDisconnect):
                raise
            except Exception:  # noqa: BLE001 - the boundary: whatever it is, a person gets a page
                _log.exception("%s %s failed", request.method, request.url.path)
                failed = ServerError("The server failed at this; its log says more.", hint="It is not your doing.")
                return _answer(request, failed)

        return guarded


def _check_role(visit: Visit, allowed: Who) -> None:
    if visit.role < _ROLES[allowed] or (allowed is Who.OPERATOR and not visit.is_operator):
        needed = "the operator of this server" if allowed is Who.OPERATOR else f"an {allowed.value} of this account"
        raise Forbidden(f"That is for {needed}.", hint="Nothing was changed. Ask an owner of the account.")


async def _read_form(request: Request) -> Form:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return Form([])
    body = await request.body()
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise Forbidden("The form could not be read.", hint="Nothing was changed. Open the page again.") from None


def _check_token(request: Request) -> None:
    sent = request.headers.get("x-csrf-token") or request.state.form.get("csrf", "")
    if not hmac.compare_digest(sent.encode(), request.state.visit.csrf.encode()):
        raise Forbidden(
            "The form is not of this session.", hint="Nothing was changed. Open the page again and send it once more."
        )


def _answer(request: Request, error: NikDevError) -> Response:
    status = error.status if isinstance(error, ServerError) else 422
    if isinstance(error, StorageError):
        # Its own words name paths of the server's, which are the operator's business.
        _log.error("%s %s: %s", request.method, request.url.path, error)
        error = ServerError("The server's store cannot be reached at the moment.", hint="Try again in a moment.")
    headers = {}
    if "application/json" in request.headers.get("accept", ""):
        body = json.dumps({"message": str(error), "code": getattr(error, "code", "invalid")})
        return Response(body, status, media_type="application/json")
    if isinstance(error, Unauthorized) and request.state.visit is None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = "/admin/login" + (f"?next={quote(target, safe='/')}" if request.method == "GET" else "")
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"hx-redirect": "/admin/login"})
        return Response(status_code=303, headers={"location": login})
    if retry_after_s := getattr(error, "retry_after_s", None):
        headers["retry-after"] = str(max(1, round(retry_after_s)))
    return error_page(request, error, status=status, headers=headers)


def _visit(request: Request) -> Any:
    return request.state.visit


def _form(request: Request) -> Any:
    return request.state.form


VisitOf: TypeAlias = Annotated[Visit, Depends(_visit)]
"""Who asks."""
FormOf: TypeAlias = Annotated[Form, Depends(_form)]
"""What a form sent."""
