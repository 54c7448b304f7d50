from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from nikdev_iot.client import lookup
from nikdev_iot.client.lookup import LookupFailed, look_up


class Resolver:
    """Stands in for the system's: it hangs until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, host: str, port: int, **_: object) -> list[object]:
        self.asked.append(host)
        self.go_on.wait(60)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", port, 0, 2)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port)),
        ]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.go_on.set()
    for thread in lookups():
        thread.join(10)


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "nikdev-lookup"]


def test_an_address_is_not_looked_up(resolver: Resolver) -> None:
    for address in ("127.0.0.1", "::1", "fe80::1%eth0"):
        assert look_up(address, 80, within_s=0) == [address]
    assert resolver.asked == []


def test_names_are_looked_up_in_order() -> None:
    assert "127.0.0.1" in look_up("localhost", 80, within_s=10)


def test_an_address_that_is_good_on_one_interface_names_it(resolver: Resolver) -> None:
    resolver.go_on.set()
    assert look_up("a.example", 80, within_s=10) == ["fe80::1%2", "192.0.2.1"]


def test_what_hangs_is_left_behind_and_asked_once_however_often(resolver: Resolver) -> None:
    began = time.monotonic()
    for _ in range(5):
        with pytest.raises(LookupFailed) as caught:
            look_up("a.example", 80, within_s=0.02)
        assert (caught.value.host, caught.value.is_late) == ("a.example", True)
    assert time.monotonic() - began < 10
    assert resolver.asked == ["a.example"]
    assert len(lookups()) == 1
    threading.Timer(0.05, resolver.go_on.set).start()
    assert look_up("a.example", 80, within_s=30) == ["fe80::1%2", "192.0.2.1"]
    for thread in lookups():
        thread.join(10)
    assert lookup._asking.under_way == {}


def test_no_such_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(LookupFailed) as caught:
        look_up("b.example", 80, within_s=30)
    assert not caught.value.is_late
    with pytest.raises(LookupFailed):
        look_up("x" * 70 + ".example", 80, within_s=30)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is POSIX's")
def test_a_forked_child_asks_anew(resolver: Resolver) -> None:
    with pytest.raises(LookupFailed):
        look_up("a.example", 80, within_s=0)
    child = os.fork()
    if not child:
        resolver.go_on.set()
        os._exit(0 if look_up("a.example", 80, within_s=30) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_without_a_thread_it_is_asked_here(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    resolver.go_on.set()
    assert look_up("c.example", 80, within_s=0) == ["fe80::1%2", "192.0.2.1"]
    assert lookup._asking.under_way == {}
