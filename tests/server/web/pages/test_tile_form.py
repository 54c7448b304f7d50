from __future__ import annotations

import uuid

import pytest

from nikdev_iot.server.dashboards.content import ChartTile, GaugeTile, Place, Source, TextTile, ValueTile
from nikdev_iot.server.web.pages.routing import Form
from nikdev_iot.server.web.pages.tile_form import KINDS, chosen_keys, kind_of, read_tile, typed_of

PLACE = Place(1, 2, 3, 4)
SOURCE = Source(uuid.UUID(int=1), "t")
TILES = [
    ValueTile(id="t1", place=PLACE, source=SOURCE, title="Warm"),
    GaugeTile(id="t1", place=PLACE, source=SOURCE, min=-1.5, max=1e6, low=0, high=None),
    ChartTile(id="t1", place=PLACE, sources=(SOURCE, Source(uuid.UUID(int=2), "ü b"))),
    TextTile(id="t1", place=PLACE, text="One\nTwo", title="Note"),
]


@pytest.mark.parametrize("tile", TILES, ids=list(KINDS))
def test_what_a_form_shows_of_a_tile_is_that_tile_when_it_is_sent(tile):
    pairs = [*typed_of(tile).items(), *(("source", key) for key in chosen_keys(None, tile))]
    form = Form(pairs)
    read = read_tile(form, kind=kind_of(tile), tile_id="t1", place=PLACE)
    assert (read.tile, dict(read.wrong)) == (tile, {})
    assert chosen_keys(form, None) == chosen_keys(None, tile)


def test_everything_wrong_is_said_at_once():
    read = read_tile(
        Form([("title", "\u0007"), ("low", "inf"), ("min", "1e999")]), kind="gauge", tile_id="t", place=PLACE
    )
    assert read.tile is None
    assert set(read.wrong) == {"title", "source", "low", "min", "max"}
    assert read_tile(Form([("text", "x" * 2_001)]), kind="text", tile_id="t", place=PLACE).wrong.keys() == {"text"}


def test_nothing_is_chosen_at_first():
    assert chosen_keys(None, None) == []
    assert chosen_keys(Form([("source", "nonsense")]), None) == []
