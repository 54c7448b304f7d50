"""Sessions of signed-in people."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from nikdev_iot.server.errors import Invalid, Unauthorized
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Session

from .passwords import Passwords
from .texts import check_email
from .throttle import Throttle

__all__ = ["SESSION_LIFETIME_US", "Sessions", "SignedIn"]

SESSION_LIFETIME_US = 30 * 24 * 3600 * 1_000_000
_MAX_TOKEN_CHARS = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just begun; the token is known to nobody else, ever again."""

    token: str
    session: Session


class Sessions:
    """Begins, finds and ends sessions. The store has only the SHA-256 of each token."""

    def __init__(
        self,
        storage: Storage,
        *,
        passwords: Passwords,
        now_us: Callable[[], int],
        throttle: Throttle | None = None,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        lifetime_us: int = SESSION_LIFETIME_US,
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._now_us = now_us
        self._throttle = throttle or Throttle()
        self._new_token = new_token
        self._lifetime_us = lifetime_us
        passwords.hash_of_nobody()  # else the first unknown e-mail would take twice as long as all others

    def sign_in(self, *, email: str, password: str, peer: str) -> SignedIn:
        """Begin a session; `peer` is the client's address. Takes as long for an e-mail that has no account.

        Raises:
            Unauthorized: e-mail or password is wrong; which, is not said.
            TooMany: too many failed attempts.
        """
        try:
            email = check_email(email)
        except Invalid:
            email = ""  # nobody's
        self._throttle.admit(email, peer)
        account = self._storage.account_by_email(email) if email else None
        right = self._passwords.verify(account.password_hash if account else None, password)
        if account is None or not right:
            raise _wrong()
        self._throttle.succeeded(email, peer)
        new_hash = self._passwords.hash(password) if self._passwords.needs_rehash(account.password_hash) else None
        now_us = self._now_us()
        token = self._new_token()
        session = Session(
            token_hash=_hash(token), account_id=account.id, created_us=now_us, expires_us=now_us + self._lifetime_us
        )
        with self._storage.write() as write:
            if self._storage.account(account.id) != account:  # the password was changed meanwhile
                raise _wrong()
            if new_hash:
                write.renew_password_hash(account.id, new_hash)
            write.forget_sessions(before_us=now_us)
            write.add_session(session)
        return SignedIn(token, session)

    def session(self, token: str) -> Session:
        """Return a live session; raises `Unauthorized`."""
        session = self._storage.session(_hash(token)) if _possible(token) else None
        if session is None or session.expires_us <= self._now_us():
            raise Unauthorized("You are not signed in, or no longer.", hint="Sign in again.")
        return session

    def sign_out(self, token: str) -> None:
        """End a session. Idempotent."""
        if _possible(token):
            with self._storage.write() as write:
                write.end_session(_hash(token))


def _wrong() -> Unauthorized:
    return Unauthorized("The e-mail or the password is wrong.")


def _possible(token: str) -> bool:
    return len(token) <= _MAX_TOKEN_CHARS and token.isascii()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
