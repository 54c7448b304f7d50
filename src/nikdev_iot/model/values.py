"""What a value may be, and what a Field ID may be.

A value is a float64, an int64, a bool or a text, and keeps its kind for ever: 21 never turns into 21.0.
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache

from .errors import ValueRefused
from .showing import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

__all__ = [
    "INT64_MAX",
    "INT64_MIN",
    "MAX_FIELD_ID_CHARS",
    "MAX_TEXT_BYTES",
    "Kind",
    "Value",
    "check_field_id",
    "check_message",
    "check_value",
    "kind_of",
]

Value: TypeAlias = float | int | bool | str

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
MAX_FIELD_ID_CHARS = 64
MAX_TEXT_BYTES = 65_536
"""The longest text value and the longest commit message, in UTF-8 bytes."""


class Kind(IntEnum):
    """The kind of one value; the numbers are those of the wire and of the stores."""

    FLOAT = 1
    """IEEE 754 binary64, finite."""
    INT = 2
    """A whole number of 64 bits with sign."""
    BOOL = 3
    """True or false."""
    TEXT = 4
    """Unicode text, at most `MAX_TEXT_BYTES` in UTF-8."""


_KINDS: dict[type, Kind] = {float: Kind.FLOAT, int: Kind.INT, bool: Kind.BOOL, str: Kind.TEXT}


def kind_of(value: Value) -> Kind:
    """Return the kind of a value that `check_value` returned."""
    return _KINDS[type(value)]


def check_field_id(field_id: object) -> str:
    """Return `field_id` if it is one, else raise `ValueRefused`.

    A Field ID is 1 to 64 characters, no control characters, no comma, no slash, no space at either end. Control
    characters are those of Unicode's category Cc; a space is any white space of Unicode.
    """
    if not isinstance(field_id, str):
        raise ValueRefused(
            f"A Field ID is a text; got {short(field_id)} ({type(field_id).__name__}).", field_id=field_id
        )
    # The long ones are kept out of the cache, which would hold on to them.
    problem = (
        f"it has {len(field_id)} characters" if len(field_id) > MAX_FIELD_ID_CHARS else _field_id_problem(field_id)
    )
    if problem:
        raise ValueRefused(
            f"{short(field_id)} cannot be a Field ID: {problem}.",
            field_id=field_id,
            hint="A Field ID has 1 to 64 characters, no control characters, no comma, no slash "
            "and no space at either end.",
        )
    return field_id if type(field_id) is str else str.__str__(field_id)


@lru_cache(4096)  # the same few names come with every value
def _field_id_problem(field_id: str) -> str:
    if not field_id:
        return "it is empty"
    if field_id[0].isspace() or field_id[-1].isspace():
        return "it begins or ends with a space"
    for char in field_id:
        if char in ",/":
            return f"it contains {char!r}"
        if char < " " or "\x7f" <= char <= "\x9f":
            return f"it contains the control character {char!r}"
        if "\ud800" <= char <= "\udfff":
            return f"it contains {char!r}, which is not a character"
    return ""


def check_value(field_id: str, value: object) -> Value:
    """Return `value` as a plain float, int, bool or str of the same meaning, else raise `ValueRefused`.

    NumPy and pandas scalars are taken where their meaning is exact (`numpy.float64`, `numpy.int32`,
    `numpy.bool_`, …), without importing either. NaN, infinities, ints beyond 64 bits and every other
    type are refused, by a message that names field and value.
    """
    plain = type(value)
    if plain is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise _refused(field_id, value, "it is not a finite number")
        return value  # type: ignore[return-value]
    if plain is bool:
        return value  # type: ignore[return-value]
    if plain is int:
        if not INT64_MIN <= value <= INT64_MAX:  # type: ignore[operator]
            raise _refused(field_id, value, "it is beyond 64 bits with sign")
        return value  # type: ignore[return-value]
    if plain is str:
        problem = _text_problem(value)  # type: ignore[arg-type]
        if problem:
            raise _refused(field_id, value, problem)
        return value  # type: ignore[return-value]
    return check_value(field_id, _plain(field_id, value))


def check_message(message: str | None) -> str | None:
    """Return a commit message that can be kept, else raise `ValueRefused`."""
    if message is None:
        return None
    if not isinstance(message, str):
        raise ValueRefused(f"A commit message is a text; got {short(message)} ({type(message).__name__}).")
    message = str.__str__(message)
    problem = _text_problem(message)
    if problem:
        raise ValueRefused(f"The commit message {short(message)} cannot be kept: {problem}.")
    return message


def _text_problem(text: str) -> str:
    if len(text) * 4 > MAX_TEXT_BYTES or not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return "it contains half of a surrogate pair, which is not a character"
        if size > MAX_TEXT_BYTES:
            return f"it has {size} bytes in UTF-8, and the longest text has {MAX_TEXT_BYTES}"
    return ""


_NUMPY_EXACT = {"bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
_NUMPY_EXACT |= {"long", "ulong", "longlong", "ulonglong", "intc", "uintc", "float16", "float32", "float64", "str_"}


def _plain(field_id: str, value: Any) -> Value:
    """Turn a subclass or a NumPy scalar into the plain value of the same meaning."""
    kind = type(value)
    if kind.__module__ == "numpy":
        if kind.__name__ in _NUMPY_EXACT:
            return value.item()  # type: ignore[no-any-return]
    elif isinstance(value, int):
        return int.__int__(value)  # what it is, whatever its class makes of `int(value)`
    elif isinstance(value, float):
        return float.__float__(value)
    elif isinstance(value, str):
        return str.__str__(value)
    hint = ""
    if value is None:
        hint = "Leave the field out of the commit instead."
    elif hasattr(value, "isoformat"):
        hint = "Use value.timestamp() or value.isoformat()."
    raise _refused(field_id, value, f"its type {kind.__name__} is not float, int, bool or str", hint)


def _refused(field_id: str, value: object, problem: str, hint: str = "") -> ValueRefused:
    message = f"The value {short(value)} of field {field_id!r} cannot be kept: {problem}."
    return ValueRefused(message, field_id=field_id, hint=hint or "Nothing was staged.")
