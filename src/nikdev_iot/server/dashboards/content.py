"""What is on a dashboard: tiles on a grid of 12 columns, as JSON that is checked, bounded and versioned. Pure."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import check_field_id
from nikdev_iot.server.errors import Invalid

__all__ = [
    "COLUMNS",
    "MAX_ROWS",
    "MAX_TILES",
    "RANGES",
    "SIZES",
    "ChartTile",
    "Content",
    "GaugeTile",
    "Place",
    "Source",
    "TextTile",
    "Tile",
    "ValueTile",
    "arranged",
    "new_tile_id",
    "read_content",
    "sources_of",
    "with_tile",
    "without_tile",
    "write_content",
]

COLUMNS = 12
MAX_TILES = 60
_MAX_BYTES = 128 * 1024
_MAX_HEIGHT = 24
MAX_ROWS = 240
"""Of all tiles: what `static/css/grid.css` has places for."""
_MAX_SOURCES = 8
RANGES = ("15m", "1h", "6h", "24h", "7d", "30d", "1y")
"""What a dashboard may show when it is opened."""

_Title: TypeAlias = Annotated[str, Meta(max_length=100)]
_Range: TypeAlias = Literal["15m", "1h", "6h", "24h", "7d", "30d", "1y"]


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """One field of one device."""

    device: uuid.UUID
    field: Annotated[str, Meta(min_length=1, max_length=64)]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a tile stands: columns from the left, rows from the top, and how many of each it takes."""

    x: Annotated[int, Meta(ge=0, le=COLUMNS - 1)]
    y: Annotated[int, Meta(ge=0, le=MAX_ROWS)]
    w: Annotated[int, Meta(ge=1, le=COLUMNS)]
    h: Annotated[int, Meta(ge=1, le=_MAX_HEIGHT)]


class _Tile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    id: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,12}\Z")]
    place: Place
    title: _Title = ""
    """'' for the name of what is shown."""


class ValueTile(_Tile, frozen=True, kw_only=True, tag="value"):
    """The latest value, large, with its unit, its age and a sparkline."""

    source: Source


class GaugeTile(_Tile, frozen=True, kw_only=True, tag="gauge"):
    """The latest value on a scale."""

    source: Source
    min: float = 0.0
    max: float = 100.0
    low: float | None = None
    """Below it, the value is too low."""
    high: float | None = None
    """Above it, the value is too high."""


class ChartTile(_Tile, frozen=True, kw_only=True, tag="chart"):
    """The course of some fields."""

    sources: Annotated[tuple[Source, ...], Meta(min_length=1, max_length=_MAX_SOURCES)]


class TextTile(_Tile, frozen=True, kw_only=True, tag="text"):
    """A few words."""

    text: Annotated[str, Meta(max_length=2_000)]


Tile: TypeAlias = ValueTile | GaugeTile | ChartTile | TextTile

SIZES: dict[type[Tile], tuple[int, int]] = {ValueTile: (3, 2), GaugeTile: (3, 3), ChartTile: (6, 4), TextTile: (3, 2)}
"""Columns and rows of a new tile."""


