"""Clocks that are wrong, from the device to the server's history."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from tests.client.conftest import MakeApi
from tests.journal.test_repair import Board, S

from nikdev_iot.client.clock_sync import is_synchronized
from nikdev_iot.client.push import Pusher
from nikdev_iot.client.transport import open_transport
from nikdev_iot.journal.journal import Journal


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_kernel_tells_and_nothing_is_changed():
    before = time.time()
    assert is_synchronized() in {True, False}
    assert abs(time.time() - before) < 5
    said = subprocess.run(["timedatectl", "show", "-p", "NTPSynchronized"], capture_output=True, text=True, check=False)
    if said.returncode == 0:
        assert is_synchronized() == (said.stdout.strip() == "NTPSynchronized=yes")


@pytest.mark.parametrize("years", [-55, 3])
@pytest.mark.parametrize("is_synchronized", [None, False])
def test_a_board_with_a_wrong_clock_has_right_times_on_the_server(make_api: MakeApi, tmp_path, years, is_synchronized):
    board = Board(true_us=time.time_ns() // 1000 - 600 * S, wrong_by_us=years * 31_556_952 * S)
    board.booted_us = board.true_us
    api = make_api()
    with Journal.open(tmp_path / "board.db", clock=board) as journal:
        pusher = Pusher(
            journal=journal,
            transport=open_transport(api.config),
            now_us=board.now_us,
            is_synchronized=lambda: is_synchronized,
        )
        true = []
        for number in range(3):
            board.wait(200)
            journal.commit({"n": number})
            true.append(board.true_us)
        if years > 0 and is_synchronized is None:
            board.wrong_by_us = 0  # else nobody knows which of the two clocks is wrong
        assert pusher.push().pushed == 3
        assert [entry.shift_us // S for entry in journal.log(limit=9)] == pytest.approx(
            [-years * 31_556_952] * 3, abs=5
        )
    found = api.fetch()["n"].times_us
    assert [abs(at - expected) < 5 * S for at, expected in zip(found, true, strict=True)] == [True] * 3


def test_where_nobody_knows_the_times_are_left_as_they_are(make_api: MakeApi, tmp_path):
    board = Board(true_us=time.time_ns() // 1000, wrong_by_us=-86_400 * S)
    api = make_api()
    with Journal.open(tmp_path / "board.db", clock=board) as journal:
        journal.commit({"n": 1})
        pusher = Pusher(
            journal=journal, transport=open_transport(api.config), now_us=board.now_us, is_synchronized=lambda: None
        )
        assert pusher.push().pushed == 1
        assert not journal.knows_time
        (entry,) = journal.log(limit=9)
        assert (entry.shift_us, entry.is_uncertain) == (0, False)
    assert list(api.fetch()["n"].times_us) == [board.now_us()]
