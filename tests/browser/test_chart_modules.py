"""The pure parts of the charts, called in the browser that runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser
from tests.browser.chromium import new_page
from tests.servers import RunningServer

from nikdev_iot.server.web.pages.shell import age_text, length_text

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def call(chromium: Browser, server: RunningServer) -> Call:
    """Call an exported function of a module: `call("range.js", "zoomed", …)`; NaN and undefined come back as None."""
    page, _ = new_page(chromium, server.url)
    page.goto("/admin/login")

    def call(module: str, name: str, *arguments: object, then: str = "result", calls: bool = True) -> Any:
        script = f"""async (text) => {{
          const {{ {name}: wanted }} = await import("/assets/today/js/{module}");
          const given = JSON.parse(text);
          const result = {"wanted(...given)" if calls else "null"};
          return JSON.stringify({then}) ?? "null";
        }}"""
        return json.loads(page.evaluate(script, json.dumps(arguments)))

    return call


def _raw(times: list[int], values: list[float] | None = None) -> dict[str, Any]:
    return {"kind": "number", "times_us": times, "values": values or [float(n) for n in range(len(times))]}


@given(
    start=st.integers(0, 2 * 10**15), span=st.integers(1000, 10**15), factor=st.floats(0.01, 100), at=st.floats(0, 1)
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_zooming_keeps_the_time_under_the_pointer(call: Call, start: int, span: int, factor: float, at: float) -> None:
    at_us = start + span * at
    found = call("range.js", "zoomed", {"startUs": start, "endUs": start + span}, factor, at_us)
    new_span = found["endUs"] - found["startUs"]
    assert 1000 <= new_span <= 200 * 365.25 * 864e8 + 1
    assert abs((at_us - found["startUs"]) / new_span - at) < 2 / new_span + 1e-3


@given(us=st.integers(0, 4 * 10**15))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_time_survives_the_address(call: Call, us: int) -> None:
    assert call("range.js", "fromIso", call("range.js", "toIso", us)) == us


def test_an_address_keeps_what_else_it_says(call: Call) -> None:
    text = call(
        "range.js",
        "writeQuery",
        "?fields=a,b&range=24h&layout=overlay",
        {"quick": None, "startUs": 0, "endUs": 1_500_000},
    )
    assert text == "fields=a,b&layout=overlay&from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:01.5Z"
    assert call("range.js", "readQuery", text) == {"startUs": 0, "endUs": 1_500_000}
    live = {"quick": None, "live": True, "startUs": 0, "endUs": 5_400_500_000}
    text = call("range.js", "writeQuery", "?from=a&to=b&layout=overlay", live)
    assert text == "layout=overlay&last=5400.5"
    assert call("range.js", "readQuery", text) == {"spanUs": 5_400_500_000}
    assert call("range.js", "readQuery", "?range=7d") == {"quick": "7d"}
    for wrong in (
        "",
        "?range=8d",
        "?last=x",
        "?last=-1",
        "?last=1e99",
        "?from=x&to=y",
        "?from=1970-01-01T00:00:02Z&to=1970-01-01T00:00:01Z",
    ):
        assert call("range.js", "readQuery", wrong) is None


def _columns(call: Call, fields: list[dict[str, Any]], gaps: list[dict[str, int]], every: int = 0) -> Any:
    """`toColumns` of `toSeries` of each; undefined comes back as "-"."""
    return call(
        "chart_data.js",
        "toColumns",
        [_series(call, field, every) for field in fields],
        gaps,
        then="result.map((column) => Array.from(column, (value) => (value === undefined ? '-' : value)))",
    )


def _series(call: Call, field: dict[str, Any], every: int) -> Any:
    return call("chart_data.js", "toSeries", field, every)


def test_a_line_breaks_where_neighbours_are_far_apart(call: Call) -> None:
    times = [0, 1000, 2000, 3000, 9000, 10_000]
    xs, ys, *_ = _columns(call, [_raw(times)], [])
    assert xs == [0, 1, 2, 3, 6, 9, 10]
    assert ys == [0, 1, 2, 3, None, 4, 5]


def test_a_line_breaks_at_a_declared_gap(call: Call) -> None:
    _, ys, *_ = _columns(call, [_raw([0, 1000, 2000, 3000])], [{"start_us": 1200, "end_us": 1300}])
    assert ys == [0, 1, None, 2, 3]


def test_fields_of_other_times_share_an_axis_without_breaking_each_other(call: Call) -> None:
    columns = _columns(call, [_raw([0, 2000, 4000]), _raw([1000, 2000, 3000])], [])
    assert columns[0] == [0, 1, 2, 3, 4]
    assert columns[1] == [0, "-", 1, "-", 2]
    assert columns[4] == ["-", 0, 1, 2, "-"]


def test_values_of_one_time_are_all_kept(call: Call) -> None:
    columns = _columns(call, [_raw([0, 1000, 1000, 2000]), _raw([1000])], [])
    assert columns[0] == [0, 1, 1, 2]
    assert columns[1] == [0, 1, 2, 3]
    assert columns[4] == ["-", 0, "-", "-"]


def test_buckets_stand_at_their_middle_with_their_band(call: Call) -> None:
    field = {"kind": "number", "times_us": [0, 1000], "mean": [1, 2], "min": [0, 1], "max": [3, 4], "count": [2, 2]}
    assert _columns(call, [field], [], every=1000) == [[0.5, 1.5], [1, 2], [0, 1], [3, 4]]


def _appended(call: Call, field: dict[str, Any], every: int, *points: tuple[int, object]) -> Any:
    series = _series(call, field, every)
    for us, value in points:
        series = call("chart_data.js", "append", series, us, value, then="given[0]")
    return series


def test_live_values_go_to_their_place(call: Call) -> None:
    series = _appended(call, _raw([0, 1000, 3000], [1, 2, 3]), 0, (4000, 5), (2000, 2.5), (5000, "9007199254740993"))
    assert series["times"] == [0, 1000, 2000, 3000, 4000, 5000]
    assert series["exact"] == [1, 2, 2.5, 3, 5, "9007199254740993"]


def test_live_values_go_into_their_bucket(call: Call) -> None:
    field = {"kind": "number", "times_us": [0], "mean": [2], "min": [1], "max": [3], "count": [2]}
    series = _appended(call, field, 1000, (500, 8), (1500, 7))
    assert series["times"] == [0, 1000]
    assert series["mean"] == [4, 7]
    assert (series["low"], series["high"], series["count"]) == ([1, 7], [8, 7], [3, 1])


def test_live_states_go_on_or_change(call: Call) -> None:
    field = {"kind": "state", "states": [[0, 1000, "idle"]]}
    series = _appended(call, field, 0, (2000, "idle"), (3000, "busy"), (2500, "late"), (4000, True))
    assert series["states"] == [[0, 3000, "idle"], [3000, 4000, "busy"], [4000, 4000, True]]


@pytest.mark.parametrize(
    ("us", "within", "found"), [(900, 0, 1), (1499, 0, 1), (1501, 0, 2), (3400, 0, 2), (90_000, 0, None)]
)
def test_the_nearest_commit_is_found_where_it_is_near(call: Call, us: int, within: int, found: int | None) -> None:
    assert call("chart_data.js", "valueAt", _series(call, _raw([0, 1000, 2000]), 0), us, within) == found


def test_a_summary_is_of_what_is_seen(call: Call) -> None:
    series = _series(call, _raw([0, 1000, 2000, 3000], [9, 1, 5, 7]), 0)
    assert call("chart_data.js", "summary", series, 500, 2500) == {"last": 5, "lastUs": 2000, "low": 1, "high": 5}
    assert call("chart_data.js", "summary", series, 5000, 6000) is None


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (19.700000762939453, None, "19.7"),
        (-3, None, "−3"),
        (21, 1, "21.0"),
        (1234567, None, "1\u202f234\u202f567"),
        (1234.5, 1, "1234.5"),
        ("9007199254740993", None, "9\u202f007\u202f199\u202f254\u202f740\u202f993"),
        (0.00001234, None, "1.234e−5"),
        (6.02214e23, None, "6.02214e+23"),
        (None, 2, "–"),
    ],
)
def test_numbers_are_written_as_people_read_them(call: Call, value: object, decimals: int | None, text: str) -> None:
    assert call("chart_format.js", "formatNumber", value, decimals) == text


@pytest.mark.parametrize(
    ("splits", "texts"),
    [
        ([17.5, 20, 22.5, 25], ["17.5", "20.0", "22.5", "25.0"]),
        ([0, 0.25, 0.5], ["0.00", "0.25", "0.50"]),
        ([-10, 0, 10], ["−10", "0", "10"]),
        ([0, 50_000, 100_000], ["0", "50k", "100k"]),
        ([0, 2_500_000, 50_000_000], ["0.0", "2.5M", "50.0M"]),
        ([0.0002, 0.0004], ["2.0e−4", "4.0e−4"]),
        ([9007199254740000, 9007199254740050], ["9007199254740000", "9007199254740050"]),
        ([1_000_000_000_000, 1_000_000_000_001], ["1000000000000", "1000000000001"]),
    ],
)
def test_marks_of_an_axis_have_one_form(call: Call, splits: list[float], texts: list[str]) -> None:
    assert call("chart_format.js", "axisNumbers", splits) == texts


def test_marks_that_are_wide_have_room(call: Call) -> None:
    texts = ["123.56k", "9007199254740050", None]
    width = call("chart_plot.js", "widthOf", texts)
    assert width > 16 * 6
    view = {"hasRight": False, "room": {"left": width, "right": 0}}
    assert call("chart_plot.js", "gutters", 390, view)["left"] == width
    assert call("chart_plot.js", "gutters", 390, {**view, "room": {"left": 10, "right": 10}})["left"] == 48


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["lat", "lon"], ["lat", "lon"]),
        (["Longitude", "Latitude"], ["Latitude", "Longitude"]),
        (["gps_lat", "gps_lng", "speed"], ["gps_lat", "gps_lng"]),
        (["location-lat", "location-long"], ["location-lat", "location-long"]),
        (["lat_deg", "lon_deg"], ["lat_deg", "lon_deg"]),
        (["a.lat", "b.lon"], None),
        (["plate", "plone"], None),
        (["flat", "flon"], None),
        (["my lat (°)", "my lon (°)"], ["my lat (°)", "my lon (°)"]),
        (["latency", "lonency"], None),
        (["lat"], None),
    ],
)
def test_latitude_and_longitude_find_each_other(call: Call, names: list[str], pair: list[str] | None) -> None:
    found = call("chart.js", "findPair", [{"id": name} for name in names])
    assert (found and [field["id"] for field in found]) == pair


def test_places_on_the_map_are_mercators(call: Call) -> None:
    assert call("chart_map.js", "project", 0, 0) == {"x": 0.5, "y": 0.5}
    place = call("chart_map.js", "project", 52.52, 13.405)
    assert abs(place["x"] - 0.537236) < 1e-6
    assert abs(place["y"] - 0.327939) < 1e-4
    assert abs(call("chart_map.js", "latitudeOf", place["y"]) - 52.52) < 1e-9
    assert [call("chart_map.js", "roundLength", metres) for metres in (7, 999, 1000, 0.3)] == [5, 500, 1000, 0.2]


def test_a_track_goes_on_beyond_the_date_line(call: Call) -> None:
    lats, lons = _raw([0, 1000, 2000], [10, 10, 10]), _raw([0, 1000, 2000], [179, -179, -178])
    found = call("chart_map.js", "positions", _series(call, lats, 0), _series(call, lons, 0), 0, 5000)
    assert [place["lon"] for place in found] == [179, 181, 182]
    assert [place["isCut"] for place in found] == [True, False, False]


def test_messages_too_near_to_each_other_share_a_flag(call: Call) -> None:
    messages = [{"time_us": us, "text": str(us)} for us in (0, 10, 500, 2000)]
    groups = call("chart_marks.js", "grouped", messages, 0, 1000, 1000)
    assert [len(group["messages"]) for group in groups] == [2, 1]


def test_a_page_of_the_past_goes_on_when_a_value_comes(call: Call) -> None:
    now_us = 1_790_000_000_000_000
    then = (
        "(() => { const time = new wanted({ now: () => %d }); time.set({ startUs: 0, endUs: 1e6 }); "
        "time.insteadOf = '1h'; time.news(%d); return [time.quick, time.live, time.endUs]; })()"
    )
    wanted = {"then": then % (now_us, now_us - 36e8 - 1)}
    assert call("range.js", "Time", **wanted, calls=False) == [None, False, 1_000_000]
    wanted = {"then": then % (now_us, now_us - 1_000_000)}
    assert call("range.js", "Time", **wanted, calls=False) == ["1h", True, now_us]


@pytest.mark.parametrize("seconds", [0, 119, 120, 7199, 7200, 172_799, 172_800, 40_000_000, 70_000_000, 200_000_000])
def test_ages_are_said_as_the_server_says_them(call: Call, seconds: int) -> None:
    assert call("page.js", "age", seconds * 1_000_000) == age_text(seconds * 1_000_000)
    assert call("page.js", "age", -seconds * 1_000_000 - 1) == age_text(-seconds * 1_000_000 - 1)
    assert call("page.js", "howLong", seconds * 1_000_000) == length_text(seconds * 1_000_000)


def test_a_sparkline_leaves_gaps_open(call: Call) -> None:
    assert call("spark.js", "sparkPath", [0, 1, None, 1]) == "M0.00 100.00h0.01L33.33 0.00M100.00 0.00h0.01"
    assert call("spark.js", "sparkPath", [[0, 5], [10, 5]]) == "M0.00 50.00h0.01L100.00 50.00"
    assert call("spark.js", "sparkPath", []) == ""
    assert call("spark.js", "sparkPath", [7]) == "M100.00 50.00h0.01"  # what came last is at the right


def test_the_newest_bucket_does_not_stand_in_the_future(call: Call) -> None:
    field = {"kind": "number", "times_us": [0, 1000], "mean": [1, 2], "min": [0, 1], "max": [3, 4], "count": [2, 2]}
    series = call("chart_data.js", "toSeries", field, 1000, 1100)
    assert call("chart_data.js", "toColumns", [series], [])[0] == [0.5, 1.1]
    series = call("chart_data.js", "append", series, 1300, 9, then="given[0]")
    assert call("chart_data.js", "toColumns", [series], [])[0] == [0.5, 1.3]
