"""Invitations: links by which people come to an account, or to one of their own."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from nikdev_iot.server.errors import Conflict, Forbidden, NotFound
from nikdev_iot.server.storage.people import Invitation, Membership, Person, Role
from nikdev_iot.server.storage.port import Storage, WriteTransaction
from nikdev_iot.server.storage.records import Account

from .passwords import Passwords
from .room import check_room
from .settings import Registration, Settings
from .texts import check_email

__all__ = ["INVITATION_LIFETIME_US", "Invitations", "NewInvitation", "OpenInvitation"]

INVITATION_LIFETIME_US = 7 * 24 * 3600 * 1_000_000
_MAX_TOKEN_CHARS = 200


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation just made; its token is known to nobody else, ever again."""

    token: str
    invitation: Invitation


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that can be taken."""

    invitation: Invitation
    account: Account | None
    """None: an account of one's own."""


class Invitations:
    """Makes, takes back and accepts invitations. The store has only the SHA-256 of each token."""

    def __init__(
        self,
        storage: Storage,
        *,
        passwords: Passwords,
        settings: Settings,
        now_us: Callable[[], int],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        lifetime_us: int = INVITATION_LIFETIME_US,
        most: int | None = None,
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._settings = settings
        self._now_us = now_us
        self._new_id = new_id
        self._new_token = new_token
        self._lifetime_us = lifetime_us
        self._most = most

    def invite(
        self, account_id: uuid.UUID | None, *, by: uuid.UUID, role: Role = Role.OWNER, email: object = ""
    ) -> NewInvitation:
        """Invite somebody to an account, or, with None, to make one of their own.

        With an `email` the link is that person's alone, else of whoever has it.

        Raises:
            Invalid: the e-mail is not an address, or there are too many that nobody has taken.
            Forbidden: `by` does not own the account, or no longer.
        """
        email = check_email(email) if email else ""
        now_us, token = self._now_us(), self._new_token()
        invitation = Invitation(
            id=self._new_id(),
            account_id=account_id,
            token_hash=_hash(token),
            role=role if account_id else Role.OWNER,
            email=email,
            invited_by=by,
            created_us=now_us,
            expires_us=now_us + self._lifetime_us,
        )
        with self._storage.write() as write:
            if account_id is not None and not self._owns(by, account_id):
                raise Forbidden("Only owners of the account invite to it.", hint="Nothing was changed.")
            write.forget_invitations(before_us=now_us)
            count, have = len(self._storage.invitations(account_id)), "This account" if account_id else "This server"
            check_room(count, self._most, of="open invitations", have=have, instead="Withdraw one")
            write.add_invitation(invitation)
        return NewInvitation(token, invitation)

    def _owns(self, person_id: uuid.UUID, account_id: uuid.UUID) -> bool:
        return any(
            one.account_id == account_id and one.role is Role.OWNER for one in self._storage.memberships(person_id)
        )

    def all(self, account_id: uuid.UUID | None) -> list[Invitation]:
        """Return the invitations that can still be taken: those to an account, or those to accounts of one's own."""
        now_us = self._now_us()
        return [one for one in self._storage.invitations(account_id) if one.expires_us > now_us]

    def withdraw(self, account_id: uuid.UUID | None, invitation_id: uuid.UUID) -> None:
        """Take an invitation back. Idempotent; another account's stays."""
        with self._storage.write() as write:
            if any(one.id == invitation_id for one in self._storage.invitations(account_id)):
                write.remove_invitation(invitation_id)

    def find(self, token: str) -> OpenInvitation:
        """Return the invitation with this secret; raises `NotFound` where there is none, or no longer."""
        invitation = None
        if len(token) <= _MAX_TOKEN_CHARS and token.isascii():
            invitation = self._storage.invitation(_hash(token))
        if invitation is None or invitation.expires_us <= self._now_us():
            _gone()
        account = self._storage.account(invitation.account_id) if invitation.account_id else None
        if invitation.account_id and account is None:
            _gone()
        return OpenInvitation(invitation, account)

    def accept(self, token: str, person: Person) -> uuid.UUID:
        """Let a person who is registered into the account; return which.

        Raises:
            NotFound: there is no such invitation, or no longer.
            Forbidden: it is somebody else's.
            Conflict: the person belongs to the account already.
        """
        with self._storage.write() as write:
            invitation = self.find(token).invitation
            _check_address(invitation, person.email)
            if invitation.account_id is not None and any(
                one.account_id == invitation.account_id for one in self._storage.memberships(person.id)
            ):
                raise Conflict("You belong to this account already.", hint="Nothing was changed.")
            return self._join(write, invitation, person)

    def register(self, token: str, *, email: object, password: object) -> Person:
        """Make a person who comes by an invitation.

        Raises:
            NotFound: there is no such invitation, or no longer.
            Forbidden: it is somebody else's, or nobody may register.
            Invalid: the e-mail is not an address, or the password too short or long; the invitation stays good.
            Conflict: the e-mail is somebody's who is here already, and who can sign in to accept.
        """
        if self._settings.registration is Registration.CLOSED:
            raise Forbidden(
                "This server takes nobody new.", hint="Sign in, if you are registered, and open the link again."
            )
        email = check_email(email)
        _check_address(self.find(token).invitation, email)
        person = Person(
            id=self._new_id(), email=email, password_hash=self._passwords.hash(password), created_us=self._now_us()
        )
        with self._storage.write() as write:
            invitation = self.find(token).invitation  # again: somebody may have been faster
            write.add_person(person)
            self._join(write, invitation, person)
        return person

    def _join(self, write: WriteTransaction, invitation: Invitation, person: Person) -> uuid.UUID:
        if not write.remove_invitation(invitation.id):
            _gone()
        now_us, account_id = self._now_us(), invitation.account_id
        if account_id is None:
            account = Account(id=self._new_id(), name=person.email, created_us=now_us)
            write.add_account(account)
            account_id = account.id
        write.put_membership(
            Membership(account_id=account_id, person_id=person.id, role=invitation.role, created_us=now_us)
        )
        return account_id


def _check_address(invitation: Invitation, email: str) -> None:
    if invitation.email and invitation.email != email:
        raise Forbidden(
            f"This invitation is for {invitation.email}.", hint="Nothing was changed. Ask for one with your address."
        )


def _gone() -> NoReturn:
    raise NotFound("This invitation is used up, was withdrawn, or is older than seven days.", hint="Ask for a new one.")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
