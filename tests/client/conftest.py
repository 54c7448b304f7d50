from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.client.pushing import Device
from tests.servers import Credentials, RunningServer

from nikdev_iot import Api
from nikdev_iot.journal.journal import Journal

MakeApi = Callable[..., Api]


@pytest.fixture
def who(server: RunningServer) -> Credentials:
    """A device of this test's own, on the shared server."""
    return server.new_device()


@pytest.fixture
def make_api(server: RunningServer, who: Credentials, tmp_path: Path) -> Iterator[MakeApi]:
    """Make `Api` objects of that device, with one journal; close them at the end."""
    with ExitStack() as stack:

        def make(**options: Any) -> Api:
            config = {
                "baseUrl": server.api_url,
                "deviceId": who.device_id,
                "apiKey": who.api_key,
                "storagePath": str(tmp_path / "device"),
                **options,
            }
            return stack.enter_context(Api(config))

        yield make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(Journal.open(tmp_path / "journal.db"), [])
    yield made
    for transport in made.transports:
        transport.close()
    made.journal.close()
