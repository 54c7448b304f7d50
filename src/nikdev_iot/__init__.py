"""NikDev IoT: git for sensor data.

A device stages values, commits them to a journal on its own disk, and pushes the commits to a server that keeps them
exactly once::

    from nikdev_iot import Api

    with Api.from_credentials("<Device ID>", "<API Key>") as api:
        api.add_value("temperature", 21.5)
        api.commit()
        api.push()

Every name below is imported when it is first used, so that `import nikdev_iot` costs a small board next to nothing.
"""

from __future__ import annotations

from ._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .client.api import Api
    from .client.async_api import AsyncApi
    from .client.auto_push import PushState
    from .client.config import Config
    from .client.connection import ConnectionReport
    from .client.push import PushProgress, PushReport
    from .client.series import History, Series
    from .client.status import Status
    from .client.values import FieldValue
    from .journal.budget import StorageLimitReached
    from .journal.errors import DiskFull, JournalGone, JournalLocked, NotPermitted
    from .model.commits import Receipt
    from .model.errors import (
        ConfigError,
        GetException,
        JournalError,
        NikDevError,
        PushException,
        ValueRefused,
    )

__all__ = [
    "Api",
    "AsyncApi",
    "Config",
    "ConfigError",
    "ConnectionReport",
    "DiskFull",
    "FieldValue",
    "GetException",
    "History",
    "JournalError",
    "JournalGone",
    "JournalLocked",
    "NikDevError",
    "NotPermitted",
    "PushException",
    "PushProgress",
    "PushReport",
    "PushState",
    "Receipt",
    "Series",
    "Status",
    "StorageLimitReached",
    "ValueRefused",
    "__version__",
]

_HOMES = {
    "Api": ".client.api",
    "AsyncApi": ".client.async_api",
    "Config": ".client.config",
    "ConfigError": ".model.errors",
    "ConnectionReport": ".client.connection",
    "DiskFull": ".journal.errors",
    "FieldValue": ".client.values",
    "GetException": ".model.errors",
    "History": ".client.series",
    "JournalError": ".model.errors",
    "JournalGone": ".journal.errors",
    "JournalLocked": ".journal.errors",
    "NikDevError": ".model.errors",
    "NotPermitted": ".journal.errors",
    "PushException": ".model.errors",
    "PushProgress": ".client.push",
    "PushReport": ".client.push",
    "PushState": ".client.auto_push",
    "Receipt": ".model.commits",
    "Series": ".client.series",
    "Status": ".client.status",
    "StorageLimitReached": ".journal.budget",
    "ValueRefused": ".model.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
