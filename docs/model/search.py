"""Breadth-first through all that can happen: every state within the bounds, each once, looked at as it is found."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from . import journal as disk
from .rules import Rules
from .state import Journal, World
from .steps import everywhere, hear, request, serve, steps

__all__ = ["Found", "search"]

_LONGEST_CALM = 40
"""So many requests bring everything to the server, once nothing goes wrong any more."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    states: int
    seconds: float
    problem: str = ""
    """Of the first state that should not be; empty where all are as they should."""
    way: tuple[str, ...] = ()
    """The shortest way there."""
    whole: bool = True
    """Whether there was nothing more to look at; else `max_states` ended it."""


def search(*, commits: int, left: Mapping[str, int], rules: Rules | None = None, max_states: int = 5_000_000) -> Found:
    """Look at every state that `commits` commits and the faults in `left` can lead to."""
    rules = rules or Rules()
    begin = World(journals=(Journal(origin=1),), left=tuple(sorted(left.items())))
    came: dict[World, tuple[World, str] | None] = {begin: None}
    waiting = deque([begin])
    calm: dict[object, str] = {}
    began = time.monotonic()
    while waiting:
        world = waiting.popleft()
        problem = _wrong(world) or _wrong_in_the_end(world, rules, calm)
        if problem:
            return Found(len(came), time.monotonic() - began, problem, _way(came, world))
        if len(came) > max_states:
            return Found(len(came), time.monotonic() - began, whole=False)
        for what, following in steps(world, rules, commits):
            if following not in came:
                came[following] = (world, what)
                waiting.append(following)
    return Found(len(came), time.monotonic() - began)


def _way(came: Mapping[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    way: list[str] = []
    while (step := came[world]) is not None:
        world, what = step
        way.append(what)
    return tuple(reversed(way))


def _wrong(world: World) -> str:
    """Return what must not be at any time."""
    stored = [made for _, line in world.server for pack in line.packs for _, made in pack.commits]
    if len(stored) != len(set(stored)):
        return f"doubled: commit {next(made for made in stored if stored.count(made) > 1)}"
    for _, line in world.server:
        last = 0
        for pack in line.packs:
            if pack.first != last + 1:
                return f"numbers in disorder: {pack.first} follows {last}"
            last = pack.last
    if missing := set(range(world.made)) - everywhere(world) - world.excused:
        return f"lost: commit {min(missing)}"
    return ""


def _wrong_in_the_end(world: World, rules: Rules, calm: dict[object, str]) -> str:
    """Return what will be wrong when, from here on, all goes well: each device commits once more, and pushes."""
    journals = tuple(journal._replace(phase=()) for journal in world.journals)
    key = (journals, world.server, world.epoch, world.excused)
    known = calm.get(key)
    if known is None:
        known = calm[key] = _calm(world._replace(journals=journals, net=()), rules)
    return known


def _calm(world: World, rules: Rules) -> str:
    fresh = -1
    for _ in range(2):
        for at in range(len(world.journals)):
            journals = list(world.journals)
            journals[at] = disk.commit(journals[at], fresh)
            fresh -= 1
            world = world._replace(journals=tuple(journals))
            for _ in range(_LONGEST_CALM):
                following = list(request(world, at, rules))
                if not following:
                    break
                world = _answered(following[-1][1], rules)
            else:
                return f"stuck: device {at} pushes for ever"
    problem = _wrong(world)
    if problem:
        return f"{problem}, once all is pushed"
    stored = {made for _, line in world.server for pack in line.packs for _, made in pack.commits}
    for at, journal in enumerate(world.journals):
        holes = dict(journal.holes)
        kept = {made for number, made in journal.rows if holes.get(number, "stored").startswith("stored")}
        if not kept <= stored:
            return f"never pushed: commit {min(kept - stored)}, which device {at} has"
    return ""


def _answered(world: World, rules: Rules) -> World:
    """Let the one request that is under way be answered, and what follows from it."""
    while world.net:
        message, without = world.net[0], world._replace(net=world.net[1:])
        (_, world), *_ = (serve if message.kind in {"pack", "mark?", "digests?"} else hear)(without, message, rules)
    return world
