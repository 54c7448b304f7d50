"""Last values as pages show them, field by field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts.fields import in_order, own_color, palette_places
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.storage.records import Field

from .figures import figure

__all__ = ["NUMBERS", "Tile", "tiles"]

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
    place: int
    """In the palette: it says the colour, as in the charts, unless the field has one of its own."""
    is_preview: bool = False
    """Whether it is shown ahead of its history, which is still on its way."""

    @property
    def name(self) -> str:
        """What people call the field."""
        return self.field.label or self.field.field_id

    @property
    def color(self) -> str:
        """`#rrggbb` where it is none of the palette's, else ''."""
        return own_color(self.field)

    @property
    def has_numbers(self) -> bool:
        """Whether a line can be drawn of it."""
        return bool(self.field.kinds & NUMBERS)


def tiles(fields: Sequence[Field], newest: Mapping[str, LatestValue], *, limit: int | None = None) -> list[Tile]:
    """Return those of all fields of a device that have a value and are not hidden, at most `limit`, in their order."""
    places = palette_places(fields)
    found = [
        Tile(
            field,
            figure(value.value, field.decimals),
            str(value.value) if not isinstance(value.value, bool) else figure(value.value),
            value.time_us,
            isinstance(value.value, float),
            places[field.field_id],
            value.is_preview,
        )
        for field in in_order(fields)
        if not field.hidden and (value := newest.get(field.field_id)) is not None
    ]
    if limit is not None and all(tile.field.position is None for tile in found):
        found.sort(key=lambda tile: not tile.has_numbers)  # with no order of their own, numbers say most
    return found[:limit]
