"""The contract of the storage port, as tests that hold every adapter to it.

An adapter's tests say where its stores are::

    class TestSqlite(StorageContract):
        @pytest.fixture
        def place(self, tmp_path):
            return Place("tests.server.storage.test_sqlite:open_store", str(tmp_path / "store"))
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.place import Place
from tests.conformance.storage_accounts import AccountContract
from tests.conformance.storage_commit_log import LogContract
from tests.conformance.storage_dashboards import DashboardContract
from tests.conformance.storage_deletions import DeletionContract
from tests.conformance.storage_fleet import FleetContract
from tests.conformance.storage_leaving import LeavingContract
from tests.conformance.storage_operating import OperatingContract
from tests.conformance.storage_packs import PackContract
from tests.conformance.storage_people import PeopleContract
from tests.conformance.storage_segments import SegmentContract
from tests.conformance.storage_transactions import TransactionContract

from nikdev_iot.server.storage.port import Storage

__all__ = ["Place", "StorageContract"]


class StorageContract(
    TransactionContract,
    PackContract,
    FleetContract,
    AccountContract,
    PeopleContract,
    DeletionContract,
    LogContract,
    LeavingContract,
    DashboardContract,
    OperatingContract,
    SegmentContract,
):
    """Every sentence of `port.py`."""

    @pytest.fixture
    def place(self) -> Place:
        """Return where an empty store is; the adapter's tests have their own."""
        raise NotImplementedError

    @pytest.fixture
    def storage(self, place: Place) -> Iterator[Storage]:
        """The store, open for this test."""
        storage = place.open()
        yield storage
        storage.close()
