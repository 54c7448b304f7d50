"""The OpenAPI document: FastAPI's own, with the push path and the ways to prove who one is."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nikdev_iot._version import __version__
from nikdev_iot.wire.headers import API_KEY, DEVICE_ID

from .access import ACCESS, Needs
from .push_doc import push_paths

__all__ = ["METHODS", "document"]

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_DESCRIPTION = """Git for sensor data: devices push commits, which are kept exactly once; whoever has read access gets
them back.

Each operation says in `x-nikdev-access` what it takes: `read`, `write` or `any` a device's API key with that access, in
the headers `x-device-id` and `x-api-key`; `session` a signed-in person, whose role in the account is at least the one
in `x-nikdev-role`; `public` nothing. Access is checked before the rest of a request is looked at. Every error is
`{"message", "code"}`; times are int µs since 1970-01-01 UTC."""
_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    Needs.PUBLIC: [],
    Needs.SESSION: [{"session": []}],
    Needs.READ: [{"deviceId": [], "apiKey": []}],
    Needs.WRITE: [{"deviceId": [], "apiKey": []}],
    Needs.ANY: [{"deviceId": [], "apiKey": []}],
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the whole document of an app that has its routes."""
    found = get_openapi(title="NikDev IoT", version=__version__, description=_DESCRIPTION, routes=app.routes)
    found["paths"] = dict(sorted({**found["paths"], **push_paths()}.items()))
    found.setdefault("components", {})["securitySchemes"] = {
        "deviceId": {"type": "apiKey", "in": "header", "name": DEVICE_ID},
        "apiKey": {"type": "apiKey", "in": "header", "name": API_KEY},
        "session": {"type": "http", "scheme": "bearer"},
    }
    for operations in found["paths"].values():
        for method, operation in operations.items():
            if method in METHODS:
                operation["security"] = _SECURITY[operation[ACCESS]]
    return found
