from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.client.settlement import SendOn, SetBack, Stored, Unknown, Verdict, judge
from nikdev_iot.journal.records import Acknowledged, SentPack
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import NO_PACK

A, B, C, D = (bytes([n]) * 32 for n in (1, 2, 3, 4))
ORIGIN = uuid.UUID(int=5)


def sent(first: int, last: int, pack_hash: bytes, parent: bytes = A) -> SentPack:
    return SentPack(
        origin=ORIGIN, first=first, count=last - first + 1, hash=pack_hash, parent=parent, gaps=(), sent_us=0
    )


@pytest.mark.parametrize(
    ("mark", "acknowledged", "in_flight", "verdict"),
    [
        (Mark(), Acknowledged(0, NO_PACK), [], SendOn()),
        (Mark(), Acknowledged(0, NO_PACK), [sent(1, 9, B, NO_PACK)], SendOn()),
        (Mark(9, B), Acknowledged(0, NO_PACK), [sent(1, 9, B, NO_PACK)], Stored(B)),
        (Mark(4, A), Acknowledged(4, A), [], SendOn()),
        (Mark(4, A), Acknowledged(4, A), [sent(5, 9, B), sent(5, 6, C)], SendOn()),
        (Mark(9, B), Acknowledged(4, A), [sent(5, 9, B), sent(5, 6, C)], Stored(B)),
        (Mark(6, C), Acknowledged(4, A), [sent(5, 9, B), sent(5, 6, C)], Stored(C)),
    ],
)
def test_what_agrees(
    mark: Mark, acknowledged: Acknowledged, in_flight: list[SentPack], verdict: SendOn | Stored
) -> None:
    assert judge(mark, acknowledged, in_flight, pushed={A: 4}.get) == verdict


@pytest.mark.parametrize(
    ("mark", "acknowledged", "in_flight", "verdict"),
    [
        (Mark(), Acknowledged(4, A), [], SetBack()),
        (Mark(2, C), Acknowledged(4, A), [sent(5, 9, B)], SetBack()),
        (Mark(3, C), Acknowledged(4, A), [], Unknown()),  # the hash, and not the number
        (Mark(2, D), Acknowledged(4, A), [sent(5, 9, B)], Unknown()),
        (Mark(4, D), Acknowledged(4, A), [], Unknown()),
        (Mark(9, D), Acknowledged(4, A), [sent(5, 9, B)], Unknown()),
        (Mark(8, B), Acknowledged(4, A), [sent(5, 9, B)], Unknown()),  # the hash, and not the number
        (Mark(3, D), Acknowledged(0, NO_PACK), [], Unknown()),
    ],
)
def test_what_does_not(mark: Mark, acknowledged: Acknowledged, in_flight: list[SentPack], verdict: Verdict) -> None:
    assert judge(mark, acknowledged, in_flight, pushed={A: 4, C: 2}.get) == verdict


hashes = st.sampled_from([NO_PACK, A, B, C, D])


@given(st.integers(0, 9), hashes, st.integers(0, 9), hashes, st.lists(st.tuples(st.integers(1, 9), hashes), max_size=3))
def test_nothing_is_settled_but_what_the_mark_names(
    number: int, mark_hash: bytes, acked: int, acked_hash: bytes, attempts: list[tuple[int, bytes]]
) -> None:
    in_flight = [sent(acked + 1, acked + count, pack_hash) for count, pack_hash in attempts]
    verdict = judge(Mark(number, mark_hash), Acknowledged(acked, acked_hash), in_flight, pushed={C: 3}.get)
    if isinstance(verdict, Stored):
        assert any(s.hash == verdict.hash == mark_hash and s.last == number for s in in_flight)
    elif isinstance(verdict, SendOn):
        assert (number, mark_hash) == (acked, acked_hash)
    else:
        assert (number, mark_hash) != (acked, acked_hash)
        is_ours = number == 0 or (number, mark_hash) == (3, C)
        assert isinstance(verdict, SetBack) == (number < acked and is_ours)
