from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests.server.accounts.clock import Clock

from nikdev_iot.server.accounts import (
    Accounts,
    Devices,
    Invitations,
    Passwords,
    People,
    Sessions,
    Settings,
    Throttle,
    TwoFactor,
)
from nikdev_iot.server.accounts.throttle import CODE_RATES
from nikdev_iot.server.storage.people import Person
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
def people(storage: SqliteStorage, passwords: Passwords, clock: Clock) -> People:
    throttle = Throttle(monotonic_s=clock.monotonic_s)
    return People(storage, passwords=passwords, now_us=clock.now_us, throttle=throttle)


@pytest.fixture
def two_factor(storage: SqliteStorage, people: People, clock: Clock) -> TwoFactor:
    return TwoFactor(storage, people=people, now_us=clock.now_us)


@pytest.fixture
def settings(storage: SqliteStorage) -> Settings:
    return Settings(storage)


@pytest.fixture
def invitations(storage: SqliteStorage, passwords: Passwords, settings: Settings, clock: Clock) -> Invitations:
    return Invitations(storage, passwords=passwords, settings=settings, now_us=clock.now_us)


@pytest.fixture
def sessions(storage: SqliteStorage, passwords: Passwords, two_factor: TwoFactor, clock: Clock) -> Sessions:
    return Sessions(
        storage,
        passwords=passwords,
        two_factor=two_factor,
        now_us=clock.now_us,
        throttle=Throttle(monotonic_s=clock.monotonic_s),
        code_throttle=Throttle(rates=CODE_RATES, monotonic_s=clock.monotonic_s),
    )


@pytest.fixture
def person(people: People, account: Account) -> Person:
    """The owner of the account."""
    return people.find("ada@example.org")


@pytest.fixture
def account(accounts: Accounts) -> Account:
    return accounts.add("ada@example.org", "correct horse")


@pytest.fixture
def device(storage: SqliteStorage, clock: Clock, account: Account) -> Device:
    return Devices(storage, now_us=clock.now_us).add(account.id, "greenhouse")
