from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.dashboards.content import (
    COLUMNS,
    MAX_TILES,
    SIZES,
    ChartTile,
    Content,
    GaugeTile,
    Place,
    Source,
    TextTile,
    Tile,
    ValueTile,
    arranged,
    new_tile_id,
    read_content,
    sources_of,
    with_tile,
    without_tile,
    write_content,
)
from nikdev_iot.server.errors import Invalid

DEVICE = uuid.UUID(int=1)
SOURCE = Source(DEVICE, "temperature")
PLACE = Place(0, 0, 3, 2)


def text(number: int, x: int, y: int, w: int, h: int) -> TextTile:
    return TextTile(id=f"t{number}", place=Place(x, y, w, h), text="")


places = st.builds(Place, st.integers(0, 11), st.integers(0, 30), st.integers(1, 12), st.integers(1, 24))
boards = st.lists(places, max_size=12).map(
    lambda found: tuple(TextTile(id=f"t{n}", place=place, text="") for n, place in enumerate(found))
)


@given(boards)
def test_arranged_tiles_are_side_by_side(tiles: tuple[Tile, ...]) -> None:
    done = arranged(tiles)
    assert {tile.id for tile in done} == {tile.id for tile in tiles}
    taken: set[tuple[int, int]] = set()
    for tile in done:
        place = tile.place
        cells = {(x, y) for x in range(place.x, place.x + place.w) for y in range(place.y, place.y + place.h)}
        assert max(x for x, _ in cells) < COLUMNS
        assert not cells & taken
        # Nothing hangs in the air: something is right above it, or the top is.
        taken |= cells
    for tile in done:
        place = tile.place
        above = {(x, place.y - 1) for x in range(place.x, place.x + place.w)}
        assert place.y == 0 or above & taken
    assert arranged(done) == done
    assert list(done) == sorted(done, key=lambda tile: (tile.place.y, tile.place.x))


def test_a_tile_pushes_down_what_it_covers() -> None:
    done = arranged([text(1, 0, 0, 6, 2), text(2, 6, 1, 6, 2), text(3, 3, 1, 4, 1)])
    assert {tile.id: (tile.place.x, tile.place.y) for tile in done} == {"t1": (0, 0), "t2": (6, 3), "t3": (3, 2)}


tiles_of_all_kinds = (
    ValueTile(id="t1", place=PLACE, source=SOURCE, title="Cellar"),
    GaugeTile(id="t2", place=Place(3, 0, 3, 3), source=SOURCE, min=-40, max=60.5, low=0, high=35),
    ChartTile(id="t3", place=Place(6, 0, 6, 4), sources=(SOURCE, Source(uuid.UUID(int=2), "°C at all"))),
    TextTile(id="t4", place=Place(0, 3, 3, 2), text="Ring Ada.\n☎ 12"),
)


def test_what_is_written_is_read() -> None:
    content = Content(arranged(tiles_of_all_kinds))
    assert read_content(write_content(content)) == content
    assert read_content(write_content(Content())) == Content()


def test_what_a_tile_shows() -> None:
    assert [len(sources_of(tile)) for tile in tiles_of_all_kinds] == [1, 1, 2, 0]


def tile_json(**special: Any) -> dict[str, Any]:
    return {
        "kind": "value",
        "id": "t1",
        "place": {"x": 0, "y": 0, "w": 3, "h": 2},
        "source": {"device": str(DEVICE), "field": "temperature"},
        **special,
    }


def gauge(**special: Any) -> dict[str, Any]:
    return tile_json(kind="gauge", **special)


@pytest.mark.parametrize(
    "tiles",
    [
        pytest.param([tile_json(kind="script")], id="unknown kind"),
        pytest.param([tile_json(html="<b>")], id="unknown key"),
        pytest.param([tile_json(id="T 1")], id="id"),
        pytest.param([tile_json(id="t1\n")], id="id with a line end"),
        pytest.param([tile_json(), tile_json()], id="id twice"),
        pytest.param([tile_json(place={"x": 12, "y": 0, "w": 1, "h": 1})], id="beyond the columns"),
        pytest.param([tile_json(place={"x": 0, "y": -1, "w": 1, "h": 1})], id="above the top"),
        pytest.param([tile_json(place={"x": 0, "y": 0, "w": 0, "h": 1})], id="no width"),
        pytest.param([tile_json(place={"x": 0, "y": 0, "w": 1, "h": 25})], id="too high"),
        pytest.param([tile_json(title="x" * 101)], id="long title"),
        pytest.param([tile_json(source={"device": "1", "field": "a"})], id="no UUID"),
        pytest.param([tile_json(source={"device": str(DEVICE), "field": "a,b"})], id="no Field ID"),
        pytest.param(
            [tile_json(id=f"t{n}", place={"x": 0, "y": 0, "w": 12, "h": 24}) for n in range(11)], id="too long"
        ),
        pytest.param([gauge(min=5, max=5)], id="empty scale"),
        pytest.param([gauge(low=9, high=8)], id="crossed thresholds"),
        pytest.param([tile_json(id=f"t{n}") for n in range(MAX_TILES + 1)], id="too many"),
    ],
)
def test_what_is_no_dashboard_is_refused(tiles: list[dict[str, Any]]) -> None:
    with pytest.raises(Invalid):
        read_content(json.dumps({"tiles": tiles}))


@pytest.mark.parametrize(
    "raw", ["", "[]", "{", '{"format": 2}', '{"range": "2h"}', '{"tiles": 5}', "[" * 100_000, " " * 200_000, b"\xff"]
)
def test_what_is_no_json_of_ours_is_refused(raw: str | bytes) -> None:
    with pytest.raises(Invalid):
        read_content(raw)


def test_infinite_numbers_are_refused() -> None:
    tile = GaugeTile(id="t1", place=PLACE, source=SOURCE, max=float("inf"))
    with pytest.raises(Invalid, match="finite"):
        with_tile(Content(), tile)


def test_a_chart_has_each_field_once() -> None:
    with pytest.raises(Invalid, match="twice"):
        with_tile(Content(), ChartTile(id="t1", place=PLACE, sources=(SOURCE, SOURCE)))


def test_new_tiles_fill_the_last_row_and_begin_another() -> None:
    content = Content()
    for _ in range(5):
        content = with_tile(content, ValueTile(id=new_tile_id(content), place=PLACE, source=SOURCE))
    places = [(tile.place.x, tile.place.y) for tile in content.tiles]
    assert places == [(0, 0), (3, 0), (6, 0), (9, 0), (0, 2)]
    assert all((tile.place.w, tile.place.h) == SIZES[ValueTile] for tile in content.tiles)


def test_a_tile_is_changed_in_its_place_and_taken_away() -> None:
    content = read_content(write_content(Content(tiles_of_all_kinds)))
    changed = with_tile(content, msgspec.structs.replace(content.tiles[0], title="New"))
    assert [tile.title for tile in changed.tiles] == ["New", "", "", ""]
    assert [tile.id for tile in without_tile(changed, "t3").tiles] == ["t1", "t2", "t4"]
    assert without_tile(changed, "nobody") == changed


def test_there_are_so_many_tiles_at_most() -> None:
    content = Content(arranged(text(n, 0, n, 1, 1) for n in range(MAX_TILES)))
    with pytest.raises(Invalid, match="at most"):
        with_tile(content, TextTile(id="new", place=PLACE, text=""))
    assert new_tile_id(content) not in {tile.id for tile in content.tiles}
