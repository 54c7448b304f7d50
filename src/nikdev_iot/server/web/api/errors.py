"""Every error as JSON: `message` for a person, `code` for a program."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from nikdev_iot.model.errors import NikDevError, ValueRefused, WireError
from nikdev_iot.server.errors import ServerError, StorageError, StorageUnavailable, TooMany, Unauthorized

__all__ = ["install_error_answers"]

_log = logging.getLogger("nikdev_iot.server.web")


def install_error_answers(app: FastAPI) -> None:
    """Let every error of the app become a JSON answer."""
    app.add_exception_handler(NikDevError, _known)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def _answer(status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    return JSONResponse({"message": message, "code": code, **more}, status, headers)


async def _known(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, StorageError):
        # Its own words name paths of the server's, which are the operator's business.
        _log.error("%s %s: %s", request.method, request.url.path, error)
        if isinstance(error, StorageUnavailable):
            message = "The server's store cannot be reached at the moment. Nothing was changed; try again later."
            return _answer(error.status, error.code, message, {"retry-after": "5"})
        return _answer(error.status, error.code, "The server could not read its store; its log says more.")
    if isinstance(error, TooMany):
        return _answer(
            error.status, error.code, str(error), {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
        )
    if isinstance(error, Unauthorized):
        challenge = getattr(request.state, "challenge", None)
        headers = {"www-authenticate": challenge} if challenge else None
        more = {"reason": error.reason} if error.reason else {}
        return _answer(error.status, error.code, str(error), headers, **more)
    if isinstance(error, ServerError):
        return _answer(error.status, error.code, str(error))
    if isinstance(error, ValueRefused | WireError):
        return _answer(422, "invalid", str(error))
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return await _unknown(request, error)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    problems: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else []
    if any(problem["type"] == "json_invalid" for problem in problems):
        return _answer(400, "malformed", "The body is not valid JSON.")
    return _answer(422, "invalid", " ".join(dict.fromkeys(map(_problem, problems))) or "The request is not acceptable.")


def _problem(problem: Any) -> str:
    # Never `problem["input"]`: it may be a password.
    place = ".".join(str(part) for part in problem["loc"][1:]) or "the body"
    match problem["type"]:
        case "missing":
            return f"{place}: is missing."
        case "extra_forbidden":
            return f"{place}: is not known here."
        case "model_attributes_type" | "dict_type":
            return f"{place}: not a JSON object."
        case _:
            return f"{place}: {problem['msg'][:1].lower()}{problem['msg'][1:]}."


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status in {404, 405} and _is_browser(request):
        page: Response = await run_in_threadpool(request.app.state.nowhere, request)
        return page
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 404:
        message = (
            f"There is nothing at {request.url.path[:200]}. Everything for devices is below /api/v1/, which is where a "
            "client's baseUrl ends; /api/v1/openapi.json lists it."
        )
        return _answer(404, "not-found", message, headers)
    if status == 405:
        return _answer(405, "method", f"{request.method} does not go with {request.url.path[:200]}.", headers)
    if status == 413:
        return _answer(413, "too-large", "The body is too large.", headers)
    if status == 400:
        return _answer(400, "malformed", "The body cannot be read.", headers)
    return _answer(status, "http", f"{HTTPStatus(status).phrase}.", headers)


def _is_browser(request: Request) -> bool:
    """Return whether a person typed this address or followed a link; all below /api/ is for programs."""
    is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return is_page and not request.url.path.startswith("/api/") and hasattr(request.app.state, "nowhere")


async def _unknown(_request: Request, _error: Exception) -> JSONResponse:
    # The framework raises it again once this is sent, and the app around it logs it.
    return _answer(500, "server-error", "The server failed at this; its log says more. It is not your request's fault.")
