"""Sessions of signed-in people."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from nikdev_iot.server.errors import Invalid, NotFound, StorageUnavailable, Unauthorized
from nikdev_iot.server.storage.people import Person, Role, Standing
from nikdev_iot.server.storage.port import Storage, WriteTransaction
from nikdev_iot.server.storage.records import Session

from .passwords import Passwords
from .texts import check_email
from .throttle import CODE_RATES, Throttle
from .twofactor import TwoFactor

__all__ = ["SESSION_LIFETIME_US", "NeedsCode", "Sessions", "SignedIn", "handle_of"]

SESSION_LIFETIME_US = 30 * 24 * 3600 * 1_000_000
_HALF_LIFETIME_US = 10 * 60 * 1_000_000
"""How long a right password waits for its code."""
_SEEN_EVERY_US = 60 * 1_000_000
"""How exactly it is known when a session was last seen: to say so is a write."""
_MAX_TOKEN_CHARS = 200
_MAX_BROWSER_CHARS = 300


class NeedsCode(Unauthorized):
    """The password is right, and the second factor is on."""

    code = "second-factor"


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
        two_factor: TwoFactor,
        now_us: Callable[[], int],
        throttle: Throttle | None = None,
        code_throttle: Throttle | None = None,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        lifetime_us: int = SESSION_LIFETIME_US,
        most: int | None = None,
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._two_factor = two_factor
        self._now_us = now_us
        self._throttle = throttle or Throttle()
        self._code_throttle = code_throttle or Throttle(rates=CODE_RATES)
        self._new_token = new_token
        self._lifetime_us = lifetime_us
        self._most = most
        passwords.hash_of_nobody()  # else the first unknown e-mail would take twice as long as all others

    # -- signing in --------------------------------------------------------------------------------

    def sign_in(
        self, *, email: str, password: str, peer: str, browser: str = "", code: str | None = None, waits: bool = False
    ) -> SignedIn:
        """Begin a session; `peer` is the client's address. Takes as long for an e-mail that has no account.

        Where the second factor is on, a `code` is needed. With `waits` it may come later: until `confirm` is called
        with it, the session that is returned (`awaits_code`) opens nothing.

        Raises:
            Unauthorized: e-mail or password is wrong; which, is not said. Or the code is.
            NeedsCode: a code is needed.
            TooMany: too many failed attempts.
        """
        try:
            email = check_email(email)
        except Invalid:
            email = ""  # nobody's
        self._throttle.admit(email, peer)
        person = self._storage.person_by_email(email) if email else None
        right = self._passwords.verify(person.password_hash if person else None, password)
        if person is None or not right:
            raise _wrong()
        self._throttle.succeeded(email, peer)
        needs_code = person.totp_secret is not None
        if needs_code and code is None and not waits:
            raise NeedsCode(
                "The second factor of this account is on.", hint="Send the code that the app shows, too, as `code`."
            )
        new_hash = self._passwords.hash(password) if self._passwords.needs_rehash(person.password_hash) else None
        checks_code = needs_code and code is not None
        if checks_code:
            self._code_throttle.admit(email, peer)
        token = self._new_token()
        with self._storage.write() as write:
            now = self._storage.person(person.id)
            if now is None or (now.password_hash, now.totp_secret) != (person.password_hash, person.totp_secret):
                raise _wrong()  # the password was changed meanwhile
            if checks_code and not self._two_factor.use(write, now, code or ""):
                raise _wrong_code()
            if new_hash:
                write.renew_password_hash(person.id, new_hash)
            signed_in = self._begin(
                write, person, token, peer=peer, browser=browser, awaits_code=needs_code and not checks_code
            )
        if checks_code:
            self._code_throttle.succeeded(email, peer)
        return signed_in

    def confirm(self, token: str, code: str, *, peer: str) -> SignedIn:
        """Turn a session that awaits a code into one that opens something, under another token.

        Raises:
            NotFound: there is no such session, or no longer: the password is to be given again.
            Unauthorized: the code is wrong.
            TooMany: too many wrong ones.
        """
        person = self.awaited(token)
        self._code_throttle.admit(person.email, peer)
        new_token = self._new_token()
        with self._storage.write() as write:
            half = self._storage.session(_hash(token))
            if half is None:
                _no_longer()
            if not self._two_factor.use(write, self._person(person.id), code):
                raise _wrong_code()
            write.end_session(half.token_hash)
            signed_in = self._begin(write, person, new_token, peer=half.peer, browser=half.browser)
        self._code_throttle.succeeded(person.email, peer)
        return signed_in

    def awaited(self, token: str) -> Person:
        """Return whose code a session awaits; raises `NotFound` where it awaits none, or no longer."""
        session = self._storage.session(_hash(token)) if _possible(token) else None
        if session is None or not session.awaits_code or session.expires_us <= self._now_us():
            _no_longer()
        return self._person(session.person_id)

    def begin(self, person_id: uuid.UUID, *, peer: str, browser: str = "") -> SignedIn:
        """Begin a session of a person who has just shown who they are otherwise: by making the account."""
        person, token = self._person(person_id), self._new_token()
        with self._storage.write() as write:
            return self._begin(write, person, token, peer=peer, browser=browser)

    def _begin(
        self,
        write: WriteTransaction,
        person: Person,
        token: str,
        *,
        peer: str,
        browser: str,
        awaits_code: bool = False,
    ) -> SignedIn:
        now_us = self._now_us()
        session = Session(
            token_hash=_hash(token),
            person_id=person.id,
            account_id=self._account_for(person),
            created_us=now_us,
            expires_us=now_us + (_HALF_LIFETIME_US if awaits_code else self._lifetime_us),
            seen_us=now_us,
            peer=peer,
            browser="".join(char for char in browser if char.isprintable())[:_MAX_BROWSER_CHARS],
            awaits_code=awaits_code,
        )
        write.forget_sessions(before_us=now_us)
        if self._most is not None:
            known = sorted(self._storage.sessions(person.id), key=lambda one: one.seen_us, reverse=True)
            for one in known[self._most - 1 :]:
                write.end_session(one.token_hash)
        write.add_session(session)
        return SignedIn(token, session)

    def _account_for(self, person: Person) -> uuid.UUID:
        """Return the account that a new session begins in: the one last worked with, else the first of one's own."""
        memberships = self._storage.memberships(person.id)
        if not memberships:
            raise _wrong()  # forgotten meanwhile
        roles = {membership.account_id: membership.role for membership in memberships}
        for session in self._storage.sessions(person.id):
            if session.account_id in roles:
                return session.account_id
        return next((account for account, role in roles.items() if role is Role.OWNER), memberships[0].account_id)

    def _person(self, person_id: uuid.UUID) -> Person:
        person = self._storage.person(person_id)
        if person is None:
            raise NotFound("There is no such person.")
        return person

    # -- a request ---------------------------------------------------------------------------------

    def standing(self, token: str) -> Standing:
        """Return a live session, with its person, account and role; raises `Unauthorized`."""
        standing = self._storage.standing(_hash(token)) if _possible(token) else None
        now_us = self._now_us()
        if standing is None or standing.session.awaits_code or standing.session.expires_us <= now_us:
            raise Unauthorized("You are not signed in, or no longer.", hint="Sign in again.")
        session = standing.session
        if now_us - session.seen_us >= _SEEN_EVERY_US:
            with suppress(StorageUnavailable), self._storage.write() as write:
                write.touch_session(session.token_hash, seen_us=now_us)
        return standing

    def session(self, token: str) -> Session:
        """Return a live session; raises `Unauthorized`."""
        return self.standing(token).session

    def switch(self, token: str, account_id: uuid.UUID) -> None:
        """Go on in another account of the person's; raises `Unauthorized`, or `NotFound` where it is none."""
        session = self.session(token)
        with self._storage.write() as write:
            if not any(one.account_id == account_id for one in self._storage.memberships(session.person_id)):
                raise NotFound("You do not belong to this account, or no longer.", hint="Nothing was changed.")
            write.switch_session(session.token_hash, account_id)

    # -- ending ------------------------------------------------------------------------------------

    def sign_out(self, token: str) -> None:
        """End a session. Idempotent."""
        if _possible(token):
            with self._storage.write() as write:
                write.end_session(_hash(token))

    def all(self, person_id: uuid.UUID) -> list[Session]:
        """Return a person's live sessions, the one last seen first."""
        now_us = self._now_us()
        return [
            session
            for session in self._storage.sessions(person_id)
            if session.expires_us > now_us and not session.awaits_code
        ]

    def end(self, person_id: uuid.UUID, handle: str) -> None:
        """End one session of a person by its `handle_of`. Idempotent."""
        with self._storage.write() as write:
            for session in self._storage.sessions(person_id):
                if handle_of(session) == handle:
                    write.end_session(session.token_hash)

    def end_others(self, person_id: uuid.UUID, *, keep: bytes) -> int:
        """End all sessions of a person but the one with this token hash; return how many."""
        with self._storage.write() as write:
            return write.end_sessions(person_id, keep=keep)


def handle_of(session: Session) -> str:
    """Return what pages call a session by; it opens nothing, and nothing can be made of it."""
    return hashlib.sha256(b"session " + session.token_hash).hexdigest()[:16]


def _wrong() -> Unauthorized:
    return Unauthorized("The e-mail or the password is wrong.")


def _wrong_code() -> Unauthorized:
    return Unauthorized("The code is wrong, or was used already.", hint="Type the newest one, or a backup code.")


def _no_longer() -> NoReturn:
    raise NotFound("That took too long.", hint="Sign in with your password again.")


def _possible(token: str) -> bool:
    return len(token) <= _MAX_TOKEN_CHARS and token.isascii()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
