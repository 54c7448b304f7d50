"""The storage port: what every engine must do, and how it must behave.

One suite (`tests/conformance/storage.py`) holds each adapter to this contract.

**Durability.** When the `with` block of `Storage.write` has been left without an error, everything done in it survives
kill -9 and a power cut. When it is left by an error, nothing of it is there. There is no state between the two.

**Isolation.** A write transaction is alone in what it has read through `marks`: no other transaction, of this process
or another, stores a pack for these origins before it ends. Reads see whole transactions only, and neither wait for a
writer nor make one wait.

**Order.** `arrival` ascends per device in the order in which packs were stored, and a pack that a read has not seen has
a higher arrival than all that it has seen.

**Threads.** A `Storage` may be used from any thread. `write` admits one thread at a time per process and makes others
wait.

**Errors.** `StorageUnavailable` where the engine cannot be reached or is out of space: nothing was stored, trying again
later may help. `StorageCorrupt` where what is stored is not what was written. `Conflict` where a uniqueness rule says
no (an e-mail address that is taken): nothing was stored, or, where the caller catches it inside the transaction, only
that one thing was not. Changing what is not there does nothing. No other error of the engine leaves the adapter.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from nikdev_iot.model.values import Kind
from nikdev_iot.wire.marks import Mark

from .commit_log import LogReads
from .dashboards import DashboardReads, DashboardWrites
from .deletions import DeletionReads, DeletionWrites
from .leaving import LeavingReads, LeavingWrites
from .operating import OperatingReads, OperatingWrites
from .people import PeopleReads, PeopleWrites
from .records import (
    Access,
    ApiKey,
    Device,
    Field,
    LatestSnapshot,
    NewField,
    PackSpan,
    Stamp,
    StoredPack,
)
from .segments import SegmentReads, SegmentWrites
from .settings import SettingReads, SettingWrites

__all__ = ["EntryKey", "OriginKey", "Storage", "WriteTransaction", "kinds_mask", "kinds_of_mask"]

OriginKey: TypeAlias = tuple[uuid.UUID, uuid.UUID]
"""(device, origin)."""

EntryKey: TypeAlias = tuple[uuid.UUID, bytes]
"""(device, key of an entry of JSON v1)."""


class WriteTransaction(
    DashboardWrites,
    DeletionWrites,
    LeavingWrites,
    OperatingWrites,
    PeopleWrites,
    SegmentWrites,
    SettingWrites,
    Protocol,
):
    """Everything that changes the store. Bulk calls take what a whole group commit brings."""

    # -- pushes ---------------------------------------------------------------------------------

    def marks(self, keys: Iterable[OriginKey]) -> dict[OriginKey, Mark]:
        """Return the mark of each origin, `Mark()` where nothing is stored, and hold it until the transaction ends."""
        ...

    def has_pack(self, key: OriginKey, *, first: int, last: int, hash: bytes) -> bool:
        """Return whether exactly this pack is stored."""
        ...

    def put_packs(self, packs: Sequence[StoredPack]) -> None:
        """Store packs, in this order, and move each origin's mark to the end of its last one.

        The caller has judged them: each begins behind its origin's mark and names it as parent. `arrival` is given
        here.
        """
        ...

    def seen_entries(self, keys: Sequence[EntryKey]) -> set[EntryKey]:
        """Return those of the JSON v1 entry keys that are remembered."""
        ...

    def remember_entries(self, keys: Sequence[EntryKey], *, at_us: int) -> None:
        """Remember JSON v1 entry keys as stored at `at_us`; remembering one again renews it."""
        ...

    def forget_entries(self, *, before_us: int, limit: int) -> int:
        """Forget at most `limit` entry keys remembered before `before_us`; return how many."""
        ...

    def add_fields(self, fields: Iterable[NewField], *, at_us: int) -> None:
        """Make fields that do not exist yet, and add the kind to those that do. Idempotent."""
        ...

    def put_latest(self, device_id: uuid.UUID, snapshot: LatestSnapshot) -> None:
        """Keep the snapshot, unless one of a later arrival is there."""
        ...

    # -- devices, fields, keys ----------------------------------------------------------

    def add_device(self, device: Device) -> None: ...

    def update_device(self, device: Device) -> None:
        """Change all but account, time of making and `last_push_us`."""
        ...

    def touch_devices(self, pushed: Iterable[tuple[uuid.UUID, int]]) -> None:
        """Move (device, `last_push_us`) forward; never back."""
        ...

    def update_field(self, field: Field) -> None:
        """Make a field, or change all but the kinds and the time of one that exists."""
        ...

    def add_key(self, key: ApiKey) -> None: ...

    def update_key(self, key: ApiKey) -> None:
        """Change name, access, expiry and revocation."""
        ...

    def drop_keys(self, key_ids: Iterable[uuid.UUID]) -> None:
        """Delete keys for good; one that is not there is none."""
        ...

    def touch_keys(self, used: Iterable[tuple[uuid.UUID, int]]) -> None:
        """Move (key, `last_used_us`) forward; never back."""
        ...


class Storage(
    DashboardReads,
    DeletionReads,
    LeavingReads,
    LogReads,
    OperatingReads,
    PeopleReads,
    SegmentReads,
    SettingReads,
    Protocol,
):
    """The store of one server, or of all processes of one."""

    @property
    def epoch(self) -> bytes:
        """16 random bytes, made when the store was made and anew by every restore of a backup."""
        ...

    def close(self) -> None:
        """Let go of the engine. Idempotent; whatever is called after it raises `StorageUnavailable`."""
        ...

    def check(self) -> None:
        """Return when the store can be read and written; else raise `StorageUnavailable`. For `/healthz`: cheap."""
        ...

    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Begin one durable transaction; inside another of the same thread it raises `RuntimeError`."""
        ...

    # -- packs ------------------------------------------------------------------------------------

    def mark(self, key: OriginKey) -> Mark:
        """Return an origin's mark, `Mark()` where nothing is stored."""
        ...

    def pack_holding(self, key: OriginKey, number: int) -> StoredPack | None:
        """Return the pack of this origin that covers commit `number`."""
        ...

    def spans(self, device_id: uuid.UUID, *, start_us: int, end_us: int) -> list[PackSpan]:
        """Return the packs with `start_us <= max_time_us` and `min_time_us < end_us`, by (min_time_us, arrival).

        Packs without rows are left out. In the place of those that are in a segment stands the segment, by that rule.
        """
        ...

    def packs(self, device_id: uuid.UUID, arrivals: Sequence[int]) -> Iterator[StoredPack]:
        """Yield these packs, in the order of `arrivals`, in bounded memory; what is not the device's is left out.

        Those that are in segments are there too, as everywhere that packs are asked for one by one: it costs more.
        """
        ...

    def packs_after(self, device_id: uuid.UUID, arrival: int, *, limit: int) -> list[StoredPack]:
        """Return at most `limit` packs stored after `arrival`, in the order of storing."""
        ...

    def latest(self, device_id: uuid.UUID) -> LatestSnapshot | None:
        """Return the snapshot last kept."""
        ...

    # -- many devices at once: each call costs little more for a thousand than for one ------------

    def stamps(self, device_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Stamp]:
        """Return what changes with each pack stored and each deletion; devices without packs are left out."""
        ...

    def fields_of(self, device_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Field]]:
        """Return what `fields` would of each; devices without fields are left out."""
        ...

    def received(self, device_ids: Sequence[uuid.UUID], *, limit: int) -> dict[uuid.UUID, list[int]]:
        """Return when the newest packs of each were received (µs UTC), in the order of storing.

        At most `limit` of each, the newest always among them, and as many more as cost nothing to find; devices
        without packs are left out.
        """
        ...

    # -- devices, fields, keys ----------------------------------------------------------

    def devices(self, account_id: uuid.UUID | None = None) -> list[Device]:
        """Return an account's devices, or all of them, by (created_us, id)."""
        ...

    def device(self, device_id: uuid.UUID) -> Device | None: ...

    def fields(self, device_id: uuid.UUID) -> list[Field]:
        """Return a device's fields, by (created_us, field_id)."""
        ...

    def keys(self, device_id: uuid.UUID) -> list[ApiKey]:
        """Return a device's keys, revoked ones too, by (created_us, id)."""
        ...

    def key(self, key_id: uuid.UUID) -> ApiKey | None: ...

    def access(self, device_id: uuid.UUID, secret_hash: bytes) -> Access | None:
        """Return the device's key with this secret, whatever its state; None for any other device or secret."""
        ...


def kinds_mask(kinds: Iterable[Kind]) -> int:
    """Return kinds as bits, as the adapters keep them: bit `kind` is set."""
    mask = 0
    for kind in kinds:
        mask |= 1 << kind
    return mask


def kinds_of_mask(mask: int) -> frozenset[Kind]:
    """Undo `kinds_mask`."""
    return frozenset(kind for kind in Kind if mask >> kind & 1)
