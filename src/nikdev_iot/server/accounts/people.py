"""People: their passwords, and what they may do with which account."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from nikdev_iot.server.errors import Conflict, Invalid, NotFound, Unauthorized
from nikdev_iot.server.storage.people import Membership, Person, Role
from nikdev_iot.server.storage.port import Storage, WriteTransaction
from nikdev_iot.server.storage.records import Account

from .passwords import Passwords
from .texts import check_email
from .throttle import Throttle

__all__ = ["Belonging", "Member", "People", "parse_role"]


@dataclass(frozen=True, slots=True)
class Member:
    """One of the people of an account."""

    person: Person
    role: Role
    since_us: int


@dataclass(frozen=True, slots=True)
class Belonging:
    """One of the accounts of a person."""

    account: Account
    role: Role


def parse_role(text: object) -> Role:
    """Return the role of this name, e.g. `editor`; raises `Invalid`."""
    for role in Role:
        if text == role.name.lower():
            return role
    raise Invalid(f"{str(text)[:60]!r} is not a role.", hint="Choose owner, editor or viewer.")


class People:
    """Finds people, checks and changes passwords, gives and takes roles."""

    def __init__(
        self, storage: Storage, *, passwords: Passwords, now_us: Callable[[], int], throttle: Throttle | None = None
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._now_us = now_us
        self._throttle = throttle or Throttle()

    def get(self, person_id: uuid.UUID) -> Person:
        """Return a person; raises `NotFound`."""
        person = self._storage.person(person_id)
        if person is None:
            raise NotFound("There is no such person.")
        return person

    def find(self, email: object) -> Person:
        """Return the person with this e-mail address; raises `NotFound`, or `Invalid` where it is no address."""
        email = check_email(email)
        person = self._storage.person_by_email(email)
        if person is None:
            raise NotFound(f"There is no account {email}.", hint="`nikdev admin account list` shows them all.")
        return person

    # -- passwords ---------------------------------------------------------------------------------

    def check_password(self, password: object) -> None:
        """Raise `Invalid` where a new password cannot be this one."""
        self._passwords.check(password)

    def confirm(self, person_id: uuid.UUID, password: object, *, peer: str) -> Person:
        """Return the person, whose password this is; for what a borrowed browser alone shall not do.

        Raises:
            Unauthorized: it is not.
            TooMany: too many wrong ones.
        """
        person = self.get(person_id)
        self._throttle.admit(person.email, peer)
        if not self._passwords.verify(person.password_hash, password):
            raise Unauthorized("The password is wrong.", hint="Nothing was changed.")
        self._throttle.succeeded(person.email, peer)
        return person

    def change_password(
        self, person_id: uuid.UUID, *, old: object, new: object, peer: str = "", keep: bytes | None = None
    ) -> None:
        """Change the password and end all sessions of the person but the one with the token hash `keep`.

        Raises:
            NotFound: no such person.
            Unauthorized: `old` is wrong.
            TooMany: too many wrong ones.
            Invalid: `new` is too short or too long.
        """
        self._passwords.check(new)
        person = self.confirm(person_id, old, peer=peer)
        password_hash = self._passwords.hash(new)
        with self._storage.write() as write:
            if self.get(person_id).password_hash != person.password_hash:
                raise Unauthorized("The password was changed by someone else just now.", hint="Nothing was changed.")
            write.set_password(person_id, password_hash, keep=keep)

    def set_password(self, person_id: uuid.UUID, password: object, *, second_factor_off: bool = False) -> None:
        """Change the password without the old one, for the operator; end all sessions of the person.

        Raises:
            NotFound: no such person.
            Invalid: the password is too short or too long.
        """
        password_hash = self._passwords.hash(password)
        with self._storage.write() as write:
            self.get(person_id)
            write.set_password(person_id, password_hash)
            if second_factor_off:
                write.set_second_factor(person_id, None)

    # -- accounts ----------------------------------------------------------------------------------

    def members(self, account_id: uuid.UUID) -> list[Member]:
        """Return the people of an account: owners, editors, viewers, each in the order of their coming."""
        found = []
        for membership in self._storage.members(account_id):
            person = self._storage.person(membership.person_id)
            if person is not None:
                found.append(Member(person, membership.role, membership.created_us))
        return sorted(found, key=lambda member: -member.role)

    def accounts(self, person_id: uuid.UUID) -> list[Belonging]:
        """Return the accounts of a person, in the order of their coming to them."""
        found = []
        for membership in self._storage.memberships(person_id):
            account = self._storage.account(membership.account_id)
            if account is not None:
                found.append(Belonging(account, membership.role))
        return found

    def set_role(self, account_id: uuid.UUID, person_id: uuid.UUID, role: Role) -> None:
        """Change what a person may do.

        Raises:
            NotFound: the person does not belong to the account.
            Conflict: the person is its last owner.
        """
        with self._storage.write() as write:
            membership = self._membership(account_id, person_id)
            if role is not Role.OWNER:
                self._check_other_owner(account_id, person_id)
                self._withdraw(write, account_id, person_id)
            write.put_membership(
                Membership(account_id=account_id, person_id=person_id, role=role, created_us=membership.created_us)
            )

    def remove(self, account_id: uuid.UUID, person_id: uuid.UUID) -> None:
        """Take a person out of an account, at once; one who belongs to no other is forgotten altogether.

        Raises:
            NotFound: the person does not belong to the account.
            Conflict: the person is its last owner, or the operator, who would belong to no account.
        """
        with self._storage.write() as write:
            self._membership(account_id, person_id)
            self._check_other_owner(account_id, person_id)
            is_last = len(self._storage.memberships(person_id)) == 1
            if is_last and self.get(person_id).is_operator:
                raise Conflict(
                    "The operator of this server would belong to no account.",
                    hint="Nothing was changed. Make the operator a viewer instead.",
                )
            self._withdraw(write, account_id, person_id)
            write.remove_membership(account_id, person_id)
            if is_last:
                write.forget_person(person_id)

    def _membership(self, account_id: uuid.UUID, person_id: uuid.UUID) -> Membership:
        for membership in self._storage.memberships(person_id):
            if membership.account_id == account_id:
                return membership
        raise NotFound("This person does not belong to the account, or no longer.", hint="Nothing was changed.")

    def _withdraw(self, write: WriteTransaction, account_id: uuid.UUID, person_id: uuid.UUID) -> None:
        """Take back the person's invitations, of which they may still have the links."""
        for invitation in self._storage.invitations(account_id):
            if invitation.invited_by == person_id:
                write.remove_invitation(invitation.id)

    def _check_other_owner(self, account_id: uuid.UUID, person_id: uuid.UUID) -> None:
        if not any(
            membership.role is Role.OWNER and membership.person_id != person_id
            for membership in self._storage.members(account_id)
        ):
            raise Conflict(
                "An account needs an owner, and this is the last one.",
                hint="Nothing was changed. Make somebody else an owner first.",
            )
