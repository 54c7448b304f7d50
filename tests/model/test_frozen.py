from __future__ import annotations

import copy
import pickle

import pytest

from nikdev_iot.model.commits import Gap
from nikdev_iot.model.frozen import Frozen


class Other(Frozen):
    __slots__ = ("count", "first", "reason")

    def __init__(self, first: int, count: int, reason: str) -> None:
        for name, value in zip(self.__slots__, (first, count, reason), strict=True):
            object.__setattr__(self, name, value)


def test_equal_by_content_and_class():
    assert Gap(1, 2, "x") == Gap(1, 2, "x")
    assert Gap(1, 2, "x") != Gap(1, 2, "y")
    assert Gap(1, 2, "x") != Other(1, 2, "x")
    assert Gap(1, 2, "x") != (1, 2, "x")
    assert len({Gap(1, 2, "x"), Gap(1, 2, "x"), Other(1, 2, "x")}) == 2


def test_nothing_changes():
    gap = Gap(1, 2, "x")
    with pytest.raises(AttributeError, match="never changed"):
        gap.first = 5  # type: ignore[misc]
    with pytest.raises(AttributeError, match="never changed"):
        del gap.first
    with pytest.raises(AttributeError):
        gap.more = 5  # type: ignore[attr-defined]
    assert gap == Gap(1, 2, "x")


def test_copies_and_looks():
    gap = Gap(1, 2, "x")
    assert copy.copy(gap) == copy.deepcopy(gap) == pickle.loads(pickle.dumps(gap)) == gap  # noqa: S301 - our own
    assert repr(gap) == "Gap(first=1, count=2, reason='x')"
    match gap:
        case Gap(first, count, reason):
            assert (first, count, reason) == (1, 2, "x")
