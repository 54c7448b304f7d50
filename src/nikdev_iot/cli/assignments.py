"""`NAME=TEXT`, as `add`, `--where` and `--rename` take it: pure."""

from __future__ import annotations

from collections.abc import Container

from nikdev_iot.model.errors import ValueRefused

__all__ = ["split_assignment"]


def split_assignment(text: str, *, names: Container[str] = (), what: str = "FIELD=VALUE") -> tuple[str, str]:
    """Return name and text of `NAME=TEXT`, parted at the first `=`.

    Where a longer part before a later `=` is one of `names`, that is the name: a name may hold a `=` itself.

    Raises:
        ValueRefused: there is no `=`.
    """
    at = text.find("=")
    if at < 0:
        raise ValueRefused(f"{text!r} is not of the form {what}.", hint="Put a = between the two.")
    first = at
    while at >= 0:
        if text[:at] in names:
            return text[:at], text[at + 1 :]
        at = text.find("=", at + 1)
    return text[:first], text[first + 1 :]
