"""How a text becomes a value: pure, and the same for `nikdev add` and for each cell of `nikdev import`.

`21` is an int, `21.0` (or `2.1e1`) a float, `true` and `false` bools, everything else text.
"""

from __future__ import annotations

import re

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Value, check_value

__all__ = ["as_float", "number_of", "value_of"]

_INT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MAX_INT_DIGITS = 100
"""Longer ones are beyond 64 bits whatever they are, but for leading zeros; and Python limits what it converts."""


def number_of(text: str) -> float | int | None:
    """Return the number that `text` is, blanks around it allowed, or None where it is none.

    It may be beyond what a value can hold: an infinity where a float is too large.
    """
    text = text.strip()
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _MAX_INT_DIGITS else float(text)
    return float(text) if _FLOAT.fullmatch(text) else None


def value_of(field_id: str, text: str) -> Value:
    """Return the value that `text` stands for.

    Blanks around a number or bool are not part of it; around a text they are.

    Raises:
        ValueRefused: an int beyond 64 bits, a float beyond its range, NaN or an infinity, a text that is too long.
    """
    stripped = text.strip()
    known = _BOOLS.get(stripped)
    if known is not None:
        return known
    if _INT.fullmatch(stripped):
        if len(stripped) > _MAX_INT_DIGITS or not INT64_MIN <= (number := int(stripped)) <= INT64_MAX:
            raise _refused(field_id, stripped, "it is beyond 64 bits")
        return number
    if _FLOAT.fullmatch(stripped):
        real = float(stripped)
        if real in {float("inf"), float("-inf")}:
            raise _refused(field_id, stripped, "it is beyond the range of a float")
        return real
    if _NOT_FINITE.fullmatch(stripped):
        raise _refused(field_id, stripped, "it is not a finite number")
    return check_value(field_id, text)


def as_float(field_id: str, value: Value) -> Value:
    """Return a whole number as a float, any other value as it is.

    Raises:
        ValueRefused: no float is exactly that whole number (beyond 2^53).
    """
    if type(value) is not int:
        return value
    real = float(value)
    if int(real) != value:
        raise _refused(field_id, str(value), "no float is exactly this whole number")
    return real


def _refused(field_id: str, text: str, problem: str) -> ValueRefused:
    short = text if len(text) <= 40 else f"{text[:30]}… ({len(text)} characters)"
    return ValueRefused(f"The value {short} of field {field_id!r} cannot be kept: {problem}.", field_id=field_id)
