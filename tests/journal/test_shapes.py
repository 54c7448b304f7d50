from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given

from nikdev_iot.journal.shapes import Shape, shape_of, spec_of
from nikdev_iot.model.values import Kind

from .strategies import few_values


def same(a, b):
    """Equal in value, kind and order, the sign of zero included."""
    return (
        list(a) == list(b)
        and all(type(a[key]) is type(b[key]) and a[key] == b[key] for key in a)
        and all(math.copysign(1, a[key]) == math.copysign(1, b[key]) for key in a if type(a[key]) is float)
    )


@given(few_values)
def test_a_body_decodes_to_the_values_it_was_made_of(values):
    shape = shape_of(values)
    assert same(shape.decode(shape.encode(values.values())), values)


def test_the_layout_of_a_body_is_as_documented():
    values = {"f": 1.5, "t": "hé", "i": -2, "b": True}
    body = shape_of(values).encode(values.values())
    assert body == struct.pack("<dqqq", 1.5, 3, -2, 1) + "hé".encode()


def test_the_spec_names_fields_and_kinds_in_order():
    assert spec_of(shape_of({"ü": 1, "a": "x"})) == '[["ü",2],["a",4]]'


@given(few_values)
def test_a_body_that_is_cut_or_extended_is_refused(values):
    shape = shape_of(values)
    body = shape.encode(values.values())
    for wrong in (body[:-1], body + b"\0"):
        with pytest.raises(ValueError, match="byte"):
            shape.decode(wrong)


def test_a_bool_of_another_number_is_refused():
    with pytest.raises(ValueError, match="bool 2"):
        Shape(1, ("b",), (Kind.BOOL,)).decode(struct.pack("<q", 2))
