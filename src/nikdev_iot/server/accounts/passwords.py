"""Passwords: argon2id."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nikdev_iot.server.errors import Invalid

__all__ = ["MAX_PASSWORD_CHARS", "MIN_PASSWORD_CHARS", "Passwords"]

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1_000
_AT_ONCE = 2


def _default_hasher() -> PasswordHasher:
    # OWASP's second choice (2 passes over 19 MiB): about 30 ms on a small server, and two at once fit anywhere.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Passwords:
    """Makes and checks password hashes; at most two at once, however many ask."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or _default_hasher()
        self._turn = threading.BoundedSemaphore(_AT_ONCE)
        self._nobody: str | None = None

    def check(self, password: object) -> bytes:
        """Return what is hashed of a new password.

        Raises:
            Invalid: it has fewer than 8 or more than 1000 characters.
        """
        if not isinstance(password, str):
            raise Invalid(f"A password is a text; got {type(password).__name__}.")
        if len(password) < MIN_PASSWORD_CHARS:
            raise Invalid(f"The password has {len(password)} characters; at least {MIN_PASSWORD_CHARS} are needed.")
        if len(password) > MAX_PASSWORD_CHARS:
            raise Invalid(f"The password has {len(password)} characters; the longest has {MAX_PASSWORD_CHARS}.")
        raw = _bytes(password)
        if raw is None:
            raise Invalid("The password is not UTF-8 text.")
        return raw

    def hash(self, password: object) -> str:
        """Return the argon2id hash of a new password, with its parameters; raises `Invalid` as `check` does."""
        raw = self.check(password)
        with self._turn:
            return self._hasher.hash(raw)

    def verify(self, password_hash: str | None, password: object) -> bool:
        """Return whether the password is right; without a hash (an unknown e-mail), False after just as long."""
        raw = _bytes(password) if isinstance(password, str) and len(password) <= MAX_PASSWORD_CHARS else None
        known = None if raw is None else password_hash
        against = self.hash_of_nobody() if known is None else known
        with self._turn:
            try:
                self._hasher.verify(against, raw or b"")
            except (VerificationError, InvalidHashError):
                return False
        return known is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def hash_of_nobody(self) -> str:
        """Return the hash that `verify` spends its time on where there is none; the first call makes it."""
        if self._nobody is None:
            with self._turn:
                self._nobody = self._hasher.hash(b"no account has this password")
        return self._nobody


def _bytes(password: str) -> bytes | None:
    # One keyboard writes é as one character, another as e and an accent: the same password (RFC 8265, NFC).
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None
