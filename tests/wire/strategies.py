"""What packs, pages and requests can be made of, for hypothesis."""

from __future__ import annotations

import uuid
from array import array

from hypothesis import strategies as st

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import INT64_MAX, INT64_MIN
from nikdev_iot.wire.columns import Column, columns_from_rows
from nikdev_iot.wire.pack import Pack, pack_from_commits
from nikdev_iot.wire.page import Page

characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=20) | st.just("å" * 300)
field_ids = st.sampled_from(["temperature", "t", "vätska", "a b", "x" * 24, "y" * 64, "🌡"]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=",/"), min_size=1, max_size=64
).filter(lambda text: not (text[0].isspace() or text[-1].isspace()))
floats = st.floats(allow_nan=False, allow_infinity=False)
ints = st.integers(INT64_MIN, INT64_MAX)
values = floats | ints | st.booleans() | texts
rows = st.dictionaries(field_ids, values, max_size=6).map(lambda row: tuple(row.items()))
hashes = st.binary(min_size=32, max_size=32)
epochs = st.binary(min_size=16, max_size=16)
times_us = st.integers(MIN_TIME_US, MAX_TIME_US)
today_us = st.integers(-(2**32) * 1_000_000, 2**32 * 1_000_000)
"""Times that a float of seconds holds to the microsecond."""


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    first = draw(st.integers(1, 200) | st.sampled_from([2**32, 2**62]))
    commits: list[Commit] = []
    gaps: list[Gap] = []
    number = first
    for kind in draw(st.lists(st.sampled_from("cccg"), min_size=1, max_size=12)):
        if kind == "g":
            gap = Gap(number, draw(st.sampled_from([1, 2, 1000, 2**40])), draw(texts))
            gaps.append(gap)
            number = gap.last + 1
            continue
        time_us = draw(times_us)
        shift_us = draw(st.just(0) | st.integers(MIN_TIME_US - time_us, MAX_TIME_US - time_us))
        message = draw(st.none() | texts)
        commits.append(Commit(number, time_us, draw(rows), message, shift_us, draw(st.booleans())))
        number += 1
    return pack_from_commits(uuid.UUID(int=draw(st.integers(0, 2**128 - 1))), commits, parent=draw(hashes), gaps=gaps)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    held = draw(st.lists(rows, max_size=8))
    times = array("q", sorted(draw(st.lists(times_us, min_size=len(held), max_size=len(held)))))
    return Page(times, columns_from_rows(held), draw(st.none() | texts))


def same_columns(left: tuple[Column, ...], right: tuple[Column, ...]) -> bool:
    """Whether they are equal in kinds too: `array` thinks that 1.0 and 1 are."""
    return left == right and [column.kind for column in left] == [column.kind for column in right]
