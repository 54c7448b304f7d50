"""What the store keeps, as frozen values. Times are µs UTC."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import NamedTuple

from nikdev_iot.model.values import Kind

__all__ = [
    "Access",
    "Account",
    "ApiKey",
    "Device",
    "ErasedValues",
    "Field",
    "LatestSnapshot",
    "NewField",
    "PackSpan",
    "Session",
    "Stamp",
    "StoredPack",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What owns devices; people belong to it (`people.Membership`)."""

    id: uuid.UUID
    name: str
    """Its first owner's e-mail address, unless it was given another."""
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in person; the token itself is not kept."""

    token_hash: bytes
    """SHA-256 of the token."""
    person_id: uuid.UUID
    account_id: uuid.UUID
    """The account that the person works with at present."""
    created_us: int
    expires_us: int
    seen_us: int
    """When it was used last, within a minute."""
    peer: str = ""
    """The client's address when it began."""
    browser: str = ""
    """What the client said that it is."""
    awaits_code: bool = False
    """Whether the second factor is still to come: until then it opens nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A thing that sends values."""

    id: uuid.UUID
    account_id: uuid.UUID
    name: str
    created_us: int
    accepts_new_fields: bool = True
    """False: a commit with a field that does not exist yet is refused."""
    note: str = ""
    """What people want to remember of it."""
    tags: tuple[str, ...] = ()
    silent_after_s: int | None = None
    """How long it may be quiet before it counts as silent; None for the server's own guess."""
    last_push_us: int | None = None
    """When a push of it was stored last, within some seconds; None for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One quantity of a device."""

    device_id: uuid.UUID
    field_id: str
    kinds: frozenset[Kind]
    """Every kind seen so far; empty where it was made by hand and has no value yet."""
    unit: str = ""
    label: str = ""
    created_us: int
    color: str = ""
    """`#rrggbb`; `series-1` to `series-8` for one of the palette's; or '' for one of its own accord."""
    decimals: int | None = None
    """How many are shown; None for as many as there are."""
    position: int | None = None
    """Where it stands among the device's fields; those without come last, in the order of their making."""
    hidden: bool = False
    """Whether pages leave it out, unless it is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A secret of one device; the secret itself is not kept."""

    id: uuid.UUID
    device_id: uuid.UUID
    name: str
    secret_hash: bytes
    """SHA-256 of the secret's 36 characters, lower case."""
    can_read: bool
    can_write: bool
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    last_used_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one API key of one device allows: all that a request needs to know, in one look-up."""

    key: ApiKey
    device: Device


class ErasedValues(NamedTuple):
    """What a commit told before values were taken out of it."""

    number: int
    digest: bytes
    """Of the whole commit (`model.digests`)."""
    field_ids: tuple[str, ...]
    """Whose values are gone."""


class StoredPack(NamedTuple):  # made thousands of times a second, and three times as fast to make as a dataclass
    """A pack as the store keeps it: immutable."""

    device_id: uuid.UUID
    origin: uuid.UUID
    first: int
    last: int
    hash: bytes
    parent: bytes
    row_count: int
    min_time_us: int
    """Of the effective times; with `max_time_us`, the span in which the pack has commits. 0 where it has none."""
    max_time_us: int
    received_us: int
    clock_offset_us: int | None
    """The client's clock less the server's when it was sent; None where the client did not say."""
    key_id: uuid.UUID | None
    codec: int
    """As in `wire.pack.Frame`."""
    content_bytes: int
    """Decompressed."""
    payload: bytes
    arrival: int = 0
    """Ascending per device in the order of storing; given by the store."""
    erased: tuple[ErasedValues, ...] = ()
    """By number: commits that lost values for good since, when it was re-packed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSpan:
    """Where a pack, or a segment of several, lies, without its content: what a query plans with."""

    arrival: int
    row_count: int
    min_time_us: int
    max_time_us: int
    segment: int | None = None
    """The id of a segment, whose last pack `arrival` is then of; None for a pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewField:
    """A field, and a kind of it, that a push brings for the first time."""

    device_id: uuid.UUID
    field_id: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestSnapshot:
    """The newest value of each field of a device, as of its pack `arrival`; `content` is the query side's own."""

    arrival: int
    content: bytes


class Stamp(NamedTuple):
    """Equal to the one before exactly where every read of a device would answer as before."""

    arrival: int
    """Of the newest pack."""
    deletions: int = 0
    """How many were made, and how many of them undone, together."""
    deleted_us: int = 0
    """When one was made, or undone, last."""
