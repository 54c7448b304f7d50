"""What a server's mark means for a journal: pure, and the one place where forks and restored servers are recognised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nikdev_iot.journal.records import Acknowledged, SentPack
    from nikdev_iot.wire.marks import Mark

__all__ = ["SendOn", "SetBack", "Stored", "Unknown", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Stored:
    """The pack in flight with this hash arrived: settle it, and go on behind it."""

    hash: bytes


@dataclass(frozen=True, slots=True)
class SendOn:
    """Nothing arrived since the last acknowledgement: send what follows it."""


@dataclass(frozen=True, slots=True)
class SetBack:
    """The server acknowledged more once: it went back to the mark, and gets what follows again."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The mark is by nobody we know: another copy of the journal pushed. Commit has to be compared with commit."""


Verdict: TypeAlias = Stored | SendOn | SetBack | Unknown


def judge(
    mark: Mark, acknowledged: Acknowledged, in_flight: Sequence[SentPack], *, pushed: Callable[[bytes], int | None]
) -> Verdict:
    """Compare the server's mark with what the journal knows; hashes decide, never encodings.

    `pushed` returns the last number of an acknowledged pack by its hash, None for no such pack.
    """
    for sent in in_flight:
        if mark.hash == sent.hash and mark.number == sent.last:
            return Stored(sent.hash)
    if mark.number == acknowledged.number and mark.hash == acknowledged.hash:
        return SendOn()
    if mark.number < acknowledged.number and (not mark.number or pushed(mark.hash) == mark.number):
        return SetBack()
    return Unknown()
