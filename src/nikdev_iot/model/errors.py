"""The errors a user can meet, as one tree.

::

    NikDevError                 what happened, and a hint: what was kept and what to do
     ├── ConfigError            the configuration cannot be used as it is
     ├── ValueRefused           a value or Field ID that cannot be kept exactly
     ├── JournalError           the device's store cannot do what was asked
     │    ├── DiskFull, JournalLocked, NotPermitted, JournalGone     why its file cannot be used now
     │    └── StorageLimitReached, PushLocked, JournalDamaged, …
     ├── PushException          a push did not complete; ``retained_data`` says what became of the commits
     ├── GetException           reading from the server did not work
     └── WireError              bytes that are not a valid pack, page or request
          ├── Damaged           they were altered or cut short on the way
          ├── Malformed         they arrived whole and do not follow the format
          ├── TooLarge          they are over a limit
          └── Unsupported       they are of a version or kind that this side does not know
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "Damaged",
    "GetException",
    "JournalError",
    "Malformed",
    "NikDevError",
    "PushException",
    "TooLarge",
    "Unsupported",
    "ValueRefused",
    "WireError",
]


class NikDevError(Exception):
    """The root: ``message`` says what happened, ``hint`` what was kept and what to do (may be empty)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class ConfigError(NikDevError):
    """A configuration value is missing or cannot be used; ``key`` names it."""

    def __init__(self, message: str, *, key: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key


class ValueRefused(NikDevError, ValueError):
    """A value, Field ID, time or message that cannot be kept exactly; nothing was staged.

    ``field_id`` is as given (it may be the very thing refused), ``None`` where no field is concerned.
    """

    def __init__(self, message: str, *, field_id: object = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field_id = field_id


class JournalError(NikDevError):
    """The journal at ``path`` could not do ``operation``."""

    def __init__(self, message: str, *, path: str = "", operation: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.operation = operation


class PushException(NikDevError):
    """A push did not complete.

    ``retained_data`` is True while the commits are still queued (no connection, timeout, 5xx, 429) and
    False where the server refused the credentials or their write access: the commits left the queue
    and are set aside in the journal, from where ``Api.restore_rejected()`` brings them back.
    ``status`` is the HTTP status, where there was an answer; ``retry_after_s`` what the server asked to wait.
    """

    def __init__(
        self,
        message: str,
        retained_data: bool = True,  # noqa: FBT001, FBT002 - 0.5.5's signature
        *,
        hint: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retained_data = retained_data
        self.status = status
        self.retry_after_s = retry_after_s


class GetException(NikDevError):
    """Reading from the server did not work; ``status`` is the HTTP status, where there was an answer."""

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class WireError(NikDevError, ValueError):
    """Bytes or JSON that cannot be read; ``place`` says where in them."""

    def __init__(self, message: str, *, place: str = "", hint: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.place = place


class Damaged(WireError):
    """Altered or cut short on the way: a check value or a length does not agree."""


class Malformed(WireError):
    """Whole, but not in the format."""


class TooLarge(WireError):
    """Over a limit; ``limit`` is that limit, in the unit that the message names."""

    def __init__(self, message: str, *, limit: int, place: str = "", hint: str = "") -> None:
        super().__init__(message, place=place, hint=hint)
        self.limit = limit


class Unsupported(WireError):
    """A version, compression or kind that this side does not know."""
