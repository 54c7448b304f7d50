"""A server process as `nikdev serve` runs it.

Most of a start is putting pages and management API together, and hashing a password. None of that is what is killed
here: unless it is to be `whole`, the process takes those that its parent has made, and has everything of the push path,
the writer and the store to itself.
"""

from __future__ import annotations

import importlib
import json
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from nikdev_iot.server import app as composition
from nikdev_iot.server.accounts import Accounts, Devices, Keys
from nikdev_iot.server.accounts.passwords import Passwords
from nikdev_iot.server.config import RateLimits, ServerConfig
from nikdev_iot.server.logs import set_up_logs
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.serve import run
from nikdev_iot.server.web.api.services import Services

__all__ = ["prepare", "serve", "set_up"]

_build_api = composition.build_api
_RATES = RateLimits(requests_per_s=1e6, burst=1e6, wrong_keys_per_s=1e6, wrong_keys_burst=1e6)
_made: list[Any] = []


def _now_us() -> int:
    return time.time_ns() // 1000


def prepare() -> None:
    """Make the part of an app that knows nothing of a store yet."""

    def keep(services: Services) -> Any:
        _made.append(_build_api(services))
        return _made[0]

    for name in ("uvloop", "uvicorn.loops.uvloop", "uvicorn.lifespan.on", "uvicorn.protocols.http.httptools_impl"):
        importlib.import_module(name)  # here, and not in each child
    nobody = Passwords().hash_of_nobody()
    Passwords.hash_of_nobody = lambda _: nobody  # type: ignore[method-assign]
    composition.build_api = keep
    with tempfile.TemporaryDirectory() as folder:
        storage = composition.open_storage(Path(folder))
        composition.App(ServerConfig(data=Path(folder)), storage).close()
        storage.close()


def _take_up(services: Services) -> Any:
    api = _made[0]
    api.state.services = services
    api.state.reader = Reader(services.storage, slow=services.measures.slow)
    return api


def serve(data: str, *, whole: bool = False) -> None:
    """Serve on a port that the system chooses, until the end."""
    composition.build_api = _build_api if whole else _take_up
    set_up_logs(form="json", level="warning")
    run(ServerConfig(data=Path(data), port=0, rates=_RATES, opens_browser=False))


def set_up(data: str, devices: int, result: str) -> None:
    """Make a store with devices, and write their credentials."""
    storage = composition.open_storage(Path(data))
    account = Accounts(storage, passwords=Passwords(), now_us=_now_us).add("crash@example.org", "correct horse battery")
    made = []
    for number in range(devices):
        device = Devices(storage, now_us=_now_us).add(uuid.UUID(str(account.id)), f"device {number}")
        key = Keys(storage, now_us=_now_us).add(device.id, name="a key", can_read=True, can_write=True)
        made.append({"deviceId": str(device.id), "apiKey": key.secret})
    storage.close()
    Path(result).write_text(json.dumps(made))
