"""What there is at one moment: journals, the server, and what is under way between them."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

__all__ = ["Before", "Journal", "Line", "Message", "Pack", "Sent", "World", "interned"]

_ids: dict[object, int] = {}


def interned(content: object) -> int:
    """Return the number that stands for `content`: a hash function without collisions. Never 0."""
    return _ids.setdefault(content, len(_ids) + 1)


class Pack(NamedTuple):
    """A run of numbers; those that are not in `commits` are declared gaps."""

    first: int
    last: int
    hash: int
    parent: int
    commits: tuple[tuple[int, int], ...]
    """(number, commit); a commit is known by a number of its own, in the order in which they were made."""


class Sent(NamedTuple):
    """What the journal notes of a pack before it leaves."""

    first: int
    last: int
    hash: int
    gaps: tuple[int, ...]


class Before(NamedTuple):
    """What a journal keeps of an origin that it left."""

    origin: int
    less: int
    """Its numbers are by so much higher than those of the origin behind it."""
    acked: int
    parent: int
    packs: tuple[tuple[int, int], ...]
    reach: int
    """Up to this number the server had commits of it that are here."""


class Journal(NamedTuple):
    """What a device has on disk, and `phase`: what its push is doing, which a crash forgets."""

    origin: int
    top: int = 0
    """The newest number that was given."""
    rows: tuple[tuple[int, int], ...] = ()
    """(number, commit) of what is there, pushed or not, ascending."""
    holes: tuple[tuple[int, str], ...] = ()
    """Numbers that are not to be sent, and why: rejected, discarded, discarding (a pack with it is under way), moved
    (went on under another number), evicted, stored (under an origin before)."""
    acked: int = 0
    parent: int = 0
    """The hash of the last acknowledged pack."""
    packs: tuple[tuple[int, int], ...] = ()
    """Acknowledged packs: (last number, hash)."""
    flight: tuple[Sent, ...] = ()
    epoch: int = 1
    before: tuple[Before, ...] = ()
    """The origins before this one. Their commits are among `rows`, with numbers below 1."""
    phase: tuple[object, ...] = ()
    """() at rest; ("go",) between two requests; ("pack", hash), ("mark",), ("before", epoch), or ("digests", number,
    hash, epoch, first): waiting for that answer."""


class Message(NamedTuple):
    """A request of journal `owner`, or the answer to it; -1 where the one who asked has given it up."""

    kind: str
    """Requests: pack, mark?, digests?. Answers: ok, mark, refused, digests."""
    owner: int
    origin: int
    pack: Pack | tuple[()] = ()
    epoch: int = 0
    mark: tuple[int, int] = (0, 0)
    told: tuple[tuple[int, int], ...] = ()
    """What the digests say, (number, commit); or the commits refused."""


class Line(NamedTuple):
    """What the server has of one origin: its mark, and its packs."""

    number: int = 0
    hash: int = 0
    packs: tuple[Pack, ...] = ()


Server: TypeAlias = tuple[tuple[int, Line], ...]


class World(NamedTuple):
    """Everything."""

    journals: tuple[Journal, ...]
    server: Server = ()
    epoch: int = 1
    net: tuple[Message, ...] = ()
    made: int = 0
    """How many commits were made."""
    left: tuple[tuple[str, int], ...] = ()
    """How often each fault and each act of the user may still come."""
    server_backup: tuple[Server, ...] = ()
    journal_backup: tuple[Journal, ...] = ()
    excused: frozenset[int] = frozenset()
    """Commits that may be missing: thrown away by the user, or in nothing that a restore left."""
