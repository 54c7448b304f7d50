"""What one transaction does for all the pushes that share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.server.accounts.keys import unknown_credentials
from nikdev_iot.server.storage.port import EntryKey, WriteTransaction
from nikdev_iot.server.storage.records import NewField, StoredPack
from nikdev_iot.wire.marks import Mark

from .entries import EntriesPush, entries_refused, pack_of_entries
from .fields import FieldsRefused, KnownFields
from .judge import Claim, GroupMarks, Verdict
from .packs import PackPush

__all__ = ["EntriesOutcome", "Outcome", "PackOutcome", "Push", "store_group"]

Push: TypeAlias = PackPush | EntriesPush


class PackOutcome(NamedTuple):
    """What became of a pack, and the origin's mark after it."""

    verdict: Verdict
    mark: Mark


class EntriesOutcome(NamedTuple):
    """How many entries of a request were new, and how many were known again."""

    stored: int
    duplicates: int


Outcome: TypeAlias = PackOutcome | EntriesOutcome | FieldsRefused | NikDevError
"""Refused fields of a pack (`commits_refused` says in whose commits they are, which takes too long in here), and an
error, are of this push alone: nothing of it was stored, and its neighbours are not concerned."""


def store_group(
    transaction: WriteTransaction, pushes: Sequence[Push], *, epoch: bytes, known: KnownFields, at_us: int
) -> list[Outcome]:
    """Store what can be stored of `pushes`, in this order; return what became of each if the transaction succeeds."""
    return _Group(transaction, pushes, epoch, known).run(at_us)


class _Group:
    """The state that the pushes of one transaction share."""

    def __init__(self, transaction: WriteTransaction, pushes: Sequence[Push], epoch: bytes, known: KnownFields) -> None:
        self._transaction = transaction
        self._pushes = pushes
        self._known = known
        self._departed = transaction.departed({push.device.id for push in pushes})
        """Devices that were deleted since their pushes were let in."""
        self._marks = GroupMarks(
            transaction.marks({push.key for push in pushes}), epoch=epoch, is_stored=self._is_stored
        )
        self._seen = self._seen_entries()
        self._packs: list[StoredPack] = []
        self._fields: list[NewField] = []
        self._remember: list[EntryKey] = []

    def run(self, at_us: int) -> list[Outcome]:
        outcomes = [self._outcome(push) for push in self._pushes]
        if self._packs:
            self._transaction.put_packs(self._packs)
        if self._fields:
            self._transaction.add_fields(self._fields, at_us=at_us)
        if self._remember:
            self._transaction.remember_entries(self._remember, at_us=at_us)
        return outcomes

    def _outcome(self, push: Push) -> Outcome:
        if self._departed and push.device.id in self._departed:
            return unknown_credentials()
        return self._pack(push) if isinstance(push, PackPush) else self._entries(push)

    def _is_stored(self, claim: Claim) -> bool:
        return self._transaction.has_pack(claim.key, first=claim.first, last=claim.last, hash=claim.hash)

    def _seen_entries(self) -> set[EntryKey]:
        asked = [key for push in self._pushes if isinstance(push, EntriesPush) for key in push.entry_keys]
        return self._transaction.seen_entries(asked) if asked else set()

    def _pack(self, push: PackPush) -> Outcome:
        verdict = self._marks.judge(push.claim)
        if verdict is Verdict.STORE:
            fields = self._known.admit(push.device, push.brought, push.brought_set)
            if isinstance(fields, FieldsRefused):
                return fields
            self._fields += fields
            self._packs.append(push.stored)
            self._marks.move(push.claim)
        return PackOutcome(verdict, self._marks.mark(push.key))

    def _entries(self, push: EntriesPush) -> Outcome:
        seen = self._seen
        if seen.isdisjoint(push.entry_keys):
            new = push.entries
        else:
            new = tuple(entry for entry, key in zip(push.entries, push.entry_keys, strict=True) if key not in seen)
        if new:
            fields = self._known.admit(push.device, push.brought, push.brought_set)
            if isinstance(fields, FieldsRefused):
                return entries_refused(fields)
            self._fields += fields
            mark = self._marks.mark(push.key)
            pack = pack_of_entries(push, new, mark)
            self._packs.append(pack)
            self._marks.move(Claim(*push.key, pack.first, pack.last, pack.hash, pack.parent, b""))
            seen.update(push.entry_keys)
        self._remember += push.entry_keys
        return EntriesOutcome(len(new), len(push.entries) - len(new))
