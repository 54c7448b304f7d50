from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.showing import one_line, short, visible


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_that_commands_a_terminal_is_left(text: str) -> None:
    seen = visible(text)
    assert not {unicodedata.category(char) for char in seen} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(char) for char in seen} & {"RLE", "LRE", "RLO", "LRO", "PDF"}
    assert not {unicodedata.bidirectional(char) for char in seen} & {"RLI", "LRI", "FSI", "PDI"}
    seen.encode()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("20 °C, größer, \u05e9\u05dc\u05d5\u05dd, 温度, 🌡️", "20 °C, größer, \u05e9\u05dc\u05d5\u05dd, 温度, 🌡️"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\u009b2J"),
        ("a\u202ecod.exe", "a\\u202ecod.exe"),
        ("a\r\n\tb\0", "a\\r\\n\\tb\\x00"),
        ("\ud800", "\\ud800"),
    ],
)
def test_texts_stay_readable(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_some_can_be_kept() -> None:
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"


def test_on_one_line() -> None:
    assert one_line("  no \n\r\n not\tthis\x07 ") == "no not this\\x07"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ([1, 2.5, "x"], "[1, 2.5, 'x']"),
        ({"a": (1,)}, "{'a': (1,)}"),
        ("x" * 81, f"'{'x' * 60}'… (81 characters)"),
        (b"x" * 81, f"b'{'x' * 60}'… (81 bytes)"),
        pytest.param(10**5_000, "<int>", id="a-number-too-long-to-write"),
    ],
)
def test_values_are_short(value: object, text: str) -> None:
    assert short(value) == text


def test_tuples_that_hold_one_another_are_shown_at_once() -> None:
    value: object = ()
    for _ in range(60):
        value = (value, value)
    began = time.monotonic()
    assert len(short(value)) < 110
    assert len(short([{"a": value}] * 100)) < 110
    assert time.monotonic() - began < 1


def test_a_repr_that_fails() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError

    assert short(Odd()) == "<Odd>"
