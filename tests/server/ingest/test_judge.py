from __future__ import annotations

import itertools
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.ingest.judge import Claim, GroupMarks, Verdict
from nikdev_iot.wire.marks import Mark
from nikdev_iot.wire.pack import NO_PACK

DEVICE, OTHER_DEVICE, ORIGIN = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)
EPOCH = bytes(range(16))


def a_hash(*what) -> bytes:
    return repr(what).encode().ljust(32, b".")[:32]


def claim(first: int, last: int, *, hash: bytes = b"h" * 32, parent: bytes = NO_PACK, **options) -> Claim:
    return Claim(
        options.get("device", DEVICE),
        options.get("origin", ORIGIN),
        first,
        last,
        hash,
        parent,
        options.get("epoch", EPOCH),
    )


class Stored:
    """What a store would say."""

    def __init__(self, packs=()):
        self.packs = list(packs)

    def marks(self, epoch=EPOCH) -> GroupMarks:
        marks: dict = {(DEVICE, ORIGIN): Mark(), (OTHER_DEVICE, ORIGIN): Mark()}
        for pack in self.packs:
            marks[pack.key] = Mark(pack.last, pack.hash)
        return GroupMarks(marks, epoch=epoch, is_stored=self.has)

    def has(self, pack: Claim) -> bool:
        return any((p.key, p.first, p.last, p.hash) == (pack.key, pack.first, pack.last, pack.hash) for p in self.packs)


def expected(stored: Stored, pack: Claim) -> Verdict:
    """Say what DESIGN's table says, line by line."""
    mine = [p for p in stored.packs if p.key == pack.key]
    number, last_hash = (mine[-1].last, mine[-1].hash) if mine else (0, NO_PACK)
    if pack.epoch != EPOCH:
        return Verdict.EPOCH
    if pack.first == number + 1 and pack.parent == last_hash:
        return Verdict.STORE
    if pack.first == number + 1:
        return Verdict.FORK
    if pack.first <= number and any((p.first, p.last, p.hash) == (pack.first, pack.last, pack.hash) for p in mine):
        return Verdict.DUPLICATE
    if pack.first <= number:
        return Verdict.OVERLAP
    return Verdict.GAP


def test_every_pack_against_every_small_store():
    chain = [claim(1, 2, hash=a_hash(1)), claim(3, 3, hash=a_hash(2), parent=a_hash(1))]
    seen = set()
    for length, first, size, which_hash, which_parent, epoch in itertools.product(
        range(3), range(1, 6), range(3), (a_hash(1), a_hash(2), a_hash("new")), (NO_PACK, a_hash(1), a_hash(2)),
        (EPOCH, bytes(16)),
    ):  # fmt: skip
        stored = Stored(chain[:length])
        pack = claim(first, first + size, hash=which_hash, parent=which_parent, epoch=epoch)
        verdict = stored.marks().judge(pack)
        assert verdict is expected(stored, pack), (length, pack)
        seen.add(verdict)
    assert seen == set(Verdict)


def test_the_second_pack_of_a_group_sees_the_first():
    marks = Stored().marks()
    first, second = claim(1, 2, hash=a_hash(1)), claim(3, 4, hash=a_hash(2), parent=a_hash(1))
    assert marks.judge(second) is Verdict.GAP
    assert marks.judge(first) is Verdict.STORE
    marks.move(first)
    assert marks.mark(first.key) == Mark(2, a_hash(1))
    assert marks.judge(first) is Verdict.DUPLICATE
    assert marks.judge(claim(1, 1, hash=a_hash(1))) is Verdict.OVERLAP
    assert marks.judge(second) is Verdict.STORE


def test_judging_alone_moves_nothing():
    marks = Stored().marks()
    pack = claim(1, 2, hash=a_hash(1))
    assert marks.judge(pack) is marks.judge(pack) is Verdict.STORE
    assert marks.mark(pack.key) == Mark()


def test_another_device_has_marks_of_its_own_for_the_same_origin():
    marks = Stored([claim(1, 2, hash=a_hash(1))]).marks()
    theirs = claim(1, 2, hash=a_hash(1), device=OTHER_DEVICE)
    assert marks.judge(theirs) is Verdict.STORE
    marks.move(theirs)
    assert marks.mark((DEVICE, ORIGIN)) == Mark(2, a_hash(1))


def test_the_store_is_not_asked_about_packs_that_begin_beyond_the_mark():
    def never(pack: Claim) -> bool:
        raise AssertionError(pack)

    marks = GroupMarks({(DEVICE, ORIGIN): Mark(4, a_hash(1))}, epoch=EPOCH, is_stored=never)
    assert marks.judge(claim(5, 5, parent=a_hash(1))) is Verdict.STORE
    assert marks.judge(claim(5, 5)) is Verdict.FORK
    assert marks.judge(claim(6, 6)) is Verdict.GAP
    assert marks.judge(claim(1, 1, epoch=bytes(16))) is Verdict.EPOCH


def test_an_origin_that_was_not_announced_is_an_error_of_ours():
    with pytest.raises(KeyError):
        Stored().marks().judge(claim(1, 1, origin=uuid.UUID(int=9)))


@st.composite
def packs(draw) -> list[Claim]:
    """Draw packs of few numbers, hashes and parents, so that they often follow, repeat and collide with one another."""
    hashes = st.sampled_from([a_hash(n) for n in range(4)])
    made = []
    for _ in range(draw(st.integers(1, 14))):
        first = draw(st.integers(1, 6))
        made.append(
            claim(
                first,
                first + draw(st.integers(0, 1)),
                hash=draw(hashes),
                parent=draw(st.just(NO_PACK) | hashes),
                device=draw(st.sampled_from([DEVICE, OTHER_DEVICE])),
                epoch=draw(st.sampled_from([EPOCH, EPOCH, EPOCH, bytes(16)])),
            )
        )
    return made


@given(packs(), st.lists(st.integers(0, 14), max_size=4))
def test_how_pushes_are_grouped_changes_nothing(pushed, cuts):
    alone, grouped = Stored(), Stored()
    one_by_one = []
    for pack in pushed:
        verdict = alone.marks().judge(pack)
        assert verdict is expected(alone, pack)
        if verdict is Verdict.STORE:
            alone.packs.append(pack)
        one_by_one.append(verdict)

    together = []
    edges = [0, *sorted(min(cut, len(pushed)) for cut in cuts), len(pushed)]
    for begin, end in itertools.pairwise(edges):
        marks = grouped.marks()
        new = []
        for pack in pushed[begin:end]:
            verdict = marks.judge(pack)
            if verdict is Verdict.STORE:
                marks.move(pack)
                new.append(pack)
            together.append(verdict)
        grouped.packs += new
    assert together == one_by_one
    assert grouped.packs == alone.packs


@given(packs())
def test_what_is_stored_is_always_a_chain_without_holes(pushed):
    stored = Stored()
    for pack in pushed:
        if stored.marks().judge(pack) is Verdict.STORE:
            stored.packs.append(pack)
    for device in (DEVICE, OTHER_DEVICE):
        number, last_hash = 0, NO_PACK
        for pack in stored.packs:
            if pack.device_id == device:
                assert (pack.first, pack.parent) == (number + 1, last_hash)
                number, last_hash = pack.last, pack.hash
