from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.made import made_device

from nikdev_iot.model.values import Kind
from nikdev_iot.server.dashboards.content import ChartTile, Content, GaugeTile, Place, Source, TextTile, ValueTile
from nikdev_iot.server.dashboards.dashboards import Scope
from nikdev_iot.server.query.latest import LatestValue
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.pages.dashboard_view import gauge_of, key_of, parse_key, show_tiles

ROOF, CELLAR = made_device(name="Roof"), made_device(name="Cellar")
PLACE = Place(0, 0, 3, 3)
FIELD_IDS = st.text(st.characters(exclude_characters=",/", exclude_categories=["C", "Z"]), min_size=1, max_size=64)


def field(device_id: uuid.UUID, name: str, **special: object) -> Field:
    return Field(device_id=device_id, field_id=name, kinds=frozenset({Kind.FLOAT}), created_us=1, **special)  # type: ignore[arg-type]


SCOPE = Scope(
    {ROOF.id: ROOF, CELLAR.id: CELLAR},
    {
        ROOF.id: {"t": field(ROOF.id, "t", label="Warmth", unit="°C", decimals=1)},
        CELLAR.id: {"t": field(CELLAR.id, "t"), "door": field(CELLAR.id, "door")},
    },
    {Source(ROOF.id, "t"): 4, Source(CELLAR.id, "t"): 4, Source(CELLAR.id, "door"): 5},
)
NEWEST = {ROOF.id: {"t": LatestValue(5, uuid.UUID(int=1), 1, 21.375)}}


def show(*tiles):
    return show_tiles(Content(tiles), SCOPE, NEWEST, silent_after_s={ROOF.id: 60})


@given(st.uuids(), FIELD_IDS)
def test_keys_are_read_again(device_id: uuid.UUID, name: str) -> None:
    assert parse_key(key_of(Source(device_id, name))) == Source(device_id, name)


@pytest.mark.parametrize("text", ["", "/", "a/b", f"{ROOF.id}", f"{ROOF.id}/", f"{{{ROOF.id}}}/t", f"{ROOF.id.hex}/t"])
def test_what_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_a_value_and_one_that_is_not_there_yet() -> None:
    there, not_yet = show(
        ValueTile(id="t1", place=PLACE, source=Source(ROOF.id, "t")),
        ValueTile(id="t2", place=PLACE, source=Source(CELLAR.id, "t"), title="Below"),
    )
    assert (there.title, there.device_name, there.text, there.exact) == ("Warmth", "Roof", "21.4", "21.375")
    assert (there.unit, there.time_us, there.silent_after_s, there.place) == ("°C", 5, 60, 4)
    assert (there.is_float, there.has_line, there.key) == (True, True, f"{ROOF.id}/t")
    assert (not_yet.title, not_yet.text, not_yet.time_us, not_yet.silent_after_s) == ("Below", "", None, None)


def test_what_is_gone_says_so() -> None:
    gone = uuid.UUID(int=9)
    device, name, chart = show(
        ValueTile(id="t1", place=PLACE, source=Source(gone, "t")),
        GaugeTile(id="t2", place=PLACE, source=Source(ROOF.id, "x")),
        ChartTile(id="t3", place=PLACE, sources=(Source(ROOF.id, "t"), Source(gone, "t"))),
    )
    assert device.troubles == ["The device of “t” is no longer there."]
    assert name.troubles == ["“Roof” has no field “x” any more."]
    assert chart.troubles == ["The device of “t” is no longer there."]
    assert chart.keys == f"{ROOF.id}/t"
    assert (device.key, name.key, chart.title) == ("", "", "Roof")


def test_charts_name_devices_where_there_are_several() -> None:
    one, two, text = show(
        ChartTile(id="t1", place=PLACE, sources=(Source(CELLAR.id, "door"),)),
        ChartTile(id="t2", place=PLACE, sources=(Source(ROOF.id, "t"), Source(CELLAR.id, "t"))),
        TextTile(id="t3", place=PLACE, title="Note", text="Hello"),
    )
    assert (one.title, one.lines[0]["label"], one.lines[0]["place"]) == ("Cellar", "door", 5)
    assert two.title == "Roof, Cellar"
    assert [line["label"] for line in two.lines] == ["Roof: Warmth", "Cellar: t"]
    assert [line["place"] for line in two.lines] == [0, 1]  # the same field, told apart
    assert [line["about"] for line in two.lines] == ["Roof: t", "Cellar: t"]  # and not what programs call them
    assert one.chart_height > 60
    assert (text.kind, text.title) == ("text", "Note")


def test_on_a_phone_an_odd_one_has_a_row_of_its_own() -> None:
    def small(number: int) -> ValueTile:
        return ValueTile(id=f"t{number}", place=PLACE, source=Source(ROOF.id, "t"))

    wide = TextTile(id="w", place=PLACE, text="")
    gauge = GaugeTile(id="g", place=PLACE, source=Source(ROOF.id, "t"))
    assert [one.is_alone for one in show(small(1), gauge, wide, small(2), small(3), small(4))] == [False] * 5 + [True]
    assert [one.is_alone for one in show(wide, small(1))] == [False, True]


def test_where_a_value_lies_on_a_gauge() -> None:
    tile = GaugeTile(id="t1", place=PLACE, source=Source(ROOF.id, "t"), min=-10, max=40, low=0, high=30)
    for value, at, word in ((15, 50, ""), (-20.5, 0, "too low"), (90, 100, "too high"), (30, 80, "")):
        gauge = gauge_of(tile, value)
        assert (gauge.at, gauge.word) == (at, word)
    assert (gauge.low, gauge.high, gauge.min, gauge.max) == (20, 80, "-10", "40")
    for value in (True, "warm", None, float("nan")):
        assert gauge_of(tile, value).at is None


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False), st.floats())
def test_a_gauge_of_any_scale_shows_any_value(one: float, other: float, value: float) -> None:
    low, high = sorted((one, other))
    if low / 2 == high / 2:
        return
    at = gauge_of(GaugeTile(id="t1", place=PLACE, source=Source(ROOF.id, "t"), min=low, max=high), value).at
    assert at is None or 0 <= at <= 100
