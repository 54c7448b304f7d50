"""A commit: the values locked together at one time."""

from __future__ import annotations

from .frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import uuid
    from typing import Any

    from .digests import DIGEST_BYTES, commit_digest, derive_origin
    from .values import Value

__all__ = ["DIGEST_BYTES", "Commit", "Gap", "Receipt", "commit_digest", "derive_origin"]

_set = object.__setattr__


def __getattr__(name: str) -> Any:
    # Digests bring OpenSSL, for which a device that only commits has no use.
    if name in {"DIGEST_BYTES", "commit_digest", "derive_origin"}:
        from . import digests

        return getattr(digests, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Receipt(Frozen):
    """What `commit` returns once the commit is on disk."""

    __slots__ = __match_args__ = ("number", "origin", "time_us")

    number: int
    """The commit's number in its origin, from 1."""
    origin: uuid.UUID
    time_us: int
    """When, in µs UTC, by this device's clock."""

    def __init__(self, number: int, origin: uuid.UUID, time_us: int) -> None:
        _set(self, "number", number)
        _set(self, "origin", origin)
        _set(self, "time_us", time_us)


class Commit(Frozen):
    """The values of one device, locked together at one time."""

    __slots__ = __match_args__ = ("number", "time_us", "values", "message", "shift_us", "uncertain")

    number: int
    time_us: int
    """As the device recorded it, µs UTC."""
    values: tuple[tuple[str, Value], ...]
    """(Field ID, value), each field once, in the order they were staged."""
    message: str | None
    shift_us: int
    """What a later, better clock adds to `time_us`."""
    uncertain: bool
    """True where the device's clock was not known to be right and could not be repaired."""

    def __init__(  # noqa: PLR0917 - the order is part of the interface
        self,
        number: int,
        time_us: int,
        values: tuple[tuple[str, Value], ...],
        message: str | None = None,
        shift_us: int = 0,
        uncertain: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> None:
        _set(self, "number", number)
        _set(self, "time_us", time_us)
        _set(self, "values", values)
        _set(self, "message", message)
        _set(self, "shift_us", shift_us)
        _set(self, "uncertain", uncertain)

    @property
    def effective_time_us(self) -> int:
        """The time that counts, µs UTC: as recorded, plus the correction."""
        return self.time_us + self.shift_us


class Gap(Frozen):
    """Commit numbers of an origin that will never come, declared as such with the reason."""

    __slots__ = __match_args__ = ("first", "count", "reason")

    first: int
    count: int
    reason: str

    def __init__(self, first: int, count: int, reason: str) -> None:
        _set(self, "first", first)
        _set(self, "count", count)
        _set(self, "reason", reason)

    @property
    def last(self) -> int:
        """The last number of the gap."""
        return self.first + self.count - 1
