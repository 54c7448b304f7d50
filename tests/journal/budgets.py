"""Journals that are small enough to be full soon."""

from __future__ import annotations

import uuid
from pathlib import Path

from nikdev_iot.journal.budget import Budget
from nikdev_iot.journal.clock import Clock
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.commits import Receipt
from nikdev_iot.wire.pack import Pack

LIMIT = 300_000
"""About 80 commits of `fill`."""
TEXT = "x" * 2000


def bounded(path: Path, clock: Clock, policy: str = "refuse", *, limit: int = LIMIT) -> Journal:
    return Journal.open(path, clock=clock, durability="normal", budget=Budget.of(limit, policy))


def fill(journal: Journal, count: int) -> list[Receipt]:
    return [journal.commit({"n": number, "t": TEXT}) for number in range(count)]


def push(journal: Journal, max_commits: int = 50) -> Pack | None:
    """Send the next pack to a server that takes it."""
    pack = journal.next_pack(max_commits=max_commits, max_bytes=1 << 20)
    if pack is not None:
        sent = journal.record_sent(pack, uuid.uuid4().bytes * 2)
        journal.settle(sent.hash)
    return pack


def push_all(journal: Journal) -> list[Pack]:
    packs = []
    while (pack := push(journal)) is not None:
        packs.append(pack)
    return packs
