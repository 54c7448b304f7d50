"""The push protocol as a model (`docs/model/`), within small bounds, and with the product's own decisions in it.

`make model` goes further.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from docs.model.__main__ import FAULTS, LEFT_OUT
from docs.model.rules import Compared, Decisions, Rules, compare, judge_mark, judge_pack
from docs.model.search import search

from nikdev_iot.client import comparison, settlement
from nikdev_iot.journal.identity import Own
from nikdev_iot.journal.records import Acknowledged, SentPack
from nikdev_iot.server.ingest.judge import Claim, GroupMarks
from nikdev_iot.wire.marks import Mark

_DEVICE = uuid.UUID(int=1)
_VERDICTS = {settlement.SendOn: "send on", settlement.SetBack: "set back", settlement.Unknown: "unknown"}


def _hash(number: int) -> bytes:
    return number.to_bytes(32, "big")


def server_judges(pack, epoch, line, server_epoch):
    """Ask `server/ingest/judge.py`."""
    claim = Claim(
        _DEVICE, uuid.UUID(int=5), pack.first, pack.last, _hash(pack.hash), _hash(pack.parent), bytes([epoch] * 16)
    )
    stored = {(one.first, one.last, _hash(one.hash)) for one in line.packs}
    marks = GroupMarks(
        {claim.key: Mark(line.number, _hash(line.hash))},
        epoch=bytes([server_epoch] * 16),
        is_stored=lambda other: (other.first, other.last, other.hash) in stored,
    )
    found = marks.judge(claim).value
    assert found == judge_pack(pack, epoch, line, server_epoch)
    return found


def device_judges(mark, journal):
    """Ask `client/settlement.py`."""
    in_flight = [
        SentPack(
            origin=uuid.UUID(int=5),
            first=sent.first,
            count=sent.last - sent.first + 1,
            hash=_hash(sent.hash),
            parent=b"",
            gaps=(),
            sent_us=0,
        )
        for sent in journal.flight
    ]
    pushed = {_hash(content): last for last, content in journal.packs}
    verdict = settlement.judge(
        Mark(mark[0], _hash(mark[1])), Acknowledged(journal.acked, _hash(journal.parent)), in_flight, pushed=pushed.get
    )
    if isinstance(verdict, settlement.Stored):
        found = "stored", int.from_bytes(verdict.hash, "big")
    else:
        found = _VERDICTS[type(verdict)], 0
    assert found == judge_mark(mark, journal)
    return found


class _Numbers:
    """What `client/comparison.py` asks of a journal."""

    def __init__(self, journal):
        rows, holes = dict(journal.rows), dict(journal.holes)
        self.own = [
            Own(number, None if number not in rows else str(rows[number]).encode(), number not in holes)
            for number in range(1, journal.top + 1)
        ]

    def digests(self, low, high):
        return [own for own in self.own if low <= own.number <= high]


def device_compares(journal, told, *, first, upto):
    """Ask `client/comparison.py`, which has the server's digests in pages."""
    digests = {number: str(made).encode() for number, made in told.items()}
    at_once = (
        [({number: digests[number] for number in digests if first <= number <= upto}, upto)] if first <= upto else []
    )
    one_by_one = [({number: digests[number]} if number in digests else {}, number) for number in range(first, upto + 1)]
    found = [comparison.compare(_Numbers(journal), pages, first=first) for pages in (at_once, one_by_one)]
    assert found[0] == found[1]
    differs = found[0].differs.number if found[0].differs else 0
    stored = tuple(number for low, high in found[0].stored for number in range(low, high + 1))
    made = Compared(found[0].equal_up_to, differs, found[0].held, stored, found[0].spent)
    assert made == compare(journal, told, first=first, upto=upto)
    return made


OURS = Rules(decide=Decisions(judge_pack=server_judges, judge_mark=device_judges, compare=device_compares))


@pytest.mark.parametrize(
    ("commits", "left"),
    [
        (3, {}),
        (2, {"server": 1}),
        (2, {"journal": 1}),
        (2, {"refuse": 1, "discard": 1}),
        (2, {"refuse": 1, "take back": 1}),
        (2, {"evict": 1, "server": 1}),
        (2, {"discard": 1, "journal": 1}),
    ],
    ids=lambda item: " and ".join(item) if isinstance(item, dict) else str(item),
)
def test_the_products_own_decisions_lose_and_double_nothing(commits, left):
    found = search(commits=commits, left=left, rules=OURS)
    assert (found.problem, found.way) == ("", ())
    assert found.whole
    assert found.states > 250


@pytest.mark.parametrize(
    ("rule", "commits", "left"),
    [case for case in LEFT_OUT if case[0] in {"mark", "memory", "transaction", "set_back", "digests", "renumbered"}],
)
def test_a_rule_left_out_is_found(rule, commits, left):
    found = search(commits=commits, left=left, rules=replace(OURS, **{rule: False}))
    assert found.problem
    assert len(found.way) >= 3


def test_a_search_that_was_ended_says_so():
    found = search(commits=3, left={"copy": 1}, max_states=200)
    assert (found.problem, found.whole) == ("", False)


def test_each_rule_is_left_out_once_and_each_fault_comes():
    assert sorted(rule for rule, _, _ in LEFT_OUT) == sorted(set(Rules.__slots__) - {"decide"})
    assert {name for _, left in FAULTS for name in left} == {
        *("copy", "server", "journal", "refuse", "take back", "discard", "evict")
    }
