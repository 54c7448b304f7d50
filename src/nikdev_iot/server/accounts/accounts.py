"""Accounts: people who own devices."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from nikdev_iot.server.errors import NotFound, Unauthorized
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Account

from .passwords import Passwords
from .texts import check_email

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

    def add(self, email: object, password: object) -> Account:
        """Make an account.

        Raises:
            Invalid: the e-mail is not an address, or the password too short or long.
            Conflict: the e-mail has an account already.
        """
        account = Account(
            id=self._new_id(),
            email=check_email(email),
            password_hash=self._passwords.hash(password),
            created_us=self._now_us(),
        )
        with self._storage.write() as write:
            write.add_account(account)
        return account

    def check_password(self, password: object) -> None:
        """Raise `Invalid` where a new password cannot be this one."""
        self._passwords.check(password)

    def get(self, account_id: uuid.UUID) -> Account:
        """Return an account; raises `NotFound`."""
        account = self._storage.account(account_id)
        if account is None:
            raise NotFound(f"There is no account {account_id}.")
        return account

    def find(self, email: object) -> Account:
        """Return the account of an e-mail address; raises `NotFound`, or `Invalid` where it is no address."""
        email = check_email(email)
        account = self._storage.account_by_email(email)
        if account is None:
            raise NotFound(f"There is no account {email}.", hint="`nikdev admin account list` shows them all.")
        return account

    def all(self) -> list[Account]:
        """Return all accounts, the oldest first."""
        return self._storage.accounts()

    def change_password(self, account_id: uuid.UUID, *, old: object, new: object) -> None:
        """Change the password and end all sessions of the account.

        Raises:
            NotFound: no such account.
            Unauthorized: `old` is wrong.
            Invalid: `new` is too short or too long.
        """
        account = self.get(account_id)
        if not self._passwords.verify(account.password_hash, old):
            raise Unauthorized("The old password is wrong.", hint="Nothing was changed.")
        password_hash = self._passwords.hash(new)
        with self._storage.write() as write:
            if self.get(account_id) != account:
                raise Unauthorized("The password was changed by someone else just now.", hint="Nothing was changed.")
            write.set_password(account_id, password_hash)

    def set_password(self, account_id: uuid.UUID, password: object) -> None:
        """Change the password without the old one, for the operator; end all sessions of the account.

        Raises:
            NotFound: no such account.
            Invalid: the password is too short or too long.
        """
        password_hash = self._passwords.hash(password)
        with self._storage.write() as write:
            self.get(account_id)
            write.set_password(account_id, password_hash)
