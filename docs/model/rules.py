"""The decisions of the protocol: what the server makes of a pack, what the device makes of a mark.

`Rules` says which of them are in force, so that each can be left out and the search be seen to fail. `Decisions` holds
the three that are pure functions in the product as well; the tests put the product's own in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .state import Journal, Line, Pack

__all__ = ["Compared", "Decisions", "Rules", "compare", "judge_mark", "judge_pack"]


class Compared(NamedTuple):
    """How far journal and server are the same."""

    equal: int
    differs: int
    """The first number that goes on under a new origin; 0 for none."""
    held: tuple[int, ...]
    """Numbers set aside here, and stored there all the same."""
    same: tuple[int, ...] = ()
    """Numbers behind the first that differs whose commits are stored there."""
    spent: tuple[int, ...] = ()
    """Numbers of the queue that are gaps there: their commits need new ones."""


def judge_pack(pack: Pack, epoch: int, line: Line, server_epoch: int) -> str:
    """Say what becomes of a pack: stored, duplicate, fork, overlap, gap or epoch (`server/ingest/judge.py`)."""
    if epoch != server_epoch:
        return "epoch"
    if pack.first == line.number + 1:
        return "stored" if pack.parent == line.hash else "fork"
    if pack.first > line.number:
        return "gap"
    known = any((one.first, one.last, one.hash) == (pack.first, pack.last, pack.hash) for one in line.packs)
    return "duplicate" if known else "overlap"


def judge_mark(mark: tuple[int, int], journal: Journal) -> tuple[str, int]:
    """Say what a mark means: stored (with the hash), send on, set back or unknown (`client/settlement.py`)."""
    number, content = mark
    for sent in journal.flight:
        if (sent.last, sent.hash) == (number, content):
            return "stored", content
    if (number, content) == (journal.acked, journal.parent):
        return "send on", 0
    if number < journal.acked and (not number or (number, content) in journal.packs):
        return "set back", 0
    return "unknown", 0


def compare(journal: Journal, told: Mapping[int, int], *, first: int, upto: int) -> Compared:
    """Compare with the server's commits from number `first` to its mark `upto` (`client/comparison.py`)."""
    rows, holes = dict(journal.rows), dict(journal.holes)
    there = {made: number for number, made in told.items()}
    differs = 0
    held, same, spent = [], [], []
    for number in range(first, min(upto, journal.top) + 1):
        if number not in rows:
            continue
        # At its own number, or taken back by a copy under a later one.
        is_there = told.get(number) == rows[number] or (number not in told and there.get(rows[number], 0) > number)
        if is_there and number in holes:
            held.append(number)
        if is_there:
            same.append(number)
        elif not is_there and number not in holes:
            if number in told:
                differs = differs or number
            else:
                spent.append(number)
    if spent and journal.top < upto:  # its next numbers are not free there either
        differs = min(differs or spent[0], spent[0])
    equal = differs - 1 if differs else max(min(upto, journal.top), first - 1)
    behind = tuple(number for number in same if number > differs) if differs else ()
    left = tuple(number for number in spent if not differs or number < differs)
    return Compared(equal, differs, tuple(held), behind, left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """The decisions that can be asked of the product instead."""

    judge_pack: Callable[[Pack, int, Line, int], str] = judge_pack
    judge_mark: Callable[[tuple[int, int], Journal], tuple[str, int]] = judge_mark
    compare: Callable[..., Compared] = compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Each is a rule that can be left out."""

    epoch: bool = True
    """The server refuses a pack that was made for another incarnation of it."""
    new_epoch: bool = True
    """A restored server has a new epoch."""
    mark: bool = True
    """The server stores a pack only behind its mark."""
    parent: bool = True
    """The server stores a pack only on the parent that it names."""
    memory: bool = True
    """The server knows again a pack that it has stored."""
    transaction: bool = True
    """The mark moves in the transaction that stores the pack."""
    flight: bool = True
    """The journal notes a pack before it sends it, and settles it by its hash."""
    set_back: bool = True
    """What a server that went back has lost is pushed again."""
    digests: bool = True
    """Where another copy pushed, commit is compared with commit."""
    one_incarnation: bool = True
    """Mark and digests are compared only if one incarnation of the server told both."""
    derived: bool = True
    """The new origin is derived from the old one and the first commit that differs."""
    from_the_oldest: bool = True
    """After a change of epoch, all that is left is compared, acknowledged or not."""
    epoch_last: bool = True
    """The new epoch is noted after what follows from it was done."""
    stale: bool = True
    """An answer to a request that was given up is ignored."""
    beyond_the_first: bool = True
    """What is stored counts as stored, behind the first commit that differs as well."""
    spent: bool = True
    """A number that is a gap on the server is no difference: its commit goes on under a new number."""
    before: bool = True
    """Where the server went back behind a fork, and so has nothing of what came of it, the journal does so as well."""
    held: bool = True
    """What was set aside here and is stored there, because a copy pushed it, counts as stored."""
    overtaken: bool = True
    """What was set aside while a pack with it was under way counts as stored where that pack was."""
    renumbered: bool = True
    """What was set aside, and is known to the server as a gap, gets a new number when it is taken back."""
    regained: bool = True
    """What was taken back while a pack was under way that declares it as a gap gets a new number once that is in."""
    declared: bool = True
    """A number whose commit is gone is declared as a gap."""
    decide: Decisions = field(default_factory=Decisions)
