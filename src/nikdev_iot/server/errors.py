"""What can go wrong on the server, each with the HTTP status it becomes.

::

    ServerError
     ├── Refused               the request cannot be done; 4xx, `code` for programs
     │    ├── Unauthorized     401   unknown device, key, e-mail or session
     │    │    ├── KeyExpired         a right key, after its time
     │    │    └── KeyRevoked         a right key that was taken back
     │    ├── Forbidden        403   known, and without this access
     │    ├── NotFound         404   no such thing, or not yours
     │    ├── Conflict         409   it is there already
     │    ├── Invalid          422   well formed, and not acceptable
     │    └── TooMany          429   over a rate; `retry_after_s`
     └── StorageError
          ├── StorageUnavailable  503
          └── StorageCorrupt      500
"""

from __future__ import annotations

from nikdev_iot.model.errors import NikDevError

__all__ = [
    "Conflict",
    "Forbidden",
    "Invalid",
    "KeyExpired",
    "KeyRevoked",
    "NotFound",
    "Refused",
    "ServerError",
    "StorageCorrupt",
    "StorageError",
    "StorageUnavailable",
    "TooMany",
    "Unauthorized",
]


class ServerError(NikDevError):
    """The root of the server's own errors."""

    status = 500
    code = "server-error"


class Refused(ServerError):
    """The request cannot be done as it is."""

    status = 400
    code = "bad-request"


class Unauthorized(Refused):
    """Who asks is not known."""

    status = 401
    code = "unauthorized"
    reason = ""
    """For programs, where more may be told: the key is right, and yet opens nothing."""


class KeyExpired(Unauthorized):
    """The device and its key are known; the key's time is over."""

    reason = "key-expired"


class KeyRevoked(Unauthorized):
    """The device and its key are known; the key was taken back."""

    reason = "key-revoked"


class Forbidden(Refused):
    """Who asks is known and may not."""

    status = 403
    code = "forbidden"


class NotFound(Refused):
    """There is no such thing for the one who asks."""

    status = 404
    code = "not-found"


class Conflict(Refused):
    """It is there already."""

    status = 409
    code = "conflict"


class Invalid(Refused):
    """Well formed, and not acceptable; `rejected` names commits that can be set aside, as (number, reason)."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, hint: str = "", rejected: tuple[tuple[int, str], ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.rejected = rejected


class TooMany(Refused):
    """Over a rate."""

    status = 429
    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class StorageError(ServerError):
    """The store could not do it."""

    code = "storage"


class StorageUnavailable(StorageError):
    """The engine cannot be reached, is locked or out of space: nothing was stored, later may help."""

    status = 503
    code = "storage-unavailable"


class StorageCorrupt(StorageError):
    """What is stored is not what was written."""

    code = "storage-corrupt"
