from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import Accounts, Devices, Passwords
from nikdev_iot.server.storage.records import Account, Device
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    storage = SqliteStorage.open(tmp_path)
    yield storage
    storage.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    """As argon2id as any, and quick."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(storage: SqliteStorage, passwords: Passwords, clock: Clock) -> Accounts:
    return Accounts(storage, passwords=passwords, now_us=clock.now_us)


@pytest.fixture
def account(accounts: Accounts) -> Account:
    return accounts.add("ada@example.org", "correct horse")


@pytest.fixture
def device(storage: SqliteStorage, clock: Clock, account: Account) -> Device:
    return Devices(storage, now_us=clock.now_us).add(account.id, "greenhouse")
