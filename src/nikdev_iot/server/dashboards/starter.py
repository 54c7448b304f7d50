"""A dashboard to begin with, made of all that a device has. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.records import Field

from .content import COLUMNS, SIZES, ChartTile, Place, Source, Tile, ValueTile

__all__ = ["starter_tiles"]

_MAX_VALUES = 12
_MAX_CHARTS = 6
_MAX_LINES = 4
_CHART_ROWS = 4
_NUMBERS = frozenset({Kind.INT, Kind.FLOAT})


def starter_tiles(device_id: uuid.UUID, fields: Sequence[Field]) -> tuple[Tile, ...]:
    """Return a tile for each of the first fields, and below them charts of what has the same unit."""
    shown = [field for field in fields if not field.hidden]
    tiles: list[Tile] = [
        ValueTile(id=f"v{number}", place=place, source=Source(device_id, field.field_id))
        for number, (field, place) in enumerate(zip(shown, _rows(min(len(shown), _MAX_VALUES)), strict=False))
    ]
    top = max((tile.place.y + tile.place.h for tile in tiles), default=0)
    groups = _groups([field for field in shown if field.kinds & _NUMBERS])[:_MAX_CHARTS]
    for number, group in enumerate(groups):
        is_alone = len(groups) % 2 == 1 and number == len(groups) - 1
        tiles.append(
            ChartTile(
                id=f"c{number}",
                place=Place(
                    0 if number % 2 == 0 else COLUMNS // 2,
                    top + number // 2 * _CHART_ROWS,
                    COLUMNS if is_alone else COLUMNS // 2,
                    _CHART_ROWS,
                ),
                sources=tuple(Source(device_id, field.field_id) for field in group),
            )
        )
    return tuple(tiles)


def _rows(count: int) -> list[Place]:
    """Return places in rows that are full, so that nothing goes up into them."""
    width, height = SIZES[ValueTile]
    if count < 2:
        return [Place(0, 0, width, height)] * count
    row_count = -(-count // (COLUMNS // width))
    places = []
    for row in range(row_count):
        in_row = count // row_count + (row < count % row_count)
        width = COLUMNS // in_row
        places += [Place(at * width, row * height, width, height) for at in range(in_row)]
    return places


def _groups(fields: Sequence[Field]) -> list[list[Field]]:
    """Return the fields that can share an axis; those without a unit stand alone."""
    groups: list[list[Field]] = []
    for field in fields:
        for group in groups:
            if field.unit and group[0].unit == field.unit and len(group) < _MAX_LINES:
                group.append(field)
                break
        else:
            groups.append([field])
    return groups
