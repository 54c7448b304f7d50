from __future__ import annotations

import pytest
from tests.servers import Credentials, RunningServer


@pytest.fixture(scope="session")
def account_id(server: RunningServer) -> str:
    """One account for all these tests: the password of each takes its time."""
    return server.add_account()


@pytest.fixture
def who(server: RunningServer, account_id: str) -> Credentials:
    """A device of this test's own, on the shared server."""
    return server.add_key(server.add_device(account_id))
