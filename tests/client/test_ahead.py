"""A pack made ready while another is on its way: a proposal that costs nothing when it fails."""

from __future__ import annotations

import threading

import pytest

from nikdev_iot.client.ahead import Ahead, make_ready
from nikdev_iot.journal.journal import Journal
from nikdev_iot.wire.frame import decode_frame
from nikdev_iot.wire.pack import NO_EPOCH, NO_PACK, decode_content


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.db") as journal:
        for number in range(5):
            journal.commit({"n": number})
        yield journal


def test_the_pack_behind_one_in_flight_is_the_one_made_after_its_acknowledgement(journal):
    first = make_ready(journal, max_commits=2, max_bytes=10_000)
    ahead = make_ready(journal, max_commits=2, max_bytes=10_000, behind=(first.pack.last, first.hash))
    journal.record_sent(first.pack, first.hash)
    journal.settle(first.hash)
    assert ahead == make_ready(journal, max_commits=2, max_bytes=10_000)
    assert (ahead.pack.first, ahead.pack.last, ahead.pack.parent) == (3, 4, first.hash)


def test_what_is_ready_is_the_body_of_a_request(journal):
    ready = make_ready(journal, max_commits=9, max_bytes=10_000)
    frame = decode_frame(ready.body)
    assert (frame.epoch, frame.hash) == (NO_EPOCH, ready.hash)
    assert decode_content(frame.content) == ready.pack
    assert (ready.pack.first, ready.pack.last, ready.pack.parent) == (1, 5, NO_PACK)


def test_behind_the_last_commit_there_is_nothing(journal):
    assert make_ready(journal, max_commits=9, max_bytes=10_000, behind=(5, bytes(32))) is None


def test_it_is_made_in_another_thread_and_taken_once(journal):
    ahead, threads = Ahead(), []

    def make():
        threads.append(threading.current_thread())
        return make_ready(journal, max_commits=1, max_bytes=10_000)

    assert ahead.take() is None
    ahead.begin(make)
    assert ahead.take().pack.last == 1
    assert ahead.take() is None
    assert threads != [threading.current_thread()]
    assert not threads[0].is_alive()


def test_one_that_cannot_be_made_is_none(journal):
    def make():
        raise OSError("the disk is gone")

    ahead = Ahead()
    ahead.begin(make)
    assert ahead.take() is None
