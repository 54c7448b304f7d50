"""Records to store: plain ones, with whatever a test wants to be special."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from dataclasses import replace
from typing import Any

from nikdev_iot.server.storage.people import Invitation, Membership, Person, Role
from nikdev_iot.server.storage.port import OriginKey
from nikdev_iot.server.storage.records import Account, ApiKey, Device, Session, StoredPack
from nikdev_iot.wire.pack import NO_PACK

_count = itertools.count(1)


def hash_of(*parts: object) -> bytes:
    """32 bytes that depend on the parts alone."""
    return hashlib.sha256(repr(parts).encode()).digest()


def new_key() -> OriginKey:
    """A device and an origin that no other test has."""
    return uuid.uuid4(), uuid.uuid4()


def made_pack(key: OriginKey, first: int, last: int | None = None, **special: Any) -> StoredPack:
    """A pack of commits `first` to `last`, a second apart."""
    last = first if last is None else last
    pack = StoredPack(
        device_id=key[0],
        origin=key[1],
        first=first,
        last=last,
        hash=hash_of(key, first, last),
        parent=NO_PACK,
        row_count=last - first + 1,
        min_time_us=first * 1_000_000,
        max_time_us=last * 1_000_000,
        received_us=1_800_000_000_000_000 + first,
        clock_offset_us=-5,
        key_id=uuid.UUID(int=7),
        codec=1,
        content_bytes=300,
        payload=b"payload %d" % first,
    )
    return pack._replace(**special)


def made_account(**special: Any) -> Account:
    """An account that nobody belongs to."""
    number = next(_count)
    return replace(Account(id=uuid.uuid4(), name=f"account {number}", created_us=number), **special)


def made_person(**special: Any) -> Person:
    """A person with an e-mail of their own."""
    number = next(_count)
    person = Person(
        id=uuid.uuid4(), email=f"person{number}-{uuid.uuid4()}@example.org", password_hash="$hash", created_us=number
    )
    return replace(person, **special)


def made_membership(account: Account, person: Person, **special: Any) -> Membership:
    """The person as an owner of the account."""
    membership = Membership(account_id=account.id, person_id=person.id, role=Role.OWNER, created_us=next(_count))
    return replace(membership, **special)


def made_session(person: Person, account: Account | None = None, **special: Any) -> Session:
    """A session of that person, in that account or in one that is not there."""
    session = Session(
        token_hash=hash_of(uuid.uuid4()),
        person_id=person.id,
        account_id=account.id if account else uuid.uuid4(),
        created_us=5,
        expires_us=2**60,
        seen_us=5,
        peer="192.0.2.7",
        browser="Firefox",
    )
    return replace(session, **special)


def made_invitation(account: Account | None, **special: Any) -> Invitation:
    """An invitation to that account, by somebody."""
    invitation = Invitation(
        id=uuid.uuid4(),
        account_id=account.id if account else None,
        token_hash=hash_of(uuid.uuid4()),
        role=Role.EDITOR,
        email="guest@example.org",
        invited_by=uuid.uuid4(),
        created_us=next(_count),
        expires_us=2**60,
    )
    return replace(invitation, **special)


def made_device(**special: Any) -> Device:
    """A device, of nobody in particular."""
    device = Device(id=uuid.uuid4(), account_id=uuid.uuid4(), name="greenhouse", created_us=next(_count))
    return replace(device, **special)


def made_api_key(device: Device, **special: Any) -> ApiKey:
    """A key of that device that may read and write."""
    key = ApiKey(
        id=uuid.uuid4(),
        device_id=device.id,
        name="a key",
        secret_hash=hash_of(uuid.uuid4()),
        can_read=True,
        can_write=True,
        created_us=next(_count),
    )
    return replace(key, **special)
