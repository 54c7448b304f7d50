"""The first start: a secret link, printed by the server, that makes the first account."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable

from nikdev_iot.server.errors import NotFound
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Account

from .accounts import Accounts

__all__ = ["SetUp"]


class SetUp:
    """Gives out the secret of the set-up link, and takes it back for the first account.

    Only its SHA-256 is kept, in memory: it ends with the process, with its use, and with the first account, however
    that was made.
    """

    def __init__(
        self, storage: Storage, *, accounts: Accounts, new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    ) -> None:
        self._storage = storage
        self._accounts = accounts
        self._new_token = new_token
        self._lock = threading.Lock()
        self._hash: bytes | None = None

    def new_token(self) -> str | None:
        """Return the secret for a link, in place of any before; None where there is an account already."""
        if not self.is_needed():
            return None
        token = self._new_token()
        self._hash = _hash(token)
        return token

    def is_needed(self) -> bool:
        """Return whether there is no account yet."""
        return self._storage.count_accounts() == 0

    def check(self, token: str) -> None:
        """Raise `NotFound` unless this is the secret of the link, and there is no account yet."""
        known = self._hash
        if known is None or not hmac.compare_digest(_hash(token), known) or not self.is_needed():
            raise NotFound(
                "This set-up link is used up, or of another start of the server.",
                hint="Sign in, or start the server again: without an account it prints a new link.",
            )

    def make_account(self, token: str, *, email: object, password: object) -> Account:
        """Make the first account.

        Raises:
            NotFound: this is not the secret.
            Conflict: somebody was faster.
            Invalid: the e-mail is not an address, or the password too short or long; the link stays good.
        """
        with self._lock:
            self.check(token)
            account = self._accounts.add(email, password, only_first=True)
            self._hash = None
        return account


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
