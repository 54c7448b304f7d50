"""What a pack says beside its values: commit messages and declared gaps."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["NO_NOTES", "Message", "PackNotes", "RawGap", "RawMessage", "read_notes"]

_Int64s: TypeAlias = npt.NDArray[np.int64]
RawMessage: TypeAlias = tuple[int, str]
"""(row, text), as in a pack."""
RawGap: TypeAlias = tuple[int, int, str]
"""(first number, how many, reason), as in a pack."""


@dataclass(frozen=True, slots=True)
class Message:
    """A commit's message."""

    time_us: int
    origin: uuid.UUID
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class PackNotes:
    """Messages and gaps of one pack; most packs have neither."""

    messages: tuple[Message, ...] = ()
    """By (time, number)."""
    gaps: tuple[RawGap, ...] = ()
    """Ascending by number."""

    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return sum(200 + 4 * len(message.text) for message in self.messages) + 200 * len(self.gaps)


NO_NOTES = PackNotes()


def read_notes(
    origin: uuid.UUID, times: _Int64s, numbers: _Int64s, messages: Sequence[RawMessage], gaps: Sequence[RawGap]
) -> PackNotes:
    """Return the notes of a pack whose rows, as the pack has them, have these times and numbers. Pure."""
    if not messages and not gaps:
        return NO_NOTES
    found = [Message(int(times[row]), origin, int(numbers[row]), text) for row, text in messages]
    if len(found) > 1 and bool(np.any(times[1:] < times[:-1])):
        found.sort(key=lambda message: (message.time_us, message.number))
    return PackNotes(tuple(found), tuple((first, count, reason) for first, count, reason in gaps))
