from __future__ import annotations

import uuid

import pytest

from nikdev_iot.server.ingest import waiting
from nikdev_iot.server.ingest.waiting import Waiting, read_count

A, B, C = (uuid.UUID(int=number) for number in (1, 2, 3))


def test_the_last_word_counts():
    known = Waiting()
    assert known.of(A) == 0
    known.note(A, 5)
    known.note(A, 3)
    assert (known.of(A), known.of(B)) == (3, 0)
    known.note(A, 0)
    known.note(B, 0)
    assert known.of(A) == 0


def test_it_is_bounded(monkeypatch):
    monkeypatch.setattr(waiting, "_MAX_DEVICES", 2)
    known = Waiting()
    known.note(A, 1)
    known.note(B, 1)
    known.note(A, 2)
    known.note(C, 1)
    assert [known.of(device) for device in (A, B, C)] == [2, 0, 1]


@pytest.mark.parametrize(
    ("header", "count"),
    [
        (None, 0),
        (b"", 0),
        (b"0", 0),
        (b"12", 12),
        (b"-1", 0),
        (b"1e3", 0),
        (b"\xb2", 0),
        (b"9" * 20, 10**12),
        (b"9" * 5_000, 0),
    ],
)
def test_nonsense_is_nothing(header, count):
    assert read_count(header) == count
