"""A store for tests of reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.sqlite import SqliteStorage


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """One store per module; make a device of your own."""
    storage = SqliteStorage.open(tmp_path_factory.mktemp("store"))
    yield storage
    storage.close()
