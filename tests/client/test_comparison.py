"""How far a journal and a server are the same."""

from __future__ import annotations

import pytest

from nikdev_iot.client.comparison import Comparison, compare, read_digests
from nikdev_iot.journal.identity import Own
from nikdev_iot.model.errors import Malformed


class Numbers:
    """What a journal has: a digest for each number, '' for one that is gone; upper case for those set aside."""

    def __init__(self, text: str) -> None:
        self.own = [
            Own(number, None if mark == "." else mark.lower().encode(), mark.islower())
            for number, mark in enumerate(text, 1)
        ]

    def digests(self, low: int, high: int) -> list[Own]:
        return [own for own in self.own if low <= own.number <= high]


def pages(text: str, *ends: int) -> list[tuple[dict[int, bytes], int]]:
    """The server's digests, '.' in gaps, in pages that end at `ends`."""
    made, begin = [], 0
    for end in ends or (len(text),):
        made.append(({n: text[n - 1].encode() for n in range(begin + 1, end + 1) if text[n - 1] != "."}, end))
        begin = end
    return made


@pytest.mark.parametrize(
    ("journal", "server", "equal", "differs", "held"),
    [
        ("abc", "abc", 3, None, ()),
        ("abcde", "abc", 3, None, ()),  # those behind the mark just go on
        ("ab", "abc", 2, None, ()),  # the journal ends first
        ("abc", "abx", 2, 3, ()),
        ("abc", "a.c", 3, None, ()),  # declared as a gap there: its number is spent
        ("aBc", "abc", 3, None, (2,)),  # set aside here, and it has it all the same
        ("aBc", "axc", 3, None, ()),  # set aside here, and another one there: nothing to lose
        ("aBc", "a.c", 3, None, ()),
        ("a.c", "axc", 3, None, ()),
        ("", "abc", 0, None, ()),
    ],
)
def test_how_far_they_are_the_same(journal, server, equal, differs, held):
    for ends in ((), (1, 3), (1, 2, 3)):
        found = compare(Numbers(journal), pages(server, *ends), first=1)
        assert (found.equal_up_to, found.differs and found.differs.number, found.held) == (equal, differs, held)


@pytest.mark.parametrize(
    ("journal", "server", "differs", "held", "stored"),
    [
        ("abcde", "axcde", 2, (), ((3, 5),)),
        ("abcde", "xbcye", 1, (), ((2, 3), (5, 5))),
        ("aBcDe", "xbydz", 1, (2, 4), ((2, 2), (4, 4))),
        ("ab.de", "xb.d", 1, (), ((2, 2), (4, 4))),
        ("abc", "x.cb", 1, (), ((2, 2), (3, 3))),
        ("abc", "axyz", 2, (), ()),
    ],
)
def test_what_is_there_behind_the_first_that_differs(journal, server, differs, held, stored):
    for ends in ((), (1, len(server)), (1, 2, 3, len(server))):
        found = compare(Numbers(journal), pages(server, *ends), first=1)
        assert (found.differs.number, found.equal_up_to) == (differs, differs - 1)
        assert (found.held, found.stored) == (held, stored)


@pytest.mark.parametrize(
    ("journal", "server", "equal", "held", "spent"),
    [
        ("abc", ".bc", 3, (), (1,)),
        ("abc", "..c", 3, (), (1, 2)),
        ("abc", ".bca", 3, (), ()),  # taken back there under a later number
        ("abc", ".bcxya", 3, (), ()),
        ("abc", ".bcxy", 0, (), ()),  # the journal ends first: its next number is not free
        ("Abc", ".bca", 3, (1,), ()),
        ("aab", ".aba", 3, (), ()),  # two that are equal
        ("aab", ".ab", 3, (), (1,)),
        ("abcd", ".bxda", 2, (), ()),
        ("abcd", ".bx.", 2, (), (1,)),  # the fourth goes on with the third
    ],
)
def test_numbers_that_are_gaps_there_are_spent(journal, server, equal, held, spent):
    for ends in ((), (1, len(server)), tuple(range(1, len(server) + 1))):
        found = compare(Numbers(journal), pages(server, *ends), first=1)
        assert (found.equal_up_to, found.held, found.spent) == (equal, held, spent)


def test_what_came_as_digests_is_read_or_refused():
    good = {"digests": [[1, "00" * 16]], "next": None, "epoch": "11" * 16}
    assert read_digests({**good, "more": 1}) == ({1: bytes(16)}, None, b"\x11" * 16)
    assert read_digests({**good, "next": 7})[1] == 7
    for wrong in (
        *(None, [], "x", 5, {}, {**good, "epoch": "11"}, {**good, "epoch": 5}, {**good, "next": "7"}),
        *({**good, "digests": found} for found in (5, [5], [[1]], [["1", "00" * 16]], [[1, "00"]], [[1, None]])),
        {**good, "digests": [[True, "00" * 16]]},
        {**good, "next": True},
    ):
        with pytest.raises(Malformed):
            read_digests(wrong)


def test_it_begins_where_it_is_told():
    assert compare(Numbers("xbc"), [({2: b"b", 3: b"c"}, 3)], first=2) == Comparison(3, None, ())
