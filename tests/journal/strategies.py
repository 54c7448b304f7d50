"""Hypothesis strategies for what a commit may hold."""

from __future__ import annotations

from hypothesis import strategies as st

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import INT64_MAX, INT64_MIN, check_field_id

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def _is_field_id(text: str) -> bool:
    try:
        check_field_id(text)
    except ValueError:
        return False
    return True


# Nearly all of them are Field IDs: what is filtered out again and again, hypothesis takes for a mistake of the test's.
_names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=",/"), min_size=1, max_size=20)
field_ids = st.sampled_from(["temperature", "a", "ü", "door open", "x:y"]) | _names.map(str.strip).filter(_is_field_id)
floats = st.floats(allow_nan=False, allow_infinity=False)
ints = st.integers(INT64_MIN, INT64_MAX)
values = floats | ints | st.booleans() | texts
few_values = st.dictionaries(field_ids, values, min_size=1, max_size=6)
times_us = st.integers(MIN_TIME_US, MAX_TIME_US)
messages = st.none() | texts
rows = st.tuples(times_us, few_values, messages)
