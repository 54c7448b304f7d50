"""What becomes of a pack: the rules of exactly-once, without I/O (`docs/wire.md`, "The server's answer").

| the pack                                                    | verdict     |
|-------------------------------------------------------------|-------------|
| names another epoch than the server's                       | `EPOCH`     |
| begins at mark + 1 and names the mark's hash as its parent  | `STORE`     |
| begins at mark + 1 and names another parent                 | `FORK`      |
| begins at most at the mark, and is stored exactly so        | `DUPLICATE` |
| begins at most at the mark, otherwise                       | `OVERLAP`   |
| begins beyond mark + 1                                      | `GAP`       |
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from nikdev_iot.wire.marks import Mark

__all__ = ["Claim", "GroupMarks", "Verdict"]


class Verdict(Enum):
    """What becomes of a pack; the value is the code that a program reads in the answer."""

    STORE = "stored"
    """It continues the origin: keep it, move the mark."""
    DUPLICATE = "duplicate"
    """It has been stored before: say so, change nothing."""
    FORK = "fork"
    """Another journal used this origin, or the server went back: the device has to look."""
    OVERLAP = "overlap"
    """Some of its numbers are stored, and not by this pack: the device has to look."""
    GAP = "gap"
    """Numbers between the mark and the pack are missing: the device has to go back."""
    EPOCH = "epoch"
    """It was made for another incarnation of this server: the device has to ask for the mark."""


class Claim(NamedTuple):  # made thousands of times a second, and three times as fast to make as a dataclass
    """What a pack says of itself."""

    device_id: uuid.UUID
    origin: uuid.UUID
    first: int
    last: int
    hash: bytes
    parent: bytes
    epoch: bytes

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID]:
        """Whose mark it is judged by: (device, origin)."""
        return self.device_id, self.origin


class GroupMarks:
    """Marks as one group of pushes moves them, one push after another: the second sees the first.

    `marks` must hold every (device, origin) that is asked about; `is_stored` says whether the store has exactly this
    pack, and is asked only about packs that begin at or before the mark.
    """

    __slots__ = ("_epoch", "_in_group", "_is_stored", "_marks")

    def __init__(
        self,
        marks: Mapping[tuple[uuid.UUID, uuid.UUID], Mark],
        *,
        epoch: bytes,
        is_stored: Callable[[Claim], bool],
    ) -> None:
        self._marks = dict(marks)
        self._epoch = epoch
        self._is_stored = is_stored
        self._in_group: dict[bytes, list[Claim]] = {}
        """What the group will store, by its hash."""

    def mark(self, key: tuple[uuid.UUID, uuid.UUID]) -> Mark:
        """Return the mark of an origin, after what the group has moved so far."""
        return self._marks[key]

    def judge(self, claim: Claim) -> Verdict:
        """Return what becomes of the pack; nothing is changed."""
        if claim.epoch != self._epoch:
            return Verdict.EPOCH
        mark = self._marks[claim.key]
        if claim.first == mark.number + 1:
            return Verdict.STORE if claim.parent == mark.hash else Verdict.FORK
        if claim.first > mark.number:
            return Verdict.GAP
        if self._is_in_group(claim) or self._is_stored(claim):
            return Verdict.DUPLICATE
        return Verdict.OVERLAP

    def move(self, claim: Claim) -> None:
        """Take note that a pack judged `STORE` will be stored by this group."""
        self._marks[claim.key] = Mark(claim.last, claim.hash)
        self._in_group.setdefault(claim.hash, []).append(claim)

    def _is_in_group(self, claim: Claim) -> bool:
        return any(
            (claim.key, claim.first, claim.last) == (other.key, other.first, other.last)
            for other in self._in_group.get(claim.hash, ())
        )
