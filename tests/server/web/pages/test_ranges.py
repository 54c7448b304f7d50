"""What time a page shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.times import MIN_TIME_US
from nikdev_iot.server.web.pages.ranges import QUICK_RANGES, span_of

NOW_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000


def test_the_usual_range_ends_now() -> None:
    span = span_of({}, now_us=NOW_US, newest_us=NOW_US - DAY_US, usual="24h")
    assert (span.name, span.start_us, span.end_us, span.instead_of) == ("24h", NOW_US - DAY_US, NOW_US, "")
    assert span_of({}, now_us=NOW_US, newest_us=None).name == "24h"


@given(
    st.sampled_from([name for name, (_, length_us) in QUICK_RANGES.items() if length_us]),
    st.integers(MIN_TIME_US, NOW_US),
)
def test_where_nothing_came_in_the_usual_range_the_newest_value_is_inside(usual: str, newest_us: int) -> None:
    length_us = QUICK_RANGES[usual][1]
    assert length_us is not None
    span = span_of({}, now_us=NOW_US, newest_us=newest_us, usual=usual)
    assert span.start_us is not None
    assert span.start_us <= newest_us <= span.end_us
    assert span.end_us - span.start_us <= length_us
    assert bool(span.instead_of) == (newest_us < NOW_US - length_us)
    if span.instead_of:
        assert (span.instead_of, span.instead_of_words) == (usual, QUICK_RANGES[usual][0])
        assert (
            span_of(dict(zip(("from", "to"), span.name.split("/"), strict=True)), now_us=NOW_US, newest_us=None).end_us
            == span.end_us
        )


@pytest.mark.parametrize(
    "query", [{"range": "1h"}, {"last": "5400"}, {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}]
)
def test_what_is_asked_for_is_shown_though_it_is_empty(query: dict[str, str]) -> None:
    assert span_of(query, now_us=NOW_US, newest_us=NOW_US - 900 * DAY_US).instead_of == ""


def test_the_last_seconds_end_now() -> None:
    span = span_of({"last": "5400.5"}, now_us=NOW_US, newest_us=None)
    assert (span.start_us, span.end_us) == (NOW_US - 5_400_500_000, NOW_US)
    for wrong in ("", "x", "nan", "inf", "-1", "0", "1e99"):
        assert span_of({"last": wrong}, now_us=NOW_US, newest_us=None).name == "24h"


def test_a_range_that_is_not_offered_is_not_shown() -> None:
    offered = {name: QUICK_RANGES[name] for name in ("1h", "24h")}
    assert span_of({"range": "all"}, now_us=NOW_US, newest_us=None, known=offered).name == "24h"
