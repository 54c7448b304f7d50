"""How far a journal and a server are the same."""

from __future__ import annotations

import pytest

from nikdev_iot.client.comparison import Comparison, compare
from nikdev_iot.journal.identity import Own


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
        ("abc", "a.c", 1, 2, ()),  # declared as a gap there: it does not have it
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


def test_it_begins_where_it_is_told():
    assert compare(Numbers("xbc"), [({2: b"b", 3: b"c"}, 3)], first=2) == Comparison(3, None, ())