class Content(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything on a dashboard; `format` is that of this description."""

    tiles: Annotated[tuple[Tile, ...], Meta(max_length=MAX_TILES)] = ()
    range: _Range = "24h"
    """What its charts and sparklines show when it is opened; they share one range."""
    format: Literal[1] = 1


_decoder = msgspec.json.Decoder(Content)
_encoder = msgspec.json.Encoder()


def read_content(raw: str | bytes) -> Content:
    """Return the content that JSON describes, arranged; raises `Invalid` where it is none."""
    if len(raw) > _MAX_BYTES:
        raise Invalid(f"The dashboard is longer than {_MAX_BYTES // 1024} kB.", hint="Nothing was changed.")
    try:
        content = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"That is no dashboard ({error}).", hint="Nothing was changed.") from None
    if len({tile.id for tile in content.tiles}) < len(content.tiles):
        raise Invalid("Two tiles of the dashboard have the same id.", hint="Nothing was changed.")
    for tile in content.tiles:
        _check(tile)
    return _settled(content, content.tiles)


def write_content(content: Content) -> str:
    """Return what `read_content` reads."""
    return _encoder.encode(content).decode()


def _settled(content: Content, tiles: Iterable[Tile]) -> Content:
    """Return the content with these tiles, arranged."""
    done = arranged(tiles)
    if max((tile.place.y + tile.place.h for tile in done), default=0) > MAX_ROWS:
        raise Invalid(f"A dashboard has at most {MAX_ROWS} rows.", hint="Nothing was changed. Make another dashboard.")
    return msgspec.structs.replace(content, tiles=done)


def _check(tile: Tile) -> None:
    for source in sources_of(tile):
        try:
            check_field_id(source.field)
        except ValueRefused as error:
            raise Invalid(error.message, hint="Nothing was changed.") from None
    if isinstance(tile, GaugeTile):
        _check_gauge(tile)
    elif isinstance(tile, ChartTile) and len(set(tile.sources)) < len(tile.sources):
        raise Invalid("A chart has the same field twice.", hint="Nothing was changed.")


def _check_gauge(tile: GaugeTile) -> None:
    numbers = [number for number in (tile.min, tile.max, tile.low, tile.high) if number is not None]
    if not all(map(math.isfinite, numbers)):
        raise Invalid("The numbers of a gauge are finite.", hint="Nothing was changed.")
    if tile.min >= tile.max:
        raise Invalid("A gauge ends above where it begins.", hint="Give a maximum that is above the minimum.")
    if tile.low is not None and tile.high is not None and tile.low > tile.high:
        raise Invalid("Too high begins above too low.", hint="Give a number for too high that is not below too low.")


def sources_of(tile: Tile) -> tuple[Source, ...]:
    """Return the fields that a tile shows."""
    if isinstance(tile, ValueTile | GaugeTile):
        return (tile.source,)
    return tile.sources if isinstance(tile, ChartTile) else ()


def arranged(tiles: Iterable[Tile]) -> tuple[Tile, ...]:
    """Return the tiles with none over another and none hanging in the air, in reading order.

    Each, from the top left on, goes up as far as it can, and down where its place is taken. Doing so again changes
    nothing. `static/js/grid.js` does the same while a tile is dragged.
    """
    heights = [0] * COLUMNS
    done: list[Tile] = []
    for tile in sorted(tiles, key=lambda tile: (tile.place.y, tile.place.x, tile.id)):
        width = min(tile.place.w, COLUMNS)
        x = min(tile.place.x, COLUMNS - width)
        # Above the skyline there is nothing: whatever came before began higher up, or at its left.
        y = max(heights[x : x + width])
        heights[x : x + width] = [y + tile.place.h] * width
        done.append(msgspec.structs.replace(tile, place=Place(x, y, width, tile.place.h)))
    return tuple(sorted(done, key=lambda tile: (tile.place.y, tile.place.x)))


def with_tile(content: Content, tile: Tile) -> Content:
    """Return the content with this tile in the place of the one of its id, or behind all others.

    Raises:
        Invalid: there are too many tiles, or the tile cannot be.
    """
    _check(tile)
    if any(known.id == tile.id for known in content.tiles):
        return _settled(content, [tile if known.id == tile.id else known for known in content.tiles])
    if len(content.tiles) >= MAX_TILES:
        raise Invalid(f"A dashboard has at most {MAX_TILES} tiles.", hint="Nothing was added. Make another dashboard.")
    return _settled(content, [*content.tiles, _placed(content.tiles, tile)])


def _placed(tiles: Sequence[Tile], tile: Tile) -> Tile:
    """Return the tile in the first gap of the last rows, or below them."""
    width, height = SIZES[type(tile)]
    bottom = max((known.place.y + known.place.h for known in tiles), default=0)
    skyline = [0] * COLUMNS
    for known in tiles:
        place = known.place
        for column in range(place.x, min(COLUMNS, place.x + place.w)):
            skyline[column] = max(skyline[column], place.y + place.h)
    x, y = min(((x, max(skyline[x : x + width])) for x in range(COLUMNS - width + 1)), key=lambda at: (at[1], at[0]))
    if y >= bottom:
        x, y = 0, bottom
    return msgspec.structs.replace(tile, place=Place(x, y, width, height))


def without_tile(content: Content, tile_id: str) -> Content:
    """Return the content without a tile; the same where it is not there."""
    return _settled(content, [tile for tile in content.tiles if tile.id != tile_id])


def new_tile_id(content: Content) -> str:
    """Return an id that no tile of the content has."""
    used = {tile.id for tile in content.tiles}
    number = len(used) + 1
    while f"t{number}" in used:
        number += 1
    return f"t{number}"
