from __future__ import annotations

import pytest
from tests.cli.running import nikdev

from nikdev_iot.cli.add import staged_from
from nikdev_iot.model.errors import ValueRefused


def _staged():
    return nikdev("status", "--json").json["staged_values"]


def test_values_are_staged_with_their_kinds(alone):
    done = nikdev("add", "a=21", "b=21.0", "c=true", "d=open", "--text", "e=21")
    assert done.code == 0
    assert done.out == "a = 21\nb = 21.0\nc = true\nd = 'open'\ne = '21'\n"
    assert [repr(value) for value in _staged().values()] == ["21", "21.0", "True", "'open'", "'21'"]


def test_later_values_join_and_replace(alone):
    nikdev("add", "a=1", "b=2")
    assert nikdev("add", "b=3", "c=4", "--json").json == {"added": {"b": 3, "c": 4}, "staged": 3}
    assert _staged() == {"a": 1, "b": 3, "c": 4}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a=1", "b=nan"), "The value nan of field 'b'"),
        (("a=1", "b=99999999999999999999"), "beyond 64 bits"),
        (("a=1", "b/c=2"), "'b/c' cannot be a Field ID"),
        (("a=1", "b"), "'b' is not of the form FIELD=VALUE"),
        (("a=1", "a=2"), "The field 'a' is given twice"),
        (("a=1", "=2"), "it is empty"),
        (("a=1", "--text", "a=2"), "given twice"),
    ],
)
def test_all_or_nothing(alone, words, said):
    done = nikdev("add", *words)
    assert done.code == 4
    assert said in done.err
    assert done.err.count("Nothing was staged.") == 1
    assert _staged() == {}


def test_a_negative_number(alone):
    assert nikdev("add", "t=-5").code == 0
    assert _staged() == {"t": -5}


def test_a_value_with_an_equals_sign():
    assert staged_from(("url=a=b",), ()) == {"url": "a=b"}


def test_an_empty_text():
    assert staged_from(("note=",), ()) == {"note": ""}


def test_a_text_may_be_anything():
    assert staged_from((), ("x=nan",)) == {"x": "nan"}
    with pytest.raises(ValueRefused):
        staged_from((), ("x=" + "y" * 70_000,))


def test_nothing_at_all(alone):
    assert nikdev("add").code == 2
