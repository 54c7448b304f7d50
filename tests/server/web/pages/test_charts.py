"""What the page of charts begins with."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from tests.server.web.whole_app import Site

from nikdev_iot.model.values import Kind
from nikdev_iot.server.accounts.fields import in_order
from nikdev_iot.server.storage.records import Field
from nikdev_iot.server.web.pages.charts import ChartView, chart_view, described
from nikdev_iot.server.web.pages.ranges import QUICK_RANGES

NOW_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000
DEVICE = uuid.UUID(int=7)


def _field(name: str, *kinds: Kind, **more: object) -> Field:
    return Field(device_id=DEVICE, field_id=name, kinds=frozenset(kinds or {Kind.FLOAT}), created_us=0, **more)  # type: ignore[arg-type]


def _view(query: Mapping[str, str], *fields: Field, newest_us: int | None = NOW_US) -> ChartView:
    return chart_view(device_id=DEVICE, name="Balcony", fields=fields, query=query, now_us=NOW_US, newest_us=newest_us)


def _asked(view: ChartView) -> dict[str, str]:
    assert view.first is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(view.first).query).items()}


def test_fields_stand_by_their_position_and_then_as_they_were_made() -> None:
    fields = [_field("a"), _field("b", position=2), _field("c"), _field("d", position=1)]
    assert [field.field_id for field in in_order(fields)] == ["d", "b", "a", "c"]


def test_a_field_is_described_with_what_it_is_called_and_looks_like() -> None:
    known = described(
        [
            _field("t", Kind.INT, Kind.FLOAT, label="Outside", unit="°C", color="#123456", decimals=1),
            _field("door", Kind.BOOL),
            _field("odd", Kind.TEXT, Kind.INT, hidden=True),
            _field("new", position=0),
        ]
    )
    assert [field["place"] for field in known] == [1, 3, 0, 2]  # by age, which here is by name
    assert [field["id"] for field in known] == ["new", "t", "door", "odd"]
    assert [field["kind"] for field in known] == ["number", "number", "state", "mixed"]
    assert known[1] == {
        "id": "t",
        "label": "Outside",
        "unit": "°C",
        "color": "#123456",
        "decimals": 1,
        "kind": "number",
        "hidden": False,
        "place": 3,
    }
    assert known[2]["label"] == "door"
    assert known[3]["hidden"]


def test_the_last_day_of_the_first_fields_is_shown() -> None:
    view = _view({}, *(_field(f"f{n:02}", hidden=n == 1) for n in range(12)))
    assert view.span.name == "24h"
    assert view.shown == ["f00", *(f"f{n:02}" for n in range(2, 9))]
    assert view.layout == "each"
    assert _asked(view) == {
        "fields": ",".join(view.shown),
        "start_us": str(NOW_US - DAY_US),
        "end_us": str(NOW_US),
        "points": "400",
    }


def test_a_device_that_is_silent_shows_its_last_day_with_the_newest_value_inside() -> None:
    newest_us = NOW_US - 30 * DAY_US + 123
    view = _view({}, _field("a"), newest_us=newest_us)
    asked = _asked(view)
    assert int(asked["start_us"]) < newest_us < int(asked["end_us"])
    assert int(asked["end_us"]) - int(asked["start_us"]) == DAY_US
    assert re.fullmatch(r"[\dT:-]+Z/[\dT:-]+Z", view.span.name)


@pytest.mark.parametrize("name", sorted(QUICK_RANGES))
def test_every_quick_range_can_be_asked_for(name: str) -> None:
    view = _view({"range": name}, _field("a"), newest_us=0)
    length_us = QUICK_RANGES[name][1]
    assert view.span.name == name
    if length_us is None:
        assert view.first is None
    else:
        assert int(_asked(view)["start_us"]) == NOW_US - length_us


def test_the_address_says_range_fields_and_layout() -> None:
    fields = [_field("a"), _field("b:ä&c"), _field("c")]
    query = {
        "from": "2026-01-02T03:04:05Z",
        "to": "2026-01-02T03:04:05.5Z",
        "fields": "c,b:ä&c,gone,c",
        "layout": "overlay",
    }
    view = _view(query, *fields)
    assert view.span.name == "2026-01-02T03:04:05Z/2026-01-02T03:04:05.500000Z"
    assert view.shown == ["c", "b:ä&c"]
    assert view.panels == ["overlay"]
    assert view.first is not None
    assert "fields=c,b%3A%C3%A4%26c&" in view.first
    assert unquote(_asked(view)["fields"]) == "c,b:ä&c"


@pytest.mark.parametrize(
    "query",
    [
        {"range": "9h"},
        {"from": "2026-01-02T03:04:05Z"},
        {"from": "yesterday", "to": "today"},
        {"from": "2026-01-02T03:04:05", "to": "2026-01-03T03:04:05"},
        {"from": "2026-01-03T03:04:05Z", "to": "2026-01-02T03:04:05Z"},
        {"layout": "sideways"},
    ],
)
def test_an_address_of_no_sense_shows_the_last_day(query: Mapping[str, str]) -> None:
    view = _view(query, _field("a"))
    assert view.span.name == "24h"
    assert view.layout == "each"


def test_room_is_kept_for_what_comes() -> None:
    fields = [_field("a"), _field("b"), _field("door", Kind.BOOL), _field("odd", Kind.TEXT, Kind.INT)]
    assert _view({}, *fields).panels == ["plot", "plot", "plot", "lane", "lane"]
    assert _view({"layout": "overlay"}, *fields).panels == ["overlay", "lane", "lane"]
    assert _view({"fields": "door"}, *fields).panels == ["lane"]
    places = [_field("GPS_Lat"), _field("gps_lng"), _field("latency"), _field("x.lat")]
    assert _view({}, *places).panels == ["map", "plot", "plot"]
    assert _view({"fields": ""}, *fields).first is None


def test_another_source_is_asked_where_there_is_one() -> None:
    view = chart_view(
        device_id=DEVICE,
        name="",
        fields=[_field("a")],
        query={},
        now_us=NOW_US,
        newest_us=None,
        source="/shared/x/series",
    )
    assert view.first is not None
    assert view.first.startswith("/shared/x/series?fields=a&")


def _page(site: Site, path: str, session: Mapping[str, str]) -> str:
    token = session["authorization"].removeprefix("Bearer ")
    answer = site.get(path, {"cookie": f"nikdev_session={token}"})
    assert answer.status == 200
    return answer.body.decode()


def test_the_page_begins_to_load_before_its_scripts_run(site: Site) -> None:
    account = site.new_account()
    device = site.new_device(account, name='A "device" </script>')
    site.push(site.new_key(device), [(site.clock.now_us - 1000, {"a<script>": 1.5, "b": True})])
    text = _page(site, f"/admin/devices/{device}/charts", site.new_session(account))
    (first,) = re.findall(r'<link rel="preload" as="fetch" crossorigin href="([^"]+)">', text)
    assert f'first="{first}"' in text
    assert first.startswith(f"/admin/devices/{device}/series?fields=a%3Cscript%3E,b&amp;start_us=")
    (data,) = re.findall(r'<script type="application/json" class="fields">(.*?)</script>', text)
    assert [field["id"] for field in json.loads(data)] == ["a<script>", "b"]
    for module in re.findall(r'<link rel="modulepreload" href="([^"]+)">', text):
        assert site.get(module).status == 200


def test_a_device_without_values_is_told_how_to_get_some(site: Site) -> None:
    account = site.new_account()
    device = site.new_device(account)
    text = _page(site, f"/admin/devices/{device}/charts", site.new_session(account))
    assert "No value yet" in text
    assert "<nikdev-chart" not in text
