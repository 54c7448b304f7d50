"""Make the file of today's schema, before a new one is added: python -m tests.server.storage.sqlite.databases.make."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import uuid
from contextlib import closing
from pathlib import Path

from tests.conformance.made import (
    made_account,
    made_api_key,
    made_device,
    made_membership,
    made_pack,
    made_person,
    made_session,
)
from tests.conformance.repacking import one_commit, push, repack

from nikdev_iot.model.values import Kind
from nikdev_iot.server.storage.records import Field, LatestSnapshot, NewField
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.server.storage.sqlite.migrations import LATEST

SEGMENTED = (uuid.UUID(int=9), uuid.UUID(int=10))
"""An origin of which 10 of 20 packs are in a segment."""


def main() -> None:
    """Write it beside this file."""
    account = made_account(name="ada@example.org", id=uuid.UUID(int=1))
    person = made_person(email="ada@example.org", id=uuid.UUID(int=1), is_operator=True)
    device = made_device(id=uuid.UUID(int=2), account_id=account.id)
    key = (device.id, uuid.UUID(int=3))
    with tempfile.TemporaryDirectory() as folder:
        storage = SqliteStorage.open(Path(folder), new_epoch=lambda: bytes(range(16)))
        with storage.write() as write:
            write.add_account(account)
            write.add_person(person)
            write.put_membership(made_membership(account, person))
            write.add_session(made_session(person, account, token_hash=bytes(32)))
            write.add_device(device)
            write.add_key(made_api_key(device, can_write=False, last_used_us=9))
            write.update_field(
                Field(device_id=device.id, field_id="temperature", kinds=frozenset(), unit="°C", created_us=1)
            )
            write.add_fields(
                [NewField(device_id=device.id, field_id="temperature", kind=kind) for kind in (Kind.FLOAT, Kind.TEXT)],
                at_us=1,
            )
            write.put_packs([made_pack(key, number) for number in range(1, 101)])
            write.remember_entries([(device.id, b"k" * 16)], at_us=1)
            write.put_latest(device.id, LatestSnapshot(arrival=100, content=b"latest"))
        push(storage, SEGMENTED, [one_commit(number) for number in range(1, 21)])
        repack(storage, SEGMENTED, count=10)
        # As a backup, it is one file; with the epoch, it is no restore.
        copy = Path(folder) / "copy.sqlite3"
        storage.backup(copy)
        storage.close()
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("INSERT INTO meta VALUES ('epoch', ?)", (bytes(range(16)),))
        shutil.copy(copy, Path(__file__).with_name(f"schema-{LATEST}.sqlite3"))


if __name__ == "__main__":
    main()
