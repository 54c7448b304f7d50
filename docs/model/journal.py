"""The journal's transactions: each takes a journal and returns what it is afterwards (`src/nikdev_iot/journal/`)."""

from __future__ import annotations

from .rules import Compared, Rules
from .state import Before, Journal, Pack, Sent, interned

__all__ = [
    "adopt", "commit", "discard", "evict", "fork", "next_pack", "queue", "record", "reject", "restore", "rewind",
    "settle", "unfork",
]  # fmt: skip


def queue(journal: Journal) -> list[int]:
    """Return the numbers that the server shall have and is not known to have."""
    holes = dict(journal.holes)
    return [number for number, _ in journal.rows if number > journal.acked and number not in holes]


def commit(journal: Journal, made: int) -> Journal:
    """Make one commit."""
    top = journal.top + 1
    return journal._replace(top=top, rows=(*journal.rows, (top, made)))


def next_pack(journal: Journal, last: int) -> Pack:
    """Return the pack from behind the last acknowledgement to `last`; what is not in the queue is a gap."""
    first, holes = journal.acked + 1, dict(journal.holes)
    commits = tuple((number, made) for number, made in journal.rows if first <= number <= last and number not in holes)
    content = interned((journal.origin, first, last, journal.parent, commits))
    return Pack(first, last, content, journal.parent, commits)


def record(journal: Journal, pack: Pack, rules: Rules) -> Journal:
    """Note a pack before it leaves."""
    if not rules.flight or any(sent.hash == pack.hash for sent in journal.flight):
        return journal
    inside = {number for number, _ in pack.commits}
    gaps = tuple(number for number in range(pack.first, pack.last + 1) if number not in inside)
    return journal._replace(flight=(*journal.flight, Sent(pack.first, pack.last, pack.hash, gaps)))


def settle(journal: Journal, content: int, rules: Rules) -> Journal:
    """Acknowledge the pack with this hash; other attempts are forgotten."""
    (sent,) = [one for one in journal.flight if one.hash == content]
    inside = set(range(sent.first, sent.last + 1)) - set(sent.gaps)
    if rules.overtaken:
        journal = _without_holes(journal, inside, {"rejected", "discarding"})
    journal = journal._replace(acked=sent.last, parent=content, packs=(*journal.packs, (sent.last, content)), flight=())
    holes = dict(journal.holes)
    again = [number for number in sent.gaps if number not in holes]
    if rules.regained:
        journal = _move(journal, again)
    return _end_discarding(journal)


def rewind(journal: Journal, number: int, content: int) -> Journal:
    """The server has this origin up to `number` only; nothing that is under way will be stored."""
    packs = tuple(pack for pack in journal.packs if pack[0] <= number)
    return _end_discarding(journal._replace(acked=number, parent=content, packs=packs, flight=()))


def adopt(journal: Journal, found: Compared, mark: tuple[int, int], rules: Rules) -> Journal:
    """The server has all up to `found.equal`, by packs that somebody else pushed."""
    number = found.equal
    if rules.held:
        journal = _without_holes(journal, set(found.held), {"rejected", "discarding"})
    packs = tuple(pack for pack in journal.packs if pack[0] <= number - (mark[0] == number))
    last, parent = packs[-1] if packs else (0, 0)
    if last < number:
        packs, parent = (*packs, (number, mark[1])), mark[1]
    journal = _end_discarding(journal._replace(acked=number, parent=parent, packs=packs, flight=()))
    return _move(journal, list(found.spent))


def fork(journal: Journal, found: Compared, origin: int, rules: Rules) -> Journal:
    """Go on under another origin, in which the commit that differs is number 1; those before it are 0, -1 and so on."""
    if rules.held:
        journal = _without_holes(journal, set(found.held), {"rejected", "discarding"})
    journal = _end_discarding(journal._replace(flight=()))
    less, reach = found.differs - 1, found.differs - 1
    if rules.beyond_the_first:
        for number in found.same:
            if number not in dict(journal.holes):
                journal = _with_hole(journal, number, f"stored under {journal.origin}")
                reach = number
    journal = _move(journal, list(found.spent))
    before = Before(journal.origin, less, journal.acked, journal.parent, journal.packs, reach)
    journal = _shifted(journal, -less)
    return journal._replace(origin=origin, acked=0, parent=0, packs=(), before=(*journal.before, before))


def unfork(journal: Journal) -> Journal:
    """Go back to the origin before: the server went back behind the fork, so that it has nothing of what came of it."""
    before = journal.before[-1]
    holes = tuple(hole for hole in journal.holes if hole[1] != f"stored under {before.origin}")
    journal = _shifted(_end_discarding(journal._replace(flight=(), holes=holes)), before.less)
    return journal._replace(
        origin=before.origin,
        acked=before.acked,
        parent=before.parent,
        packs=before.packs,
        before=journal.before[:-1],
    )


def reject(journal: Journal, made: int) -> Journal:
    """Set a commit aside that the server judges invalid."""
    number = next((number for number, one in journal.rows if one == made), 0)
    if number <= journal.acked or number in dict(journal.holes):
        return journal
    return _with_hole(journal, number, "rejected")


def restore(journal: Journal, rules: Rules) -> Journal:
    """Queue again all that was set aside."""
    numbers = [number for number, why in journal.holes if why == "rejected"]
    journal = _without_holes(journal, set(numbers), {"rejected"})
    if not rules.renumbered:
        return journal
    return _move(journal, [number for number in numbers if number <= journal.acked])


def discard(journal: Journal) -> Journal:
    """Throw away the oldest commit of the queue: by the user's wish, or because there is no room for it."""
    number = queue(journal)[0]
    under_way = any(sent.first <= number <= sent.last and number not in sent.gaps for sent in journal.flight)
    if under_way:
        return _with_hole(journal, number, "discarding")
    return _delete(_with_hole(journal, number, "discarded"), {number})


def evict(journal: Journal) -> Journal:
    """Let go of the oldest acknowledged commit that is still here; the server has it."""
    holes = dict(journal.holes)
    number = next(number for number, _ in journal.rows if number not in holes)
    return _delete(_with_hole(journal, number, "evicted"), {number})


# -- what these are made of ---------------------------------------------------------------------------


def _shifted(journal: Journal, by: int) -> Journal:
    return journal._replace(
        top=journal.top + by,
        rows=tuple((number + by, made) for number, made in journal.rows),
        holes=tuple((number + by, why) for number, why in journal.holes),
    )


def _with_hole(journal: Journal, number: int, why: str) -> Journal:
    return journal._replace(holes=tuple(sorted([*journal.holes, (number, why)])))


def _without_holes(journal: Journal, numbers: set[int], kinds: set[str]) -> Journal:
    holes = tuple(hole for hole in journal.holes if hole[0] not in numbers or hole[1] not in kinds)
    return journal._replace(holes=holes)


def _delete(journal: Journal, numbers: set[int]) -> Journal:
    return journal._replace(rows=tuple(row for row in journal.rows if row[0] not in numbers))


def _move(journal: Journal, numbers: list[int]) -> Journal:
    """Commit these again, under new numbers."""
    for number in numbers:
        made = dict(journal.rows)[number]
        journal = commit(_delete(_with_hole(journal, number, "moved"), {number}), made)
    return journal


def _end_discarding(journal: Journal) -> Journal:
    """Delete what was thrown away while a pack with it was under way, now that none is."""
    if journal.flight:
        return journal
    gone = {number for number, why in journal.holes if why == "discarding"}
    holes = tuple((number, "discarded" if why == "discarding" else why) for number, why in journal.holes)
    return _delete(journal._replace(holes=holes), gone)
