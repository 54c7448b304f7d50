"""`/admin/server`: how the server is, for whoever runs it, and a copy of its store to take away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from nikdev_iot.model.times import iso
from nikdev_iot.server.accounts.settings import Registration
from nikdev_iot.server.errors import Conflict, Invalid, NotFound, StorageError
from nikdev_iot.server.measures.backups import Backups, Copy
from nikdev_iot.server.measures.growth import Trend
from nikdev_iot.server.measures.rates import BIN_S, BINS
from nikdev_iot.server.storage.operating import StoreCounts, StoreSize
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect

__all__ = ["bytes_text", "duration_text", "rate_text", "routes"]

routes = page_router()

_log = logging.getLogger("nikdev_iot.server.web")
_CHUNK_BYTES = 256 * 1024
_LITTLE_LEFT_DAYS = 14
_REGISTRATION = {
    Registration.OPEN: ("Open", "Whoever comes to the page may make an account."),
    Registration.INVITATION: ("By invitation", "Only those who were invited may."),
    Registration.CLOSED: ("Closed", "Nobody new; people who are here may still be invited to other accounts."),
}


def bytes_text(count: float) -> str:
    """Return a size as disks are sold: `1.23 GB`."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.3g} {unit}" if abs(count) < 999.5 * size else f"{count / size:.0f} {unit}"
    return f"{count:.0f} B"


def rate_text(per_s: float) -> tuple[str, str]:
    """Return a rate and its unit, per minute where a second is too short for it."""
    if 0 < per_s < 1:
        return f"{per_s * 60:.0f}" if per_s * 60 >= 9.95 else f"{per_s * 60:.1f}", "/min"
    return f"{per_s:.0f}" if per_s >= 9.95 or not per_s else f"{per_s:.1f}", "/s"


def duration_text(seconds: float) -> str:
    """Return a length of time in its two largest units: `3 d 4 h`."""
    whole = int(seconds)
    for unit, length, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            return f"{whole // length} {unit} {whole % length // part} {smaller}"
    return f"{whole} s"


@dataclass(frozen=True, slots=True)
class _Slow:
    """One line of the slowest queries."""

    what: str
    device_id: str
    device_name: str
    took: str
    age_us: int


def _figures(services: Services) -> dict[str, Any]:
    """Return what the page shows of the moment; reads the store, as far as it can be read."""
    measures = services.measures
    rates = measures.rates.recent()
    trouble, size, counts, trend = "", None, None, None
    try:
        size, counts, trend = services.storage.size(), services.storage.counts(), measures.growth.trend()
        services.storage.check()
    except StorageError as error:
        trouble = str(error)
    return {
        "trouble": trouble,
        "uptime": duration_text(measures.uptime_s),
        "started_us": measures.started_us,
        "now": measures.rates.now(),
        "values_line": [rate.values_per_s for rate in rates],
        "most": max((rate.values_per_s for rate in rates), default=0.0),
        "minutes": BIN_S * BINS // 60,
        "streams": services.live.count,
        "slow": _slow(services),
        "backup": measures.backups.progress,
        "bytes_text": bytes_text,
        "rate_text": rate_text,
        **_storage(size, counts, trend),
    }


def _storage(size: StoreSize | None, counts: StoreCounts | None, trend: Trend | None) -> dict[str, Any]:
    days = trend.days_left(size.disk_free_bytes) if trend and size else None
    return {
        "size": size,
        "counts": counts,
        "per_day": None if trend is None else trend.bytes_per_day,
        "size_line": [] if trend is None else [[one.at_us, one.data_bytes] for one in trend.samples],
        "since_us": trend.samples[0].at_us if trend and trend.samples else None,
        "days_left": days,
        "is_little": days is not None and days < _LITTLE_LEFT_DAYS,
    }


def _slow(services: Services) -> list[_Slow]:
    lines = []
    for one in services.measures.slow.slowest():
        name = ""
        if one.device_id is not None:
            try:
                name = services.devices.get(one.device_id).name
            except (NotFound, StorageError):
                name = "a device that is no longer there"
        lines.append(
            _Slow(one.what, str(one.device_id or ""), name, f"{one.duration_s * 1000:.0f}", round(one.age_s * 1e6))
        )
    return lines


def _page(request: Request, services: Services, **special: Any) -> Response:
    values: dict[str, Any] = {
        "registration": services.settings.registration,
        "registrations": _REGISTRATION,
        "wrong": "",
        "failed": "",
        "status": 200,
        **_figures(services),
    }
    return page(request, "server/page.html", **(values | special))


@routes.get("/admin/server", openapi_extra=who(Who.OPERATOR))
def server(request: Request, visit: VisitOf, services: ServicesOf) -> Response:  # noqa: ARG001 - it was checked
    """Show how the server is."""
    return _page(request, services)


@routes.get("/admin/server/now", openapi_extra=who(Who.OPERATOR))
def now(request: Request, services: ServicesOf) -> Response:
    """Return the part of the page that changes by itself."""
    return page(request, "server/now.html", **_figures(services))


@routes.post("/admin/server/registration", openapi_extra=who(Who.OPERATOR))
def registration(request: Request, services: ServicesOf, form: FormOf) -> Response:
    """Change who may make an account."""
    try:
        services.settings.set_registration(form.text("registration"))
    except Invalid as error:
        return _page(request, services, wrong=str(error), status=422)
    return redirect("/admin/server#registration")


@routes.post("/admin/server/backup", openapi_extra=who(Who.OPERATOR))
async def backup(request: Request, services: ServicesOf) -> Response:
    """Make a copy of the store, and send it."""
    backups = services.measures.backups
    try:
        copy = await run_in_threadpool(backups.make)
    except (StorageError, Conflict) as error:
        _log.warning("no backup: %s", error)
        # Whoever runs the server may know where its store lies.
        return await run_in_threadpool(_page, request, services, failed=str(error), status=error.status)
    return _CopyResponse(backups, copy)


class _CopyResponse(StreamingResponse):
    """Sends a copy with its size, and removes it whatever happens."""

    def __init__(self, backups: Backups, copy: Copy) -> None:
        name = f"nikdev-{iso(copy.made_us)[:19].replace(':', '')}Z.sqlite3"
        super().__init__(
            _chunks(copy),
            media_type="application/vnd.sqlite3",
            headers={
                "content-length": str(copy.size_bytes),
                "content-disposition": f'attachment; filename="{name}"',
                "cache-control": "no-store",
            },
        )
        self._backups = backups
        self._copy = copy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await asyncio.shield(run_in_threadpool(self._backups.remove, self._copy))


async def _chunks(copy: Copy) -> AsyncIterator[bytes]:
    file = await run_in_threadpool(copy.path.open, "rb")
    try:
        while chunk := await run_in_threadpool(file.read, _CHUNK_BYTES):
            yield chunk
    finally:
        file.close()
