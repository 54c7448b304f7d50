"""Ctrl-C at any place of a push: the next one goes on, hangs at nothing that was left locked, and doubles nothing."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path

import pytest
from tests.client.networks import DEVICE, KEY, StubServer, scripted, url_of
from tests.client.test_staging_interrupted import is_interrupted

from nikdev_iot import Api

# What is raised in a finalizer goes nowhere, and Python says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_a_push_that_is_interrupted_is_made_up_for_by_the_next(tmp_path: Path) -> None:
    server = StubServer()
    with (
        scripted(server) as port,
        Api(
            {
                "deviceId": DEVICE,
                "apiKey": KEY,
                "storagePath": tmp_path,
                "baseUrl": url_of(port),
                "durability": "normal",
                "requestTimeout": 5,
            }
        ) as api,
    ):
        api.add_value("n", 0)
        api.commit()
        api.push()  # libraries are loaded
        for pushes, at in enumerate(count(1, 7), 2):
            api.add_value("n", at)
            api.commit()
            goes_on = is_interrupted(api.push, at=at)
            api.push()
            assert server.numbers == list(range(1, pushes + 1))
            if not goes_on:
                break
        assert at > 200
    # A watch whose request was broken off ends by itself, when the time of that is over.
    for thread in threading.enumerate():
        if thread.name == "nikdev-deadline":
            thread.join(30)
            assert not thread.is_alive()
