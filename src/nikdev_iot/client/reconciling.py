"""What a push does where journal and server do not continue one another (`docs/wire.md`, "Forks").

Nothing is thrown away and nothing doubled: what the server lacks goes there again, what it has from a copy of this
journal counts as pushed, and the rest goes on under an origin of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nikdev_iot.model.digests import derive_origin

from .comparison import DigestPage, compare

if TYPE_CHECKING:
    from nikdev_iot.journal.identity import Before
    from nikdev_iot.journal.journal import Journal
    from nikdev_iot.wire.marks import Mark

__all__ = ["Reconciled", "go_back", "go_back_behind", "go_on"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was done, in the journal alone."""

    notice: str
    """For the user."""
    acknowledged: int = 0
    """Commits that were queued, and that the server has."""


def go_back(journal: Journal, mark: Mark) -> Reconciled:
    """The server went back to `mark`, one of our own packs: queue again what follows."""
    before = journal.acknowledged.number
    journal.rewind(mark.number, mark.hash)
    has = f"only those up to {mark.number}" if mark.number else "none of them"
    return Reconciled(
        f"The server had acknowledged this journal's commits up to {before}, and now has {has}: it was set back, "
        "perhaps to a backup. What it lacks is pushed again."
    )


def go_back_behind(journal: Journal, before: Before, mark: Mark) -> Reconciled:
    """The server went back behind the fork that made this origin: it has nothing of it, and `mark` of the one before.

    The journal goes back to that one, as if it had not forked: the server lacks commits that it had under it, and
    another copy of the journal may push them again as well.
    """
    journal.unfork()
    has = f"only those up to {mark.number}" if mark.number else "none of them"
    return Reconciled(
        f"The server had commits up to {before.reach} of this journal's origin {before.origin}, and now has {has}: it "
        "was set back, perhaps to a backup. What it lacks is pushed again, under that origin."
    )


def go_on(journal: Journal, mark: Mark, pages: Iterable[DigestPage], *, first: int) -> Reconciled:
    """The mark is somebody else's: compare with the server's digests from number `first` on, and go on behind."""
    found = compare(journal, pages, first=first)
    before = journal.acknowledged.number
    if found.differs is None or found.equal_up_to == mark.number:
        acknowledged = journal.adopt(found.equal_up_to, (mark.number, mark.hash), held=found.held, spent=found.spent)
        missing = f" It lacks {len(found.spent)} of them: these get new numbers." if found.spent else ""
        if mark.number < before:  # in the midst of packs that are no longer known one by one
            return Reconciled(
                f"The server had acknowledged this journal's commits up to {before}, and now has only those up to "
                f"{mark.number}: it was set back, perhaps to a backup. What it lacks is pushed again.{missing}",
                acknowledged,
            )
        return Reconciled(
            "Another copy of this journal has pushed (a copied SD card, or a backup put back). The server has this "
            f"journal's commits up to number {found.equal_up_to} from it, and they are the same.{missing}",
            acknowledged,
        )
    if found.differs.digest is None:
        raise AssertionError("what is queued has its content")
    new = derive_origin(journal.origin, found.differs.digest)
    acknowledged = journal.fork(found.differs.number, new, held=found.held, stored=found.stored, spent=found.spent)
    return Reconciled(
        "Another copy of this journal has pushed (a copied SD card, or a backup put back): the server has other "
        f"commits than this journal from number {found.differs.number} on. Those here that it lacks go on under a new "
        f"origin, {new}, numbered from 1.",
        acknowledged,
    )
