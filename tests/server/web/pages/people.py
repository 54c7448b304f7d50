"""People with sessions, made in the store: no password is hashed for them."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass

from tests.server.web.whole_app import Site

from nikdev_iot.server.storage.people import Membership, Person, Role
from nikdev_iot.server.storage.records import Session
from nikdev_iot.server.web.pages.visit import COOKIE, Visit

__all__ = ["Somebody", "new_person", "new_session"]

HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Somebody:
    """A signed-in person at a browser."""

    id: uuid.UUID
    account_id: uuid.UUID
    email: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends along."""
        return {"cookie": f"{COOKIE}={self.token}"}

    @property
    def csrf(self) -> str:
        """What the forms of its pages send along."""
        made: str = Visit.csrf.fget(self)  # type: ignore[attr-defined]
        return made


def new_person(site: Site, account_id: uuid.UUID, role: Role, *, is_operator: bool = False) -> Somebody:
    """Make a person of an account, and sign them in."""
    person = Person(
        id=uuid.uuid4(),
        email=f"{secrets.token_hex(6)}@example.org",
        password_hash="of nothing",
        created_us=site.clock(),
        is_operator=is_operator,
    )
    with site.storage.write() as write:
        write.add_person(person)
        write.put_membership(Membership(account_id=account_id, person_id=person.id, role=role, created_us=site.clock()))
    return new_session(site, person.id, account_id)


def new_session(
    site: Site, person_id: uuid.UUID, account_id: uuid.UUID, *, lifetime_us: int = HOUR_US, awaits_code: bool = False
) -> Somebody:
    """Sign somebody in again."""
    token, now_us = secrets.token_urlsafe(32), site.clock()
    session = Session(
        token_hash=hashlib.sha256(token.encode()).digest(),
        person_id=person_id,
        account_id=account_id,
        created_us=now_us,
        expires_us=now_us + lifetime_us,
        seen_us=now_us,
        awaits_code=awaits_code,
    )
    with site.storage.write() as write:
        write.add_session(session)
    person = site.storage.person(person_id)
    assert person is not None
    return Somebody(person_id, account_id, person.email, token)
