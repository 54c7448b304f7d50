"""What the tiles of a dashboard show, made for templates. Pure."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from nikdev_iot.server.accounts.fields import own_color
from nikdev_iot.server.dashboards.content import (
    ChartTile,
    Content,
    GaugeTile,
    Source,
    TextTile,
    Tile,
    ValueTile,
    sources_of,
)
from nikdev_iot.server.dashboards.dashboards import Scope
from nikdev_iot.server.query.latest import LatestValue

from .figures import figure
from .tiles import NUMBERS

__all__ = ["Gauge", "Shown", "gauge_of", "key_of", "parse_key", "show_tiles"]

Newest = Mapping[uuid.UUID, Mapping[str, LatestValue]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Where a value lies on its scale, in hundredths of it."""

    min: str
    max: str
    low: float | None
    """Where too low ends."""
    high: float | None
    """Where too high begins."""
    at: float | None
    """None where there is no number."""
    word: str
    """`too low`, `too high`, or nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One tile."""

    tile: Tile
    kind: str
    title: str
    device_id: uuid.UUID | None = None
    """The one device that it is about; None where there are several, or it is not there."""
    device_name: str = ""
    troubles: list[str] = field(default_factory=list)
    """What cannot be shown, and why, in sentences."""
    key: str = ""
    """Of a single value: as in `key_of`."""
    text: str = ""
    exact: str = ""
    unit: str = ""
    color: str = ""
    time_us: int | None = None
    """None where there is no value yet."""
    silent_after_s: int | None = None
    decimals: int | None = None
    is_float: bool = False
    place: int = 0
    """Of the field among those of its device: its colour."""
    has_line: bool = False
    """Whether a sparkline can be drawn."""
    gauge: Gauge | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)
    """Of a chart: the fields as its element takes them."""
    is_alone: bool = False
    """Whether it has no neighbour on a phone, where small tiles stand two abreast."""

    @property
    def chart_height(self) -> int:
        """How high the plot may be, in px, for all of the chart to have room in its tile."""
        rows: int = self.tile.place.h
        lanes = len([line for line in self.lines if line["kind"] != "number"])
        above = 20 + (18 if self.device_name and self.device_name != self.title else 0) + 18 * len(self.troubles)
        return max(60, 84 * rows - 12 - above - 72 - 46 * lanes)

    @property
    def keys(self) -> str:
        """Of a chart: all its keys."""
        return ",".join(str(line["id"]) for line in self.lines)


def key_of(source: Source) -> str:
    """Return how addresses and live events of dashboards name a field of a device: a Field ID has no slash."""
    return f"{source.device}/{source.field}"


def parse_key(text: str) -> Source | None:
    """Undo `key_of`; None for what is none."""
    device, slash, name = text.partition("/")
    try:
        return Source(uuid.UUID(device), name) if slash and name and len(device) == 36 else None
    except ValueError:
        return None


def gauge_of(tile: GaugeTile, value: object) -> Gauge:
    """Return where a value lies on a gauge's scale."""

    def place(number: float | None) -> float | None:
        if number is None:
            return None
        # Halved, so that a scale over all floats does not overflow.
        part = (number / 2 - tile.min / 2) / (tile.max / 2 - tile.min / 2)
        return round(100 * min(1.0, max(0.0, part)), 2)

    number = None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
    word = ""
    if number is not None and tile.low is not None and number < tile.low:
        word = "too low"
    elif number is not None and tile.high is not None and number > tile.high:
        word = "too high"
    return Gauge(
        min=f"{tile.min:g}",
        max=f"{tile.max:g}",
        low=place(tile.low),
        high=place(tile.high),
        at=place(number),
        word=word,
    )


