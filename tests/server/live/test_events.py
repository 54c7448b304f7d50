from __future__ import annotations

import json
import uuid

from nikdev_iot.server.live.events import MAX_POINTS, LiveEvent, gone_bytes, joined, narrowed, shown

DEVICE = uuid.UUID(int=1)


def data_of(raw: bytes) -> object:
    name, data, *rest = raw.decode().split("\n")
    assert (name, rest) == ("event: values", ["", ""])
    return json.loads(data.removeprefix("data: "))


def test_an_event_in_a_stream():
    event = LiveEvent(DEVICE, 7, {"a": (1, 2.5)}, {"a": [(0, "line\nbreak"), (1, 2.5)]})
    assert data_of(event.encode()) == {
        "device": str(DEVICE),
        "received_us": 7,
        "latest": {"a": [1, 2.5]},
        "points": {"a": [[0, "line\nbreak"], [1, 2.5]]},
    }
    assert event.encode() is event.encode()


def test_an_event_without_points_asks_for_a_reload():
    assert data_of(LiveEvent(DEVICE, None, {}, None).encode()) == {
        "device": str(DEVICE),
        "received_us": None,
        "latest": {},
        "reload": True,
    }


def test_joined_events_say_what_both_say():
    one = LiveEvent(DEVICE, 7, {"a": (1, 2), "b": (1, True)}, {"a": [(1, 2)], "b": [(1, True)]})
    other = LiveEvent(DEVICE, 8, {"a": (2, 3)}, {"a": [(2, 3)], "c": [(0, "x")]})
    assert joined(one, other) == LiveEvent(
        DEVICE, 8, {"a": (2, 3), "b": (1, True)}, {"a": [(1, 2), (2, 3)], "b": [(1, True)], "c": [(0, "x")]}
    )
    assert one.points == {"a": [(1, 2)], "b": [(1, True)]}
    assert joined(one, LiveEvent(DEVICE, None, {}, {})).received_us == 7


def test_joined_events_are_bounded():
    many = LiveEvent(DEVICE, 7, {}, {"a": [(at, at) for at in range(MAX_POINTS)]})
    assert joined(many, LiveEvent(DEVICE, 8, {}, {})).points == many.points
    assert joined(many, LiveEvent(DEVICE, 8, {}, {"a": [(1, 1)]})).points is None
    assert joined(many, LiveEvent(DEVICE, 8, {}, None)).points is None


def test_whole_numbers_that_a_browser_would_round_are_texts():
    assert [shown(value) for value in (2**53, 2**53 + 1, -(2**53) - 1, True, 1.5e300, "x")] == [
        2**53,
        str(2**53 + 1),
        str(-(2**53) - 1),
        True,
        1.5e300,
        "x",
    ]


def test_gone():
    assert gone_bytes() == b"event: gone\ndata: {}\n\n"
    assert gone_bytes(DEVICE) == f'event: gone\ndata: {{"device":"{DEVICE}"}}\n\n'.encode()


def test_a_narrowed_event_says_nothing_of_other_fields():
    whole = LiveEvent(DEVICE, 7, {"a": (1, 2), "b": (1, 3)}, {"a": [(0, 1), (1, 2)], "b": [(1, 3)]})
    assert narrowed(whole, {"a", "c"}) == LiveEvent(DEVICE, 7, {"a": (1, 2)}, {"a": [(0, 1), (1, 2)]})
    assert narrowed(whole, {"c"}) is narrowed(whole, ()) is None
    much = LiveEvent(DEVICE, 7, {"a": (1, 2), "b": (1, 3)}, None)
    assert narrowed(much, {"a"}) == LiveEvent(DEVICE, 7, {"a": (1, 2)}, None)
    assert whole.encode() != (narrowed(whole, {"a"}) or whole).encode()


def test_what_is_shown_ahead_is_marked_until_it_is_stored():
    before = LiveEvent(DEVICE, None, {"a": (9, 1), "b": (9, 2)}, {"a": [], "b": []}, frozenset("ab"))
    assert b'"preview":["a","b"]' in before.encode()
    after = LiveEvent(DEVICE, 5, {"a": (9, 1)}, {"a": [(9, 1)]})
    both = joined(before, after)
    assert both.previewed == {"b"}
    assert both.points == {"a": [(9, 1)], "b": []}
    assert b"preview" not in after.encode()
    only_a = narrowed(before, {"a"})
    assert only_a is not None
    assert only_a.previewed == {"a"}
