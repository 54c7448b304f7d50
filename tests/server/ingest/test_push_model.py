from __future__ import annotations

import uuid

import pytest
from tests.server.ingest.push_model import COPIED, JOURNAL_RESTORED, SERVER_RESTORED, Request, Stored, explore

from nikdev_iot.server.ingest.judge import Claim, GroupMarks
from nikdev_iot.wire.marks import Mark

DEVICE = uuid.UUID(int=1)


def _bytes(number: int) -> bytes:
    return (number % 2**256).to_bytes(32, "little")


def _claim(pack: Request) -> Claim:
    origin = uuid.UUID(int=pack.origin % 2**128)
    return Claim(DEVICE, origin, pack.first, pack.last, _bytes(pack.hash), _bytes(pack.parent), _bytes(pack.epoch)[:16])


def judge(pack: Request, held: Stored, epoch: int) -> str:
    """Ask the server's own judge."""
    claim = _claim(pack)
    mark = Mark(held[-1][1], _bytes(held[-1][2])) if held else Mark()
    stored = {(first, last, _bytes(content)) for first, last, content, _, _ in held}
    marks = GroupMarks(
        {claim.key: mark},
        epoch=_bytes(epoch)[:16],
        is_stored=lambda other: (other.first, other.last, other.hash) in stored,
    )
    return marks.judge(claim).value


def without_epochs(pack: Request, held: Stored, epoch: int) -> str:
    return judge(pack._replace(epoch=epoch), held, epoch)


def without_memory(pack: Request, held: Stored, epoch: int) -> str:
    verdict = judge(pack, held, epoch)
    return "stored" if verdict == "duplicate" else verdict


def without_overlaps(pack: Request, held: Stored, epoch: int) -> str:
    verdict = judge(pack, held, epoch)
    return "stored" if verdict == "overlap" else verdict


@pytest.mark.parametrize(
    "faults",
    [(), (COPIED,), (SERVER_RESTORED,), (JOURNAL_RESTORED,), (SERVER_RESTORED, JOURNAL_RESTORED)],
    ids=" and ".join,
)
def test_nothing_is_lost_or_doubled_in_any_order_of_events(faults):
    states, problem = explore(frozenset(faults), judge)
    print(f"{faults}: {states} states")
    assert problem == ""
    assert states > 100


@pytest.mark.parametrize(
    ("faults", "broken"),
    [
        ((), without_memory),
        ((COPIED,), without_overlaps),
        ((SERVER_RESTORED, JOURNAL_RESTORED), without_epochs),
    ],
)
def test_the_model_notices_a_rule_left_out(faults, broken):
    _, problem = explore(frozenset(faults), broken)
    assert "doubled" in problem