def show_tiles(
    content: Content, scope: Scope, newest: Newest, *, silent_after_s: Mapping[uuid.UUID, int]
) -> list[Shown]:
    """Return the tiles in reading order."""
    shown = [_show(tile, scope, newest, silent_after_s) for tile in content.tiles]
    made: list[Shown] = []
    for is_small, run in groupby(shown, key=lambda one: isinstance(one.tile, ValueTile | GaugeTile)):
        tiles = list(run)
        if is_small and len(tiles) % 2:
            tiles[-1] = replace(tiles[-1], is_alone=True)
        made += tiles
    return made


def _show(tile: Tile, scope: Scope, newest: Newest, silent_after_s: Mapping[uuid.UUID, int]) -> Shown:
    if isinstance(tile, TextTile):
        return Shown(tile=tile, kind="text", title=tile.title)
    troubles = [trouble for source in sources_of(tile) if (trouble := _trouble(source, scope))]
    if isinstance(tile, ChartTile):
        return _show_chart(tile, scope, troubles)
    source = tile.source
    kind = "gauge" if isinstance(tile, GaugeTile) else "value"
    device = scope.devices.get(source.device)
    device_id, device_name = (device.id, device.name) if device else (None, "")
    if troubles:
        title = tile.title or source.field
        return Shown(tile=tile, kind=kind, title=title, device_id=device_id, device_name=device_name, troubles=troubles)
    known = scope.fields[source.device][source.field]
    latest = newest.get(source.device, {}).get(source.field)
    value = None if latest is None else latest.value
    return Shown(
        tile=tile,
        kind=kind,
        title=tile.title or known.label or known.field_id,
        device_id=device_id,
        device_name=device_name,
        key=key_of(source),
        text="" if value is None else figure(value, known.decimals)[:200],
        exact="" if value is None else str(value)[:500],
        unit=known.unit,
        color=own_color(known),
        time_us=None if latest is None else latest.time_us,
        silent_after_s=silent_after_s.get(source.device),
        decimals=known.decimals,
        is_float=isinstance(value, float),
        place=scope.places[source],
        has_line=kind == "value" and bool(known.kinds & NUMBERS),
        gauge=gauge_of(tile, value) if isinstance(tile, GaugeTile) else None,
    )


def _show_chart(tile: ChartTile, scope: Scope, troubles: list[str]) -> Shown:
    found = [source for source in tile.sources if scope.holds(source)]
    devices = {source.device for source in tile.sources}
    only = next(iter(devices)) if len(devices) == 1 else None
    device = None if only is None else scope.devices.get(only)
    lines: list[dict[str, Any]] = []
    for source in found:
        known = scope.fields[source.device][source.field]
        name = known.label or known.field_id
        if len(devices) > 1:
            name = f"{scope.devices[source.device].name}: {name}"
        lines.append(
            {
                "id": key_of(source),
                "label": name,
                "about": f"{scope.devices[source.device].name}: {known.field_id}",
                "unit": known.unit,
                "color": own_color(known),
                "decimals": known.decimals,
                "kind": _kind(known.kinds),
                # Several devices with the same field are told apart by colour; else it is the field's own.
                "place": scope.places[source] if len(devices) == 1 else len(lines),
            }
        )
    # The legend names the fields; what is left to say is whose they are.
    names = dict.fromkeys(scope.devices[s.device].name for s in tile.sources if s.device in scope.devices)
    title = tile.title or ", ".join(names) or ", ".join(source.field for source in tile.sources)
    return Shown(
        tile=tile,
        kind="chart",
        title=title,
        device_id=device.id if device else None,
        device_name=device.name if device else "",
        troubles=troubles,
        lines=lines,
    )


def _kind(kinds: frozenset[Any]) -> str:
    has_numbers, has_states = bool(kinds & NUMBERS), bool(kinds - NUMBERS)
    return "mixed" if has_numbers and has_states else "state" if has_states else "number"


def _trouble(source: Source, scope: Scope) -> str:
    device = scope.devices.get(source.device)
    if device is None:
        return f"The device of “{source.field}” is no longer there."
    if not scope.holds(source):
        return f"“{device.name}” has no field “{source.field}” any more."
    return ""
