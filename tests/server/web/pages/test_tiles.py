from __future__ import annotations

import uuid
from dataclasses import replace

from nikdev_iot.model.values import Kind, Value
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.pages.tiles import tiles

DEVICE = uuid.uuid4()


def _field(field_id: str, created_us: int, **special: object) -> Field:
    field = Field(device_id=DEVICE, field_id=field_id, kinds=frozenset({Kind.FLOAT}), created_us=created_us)
    return replace(field, **special)  # type: ignore[arg-type]


def _latest(value: Value) -> LatestValue:
    return LatestValue(5, DEVICE, 1, value)


def test_placed_fields_come_first_and_hidden_ones_not_at_all() -> None:
    fields = [
        _field("c", 3),
        _field("d", 4),
        _field("second", 9, position=1),
        _field("no", 1, position=2, hidden=True),
        _field("first", 9, position=0),
    ]
    found = tiles(fields, {field.field_id: _latest(1) for field in fields})
    assert [(tile.name, tile.place) for tile in found] == [("first", 3), ("second", 4), ("c", 1), ("d", 2)]


def test_a_tile_is_a_field_with_a_value() -> None:
    fields = [_field("t", 1, label="Temperature", decimals=1), _field("none", 2), _field("on", 3), _field("x", 4)]
    newest = {"t": _latest(21.456), "on": _latest(True), "x": _latest(7), "gone": _latest(1)}
    found = tiles(fields, newest)
    assert [(t.name, t.text, t.exact, t.is_float) for t in found] == [
        ("Temperature", "21.5", "21.456", True),
        ("on", "true", "true", False),
        ("x", "7", "7", False),
    ]
    assert [tile.name for tile in tiles(fields, newest, limit=2)] == ["Temperature", "on"]


def test_a_line_is_drawn_of_numbers_alone() -> None:
    fields = [_field("t", 1), _field("s", 2, kinds=frozenset({Kind.TEXT, Kind.BOOL}))]
    assert [tile.has_numbers for tile in tiles(fields, {"t": _latest(1), "s": _latest("a")})] == [True, False]
