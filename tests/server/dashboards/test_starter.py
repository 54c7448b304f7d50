from __future__ import annotations

import uuid

from nikdev_iot.model.values import Kind
from nikdev_iot.server.dashboards.content import ChartTile, ValueTile, arranged
from nikdev_iot.server.dashboards.starter import starter_tiles
from nikdev_iot.server.storage.records import Field

DEVICE = uuid.UUID(int=1)


def field(name: str, unit: str = "", kind: Kind = Kind.FLOAT, **special: object) -> Field:
    return Field(device_id=DEVICE, field_id=name, kinds=frozenset({kind}), unit=unit, created_us=1, **special)  # type: ignore[arg-type]


def test_a_value_each_and_a_chart_for_what_shares_a_unit() -> None:
    fields = [
        field("inside", "°C"),
        field("humidity", "%"),
        field("outside", "°C"),
        field("door", kind=Kind.BOOL),
        field("secret", hidden=True),
        field("count"),
        field("rounds"),
    ]
    tiles = starter_tiles(DEVICE, fields)
    values = [tile.source.field for tile in tiles if isinstance(tile, ValueTile)]
    assert values == ["inside", "humidity", "outside", "door", "count", "rounds"]
    charts = [[source.field for source in tile.sources] for tile in tiles if isinstance(tile, ChartTile)]
    assert charts == [["inside", "outside"], ["humidity"], ["count"], ["rounds"]]
    assert arranged(tiles) == tiles  # they stand as they are


def test_a_last_chart_alone_is_wide_and_many_fields_are_too_many() -> None:
    tiles = starter_tiles(DEVICE, [field("a")])
    assert [(tile.place.w, tile.place.h) for tile in tiles] == [(3, 2), (12, 4)]
    many = starter_tiles(DEVICE, [field(f"f{number}") for number in range(50)])
    assert len(many) == 18
    assert arranged(many) == many
    assert starter_tiles(DEVICE, []) == ()
