"""Last values as pages show them, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nikdev_iot.model.values import Kind
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.storage.records import Field

from .figures import figure

__all__ = ["NUMBERS", "Tile", "in_order", "tiles"]

NUMBERS = frozenset({Kind.INT, Kind.FLOAT})


@dataclass(frozen=True, slots=True)
class Tile:
    """One field, and its newest value."""

    field: Field
    text: str
    """As it is shown."""
    exact: str
    """As it was sent."""
    time_us: int
    is_float: bool

    @property
    def name(self) -> str:
        """What people call the field."""
        return self.field.label or self.field.field_id

    @property
    def has_numbers(self) -> bool:
        """Whether a line can be drawn of it."""
        return bool(self.field.kinds & NUMBERS)


def in_order(fields: Iterable[Field]) -> list[Field]:
    """Return the fields that are not hidden, as they are to stand: placed ones first, the rest by age."""
    shown = [field for field in fields if not field.hidden]
    return sorted(shown, key=lambda f: (f.position is None, f.position or 0, f.created_us, f.field_id))


def tiles(fields: Sequence[Field], newest: Mapping[str, LatestValue], *, limit: int | None = None) -> list[Tile]:
    """Return the fields that have a value, at most `limit`, in their order."""
    found = [
        Tile(
            field,
            figure(value.value, field.decimals),
            str(value.value) if not isinstance(value.value, bool) else figure(value.value),
            value.time_us,
            isinstance(value.value, float),
        )
        for field in in_order(fields)
        if (value := newest.get(field.field_id)) is not None
    ]
    return found[:limit]
