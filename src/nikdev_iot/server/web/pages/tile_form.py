"""The form of a tile: what was typed, to a tile, or to words beside each field that is wrong. Pure."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from nikdev_iot.server.accounts.texts import check_text
from nikdev_iot.server.dashboards.content import (
    ChartTile,
    GaugeTile,
    Place,
    Source,
    TextTile,
    Tile,
    ValueTile,
    sources_of,
)
from nikdev_iot.server.errors import Invalid

from .dashboard_view import key_of, parse_key
from .routing import Form

__all__ = ["KINDS", "ReadTile", "chosen_keys", "kind_of", "read_tile", "typed_of"]

KINDS = {
    "value": "Single value",
    "gauge": "Gauge",
    "chart": "Chart",
    "text": "Text",
}
_MAX_TEXT = 2_000
_MAX_SOURCES = 8
_NOTHING = Source(uuid.UUID(int=0), "-")


@dataclass(frozen=True, slots=True)
class ReadTile:
    """What a form says."""

    tile: Tile | None
    """None where something is wrong."""
    wrong: Mapping[str, str]
    """By the name of the field: what is wrong with it."""


def kind_of(tile: Tile) -> str:
    """Return which of `KINDS` a tile is."""
    return {ValueTile: "value", GaugeTile: "gauge", ChartTile: "chart", TextTile: "text"}[type(tile)]


def typed_of(tile: Tile) -> dict[str, str]:
    """Return what stands in the form of a tile that is there; its fields are in `sources_of`."""
    typed = {"title": tile.title}
    if isinstance(tile, GaugeTile):
        for name in ("min", "max", "low", "high"):
            number = getattr(tile, name)
            typed[name] = "" if number is None else f"{number:g}"
    elif isinstance(tile, TextTile):
        typed["text"] = tile.text
    return typed


def read_tile(form: Form, *, kind: str, tile_id: str, place: Place) -> ReadTile:
    """Return the tile that a form describes."""
    wrong: dict[str, str] = {}
    try:
        title = check_text(form.text("title"), what="The title", empty=True)
    except Invalid as error:
        title, wrong["title"] = "", str(error)
    tile: Tile | None
    if kind == "text":
        tile = TextTile(id=tile_id, place=place, title=title, text=_text(form, wrong))
    else:
        sources = _sources(form)
        if not sources:
            wrong["source"] = "Choose at least one field." if kind == "chart" else "Choose a field."
            sources = [_NOTHING]
        if kind == "chart":
            if len(sources) > _MAX_SOURCES:
                wrong["source"] = f"You chose {len(sources)} fields; a chart shows {_MAX_SOURCES} at most."
            tile = ChartTile(id=tile_id, place=place, title=title, sources=tuple(sources))
        elif kind == "gauge":
            tile = _gauge(form, wrong, GaugeTile(id=tile_id, place=place, title=title, source=sources[0]))
        else:
            tile = ValueTile(id=tile_id, place=place, title=title, source=sources[0])
    return ReadTile(None if wrong else tile, wrong)


def _text(form: Form, wrong: dict[str, str]) -> str:
    text = form.get("text", "").replace("\r\n", "\n").strip()
    if not text:
        wrong["text"] = "Write something."
    elif len(text) > _MAX_TEXT:
        wrong["text"] = f"It has {len(text)} characters; the longest has {_MAX_TEXT}."
    return text


def _gauge(form: Form, wrong: dict[str, str], tile: GaugeTile) -> GaugeTile:
    low, high = _number(form, "low", wrong), _number(form, "high", wrong)
    least, most = _number(form, "min", wrong), _number(form, "max", wrong)
    for name, number in (("min", least), ("max", most)):
        if number is None:
            wrong.setdefault(name, "Write a number.")
    if least is None or most is None:
        return tile
    if least >= most:
        wrong["max"] = "The scale has to end above where it begins."
    if low is not None and high is not None and low > high:
        wrong["high"] = "This is below “too low below”."
    return msgspec.structs.replace(tile, min=least, max=most, low=low, high=high)


def _sources(form: Form) -> list[Source]:
    found = [source for text in form.all("source") if (source := parse_key(text)) is not None]
    return list(dict.fromkeys(found))


def _number(form: Form, name: str, wrong: dict[str, str]) -> float | None:
    text = form.text(name).replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        wrong[name] = "This is not a number."
        return None
    return number


def chosen_keys(form: Form | None, tile: Tile | None) -> list[str]:
    """Return the fields that are chosen: as typed, or else as the tile has them."""
    if form is not None:
        return [key_of(source) for source in _sources(form)]
    return [] if tile is None else [key_of(source) for source in sources_of(tile)]
