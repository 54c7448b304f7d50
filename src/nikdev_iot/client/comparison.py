"""Comparing a journal with what the server holds under its origin, commit by commit (`docs/wire.md`, "Forks").

Needed where another copy of the journal pushed: a copied SD card, a device restored from a backup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from nikdev_iot.model.digests import DIGEST_BYTES
from nikdev_iot.model.errors import Malformed
from nikdev_iot.wire.pack import EPOCH_BYTES

if TYPE_CHECKING:
    from nikdev_iot.journal.identity import Own

__all__ = ["Comparison", "DigestPage", "compare", "read_digests"]

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
    stored: tuple[tuple[int, int], ...] = ()
    """Ranges of numbers behind the one that differs whose commits it has."""
    spent: tuple[int, ...] = ()
    """Numbers of the queue, before the one that differs, that it has as gaps: their commits need new ones."""


def read_digests(data: object) -> tuple[dict[int, bytes], int | None, bytes]:
    """Read what a server sent: digests by number, from where to go on (None at the end), and its epoch.

    Raises:
        Malformed: it is no such answer.
    """
    try:
        following: object = data["next"]  # type: ignore[index]
        epoch = bytes.fromhex(data["epoch"])  # type: ignore[index]
        digests = {number: bytes.fromhex(text) for number, text in data["digests"]}  # type: ignore[index]
    except (LookupError, TypeError, ValueError):
        raise Malformed("not digests of an origin's commits", place="answer") from None
    if (
        not all(type(number) is int and len(digest) == DIGEST_BYTES for number, digest in digests.items())
        or not (following is None or type(following) is int)
        or len(epoch) != EPOCH_BYTES
    ):
        raise Malformed("not digests of an origin's commits", place="answer")
    return digests, following, epoch


def compare(journal: _Journal, pages: Iterable[DigestPage], *, first: int) -> Comparison:
    """Compare from number `first` on; `pages` are the server's digests from there up to its mark, ascending.

    A number that is a gap there is no difference: its commit was set aside in the copy that pushed. That copy may have
    taken it back since, under a later number, and so it is looked for there. Where the journal ends before the server,
    all its next numbers are the copy's: then that commit does differ.
    """
    held: list[int] = []
    stored: list[tuple[int, int]] = []
    looked_for: dict[bytes, list[Own]] = {}
    differs: Own | None = None
    at = reached = first - 1
    for digests, upto in pages:
        reached = upto
        known = set()
        for own in journal.digests(at + 1, upto):
            at = own.number
            theirs = digests.get(at)
            if own.digest is not None and theirs == own.digest:
                known.add(at)
                if not own.is_queued:
                    held.append(at)
                stored[-1:] = _with(stored[-1:], at)
            elif own.digest is not None and theirs is None:
                looked_for.setdefault(own.digest, []).append(own)
            elif own.is_queued and differs is None:
                differs = own
            # What was set aside or is gone, and what the server has in its place: there is nothing to lose.
        for own in _found(looked_for, digests, known):
            if not own.is_queued:
                held.append(own.number)
            stored.append((own.number, own.number))
        if at < upto and not looked_for:
            break  # the journal ends before the server does
    missing = sorted(own for owns in looked_for.values() for own in owns if own.is_queued)
    if missing and at < reached:
        differs = missing[0] if differs is None else min(differs, missing[0])
    if differs is None:
        return Comparison(at, None, tuple(sorted(held)), (), tuple(own.number for own in missing))
    behind = [(max(low, differs.number + 1), high) for low, high in sorted(stored) if high > differs.number]
    spent = tuple(own.number for own in missing if own.number < differs.number)
    return Comparison(differs.number - 1, differs, tuple(sorted(held)), tuple(behind), spent)


def _found(looked_for: dict[bytes, list[Own]], digests: dict[int, bytes], known: set[int]) -> Iterator[Own]:
    """Take out what the server has under a later number than ours, each of its commits for one of ours."""
    if not looked_for:
        return
    for number, digest in digests.items():
        owns = looked_for.get(digest)
        if owns and number not in known and owns[0].number < number:
            yield owns.pop(0)
            if not owns:
                del looked_for[digest]


def _with(last: list[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Return the last of ascending ranges with one more number behind it."""
    if last and last[0][1] == number - 1:
        return [(last[0][0], number)]
    return [*last, (number, number)]
