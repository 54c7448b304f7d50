from __future__ import annotations

import queue
import socket
import sys
import time
from contextlib import ExitStack

import pytest
from tests.client.networks import json_reply, scripted

from nikdev_iot.client import connecting
from nikdev_iot.client.transport import Transport, TransportError


def test_the_next_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "look_up", lambda *_, **__: ["127.0.0.2", "127.0.0.1"])
    with scripted(lambda request: json_reply(200, request.headers["host"])) as port:
        transport = Transport(base_url=f"http://two.example:{port}/api/v1/", timeout_s=5)
        assert transport.request("GET", "x").json() == f"two.example:{port}"
        transport.close()


@pytest.mark.skipif(sys.platform != "linux", reason="a queue that is full makes others wait on Linux")
def test_all_addresses_together_have_the_time_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "look_up", lambda *_, **__: ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("0.0.0.0", 0), backlog=0))  # noqa: S104 - as long as this
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", listener.getsockname()[1]))
        transport = Transport(base_url=f"http://three.example:{listener.getsockname()[1]}/api/v1/", timeout_s=0.6)
        began = time.monotonic()
        with pytest.raises(TransportError) as caught:
            transport.request("GET", "x")
        assert time.monotonic() - began < 1.5
        assert caught.value.trouble == "timeout"


def test_idle_connections_are_taken_last_in_first_out_and_never_waited_for() -> None:
    idle = connecting.IdleConnections(2)
    with pytest.raises(queue.Empty):
        idle.get()
    idle.put("a")
    idle.put("b")
    with pytest.raises(queue.Full):
        idle.put("c")
    assert idle.qsize() == 2
    assert [idle.get(block=True, timeout=9), idle.get()] == ["b", "a"]
