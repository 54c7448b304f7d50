"""Old files are opened by the newest code; `databases/` has one of each schema that was released."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import uuid
from pathlib import Path

import pytest
from tests.conformance.repacking import commits_of
from tests.server.storage.sqlite.databases.make import SEGMENTED

from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import StorageCorrupt, StorageUnavailable
from nikdev_iot.server.storage.people import Role
from nikdev_iot.server.storage.sqlite import SqliteStorage, migrations

DATABASES = Path(__file__).with_name("databases")
OLD = sorted(DATABASES.glob("schema-*.sqlite3"))


def test_there_is_an_old_file_of_every_schema() -> None:
    assert [path.name for path in OLD] == [f"schema-{number}.sqlite3" for number in range(1, migrations.LATEST + 1)]


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_an_old_file_has_all_it_had(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "store.sqlite3")
    storage = SqliteStorage.open(tmp_path)
    assert storage.epoch == bytes(range(16))
    (account,) = storage.accounts()
    assert account.name == "ada@example.org"
    (person,) = storage.people()
    assert (person.email, person.is_operator, person.totp_secret) == ("ada@example.org", True, None)
    assert person.password_hash == "$hash"
    (membership,) = storage.members(account.id)
    assert (membership.person_id, membership.role) == (person.id, Role.OWNER)
    assert storage.memberships(person.id) == [membership]
    (device,) = storage.devices(account.id)
    assert device.name == "greenhouse"
    assert device.id == uuid.UUID(int=2)
    (field,) = storage.fields(device.id)
    assert (field.field_id, field.kinds, field.unit) == ("temperature", {Kind.FLOAT, Kind.TEXT}, "°C")
    (key,) = storage.keys(device.id)
    access = storage.access(device.id, key.secret_hash)
    assert access is not None
    assert (access.key.can_read, access.key.can_write, access.key.last_used_us) == (True, False, 9)
    standing = storage.standing(bytes(32))
    assert standing is not None
    assert (standing.account, standing.person, standing.role) == (account, person, Role.OWNER)
    assert not standing.session.awaits_code
    packs = storage.packs_after(device.id, 0, limit=1_000)
    assert [pack.first for pack in packs] == list(range(1, 101))
    assert storage.mark((device.id, uuid.UUID(int=3))).number == 100
    assert len(storage.spans(device.id, start_us=40_000_000, end_us=60_000_000)) == 20
    latest = storage.latest(device.id)
    assert latest is not None
    assert latest.content == b"latest"
    with storage.write() as write:
        known, unknown = (device.id, b"k" * 16), (device.id, b"l" * 16)
        assert write.seen_entries([known, unknown]) == {known}
    storage.close()
    assert _version(tmp_path / "store.sqlite3") == migrations.LATEST


def test_segments_of_an_old_file_are_read(tmp_path: Path) -> None:
    shutil.copy(DATABASES / "schema-3.sqlite3", tmp_path / "store.sqlite3")
    storage = SqliteStorage.open(tmp_path)
    (head,) = storage.segment_heads(SEGMENTED)
    assert (head.first, head.last) == (1, 10)
    found = storage.packs_after(SEGMENTED[0], 0, limit=99)
    assert [commits_of(pack)[0].values for pack in found] == [
        (("a", float(number)), ("b", number)) for number in range(1, 21)
    ]
    storage.close()


def test_each_account_of_schema_1_becomes_a_person_and_the_oldest_one_is_the_operator(tmp_path: Path) -> None:
    shutil.copy(DATABASES / "schema-1.sqlite3", tmp_path / "store.sqlite3")
    with sqlite3.connect(tmp_path / "store.sqlite3") as connection:
        for number, created_us in ((7, 2**40), (8, 0), (9, 2**41)):
            row = (uuid.UUID(int=number).bytes, f"person{number}@example.org", f"$hash{number}", created_us)
            connection.execute("INSERT INTO accounts VALUES (?,?,?,?)", row)
    connection.close()
    storage = SqliteStorage.open(tmp_path)
    people = storage.people()
    assert [person.email for person in people if person.is_operator] == ["person8@example.org"]
    assert [account.name for account in storage.accounts()] == [person.email for person in people]
    assert len(people) == 4
    for person, account in zip(people, storage.accounts(), strict=True):
        (membership,) = storage.memberships(person.id)
        assert (membership.account_id, membership.role) == (account.id, Role.OWNER)
        assert membership.created_us == account.created_us == person.created_us
        assert storage.person_by_email(person.email) == person
    assert {person.password_hash for person in people} == {"$hash", "$hash7", "$hash8", "$hash9"}
    storage.close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    SqliteStorage.open(tmp_path).close()
    path = tmp_path / "store.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageUnavailable, match=r"newer version.*schema 99.*Upgrade"):
        SqliteStorage.open(tmp_path)
    assert _version(path) == 99


@pytest.mark.parametrize("version", [0, 1])
def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (text)")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(StorageCorrupt, match="another program"):
        SqliteStorage.open(tmp_path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]
    connection.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteStorage.open(tmp_path).close()
    broken = (*migrations.STEPS, "CREATE TABLE half (a); CREATE TABLE meta (b);")
    monkeypatch.setattr(migrations, "STEPS", broken)
    monkeypatch.setattr(migrations, "LATEST", len(broken))
    with pytest.raises(StorageCorrupt, match="meta already exists"):
        SqliteStorage.open(tmp_path)
    monkeypatch.undo()
    storage = SqliteStorage.open(tmp_path)
    assert storage.count_accounts() == 0
    tables = storage._writer.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
    storage.close()
    assert tables == []


def test_many_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    epochs: list[bytes] = []
    together = threading.Barrier(8)

    def open_one() -> None:
        together.wait()
        storage = SqliteStorage.open(tmp_path / "store", new_epoch=lambda: os.urandom(16))
        epochs.append(storage.epoch)
        storage.close()

    threads = [threading.Thread(target=open_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(epochs) == 8
    assert len(set(epochs)) == 1


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()
