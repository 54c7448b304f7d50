from __future__ import annotations

import json
import uuid

import numpy as np

from nikdev_iot.model.values import Kind
from nikdev_iot.server.query.declared import DeclaredGap
from nikdev_iot.server.query.notes import Message
from nikdev_iot.server.query.runs import States
from nikdev_iot.server.query.series import FieldBuckets, FieldRaw, FieldSeries, SeriesData
from nikdev_iot.server.query.series_json import series_json

ORIGIN = uuid.UUID(int=7)


def answer(every_us: int, fields: dict[str, FieldSeries]):
    data = SeriesData(
        every_us=every_us,
        fields=fields,
        commits=3,
        messages=[Message(5, ORIGIN, 2, "hello")],
        gaps=[DeclaredGap(1, 4, 9, "lost")],
    )
    return json.loads(series_json(data, start_us=0, end_us=10, newest_us=None))


def test_raw_values_keep_what_a_browser_would_lose():
    kinds = frozenset({Kind.INT, Kind.FLOAT})
    raw = FieldRaw(np.array([1, 2, 3]), [2**53, 2**53 + 1, 0.5])
    found = answer(0, {"a": FieldSeries(kinds, raw, None), "b": FieldSeries(kinds, None, None)})
    assert found == {
        "start_us": 0,
        "end_us": 10,
        "every_us": 0,
        "fields": {
            "a": {"kind": "number", "times_us": [1, 2, 3], "values": [2**53, str(2**53 + 1), 0.5]},
            "b": {"kind": "number", "times_us": [], "values": []},
        },
        "commits": 3,
        "messages": [{"time_us": 5, "number": 2, "origin": str(ORIGIN), "text": "hello"}],
        "gaps": [{"start_us": 1, "end_us": 4, "count": 9, "reason": "lost"}],
        "newest_us": None,
    }


def test_buckets_and_states():
    buckets = FieldBuckets(np.array([0]), np.array([2.0]), [1], [3], [2])
    states = States([(0, 5, True), (5, 9, None)], more=True)
    found = answer(
        5,
        {
            "number": FieldSeries(frozenset({Kind.FLOAT}), buckets, None),
            "state": FieldSeries(frozenset({Kind.BOOL}), None, states),
            "mixed": FieldSeries(frozenset({Kind.TEXT, Kind.INT}), buckets, None),
            "new": FieldSeries(frozenset(), None, None),
        },
    )["fields"]
    numbers = {"times_us": [0], "mean": [2], "min": [1], "max": [3], "count": [2]}
    assert found == {
        "number": {"kind": "number", **numbers},
        "state": {"kind": "state", "states": [[0, 5, True], [5, 9, None]], "more": True},
        "mixed": {"kind": "mixed", **numbers, "states": []},
        "new": {"kind": "number", "times_us": [], "mean": [], "min": [], "max": [], "count": []},
    }
