"""Staged values of programs that ended normally, and the claims on them."""

from __future__ import annotations

from dataclasses import dataclass

from nikdev_iot.model.values import Value

__all__ = ["StagedValues", "Token"]


class Token:
    """A program's claim on staged values; opaque. Good for any number of calls, until the program ends."""


@dataclass(frozen=True, slots=True)
class StagedValues:
    """What `Journal.take_staged` claimed."""

    values: dict[str, Value]
    """By Field ID, in the order they were staged."""
    token: Token
