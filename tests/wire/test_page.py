from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire import strategies

from nikdev_iot.model.errors import TooLarge, WireError
from nikdev_iot.wire import cbor
from nikdev_iot.wire.columns import Column
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.page import Page, decode_page, encode_page

PAGE = Page(array("q", [5, 5, 7]), (Column("t", None, array("d", [1.0, 2.0, 3.0])),), "more")


@given(strategies.pages())
def test_a_page_is_read_as_it_was_written(page):
    found = decode_page(encode_page(page))
    assert found == page
    assert strategies.same_columns(found.columns, page.columns)


def test_columns_of_a_page_may_be_empty():
    page = Page(array("q"), (Column("t", None, array("d")), Column("s", None, [])), None)
    assert decode_page(encode_page(page)) == page
    page = Page(array("q", [5]), (Column("t", array("I"), array("d")), Column("s", array("I"), [])), None)
    assert decode_page(encode_page(page)) == page


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"count": -1},
        {"count": 2},
        {"count": 2**64 - 1},
        {"count": None},
        {"times": None},
        {"times": array("q", [1, 2])},
        {"times": array("q", [1, 2, 2**63 - 1])},
        {"columns": None},
        {"columns": [["t", None, array("d", [1.0])]]},
        {"next": 5},
        {"more": 1},
    ],
    ids=repr,
)
def test_what_breaks_a_rule_is_refused(changes):
    with pytest.raises(WireError):
        decode_page(cbor.dumps(cbor.loads(encode_page(PAGE)) | changes))


def test_limits():
    with pytest.raises(TooLarge):
        decode_page(encode_page(PAGE), Limits(content_bytes=10))


@given(st.binary())
def test_any_bytes_are_refused(raw):
    for body in (raw, encode_page(PAGE)[:9] + raw):
        with pytest.raises(WireError):
            decode_page(body)
