"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings
from tests.eager_repacking import install_if_asked
from tests.servers import RunningServer, run_server

# A machine that is busy with something else is no reason to fail. Where CI is set, hypothesis chooses the same examples
# in each run.
settings.register_profile(
    "patient", settings(), deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

install_if_asked()


_UNMEASURED = ("tests/browser/", "tests/crash/", "tests/e2e/", "tests/fuzz/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage where one run of a test says as much as many: measuring doubles the time that a test takes.

    So neither where examples are made by chance, nor where most runs in processes of their own, which are not measured.
    """
    for item in items:
        function = getattr(item, "function", None)
        if item.nodeid.startswith(_UNMEASURED) or item.name == "runTest" or is_hypothesis_test(function):
            item.add_marker(pytest.mark.no_cover)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by its place where its value is long, or bytes: some are random, in each process others."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 30) else None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One running server for all tests: make a device of your own (`server.new_device()`), and leave it running."""
    with run_server(tmp_path_factory.mktemp("server"), is_measured=False) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A running server for this test alone: kill it, restart it."""
    with run_server(tmp_path) as running:
        yield running
