"""One server per module, called without a socket; make an account of your own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.server.web.whole_app import Site, running_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site
