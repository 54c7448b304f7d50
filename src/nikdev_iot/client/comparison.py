"""Comparing a journal with what the server holds under its origin, commit by commit (`docs/wire.md`, "Forks").

Needed where another copy of the journal pushed: a copied SD card, a device restored from a backup.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from nikdev_iot.journal.identity import Own

__all__ = ["Comparison", "DigestPage", "compare"]

DigestPage: TypeAlias = tuple[dict[int, bytes], int]
"""Digests of commits by their numbers, and up to which number they are all that the server has."""


class _Journal(Protocol):
    def digests(self, low: int, high: int) -> list[Own]: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far journal and server are the same."""

    equal_up_to: int
    """Up to this number, the server has all that is queued here or was acknowledged."""
    differs: Own | None
    """The first commit that it does not have as it is here; None where it has all up to its mark, or to our end."""
    held: tuple[int, ...]
    """Numbers that were set aside here, and whose commits it has all the same."""


def compare(journal: _Journal, pages: Iterable[DigestPage], *, first: int) -> Comparison:
    """Compare from number `first` on; `pages` are the server's digests from there up to its mark, ascending."""
    held: list[int] = []
    equal = first - 1
    for digests, upto in pages:
        for own in journal.digests(equal + 1, upto):
            if own.digest is not None and digests.get(own.number) == own.digest:
                if not own.is_queued:
                    held.append(own.number)
            elif own.is_queued:
                return Comparison(equal, own, tuple(held))
            # What was set aside or is gone, and what the server has in its place: there is nothing to lose.
            equal = own.number
        if equal < upto:
            break  # the journal ends before the server does
    return Comparison(equal, None, tuple(held))
