"""Accounts, people, sessions and invitations in SQLite."""

# ruff: noqa: S608 - the f-strings below hold our own lists of columns, no input
from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from nikdev_iot.server.storage.people import Invitation, Membership, Person, Role, Standing
from nikdev_iot.server.storage.records import Account, Session

from .bulk import Execute

__all__ = ["PeopleReads", "PeopleWrites"]

_ACCOUNT = "id, name, created_us"
_PERSON = "id, email, password_hash, created_us, is_operator, totp_secret, totp_step"
_MEMBERSHIP = "account, person, role, created_us"
_SESSION = "token_hash, person, account, created_us, expires_us, seen_us, peer, browser, awaits_code"
_INVITATION = "id, account, token_hash, role, email, invited_by, created_us, expires_us"


def _of(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{name.strip()}" for name in columns.split(","))


_STANDING = (
    f"SELECT m.role, (SELECT count(*) FROM memberships AS all_m WHERE all_m.person = s.person), "
    f"{_of('s', _SESSION)}, {_of('p', _PERSON)}, {_of('a', _ACCOUNT)} FROM sessions AS s "
    "JOIN people AS p ON p.id = s.person JOIN accounts AS a ON a.id = s.account "
    "JOIN memberships AS m ON m.person = s.person AND m.account = s.account WHERE s.token_hash = ?"
)
_SESSION_END = 2 + _SESSION.count(",") + 1
_PERSON_END = _SESSION_END + _PERSON.count(",") + 1


def _account_of(row: tuple[Any, ...]) -> Account:
    return Account(id=uuid.UUID(bytes=row[0]), name=row[1], created_us=row[2])


def _person_of(row: tuple[Any, ...]) -> Person:
    return Person(
        id=uuid.UUID(bytes=row[0]),
        email=row[1],
        password_hash=row[2],
        created_us=row[3],
        is_operator=bool(row[4]),
        totp_secret=row[5],
        totp_step=row[6],
    )


def _membership_of(row: tuple[Any, ...]) -> Membership:
    return Membership(
        account_id=uuid.UUID(bytes=row[0]), person_id=uuid.UUID(bytes=row[1]), role=Role(row[2]), created_us=row[3]
    )


def _session_of(row: tuple[Any, ...]) -> Session:
    return Session(
        token_hash=row[0],
        person_id=uuid.UUID(bytes=row[1]),
        account_id=uuid.UUID(bytes=row[2]),
        created_us=row[3],
        expires_us=row[4],
        seen_us=row[5],
        peer=row[6],
        browser=row[7],
        awaits_code=bool(row[8]),
    )


def _invitation_of(row: tuple[Any, ...]) -> Invitation:
    return Invitation(
        id=uuid.UUID(bytes=row[0]),
        account_id=None if row[1] is None else uuid.UUID(bytes=row[1]),
        token_hash=row[2],
        role=Role(row[3]),
        email=row[4],
        invited_by=uuid.UUID(bytes=row[5]),
        created_us=row[6],
        expires_us=row[7],
    )


class PeopleReads(ABC):
    """`storage.people.PeopleReads`."""

    @abstractmethod
    def _read_all(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @abstractmethod
    def _read_one(self, statement: str, parameters: Sequence[Any] = ()) -> Any: ...

    def account(self, account_id: uuid.UUID) -> Account | None:
        row = self._read_one(f"SELECT {_ACCOUNT} FROM accounts WHERE id = ?", (account_id.bytes,))
        return _account_of(row) if row else None

    def accounts(self) -> list[Account]:
        return [_account_of(row) for row in self._read_all(f"SELECT {_ACCOUNT} FROM accounts ORDER BY created_us, id")]

    def count_accounts(self) -> int:
        return int(self._read_one("SELECT count(*) FROM accounts")[0])

    def person(self, person_id: uuid.UUID) -> Person | None:
        row = self._read_one(f"SELECT {_PERSON} FROM people WHERE id = ?", (person_id.bytes,))
        return _person_of(row) if row else None

    def person_by_email(self, email: str) -> Person | None:
        row = self._read_one(f"SELECT {_PERSON} FROM people WHERE email = ?", (email.lower(),))
        return _person_of(row) if row else None

    def people(self) -> list[Person]:
        return [_person_of(row) for row in self._read_all(f"SELECT {_PERSON} FROM people ORDER BY created_us, id")]

    def members(self, account_id: uuid.UUID | None = None) -> list[Membership]:
        which, parameters = ("", ()) if account_id is None else (" WHERE account = ?", (account_id.bytes,))
        rows = self._read_all(f"SELECT {_MEMBERSHIP} FROM memberships{which} ORDER BY created_us, person", parameters)
        return [_membership_of(row) for row in rows]

    def memberships(self, person_id: uuid.UUID) -> list[Membership]:
        rows = self._read_all(
            f"SELECT {_MEMBERSHIP} FROM memberships WHERE person = ? ORDER BY created_us, account", (person_id.bytes,)
        )
        return [_membership_of(row) for row in rows]

    def session(self, token_hash: bytes) -> Session | None:
        row = self._read_one(f"SELECT {_SESSION} FROM sessions WHERE token_hash = ?", (token_hash,))
        return _session_of(row) if row else None

    def sessions(self, person_id: uuid.UUID) -> list[Session]:
        rows = self._read_all(
            f"SELECT {_SESSION} FROM sessions WHERE person = ? ORDER BY seen_us DESC, token_hash", (person_id.bytes,)
        )
        return [_session_of(row) for row in rows]

    def standing(self, token_hash: bytes) -> Standing | None:
        row = self._read_one(_STANDING, (token_hash,))
        if not row:
            return None
        return Standing(
            role=Role(row[0]),
            account_count=row[1],
            session=_session_of(row[2:_SESSION_END]),
            person=_person_of(row[_SESSION_END:_PERSON_END]),
            account=_account_of(row[_PERSON_END:]),
        )

    def count_backup_codes(self, person_id: uuid.UUID) -> int:
        return int(self._read_one("SELECT count(*) FROM backup_codes WHERE person = ?", (person_id.bytes,))[0])

    def invitations(self, account_id: uuid.UUID | None) -> list[Invitation]:
        rows = self._read_all(
            f"SELECT {_INVITATION} FROM invitations WHERE account IS ? ORDER BY created_us, id",
            (None if account_id is None else account_id.bytes,),
        )
        return [_invitation_of(row) for row in rows]

    def invitation(self, token_hash: bytes) -> Invitation | None:
        row = self._read_one(f"SELECT {_INVITATION} FROM invitations WHERE token_hash = ?", (token_hash,))
        return _invitation_of(row) if row else None


class PeopleWrites(ABC):
    """`storage.people.PeopleWrites`, inside a transaction."""

    _execute: Execute

    @abstractmethod
    def _add(self, table: str, columns: str, row: Sequence[Any], conflict: str) -> None: ...

    def add_account(self, account: Account) -> None:
        row = (account.id.bytes, account.name, account.created_us)
        self._add("accounts", _ACCOUNT, row, f"There is an account {account.id} already.")

    def rename_account(self, account_id: uuid.UUID, name: str) -> None:
        self._execute("UPDATE accounts SET name = ? WHERE id = ?", (name, account_id.bytes))

    def add_person(self, person: Person) -> None:
        email = person.email.lower()
        row = (
            person.id.bytes,
            email,
            person.password_hash,
            person.created_us,
            person.is_operator,
            person.totp_secret,
            person.totp_step,
        )
        self._add("people", _PERSON, row, f"There is an account {email} already.")

    def forget_person(self, person_id: uuid.UUID) -> None:
        for table, column in (
            ("sessions", "person"),
            ("backup_codes", "person"),
            ("memberships", "person"),
            ("people", "id"),
        ):
            self._execute(f"DELETE FROM {table} WHERE {column} = ?", (person_id.bytes,))

    def renew_password_hash(self, person_id: uuid.UUID, password_hash: str) -> None:
        self._execute("UPDATE people SET password_hash = ? WHERE id = ?", (password_hash, person_id.bytes))

    def set_password(self, person_id: uuid.UUID, password_hash: str, *, keep: bytes | None = None) -> None:
        self.renew_password_hash(person_id, password_hash)
        self.end_sessions(person_id, keep=keep)

    def set_second_factor(
        self, person_id: uuid.UUID, secret: str | None, *, step: int = 0, backup_codes: Iterable[bytes] = ()
    ) -> None:
        self._execute("UPDATE people SET totp_secret = ?, totp_step = ? WHERE id = ?", (secret, step, person_id.bytes))
        self.set_backup_codes(person_id, backup_codes)

    def set_backup_codes(self, person_id: uuid.UUID, backup_codes: Iterable[bytes]) -> None:
        self._execute("DELETE FROM backup_codes WHERE person = ?", (person_id.bytes,))
        for code_hash in backup_codes:
            self._execute("INSERT INTO backup_codes (person, code_hash) VALUES (?,?)", (person_id.bytes, code_hash))

    def use_totp_step(self, person_id: uuid.UUID, step: int) -> bool:
        done = self._execute(
            "UPDATE people SET totp_step = ?1 WHERE id = ?2 AND totp_step < ?1", (step, person_id.bytes)
        )
        return done.rowcount == 1

    def use_backup_code(self, person_id: uuid.UUID, code_hash: bytes) -> bool:
        done = self._execute(
            "DELETE FROM backup_codes WHERE person = ? AND code_hash = ?", (person_id.bytes, code_hash)
        )
        return done.rowcount == 1

    def put_membership(self, membership: Membership) -> None:
        self._execute(
            f"INSERT INTO memberships ({_MEMBERSHIP}) VALUES (?,?,?,?) "
            "ON CONFLICT (account, person) DO UPDATE SET role = excluded.role",
            (
                membership.account_id.bytes,
                membership.person_id.bytes,
                int(membership.role),
                membership.created_us,
            ),
        )

    def remove_membership(self, account_id: uuid.UUID, person_id: uuid.UUID) -> None:
        for table in ("memberships", "sessions"):
            self._execute(f"DELETE FROM {table} WHERE account = ? AND person = ?", (account_id.bytes, person_id.bytes))

    def add_session(self, session: Session) -> None:
        row = (
            session.token_hash,
            session.person_id.bytes,
            session.account_id.bytes,
            session.created_us,
            session.expires_us,
            session.seen_us,
            session.peer,
            session.browser,
            session.awaits_code,
        )
        self._add("sessions", _SESSION, row, "There is such a session already.")

    def touch_session(self, token_hash: bytes, *, seen_us: int) -> None:
        self._execute("UPDATE sessions SET seen_us = ?1 WHERE token_hash = ?2 AND seen_us < ?1", (seen_us, token_hash))

    def switch_session(self, token_hash: bytes, account_id: uuid.UUID) -> None:
        self._execute("UPDATE sessions SET account = ? WHERE token_hash = ?", (account_id.bytes, token_hash))

    def end_session(self, token_hash: bytes) -> None:
        self._execute("DELETE FROM sessions WHERE token_hash = ?", (token_hash,))

    def end_sessions(self, person_id: uuid.UUID, *, keep: bytes | None = None) -> int:
        return self._execute(
            "DELETE FROM sessions WHERE person = ? AND token_hash IS NOT ?", (person_id.bytes, keep)
        ).rowcount

    def forget_sessions(self, *, before_us: int) -> int:
        return self._execute("DELETE FROM sessions WHERE expires_us < ?", (before_us,)).rowcount

    def add_invitation(self, invitation: Invitation) -> None:
        row = (
            invitation.id.bytes,
            None if invitation.account_id is None else invitation.account_id.bytes,
            invitation.token_hash,
            int(invitation.role),
            invitation.email,
            invitation.invited_by.bytes,
            invitation.created_us,
            invitation.expires_us,
        )
        self._add("invitations", _INVITATION, row, "There is such an invitation already.")

    def remove_invitation(self, invitation_id: uuid.UUID) -> bool:
        return self._execute("DELETE FROM invitations WHERE id = ?", (invitation_id.bytes,)).rowcount == 1

    def forget_invitations(self, *, before_us: int) -> int:
        return self._execute("DELETE FROM invitations WHERE expires_us < ?", (before_us,)).rowcount
