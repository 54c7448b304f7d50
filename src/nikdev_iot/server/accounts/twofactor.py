"""The second factor: codes of an app (TOTP, RFC 6238), and backup codes for the day it is lost."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pyotp

from nikdev_iot.server.errors import Conflict, Invalid
from nikdev_iot.server.storage.people import Person
from nikdev_iot.server.storage.port import Storage, WriteTransaction

from .people import People

__all__ = ["BACKUP_CODES", "Proposal", "TwoFactor", "hash_backup_code", "matching_step", "new_backup_code"]

BACKUP_CODES = 10
_STEP_S = 30
_SECRET_CHARS = 32
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No i, l, o, 0 and 1, which look like each other."""
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret that an app may take; it is in force only when a code has shown that it did."""

    secret: str
    uri: str
    """What the QR code says."""


def matching_step(secret: str, code: str, *, now_us: int) -> int | None:
    """Return the time step that a code is of: this one, or a neighbour, as clocks differ; None for a wrong code."""
    totp, now_step = pyotp.TOTP(secret), now_us // 1_000_000 // _STEP_S
    found = None
    for step in (now_step - 1, now_step, now_step + 1):
        if step >= 0 and hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            found = step
    return found


def new_backup_code() -> str:
    """Return a random backup code: `abcd-efgh-jkmn`, 59 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))


def hash_backup_code(code: str) -> bytes:
    """Return what the store keeps of a backup code, however it was typed."""
    return hashlib.sha256("".join(code.split()).replace("-", "").lower().encode()).digest()


class TwoFactor:
    """Switches the second factor on and off, and checks codes."""

    def __init__(
        self,
        storage: Storage,
        *,
        people: People,
        now_us: Callable[[], int],
        new_secret: Callable[[], str] = pyotp.random_base32,
        new_code: Callable[[], str] = new_backup_code,
    ) -> None:
        self._storage = storage
        self._people = people
        self._now_us = now_us
        self._new_secret = new_secret
        self._new_code = new_code

    def propose(self, person: Person, *, server: str, secret: str | None = None) -> Proposal:
        """Return a new secret, or this one, for the person's app, which will show the name of the `server` beside it.

        Raises:
            Invalid: `secret` is not one that was proposed.
        """
        secret = self._new_secret() if secret is None else secret
        if len(secret) != _SECRET_CHARS or not _BASE32.issuperset(secret):
            raise Invalid("That is not a secret of ours.", hint="Nothing was changed. Open the page again.")
        return Proposal(
            secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=f"NikDev IoT {server}")
        )

    def switch_on(
        self, person_id: uuid.UUID, *, secret: str, code: str, password: str, peer: str, keep: bytes
    ) -> list[str]:
        """Switch it on, and return the backup codes, which are known to nobody else; other sessions are ended.

        Raises:
            Unauthorized: the password is wrong.
            TooMany: too many wrong ones.
            Invalid: the code is not of this secret.
            Conflict: it is on already.
        """
        step = matching_step(secret, _digits(code), now_us=self._now_us())
        if step is None:
            raise Invalid(
                "The code is wrong, or older than a minute.",
                hint="Type the newest one; if it is wrong again, check the clock of the phone.",
            )
        self._people.confirm(person_id, password, peer=peer)
        codes = [self._new_code() for _ in range(BACKUP_CODES)]
        with self._storage.write() as write:
            if self._people.get(person_id).totp_secret is not None:
                raise Conflict("The second factor is on already.", hint="Nothing was changed.")
            write.set_second_factor(person_id, secret, step=step, backup_codes=map(hash_backup_code, codes))
            write.end_sessions(person_id, keep=keep)
        return codes

    def switch_off(self, person_id: uuid.UUID, *, password: str, peer: str, keep: bytes) -> None:
        """Switch it off; other sessions are ended. Raises `Unauthorized` and `TooMany`."""
        self._people.confirm(person_id, password, peer=peer)
        with self._storage.write() as write:
            write.set_second_factor(person_id, None)
            write.end_sessions(person_id, keep=keep)

    def renew_codes(self, person_id: uuid.UUID, *, password: str, peer: str) -> list[str]:
        """Return new backup codes in place of the old ones. Raises `Unauthorized`, `TooMany` and `Conflict`."""
        self._people.confirm(person_id, password, peer=peer)
        codes = [self._new_code() for _ in range(BACKUP_CODES)]
        with self._storage.write() as write:
            if self._people.get(person_id).totp_secret is None:
                raise Conflict("The second factor is off.", hint="Nothing was changed.")
            write.set_backup_codes(person_id, map(hash_backup_code, codes))
        return codes

    def use(self, write: WriteTransaction, person: Person, code: str) -> bool:
        """Return whether a code, of the app or a backup one, is right, and use it up."""
        digits = _digits(code)
        if len(digits) == 6 and digits.isdecimal() and person.totp_secret is not None:
            step = matching_step(person.totp_secret, digits, now_us=self._now_us())
            return step is not None and write.use_totp_step(person.id, step)
        return write.use_backup_code(person.id, hash_backup_code(code))


def _digits(code: str) -> str:
    return "".join(code.split())  # apps show them in two groups
