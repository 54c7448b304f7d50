"""What a push does with commits that the server judges invalid, and packs that are too large."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.client.networks import (
    Reply,
    Request,
    StubServer,
    json_reply,
    scripted,
)
from tests.client.pushing import Device, fails, posts

from nikdev_iot.wire.pack import decode_content, decode_frame


def rejecting(numbers: set[int]) -> Callable[[Request], Reply | None]:
    def intervene(request: Request) -> Reply | None:
        if request.method != "POST":
            return None
        held = set(decode_content(decode_frame(request.body).content).numbers())
        refused = [{"number": number, "reason": f"no {number}"} for number in sorted(numbers & held)]
        return json_reply(422, {"message": "not these", "rejected": refused}) if refused else None

    return intervene


def test_commits_that_the_server_refuses_do_not_block_those_behind_them(device: Device) -> None:
    device.commit(6)
    server = StubServer(rejecting({2, 3, 6}))
    with scripted(server) as port:
        report = device.pusher(port).push()
    assert (report.pushed, report.rejected) == (3, 3)
    assert server.numbers == [1, 4, 5]
    assert [(commit.number, commit.reason) for commit in device.journal.rejected()] == [
        (2, "no 2"),
        (3, "no 3"),
        (6, "no 6"),
    ]
    assert device.journal.status().unpushed == 0


def test_only_what_was_set_aside_is_counted_as_such(device: Device) -> None:
    device.commit(3)
    server = StubServer()

    def refuse_what_is_aside(request: Request) -> Reply | None:
        if request.method == "POST" and len(posts(server)) == 1:
            device.journal.set_rejected({1: "by another program, meanwhile"})
            refused = [{"number": number, "reason": {"not": "a text"}} for number in (1, 2)]
            return json_reply(422, {"message": "not these", "rejected": refused})
        return None

    server.intervene = refuse_what_is_aside
    with scripted(server) as port:
        assert device.pusher(port).push().rejected == 1
    assert server.numbers == [3]
    assert [commit.reason for commit in device.journal.rejected()] == ["by another program, meanwhile", "not these"]


@pytest.mark.parametrize(
    "listed", [None, [], [{"number": 99, "reason": "x"}], [7], [{"number": "1"}], [{"number": True}], "all"]
)
def test_a_refusal_that_names_no_commit_keeps_them_all(device: Device, listed: object) -> None:
    device.commit(2)
    server = StubServer(
        lambda request: (
            json_reply(422, {"message": "hm", "rejected": listed}) if request.path == "/api/v1/packs" else None
        )
    )
    with scripted(server) as port:
        error = fails(device.pusher(port))
    assert (error.retained_data, error.status) == (True, 422)
    assert device.journal.status().unpushed == 2


def at_most(limit: int) -> Callable[[Request], Reply | None]:
    def intervene(request: Request) -> Reply | None:
        if request.method == "POST":
            pack = decode_content(decode_frame(request.body).content)
            if pack.row_count > limit or any(len(str(commit.values)) > 500 for commit in pack.commits()):
                return json_reply(413, {"message": f"at most {limit}"})
        return None

    return intervene


def test_a_pack_that_is_too_large_is_halved(device: Device) -> None:
    device.commit(100)
    server = StubServer(at_most(30))
    with scripted(server) as port:
        assert device.pusher(port).push().pushed == 100
    assert server.numbers == list(range(1, 101))


def test_a_single_commit_that_is_too_large_is_set_aside(device: Device) -> None:
    device.commit(3)
    device.journal.commit({"text": "x" * 600})
    device.commit(3)
    server = StubServer(at_most(1_000))
    with scripted(server) as port:
        report = device.pusher(port).push()
    assert (report.pushed, report.rejected) == (6, 1)
    assert server.numbers == [1, 2, 3, 5, 6, 7]
    (aside,) = device.journal.rejected()
    assert aside.number == 4
    assert "at most" in aside.reason


def test_the_limit_of_a_proxy_on_the_way(device: Device) -> None:
    """As nginx puts it; smaller packs get through, and a commit that does not is kept until somebody lifts it."""
    device.commit(64)
    device.journal.commit({"text": "x" * 600})
    server = StubServer()

    def limit(request: Request) -> Reply | None:
        if request.method == "POST" and len(decode_frame(request.body).content) > 700:
            return 413, {"content-type": "text/html"}, b"<html><title>413 Request Entity Too Large</title></html>"
        return None

    server.intervene = limit
    with scripted(server) as port:
        error = fails(device.pusher(port))
        assert (error.retained_data, error.status) == (True, 413)
        assert "413 Request Entity Too Large" in str(error)
        assert "1 commit is still queued" in str(error)
        assert server.numbers == list(range(1, 65))
        server.intervene = lambda _: None
        assert device.pusher(port).push().pushed == 1
