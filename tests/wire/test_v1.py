from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire import strategies

from nikdev_iot.model.errors import Malformed, TooLarge, WireError
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.v1 import (
    Entry,
    Latest,
    Push,
    decode_latest,
    decode_push,
    encode_latest,
    encode_push,
    entry_keys,
)

entries = st.builds(Entry, strategies.today_us, strategies.rows.filter(bool))
pushes = st.builds(Push, st.none() | strategies.today_us, st.lists(entries, max_size=5).map(tuple))
few_entries = st.lists(
    st.builds(Entry, st.sampled_from([0, 1_000_000]), st.sampled_from([(("t", 1.0),), (("t", 1),), (("u", 1.0),)])),
    max_size=8,
)


def push_of(values, *, timestamp: object = 1_795_340_000):
    return {"clientTimestamp": 1_795_340_001, "entries": [{"timestamp": timestamp, "values": values}]}


# -- pushes ----------------------------------------------------------------------------------------


@given(pushes)
def test_a_push_is_read_as_it_was_written(push):
    found = decode_push(json.loads(json.dumps(encode_push(push))))
    assert found == push
    assert repr(found) == repr(push)  # kinds and the sign of zero, which == does not see


def test_what_the_old_client_sends():
    data = json.loads(
        '{"clientTimestamp": 1795340001, "entries": ['
        '{"timestamp": 1795340000, "values": [{"t": 21.5}, {"n": 21}, {"on": true}, {"s": "nil"}]},'
        '{"timestamp": 1795340000, "values": []}]}'
    )
    assert decode_push(data) == Push(
        1_795_340_001_000_000,
        (Entry(1_795_340_000_000_000, (("t", 21.5), ("n", 21), ("on", True), ("s", "nil"))),),
    )
    assert [type(value) for _, value in decode_push(data).entries[0].values] == [float, int, bool, str]


def test_fractions_of_a_second_are_kept():
    assert decode_push(push_of([{"t": 1}], timestamp=1_795_340_000.123456)).entries[0].time_us == 1_795_340_000_123_456


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (None, ""),
        ([], ""),
        ({}, "entries"),
        ({"entries": {}}, "entries"),
        ({"entries": [5]}, "entries[0]"),
        ({"entries": [{}]}, "entries[0].timestamp"),
        ({"entries": [], "clientTimestamp": "now"}, "clientTimestamp"),
        (push_of(None), "entries[0].values"),
        (push_of({"t": 1}), "entries[0].values"),
        (push_of([5]), "entries[0].values[0]"),
        (push_of([{"t": 1}, {"t": 2}]), "entries[0].values[1]"),
        (push_of([{"t": None}]), "entries[0].values[0]"),
        (push_of([{"t": [1]}]), "entries[0].values[0]"),
        (push_of([{"t": {}}]), "entries[0].values[0]"),
        (push_of([{"t": 2**63}]), "entries[0].values[0]"),
        (push_of([{"t": -(2**63) - 1}]), "entries[0].values[0]"),
        (push_of([{"t": 10**5000}]), "entries[0].values[0]"),
        (push_of([{"t": float("inf")}]), "entries[0].values[0]"),
        (push_of([{"t": float("nan")}]), "entries[0].values[0]"),
        (push_of([{"t": "\ud800"}]), "entries[0].values[0]"),
        (push_of([{"t": "å" * 32_769}]), "entries[0].values[0]"),
        (push_of([{"": 1}]), "entries[0].values[0]"),
        (push_of([{"a,b": 1}]), "entries[0].values[0]"),
        (push_of([{"a/b": 1}]), "entries[0].values[0]"),
        (push_of([{"a\n": 1}]), "entries[0].values[0]"),
        (push_of([{"\x00": 1}]), "entries[0].values[0]"),
        (push_of([{" a": 1}]), "entries[0].values[0]"),
        (push_of([{"\ud800": 1}]), "entries[0].values[0]"),
        (push_of([{"x" * 1_000_000: 1}]), "entries[0].values[0]"),
        (push_of([], timestamp=True), "entries[0].timestamp"),
        (push_of([], timestamp="1"), "entries[0].timestamp"),
        (push_of([], timestamp=None), "entries[0].timestamp"),
        (push_of([], timestamp=10**5000), "entries[0].timestamp"),
        (push_of([], timestamp=253_402_300_800), "entries[0].timestamp"),
        (push_of([], timestamp=-62_135_596_801), "entries[0].timestamp"),
        (push_of([], timestamp=float("inf")), "entries[0].timestamp"),
        (push_of([], timestamp=float("nan")), "entries[0].timestamp"),
        (push_of([], timestamp=1e300), "entries[0].timestamp"),
    ],
)
def test_what_is_wrong_is_refused_and_named(data, place):
    with pytest.raises(Malformed) as caught:
        decode_push(data)
    assert caught.value.place == place
    assert len(str(caught.value)) < 400
    str(caught.value).encode()  # the message can be sent


def test_the_first_and_the_last_second():
    for seconds in (-62_135_596_800, 253_402_300_799):
        assert decode_push(push_of([{"t": 1}], timestamp=seconds)).entries[0].time_us == seconds * 1_000_000


