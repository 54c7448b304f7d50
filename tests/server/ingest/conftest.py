"""A store with an account, for tests of what pushes do to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nikdev_iot.server.app import open_storage
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Account, Device


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """A new store."""
    storage = open_storage(tmp_path / "store")
    yield storage
    storage.close()


@pytest.fixture
def new_device(storage: Storage) -> Callable[..., Device]:
    """Makes devices."""
    account = Account(id=uuid.uuid4(), name="someone@example.org", created_us=0)
    with storage.write() as write:
        write.add_account(account)

    def make(*, accepts_new_fields: bool = True) -> Device:
        device = Device(
            id=uuid.uuid4(),
            account_id=account.id,
            name="a device",
            created_us=0,
            accepts_new_fields=accepts_new_fields,
        )
        with storage.write() as write:
            write.add_device(device)
        return device

    return make
