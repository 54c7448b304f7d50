from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.aggregates import Aggregate
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.web.api.history_query import parse_every, parse_history
from nikdev_iot.wire.headers import PAGE_TYPE

NAMES = ("fields", "start", "end", "start_us", "end_us", "every", "aggregate", "limit", "cursor", "format")
S = 1_000_000


def parse(accept: str = "", **given: str):
    return parse_history(list(given.items()), accept)


def test_nothing_asked_for_is_everything():
    query = parse()
    assert (query.fields, query.start_us, query.end_us) == (None, MIN_TIME_US, MAX_TIME_US + 1)
    assert (query.every_us, query.aggregates, query.limit, query.cursor, query.form) == (None, (), 10_000, None, "json")


def test_all_of_it():
    cursor = Cursor(5)
    query = parse(
        fields="b,a,b",
        start="1970-01-01T00:00:10Z",
        end_us="20000000",
        every="5m",
        aggregate="min, max,min",
        limit="7",
        cursor=cursor.to_text(),
    )
    assert query.fields == ("b", "a")
    assert (query.start_us, query.end_us) == (10 * S, 20 * S)
    assert (query.every_us, query.aggregates) == (300 * S, (Aggregate.MIN, Aggregate.MAX))
    assert (query.limit, query.cursor) == (7, cursor)


@pytest.mark.parametrize(
    ("text", "every_us"),
    [
        ("1ms", 1_000),
        ("500ms", 500_000),
        ("10", 10 * S),
        ("10s", 10 * S),
        ("0.5", S // 2),
        ("1.000001s", S + 1),
        ("5m", 300 * S),
        ("1h", 3600 * S),
        ("1.5h", 5400 * S),
        ("1d", 86400 * S),
        ("36500d", 36500 * 86400 * S),
    ],
)
def test_lengths_of_buckets(text, every_us):
    assert parse_every(text) == every_us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0s",
        "x",
        "-5m",
        "5 weeks",
        "1e3",
        "5M",
        "1µs",
        "0.0000001",
        "36501d",
        "9" * 40,
        "\u0663s",
        "inf",
        "5m\n",
    ],
)
def test_what_is_no_length_of_a_bucket(text):
    with pytest.raises(Invalid, match=r"^every: "):
        parse_every(text)


@pytest.mark.parametrize(
    ("start", "start_us"),
    [
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T01:00:00 01:00", 0),  # what a + in a query becomes
        ("1970-01-01T01:00:00 0100", 0),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01 00:00:00Z", 0),
    ],
)
def test_times(start, start_us):
    assert parse(start=start).start_us == start_us


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": "1970-01-01T00:00:00"}, "start: .*has no zone"),
        ({"start": "1970-01-01 10:30"}, "start: .*has no zone"),
        ({"end": "yesterday"}, "end: 'yesterday' is not a time"),
        ({"end": "5"}, "end: "),
        ({"start_us": "5.0"}, "start_us: '5.0' is not a whole number"),
        ({"end_us": "٣"}, "end_us: "),
        ({"end_us": "1" * 19}, "end_us: "),
        ({"start": "1970-01-01T00:00:00Z", "start_us": "0"}, "start: given as start and as start_us"),
        ({"start_us": "2", "end_us": "1"}, "end: lies before the start"),
        ({"every": "soon"}, "every: 'soon' is not a length of time"),
        ({"aggregate": "mean"}, "aggregate: goes with every"),
        ({"every": "1m", "aggregate": "median"}, "aggregate: 'median' is none of mean, min"),
        ({"every": "1m", "aggregate": ""}, "aggregate: '' is none of"),
        ({"every": "1m", "aggregate": "min,max", "format": "page"}, "aggregate: a page holds one"),
        ({"limit": "0"}, "limit: '0' is not a whole number from 1 to 100000"),
        ({"limit": "100001"}, "limit: "),
        ({"limit": "-1"}, "limit: "),
        ({"limit": "1e3"}, "limit: "),
        ({"limit": "٣"}, "limit: "),
        ({"cursor": "AAAA"}, "cursor: "),
        ({"cursor": ""}, "cursor: "),
        ({"format": "xml"}, "format: 'xml' is none of json, csv, page"),
        ({"format": "csv", "limit": "5"}, "limit: CSV has no pages"),
        ({"format": "csv", "cursor": Cursor(1).to_text()}, "cursor: CSV has no pages"),
        ({"fields": ""}, "fields: holds an empty Field ID"),
        ({"fields": "a,,b"}, "fields: "),
        ({"filds": "a"}, "filds: there is no such parameter; there are fields, start"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_the_parameter(given, message):
    with pytest.raises(Invalid, match="^" + message):
        parse(**given)


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(Invalid, match=r"^fields: given twice\. Join Field IDs with commas"):
        parse_history([("fields", "a"), ("fields", "b")], "")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("application/json, text/csv", "json"),
        ("text/csv;q=0", "json"),
        ("text/csv;q=x", "json"),
        (PAGE_TYPE, "page"),
        (f"{PAGE_TYPE}, application/json;q=0.1", "page"),
        (",;,=;q=", "json"),
    ],
)
def test_the_form_is_what_accept_likes_most(accept, form):
    assert parse(accept).form == form
    assert parse(accept, format="json").form == "json"


words = st.sampled_from(
    [
        "a",
        "1",
        "-1",
        "0",
        "5m",
        "mean",
        "csv",
        "page",
        "json",
        "1970-01-01T00:00:00Z",
        "9" * 30,
        "nan",
        "\x00",
        "é",
        "1,2",
    ]
)
pairs = st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), words | st.text(max_size=40))


@given(st.lists(pairs), st.text(max_size=40))
@example([("every", "9" * 15 + "d")], "")
@example([("start", "0001-01-01T00:00:00+23:59")], "")
def test_anything_is_either_read_or_refused_by_name(items, accept):
    try:
        query = parse_history(items, accept)
    except Invalid as error:
        assert any(error.message.startswith(f"{name[:60]}:") for name, _ in items)
    else:
        assert query.start_us <= query.end_us
        assert query.form in {"json", "csv", "page"}
