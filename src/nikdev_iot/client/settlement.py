"""What a server's mark means for a journal: pure, and the one place where forks and restored servers are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from nikdev_iot.journal.records import Acknowledged, SentPack
    from nikdev_iot.wire.marks import Mark

__all__ = ["Diverged", "SendOn", "Stored", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Stored:
    """The pack in flight with this hash arrived: settle it, and go on behind it."""

    hash: bytes


@dataclass(frozen=True, slots=True)
class SendOn:
    """Nothing arrived since the last acknowledgement: send what follows it."""


@dataclass(frozen=True, slots=True)
class Diverged:
    """Server and journal do not continue one another; nothing may be sent before that is resolved."""

    what: str


Verdict: TypeAlias = Stored | SendOn | Diverged


def judge(mark: Mark, acknowledged: Acknowledged, in_flight: Sequence[SentPack]) -> Verdict:
    """Compare the server's mark with what the journal knows; hashes decide, never encodings."""
    for sent in in_flight:
        if mark.hash == sent.hash and mark.number == sent.last:
            return Stored(sent.hash)
    if mark.number == acknowledged.number and mark.hash == acknowledged.hash:
        return SendOn()
    if mark.number < acknowledged.number:
        has = f"only those up to {mark.number}" if mark.number else "none of them"
        return Diverged(
            f"the server acknowledged this journal's commits up to {acknowledged.number}, and now has {has}: it was "
            "set back, perhaps to a backup"
        )
    return Diverged(
        f"under this journal's identity the server has commits up to {mark.number} that did not come from it (here, "
        f"{acknowledged.number} are acknowledged): another copy of this journal pushed, perhaps from a copied SD card"
    )
