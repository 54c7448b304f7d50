from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import INT64_MAX
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.query.cursor import Cursor

cursors = st.builds(Cursor, st.integers(MIN_TIME_US, MAX_TIME_US + 1), st.uuids(), st.integers(0, INT64_MAX))


@given(cursors)
def test_a_cursor_comes_back_from_its_text(cursor):
    text = cursor.to_text()
    assert Cursor.from_text(text) == cursor
    assert len(text) == 48
    assert text.replace("-", "").replace("_", "").isalnum()


@given(cursors, st.integers(0, 47), st.sampled_from("Az09-_"))
def test_an_altered_cursor_is_refused(cursor, at, letter):
    text = cursor.to_text()
    altered = text[:at] + letter + text[at + 1 :]
    if altered != text:
        with pytest.raises(Invalid, match="cursor: not a cursor of this server"):
            Cursor.from_text(altered)


def test_a_cursor_with_padding_too_much_is_another():
    with pytest.raises(Invalid):
        Cursor.from_text("AQAGCiQYHkAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAYgAQ=")


@given(st.text())
def test_anything_else_is_refused(text):
    with pytest.raises(Invalid, match="cursor: "):
        Cursor.from_text(text)


def test_a_cursor_of_a_time_alone_stands_before_every_row_of_that_time():
    assert Cursor(5) < Cursor(5, uuid.UUID(int=0), 1)
    assert Cursor(4, uuid.UUID(int=2**128 - 1), INT64_MAX) < Cursor(5)
