"""Single values: what `add_value` hands back, and the latest ones as `get` reads them from the server."""

from __future__ import annotations

TYPE_CHECKING = False  # this module comes with `Api`: what talks to the server is imported when it does
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nikdev_iot.model.values import Value

    from .transport import Transport

__all__ = ["FieldValue", "get_values"]


class FieldValue:
    """One value of one field; 0.5.5's `Value`."""

    __slots__ = ("field_id", "timestamp", "value")

    def __init__(self, field_id: str, value: Value | None = None, timestamp: int | None = None) -> None:
        self.field_id = field_id
        self.value = value
        """None where the field has no value yet."""
        self.timestamp = timestamp
        """Whole seconds since 1970-01-01 UTC by this device's clock; None for a value that was only added."""

    def __repr__(self) -> str:
        when = "" if self.timestamp is None else f", timestamp={self.timestamp}"
        return f"FieldValue({self.field_id!r}, {self.value!r}{when})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldValue):
            return NotImplemented
        return (self.field_id, self.value, self.timestamp) == (other.field_id, other.value, other.timestamp) and type(
            self.value
        ) is type(other.value)

    def __hash__(self) -> int:
        return hash((self.field_id, self.value, self.timestamp))


def get_values(transport: Transport, field_ids: str | Iterable[str] | None, *, now_us: int) -> list[FieldValue]:
    """Return the latest value of each field, all fields where `field_ids` is None.

    `now_us` is this device's clock: timestamps are given by it, as in 0.5.5, so that an age comes out right even where
    the two clocks differ.

    Raises:
        GetException: the server could not be asked, or said no.
        ValueRefused: something that is no Field ID.
    """
    from nikdev_iot.model.errors import GetException, WireError
    from nikdev_iot.wire.v1 import decode_latest

    from .answers import NotOurs
    from .asking import ask
    from .transport import path_segment

    wanted = checked_field_ids(field_ids)
    if wanted is not None and not wanted:
        return []
    named = ",".join(map(path_segment, wanted or ()))
    if named in {".", ".."}:
        named += "," + named  # alone, it would be read as a folder
    path = f"values/{named}"
    answer = ask(transport, path)
    try:
        server_time_us, found = decode_latest(answer.json())
    except (NotOurs, WireError):
        raise GetException(answer.not_ours(), status=answer.status) from None
    offset_s = _offset_s(now_us, server_time_us)
    by_field = {
        item.field_id: FieldValue(
            item.field_id, item.value, None if item.time_us is None else item.time_us // 1_000_000 + offset_s
        )
        for item in found
    }
    return list(by_field.values())


def _offset_s(now_us: int, server_time_us: int) -> int:
    """Return how far this device's clock is ahead of the server's, in whole seconds."""
    # The server says whole seconds, and its answer took a while: below 1.5 s a difference may be none at all.
    ahead_us = now_us - (server_time_us + 500_000)
    return 0 if abs(ahead_us) < 1_500_000 else round(ahead_us / 1_000_000)


def checked_field_ids(field_ids: str | Iterable[str] | None) -> list[str] | None:
    """Return the Field IDs asked for, each once, in order; a text may name several, between commas. None means all."""
    from nikdev_iot.model.values import check_field_id

    if field_ids is None:
        return None
    named = field_ids.split(",") if isinstance(field_ids, str) else field_ids
    return list(dict.fromkeys(check_field_id(field_id) for field_id in named))