def test_limits():
    two = {"entries": [{"timestamp": 1, "values": [{"a": 1}]}, {"timestamp": 1, "values": [{"a": 1.0}, {"b": 1}]}]}
    assert len(decode_push(two, Limits(commits=2, columns=3, items=6)).entries) == 2
    for limits in (Limits(commits=1), Limits(columns=2)):
        with pytest.raises(TooLarge) as caught:
            decode_push(two, limits)
        assert caught.value.place == "entries"
    many = push_of([{f"f{number}": "x"} for number in range(100)])
    with pytest.raises(TooLarge, match="values"):
        decode_push(many, Limits(columns=99, items=198))


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**400, -(10**400), float("nan"), float("inf"), "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["timestamp", "values", "t", "data", "value", "servertime"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(json_like)
def test_any_json_is_read_or_refused(data):
    for candidate in (
        data,
        {"entries": data},
        {"entries": [data]},
        push_of(data),
        push_of([data]),
        push_of([], timestamp=data),
    ):
        with contextlib.suppress(WireError):
            decode_push(candidate)
    for candidate in (data, {"data": data}, {"data": {"servertime": 1, "values": data}}):
        with contextlib.suppress(WireError):
            decode_latest(candidate)


# -- how an entry is known again -------------------------------------------------------------------


@given(few_entries)
def test_keys_of_one_request_are_all_different(found):
    keys = entry_keys(found)
    assert len(set(keys)) == len(keys) == len(found)
    assert all(len(key) == 16 for key in keys)


@given(few_entries, few_entries)
def test_a_request_sent_again_with_more_behind_it_is_known(first, more):
    assert entry_keys([*first, *more])[: len(first)] == entry_keys(first)


@given(few_entries, st.integers(0, 8))
def test_what_was_left_over_is_known_as_long_as_equal_ones_stay_together(found, cut):
    # A request of the last ones alone: each is known again, though perhaps as an equal one before it.
    assert set(entry_keys(found[cut:])) <= set(entry_keys(found))


@given(few_entries)
def test_requests_stored_twice_add_nothing(found):
    seen: set[bytes] = set()
    stored: list[Entry] = []
    for _ in range(2):
        for entry, key in zip(found, entry_keys(found), strict=True):
            if key not in seen:
                seen.add(key)
                stored.append(entry)
    assert stored == found


@given(st.lists(entries, max_size=6), st.randoms())
def test_the_order_of_fields_does_not_matter(found, random):
    shuffled = [Entry(entry.time_us, tuple(random.sample(entry.values, len(entry.values)))) for entry in found]
    assert entry_keys(shuffled) == entry_keys(found)


def test_kinds_times_and_fields_make_another_key():
    keys = entry_keys(
        [
            Entry(0, (("t", 1.0),)),
            Entry(0, (("t", 1),)),
            Entry(0, (("t", True),)),
            Entry(0, (("t", "1"),)),
            Entry(1, (("t", 1.0),)),
            Entry(0, (("u", 1.0),)),
            Entry(0, (("t", 1.0),)),
            Entry(0, (("t", -0.0),)),
            Entry(0, (("t", 0.0),)),
        ]
    )
    assert len(set(keys)) == 9


def test_keys_never_change():
    # They are remembered in stores for days: a change would let retries through as new.
    keys = entry_keys([Entry(1_795_340_000_000_000, (("t", 21.5), ("n", 7)))] * 2)
    assert [key.hex() for key in keys] == ["6b832ef02ee1b5e00d312ee9026ef56c", "03b0a9225ee870359d69842b4db05811"]


# -- latest values ---------------------------------------------------------------------------------

latests = st.builds(
    Latest, strategies.field_ids, strategies.values, st.integers(-(2**31), 2**32).map(lambda s: s * 10**6)
)


@given(st.lists(latests | st.builds(Latest, strategies.field_ids, st.none(), st.none())), st.integers(0, 2**32))
def test_latest_values_are_read_as_they_were_written(values, server_s):
    data = json.loads(json.dumps(encode_latest(values, server_time_us=server_s * 10**6)))
    assert repr(decode_latest(data)) == repr((server_s * 10**6, values))


def test_how_latest_values_look():
    assert encode_latest([Latest("t", 21.5, 1_999_999), Latest("u", None, None)], server_time_us=2_500_000) == {
        "data": {
            "servertime": 2,
            "values": [{"t": {"value": 21.5, "timestamp": 1}}, {"u": {"value": None, "timestamp": None}}],
        }
    }


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"data": None},
        {"data": {"servertime": 1, "values": "x"}},
        {"data": {"servertime": "1", "values": []}},
        {"data": {"servertime": 1, "values": [{}]}},
        {"data": {"servertime": 1, "values": [{"t": 5}]}},
        {"data": {"servertime": 1, "values": [{"t": {"value": 5}}]}},
        {"data": {"servertime": 1, "values": [{"t": {"value": [5], "timestamp": 1}}]}},
        {"data": {"servertime": 1, "values": [{"t": {"value": float("nan"), "timestamp": 1}}]}},
        {"data": {"servertime": 1, "values": [{"t": {"value": 5, "timestamp": "x"}}]}},
        {"data": {"servertime": 1, "values": [{"t": {"value": 5, "timestamp": 1}, "u": {}}]}},
    ],
    ids=repr,
)
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(Malformed):
        decode_latest(data)
