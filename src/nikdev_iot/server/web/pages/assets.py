"""Static files: one folder under `/assets/`, whose address changes with its content, so that browsers keep it for ever.

`static/` has our own style sheets and ES modules; `static/vendor/` has what the build brings from the npm registry,
with its licences (`hatch_build.py` in the source tree says what). Those files have a hash of their content in their
names, which the build checks; here they go by their plain names, as our modules import them.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from fastapi import Request, Response

from nikdev_iot.server.errors import NotFound

from .modules import join_modules, without_comments

__all__ = ["Asset", "asset", "assets", "serve_asset"]

_JOINED = {
    "css/page.css": ("css/tokens.css", "css/base.css", "css/device.css"),
    "css/charts.css": ("vendor/uplot.min.css", "css/chart.css"),
}
"""Style sheets that always come together: on a slow line each request costs more than its bytes."""
_TOGETHER = {
    "charts.js": (
        *("chart.js", "chart_data.js", "chart_format.js", "chart_input.js", "chart_marks.js", "chart_parts.js"),
        *("chart_plot.js", "chart_range.js", "chart_states.js", "range.js"),
    )
}
"""The same for ES modules of `js/`."""
_HASHED = re.compile(r"(vendor/.+)\.[0-9a-f]{12}(\.\w+)")
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
_SQUEEZED = {"text/javascript", "text/css", "image/svg+xml", "text/plain", "application/json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file."""

    content: bytes
    squeezed: bytes | None
    """With gzip, where that is worth it."""
    type: str


def _walk(folder: Traversable, prefix: str = "") -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        name = f"{prefix}{item.name}"
        if item.is_dir():
            found |= _walk(item, f"{name}/")
        elif not item.name.startswith("."):
            found[_HASHED.sub(r"\1\2", name)] = item.read_bytes()
    return found


@cache
def assets() -> tuple[str, dict[str, Asset]]:
    """Return the digest of all static files, and each by its name."""
    raw = _walk(files("nikdev_iot.server.web.pages").joinpath("static"))
    for name, parts in _JOINED.items():
        if all(part in raw for part in parts):
            raw[name] = b"\n".join(raw[part] for part in parts)
    modules = {name[3:]: content.decode() for name, content in raw.items() if name.startswith("js/")}
    for joined, parts in _TOGETHER.items():
        if all(part in modules for part in parts):
            modules = join_modules(modules, parts, joined)
    raw |= {f"js/{name}": without_comments(text).encode() for name, text in modules.items()}
    digest = hashlib.sha256()
    made = {}
    for name, content in raw.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
        suffix = PurePosixPath(name).suffix
        media = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        squeezed = gzip.compress(content, 9, mtime=0) if media in _SQUEEZED and len(content) > 500 else None
        made[name] = Asset(content, squeezed, media)
    return digest.hexdigest()[:16], made


def asset(name: str) -> str:
    """Return the address of a static file, for templates; raises `KeyError` where there is none of that name."""
    digest, made = assets()
    if name not in made:
        hint = "; it comes with the build: pip install --editable ." if name.startswith("vendor/") else ""
        raise KeyError(f"no static file {name!r}{hint}")
    return f"/assets/{digest}/{name}"


def serve_asset(request: Request, digest: str, name: str) -> Response:
    """Return a static file; raises `NotFound`. To be kept for ever only at its address of today."""
    current, made = assets()
    found = made.get(name)
    if found is None:
        raise NotFound("There is no such file.")
    headers = {"cache-control": _FOREVER if digest == current else "no-store", "vary": "accept-encoding"}
    content = found.content
    if found.squeezed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"], content = "gzip", found.squeezed
    return Response(content, media_type=found.type, headers=headers)
