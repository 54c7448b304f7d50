"""`/dist/…whl`: this very version, for devices to install, whether or not it is published anywhere.

The wheel is made of what this server runs. It is for everyone: it holds nothing but what the server was installed from.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import Request, Response

from nikdev_iot.server.errors import NotFound

from .routing import Who, page_router, who

__all__ = ["made_wheel", "routes", "wheel_name"]

routes = page_router()

_PACKAGE = "nikdev_iot"
_WHEEL = "Wheel-Version: 1.0\nGenerator: nikdev-iot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SKIPPED = ("__pycache__", ".DS_Store")
_KEPT_FROM_INSTALLATION = ("METADATA", "entry_points.txt")
_LICENSE = "licenses/LICENSE"
_LONG_AGO = (2020, 1, 1, 0, 0, 0)
"""The same bytes each time."""


def _distribution() -> Distribution | None:
    try:
        return distribution("nikdev-iot")
    except PackageNotFoundError:
        return None


@cache
def wheel_name() -> str | None:
    """Return the file's name, as pip wants it; None where this server runs from something that was never installed."""
    found = _distribution()
    return None if found is None else f"{_PACKAGE}-{found.version}-py3-none-any.whl"


@cache
def made_wheel() -> bytes:
    """Return the wheel; raises `NotFound` where there is none to be made."""
    found = _distribution()
    if found is None:
        raise NotFound("This server runs from a folder, not from an installed package.", hint="Install it with pip.")
    info = f"{_PACKAGE}-{found.version}.dist-info"
    made = dict(_contents(files(_PACKAGE), f"{_PACKAGE}/"))
    for name in (*_KEPT_FROM_INSTALLATION, _LICENSE):
        if (text := found.read_text(name)) is not None:
            made[f"{info}/{name}"] = text.encode()
    made[f"{info}/WHEEL"] = _WHEEL.encode()
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in made.items())
    made[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _contents(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.name in _SKIPPED:
            continue
        if item.is_dir():
            yield from _contents(item, f"{prefix}{item.name}/")
        else:
            yield f"{prefix}{item.name}", item.read_bytes()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@routes.get("/dist/{name}", openapi_extra=who(Who.ANYONE))
def wheel(request: Request, name: str) -> Response:  # noqa: ARG001 - FastAPI's signature
    """The wheel of this version, and of no other."""
    if name != wheel_name():
        raise NotFound("There is no such file.", hint="A device's page “Connect” has the address of the one there is.")
    headers = {"cache-control": "no-cache"}
    return Response(made_wheel(), media_type="application/octet-stream", headers=headers)
