"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.old_clients import OldClient, old_client


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings, which lies beside the project and is not part of it."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the recordings are not here ({folder.parent.name}/{folder.name} beside the project)")
    return folder


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldClient]:
    """The client of 0.5.5."""
    with old_client(tmp_path_factory.mktemp("old")) as client:
        yield client
