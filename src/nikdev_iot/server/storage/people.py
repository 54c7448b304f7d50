"""People as the store keeps them, and what of the port is about them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from .records import Account, Session

__all__ = ["Invitation", "Membership", "PeopleReads", "PeopleWrites", "Person", "Role", "Standing"]


class Role(IntEnum):
    """What a person may do with an account; each may do what those below may."""

    VIEWER = 1
    """Look."""
    EDITOR = 2
    """Change devices, fields, keys, dashboards and values."""
    OWNER = 3
    """Invite and remove people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs in."""

    id: uuid.UUID
    email: str
    """Lower case, unique."""
    password_hash: str
    """argon2id, in its own encoded form."""
    created_us: int
    is_operator: bool = False
    """Whether this person runs the server."""
    totp_secret: str | None = None
    """What the codes of the second factor are made from, in Base32; None where it is off."""
    totp_step: int = 0
    """The last time step whose code was used: neither it nor an older one is taken again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What one person may do with one account."""

    account_id: uuid.UUID
    person_id: uuid.UUID
    role: Role
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whose a session is and what it allows: all that a request needs to know, in one look-up."""

    session: Session
    person: Person
    account: Account
    """The one that the person works with at present."""
    role: Role
    """The person's in this account."""
    account_count: int
    """How many accounts the person belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A link by which somebody comes to an account; its secret is not kept."""

    id: uuid.UUID
    account_id: uuid.UUID | None
    """None: the one who takes it makes an account of their own."""
    token_hash: bytes
    """SHA-256 of the secret."""
    role: Role
    email: str = ""
    """Whose it is, in lower case; '' where it is anyone's who has the link."""
    invited_by: uuid.UUID
    created_us: int
    expires_us: int


class PeopleReads(Protocol):
    """Part of `port.Storage`."""

    def account(self, account_id: uuid.UUID) -> Account | None:
        """Return an account."""
        ...

    def accounts(self) -> list[Account]:
        """Return all accounts, by (created_us, id)."""
        ...

    def count_accounts(self) -> int:
        """Return how many there are."""
        ...

    def person(self, person_id: uuid.UUID) -> Person | None:
        """Return a person."""
        ...

    def person_by_email(self, email: str) -> Person | None:
        """Return the person with this e-mail address, in whatever case."""
        ...

    def people(self) -> list[Person]:
        """Return all people, by (created_us, id)."""
        ...

    def members(self, account_id: uuid.UUID | None = None) -> list[Membership]:
        """Return the memberships of an account, or of all of them, by (created_us, person_id)."""
        ...

    def memberships(self, person_id: uuid.UUID) -> list[Membership]:
        """Return the memberships of a person, by (created_us, account_id)."""
        ...

    def session(self, token_hash: bytes) -> Session | None:
        """Return the session, expired or not, whatever became of the person."""
        ...

    def sessions(self, person_id: uuid.UUID) -> list[Session]:
        """Return a person's sessions, expired ones too, the one last seen first."""
        ...

    def standing(self, token_hash: bytes) -> Standing | None:
        """Return the session, expired or not, with its person, account and role.

        None where there is no such session, or its person does not belong to its account.
        """
        ...

    def count_backup_codes(self, person_id: uuid.UUID) -> int:
        """Return how many have not been used yet."""
        ...

    def invitations(self, account_id: uuid.UUID | None) -> list[Invitation]:
        """Return the invitations to an account, or those to accounts of one's own, by (created_us, id)."""
        ...

    def invitation(self, token_hash: bytes) -> Invitation | None:
        """Return the invitation with this secret, expired or not."""
        ...


class PeopleWrites(Protocol):
    """Part of `port.WriteTransaction`."""

    def add_account(self, account: Account) -> None:
        """Keep it; raises `Conflict` where there is one of this id."""
        ...

    def rename_account(self, account_id: uuid.UUID, name: str) -> None:
        """Give an account another name."""
        ...

    def add_person(self, person: Person) -> None:
        """Keep it, its e-mail address in lower case; raises `Conflict` where that is taken."""
        ...

    def forget_person(self, person_id: uuid.UUID) -> None:
        """Forget a person with memberships, sessions and backup codes. Idempotent."""
        ...

    def set_password(self, person_id: uuid.UUID, password_hash: str, *, keep: bytes | None = None) -> None:
        """Change a person's password, and end all their sessions but the one with the token hash `keep`."""
        ...

    def renew_password_hash(self, person_id: uuid.UUID, password_hash: str) -> None:
        """Keep another hash of the same password; sessions stay."""
        ...

    def set_second_factor(
        self, person_id: uuid.UUID, secret: str | None, *, step: int = 0, backup_codes: Iterable[bytes] = ()
    ) -> None:
        """Switch the second factor on with the hashes of its backup codes, or off with None; sessions stay."""
        ...

    def set_backup_codes(self, person_id: uuid.UUID, backup_codes: Iterable[bytes]) -> None:
        """Replace the hashes of a person's backup codes."""
        ...

    def use_totp_step(self, person_id: uuid.UUID, step: int) -> bool:
        """Note that the code of a time step was used; False, and nothing, where it or a later one was before."""
        ...

    def use_backup_code(self, person_id: uuid.UUID, code_hash: bytes) -> bool:
        """Use up a backup code; False where there is no such code, or no longer."""
        ...

    def put_membership(self, membership: Membership) -> None:
        """Make it, or change the role of the one that is there."""
        ...

    def remove_membership(self, account_id: uuid.UUID, person_id: uuid.UUID) -> None:
        """End it, and the person's sessions that are in this account. Idempotent."""
        ...

    def add_session(self, session: Session) -> None:
        """Keep it; raises `Conflict` where there is one with this token."""
        ...

    def touch_session(self, token_hash: bytes, *, seen_us: int) -> None:
        """Move `seen_us` forward; never back."""
        ...

    def switch_session(self, token_hash: bytes, account_id: uuid.UUID) -> None:
        """Bring a session to another account."""
        ...

    def end_session(self, token_hash: bytes) -> None:
        """Idempotent."""
        ...

    def end_sessions(self, person_id: uuid.UUID, *, keep: bytes | None = None) -> int:
        """End all sessions of a person but the one with the token hash `keep`; return how many."""
        ...

    def forget_sessions(self, *, before_us: int) -> int:
        """Forget the sessions that expired before `before_us`; return how many."""
        ...

    def add_invitation(self, invitation: Invitation) -> None:
        """Keep it; raises `Conflict` where there is one of this id or with this secret."""
        ...

    def remove_invitation(self, invitation_id: uuid.UUID) -> bool:
        """Take it back, or use it up; return whether it was there."""
        ...

    def forget_invitations(self, *, before_us: int) -> int:
        """Forget the invitations that expired before `before_us`; return how many."""
        ...
