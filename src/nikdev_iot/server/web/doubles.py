"""Headers that say who asks must come once: of two, one reader may believe the first and another the last."""

from __future__ import annotations

from collections.abc import Iterable

from nikdev_iot.server.errors import Refused
from nikdev_iot.wire.headers import API_KEY, DEVICE_ID

__all__ = ["refuse_doubles"]

_ONCE = (DEVICE_ID.encode(), API_KEY.encode(), b"authorization")


def refuse_doubles(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise `Refused` where a header with credentials comes more than once; names are in lower case."""
    names = [name for name, _ in headers]
    for name in _ONCE:
        if names.count(name) > 1:
            raise Refused(f"The header {name.decode()} comes more than once.", hint="Nothing was done; send it once.")
