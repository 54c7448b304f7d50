"""The push protocol as a small state machine, explored exhaustively with the server's own judge in it.

Bounds: 2 commits, 2 messages under way; requests are lost, delayed and doubled. Faults, each at most once: the journal
is copied, the server is restored from a backup, the journal is restored from a backup. `judge` is given by the test, so
that it can be shown that the model notices a rule left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

__all__ = [
    "COPIED", "JOURNAL_RESTORED", "SERVER_RESTORED", "Faults", "Journal", "Request", "Stored", "World", "explore",
]  # fmt: skip

Stored: TypeAlias = tuple[tuple[int, int, int, int, tuple[int, ...]], ...]
"""Packs of one origin: (first, last, hash, parent, commits)."""
Faults: TypeAlias = frozenset[str]
COPIED, SERVER_RESTORED, JOURNAL_RESTORED = "copied journal", "server restored", "journal restored"
_NET = 2


class Journal(NamedTuple):
    """What a device has on disk."""

    origin: int
    commits: tuple[tuple[int, int], ...] = ()  # (number, identity)
    acked: int = 0
    packs: tuple[tuple[int, int, int], ...] = ()  # pushed and acknowledged: (first, last, hash)
    flight: tuple[int, int, int] | tuple[()] = ()
    parent: int = 0
    epoch: int = 0


class Request(NamedTuple):
    """A message under way; `owner` -1 where the journal has given it up."""

    kind: str  # pack, ask, ok, mark
    owner: int
    origin: int
    first: int = 0
    last: int = 0
    hash: int = 0
    parent: int = 0
    commits: tuple[int, ...] = ()
    epoch: int = 0
    held: Stored = ()


class World(NamedTuple):
    """Everything at one moment."""

    journals: tuple[Journal, ...] = (Journal(1),)
    server: tuple[tuple[int, Stored], ...] = ()
    net: tuple[Request, ...] = ()
    made: int = 0
    epoch: int = 0
    faults: Faults = frozenset()
    """Those that may still come."""
    server_backup: tuple[tuple[tuple[int, Stored], ...], ...] = ()
    journal_backup: tuple[Journal, ...] = ()


Judge: TypeAlias = Callable[[Request, Stored, int], str]
"""(pack, what is stored of its origin, the server's epoch) -> the verdict's code."""


def _held(world: World, origin: int) -> Stored:
    return dict(world.server).get(origin, ())


def _with_journal(world: World, index: int, journal: Journal) -> World:
    journals = (*world.journals[:index], journal, *world.journals[index + 1 :])
    return world._replace(journals=journals)


def _ask(world: World, request: Request) -> Iterator[World]:
    """Put a request of a journal under way; its older ones are given up, and replies to them are nobody's."""
    net = [
        message._replace(owner=-1) if message.owner == request.owner else message
        for message in world.net
        if not (message.owner == request.owner and message.kind in {"ok", "mark", "ask"})
    ]
    if len(net) < _NET:
        yield world._replace(net=tuple(sorted([*net, request])))


def _reply(world: World, request: Request) -> World:
    return world._replace(net=tuple(sorted([*world.net, request]))) if request.owner >= 0 else world


def _pack(journal: Journal, owner: int, first: int, last: int) -> Request:
    inside = tuple(identity for number, identity in journal.commits if first <= number <= last)
    content = hash((journal.origin, first, last, journal.parent, inside))
    return Request("pack", owner, journal.origin, first, last, content, journal.parent, inside, journal.epoch)


def _acknowledge(journal: Journal) -> Journal:
    assert journal.flight
    _, last, content = journal.flight
    return journal._replace(acked=last, packs=(*journal.packs, journal.flight), flight=(), parent=content)


def _serve(world: World, request: Request, judge: Judge) -> World:
    held = _held(world, request.origin)
    verdict = judge(request, held, world.epoch) if request.kind == "pack" else "ask"
    if verdict == "stored":
        new = (request.first, request.last, request.hash, request.parent, request.commits)
        world = world._replace(server=tuple(sorted({**dict(world.server), request.origin: (*held, new)}.items())))
    if verdict in {"stored", "duplicate"}:
        return _reply(world, request._replace(kind="ok", commits=(), parent=0))
    mark = held[-1] if held else (0, 0, 0, 0, ())
    answer = Request("mark", request.owner, request.origin, mark[1], 0, mark[2], epoch=world.epoch, held=held)
    return _reply(world, answer)


def _hear_mark(world: World, index: int, answer: Request) -> Iterator[World]:
    """Do what a device makes of a mark, as DESIGN's section 2 has it."""
    journal = world.journals[index]._replace(epoch=answer.epoch)
    world = _with_journal(world, index, journal)
    if not journal.flight or journal.origin != answer.origin:
        yield world
        return
    first, last, content = journal.flight
    number, mark = answer.first, answer.hash
    known = [pack[2] for pack in journal.packs]
    if mark == content:
        yield _with_journal(world, index, _acknowledge(journal))
    elif (number, mark) == (journal.acked, journal.parent):
        again = _pack(journal, index, first, last)
        yield from _ask(world, again._replace(hash=content))
    elif number == 0 or mark in known:  # the server went back: push again from there
        kept = () if number == 0 else journal.packs[: known.index(mark) + 1]
        yield _with_journal(world, index, journal._replace(acked=number, packs=kept, flight=(), parent=mark))
    else:  # another journal used this origin: compare commit by commit
        held = {pack[0] + at: identity for pack in answer.held for at, identity in enumerate(pack[4])}
        mine = dict(journal.commits)
        equal = (journal.commits[0][0] - 1) if journal.commits else journal.acked
        while equal + 1 in mine and held.get(equal + 1) == mine[equal + 1]:
            equal += 1
        if equal == number:
            packs = tuple(pack[:3] for pack in answer.held)
            yield _with_journal(world, index, journal._replace(acked=equal, packs=packs, flight=(), parent=mark))
        else:
            rest = tuple((at + 1, c[1]) for at, c in enumerate(c for c in journal.commits if c[0] > equal))
            derived = hash((journal.origin, rest[:1]))
            yield _with_journal(world, index, Journal(derived, rest, epoch=journal.epoch))


def _steps(world: World, commits: int, judge: Judge) -> Iterator[World]:
    for index, journal in enumerate(world.journals):
        if world.made < commits:
            number = (journal.commits[-1][0] if journal.commits else journal.acked) + 1
            grown = journal._replace(commits=(*journal.commits, (number, world.made)))
            yield _with_journal(world, index, grown)._replace(made=world.made + 1)
        waiting = [number for number, _ in journal.commits if number > journal.acked]
        if waiting and not journal.flight:
            for last in {waiting[0], waiting[-1]}:
                request = _pack(journal, index, waiting[0], last)
                sent = journal._replace(flight=(waiting[0], last, request.hash))
                yield from _ask(_with_journal(world, index, sent), request)
        if journal.flight:
            yield from _ask(world, Request("ask", index, journal.origin))
    for at, message in enumerate(world.net):
        without = world._replace(net=world.net[:at] + world.net[at + 1 :])
        yield without  # lost
        if message.kind == "pack":
            yield _serve(without, message, judge)
            if len(world.net) < _NET:
                yield _serve(world, message, judge)  # and once more, later
        elif message.kind == "ask":
            yield _serve(without, message, judge)
        elif message.owner >= 0:
            yield from _hear(without, message)
    yield from _break(world)


def _hear(world: World, message: Request) -> Iterator[World]:
    if message.kind == "mark":
        yield from _hear_mark(world, message.owner, message)
        return
    journal = world.journals[message.owner]
    if journal.flight and (journal.origin, journal.flight[2]) == (message.origin, message.hash):
        journal = _acknowledge(journal)
    yield _with_journal(world, message.owner, journal)


def _break(world: World) -> Iterator[World]:
    if COPIED in world.faults:
        yield world._replace(journals=world.journals * 2, faults=world.faults - {COPIED})
    if SERVER_RESTORED in world.faults:
        if not world.server_backup:
            yield world._replace(server_backup=(world.server,))
        else:
            yield world._replace(
                server=world.server_backup[0],
                server_backup=(),
                epoch=world.epoch + 1,
                faults=world.faults - {SERVER_RESTORED},
            )
    if JOURNAL_RESTORED in world.faults:
        if not world.journal_backup:
            yield world._replace(journal_backup=(world.journals[0],))
        else:
            back = _with_journal(world, 0, world.journal_backup[0])
            yield back._replace(journal_backup=(), faults=world.faults - {JOURNAL_RESTORED})


def _problem(world: World, faults: Faults) -> str:
    stored = [identity for _, packs in world.server for pack in packs for identity in pack[4]]
    if len(stored) != len(set(stored)):
        return f"doubled: {stored}"
    for journal in world.journals:
        lost = [identity for number, identity in journal.commits if number <= journal.acked and identity not in stored]
        if lost and SERVER_RESTORED not in faults:
            return f"acknowledged and not stored: {lost}"
    return ""


def explore(faults: Faults, judge: Judge, *, commits: int = 2) -> tuple[int, str]:
    """Return how many states there are, and the first problem found in any of them."""
    begin = World(faults=faults)
    seen, waiting = {begin}, deque([begin])
    while waiting:
        world = waiting.popleft()
        problem = _problem(world, faults)
        if problem:
            return len(seen), problem
        for following in _steps(world, commits, judge):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return len(seen), ""
