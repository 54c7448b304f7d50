"""Accounts: what owns devices, and makes its first owner."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from nikdev_iot.server.errors import Conflict, NotFound
from nikdev_iot.server.storage.people import Membership, Person, Role
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Account

from .passwords import Passwords
from .texts import check_email, check_text

__all__ = ["Accounts"]


class Accounts:
    """Makes and finds accounts."""

    def __init__(
        self,
        storage: Storage,
        *,
        passwords: Passwords,
        now_us: Callable[[], int],
        new_id: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._now_us = now_us
        self._new_id = new_id

    def add(self, email: object, password: object, *, only_first: bool = False) -> Account:
        """Make an account and the person who owns it; the first one of all is the operator of the server.

        With `only_first`, another one is not made.

        Raises:
            Invalid: the e-mail is not an address, or the password too short or long.
            Conflict: the e-mail has an account already, or there is a first one.
        """
        email, password_hash, now_us = check_email(email), self._passwords.hash(password), self._now_us()
        account = Account(id=self._new_id(), name=email, created_us=now_us)
        with self._storage.write() as write:
            is_first = self._storage.count_accounts() == 0
            if only_first and not is_first:
                raise Conflict("There is an account already.", hint="Nothing was stored.")
            person = Person(
                id=self._new_id(),
                email=email,
                password_hash=password_hash,
                created_us=now_us,
                is_operator=is_first,
            )
            write.add_account(account)
            write.add_person(person)
            write.put_membership(
                Membership(account_id=account.id, person_id=person.id, role=Role.OWNER, created_us=now_us)
            )
        return account

    def get(self, account_id: uuid.UUID) -> Account:
        """Return an account; raises `NotFound`."""
        account = self._storage.account(account_id)
        if account is None:
            raise NotFound(f"There is no account {account_id}.")
        return account

    def find(self, email: object) -> Account:
        """Return the account that the person with this address owns, of several the one they came to first.

        Raises:
            NotFound: nobody with this address owns one.
            Invalid: it is no address.
        """
        email = check_email(email)
        person = self._storage.person_by_email(email)
        for membership in self._storage.memberships(person.id) if person else ():
            if membership.role is Role.OWNER:
                return self.get(membership.account_id)
        raise NotFound(f"There is no account {email}.", hint="`nikdev admin account list` shows them all.")

    def are_there(self) -> bool:
        """Return whether there is any."""
        return self._storage.count_accounts() > 0

    def all(self) -> list[Account]:
        """Return all accounts, the oldest first."""
        return self._storage.accounts()

    def owners(self) -> dict[uuid.UUID, str]:
        """Return the e-mail address of each account's first owner."""
        emails = {person.id: person.email for person in self._storage.people()}
        found: dict[uuid.UUID, str] = {}
        for membership in self._storage.members():
            if membership.role is Role.OWNER and membership.person_id in emails:
                found.setdefault(membership.account_id, emails[membership.person_id])
        return found

    def rename(self, account_id: uuid.UUID, name: object) -> None:
        """Give an account another name; raises `Invalid`."""
        checked = check_text(name, what="The account's name")
        with self._storage.write() as write:
            write.rename_account(account_id, checked)
