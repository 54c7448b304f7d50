"""What may stand between a device and its server, for real: TLS in front of it, and proxies."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.client.networks import listening

from nikdev_iot import ConnectionReport
from nikdev_iot.client.connection import STEPS, State, Step

TLS = Path(__file__).resolve().parents[1] / "tls"
"""`cert.pem` is for localhost, `expired.pem` and `early.pem` too, `elsewhere.pem` is not; one key for all."""


def pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join(10)


@contextmanager
def tls_front(port: int, certificate: str = "cert.pem") -> Iterator[int]:
    """Speak TLS in front of the server at `port`; yield the port of that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / certificate, TLS / "key.pem")

    def serve(connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port), timeout=10) as upstream,
        ):
            pump(secure, upstream)

    with listening(serve) as front:
        yield front


def proxying(port: int, seen: list[bytes], *, refuse: bytes = b"") -> Callable[[socket.socket], None]:
    """Be a proxy that leads everything to `port`, or answers `refuse`; `seen` gets each first line."""

    def serve(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65_536)
            if not part:
                return
            head += part
        seen.append(head.split(b"\r\n")[0])
        if refuse:
            connection.sendall(refuse)
            return
        with socket.create_connection(("127.0.0.1", port), timeout=10) as upstream:
            if head.startswith(b"CONNECT "):
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                method, _, rest = head.partition(b" http://")
                upstream.sendall(method + b" /" + rest.partition(b"/")[2])
            pump(connection, upstream)

    return serve


def step(report: ConnectionReport, name: str) -> Step:
    """Return one step of a report, which is checked as a whole."""
    check_form(report)
    (found,) = [step for step in report.steps if step.name == name]
    return found


def check_form(report: ConnectionReport) -> None:
    """Hold a report to what every report keeps."""
    assert [step.name for step in report.steps] == list(STEPS)
    assert bool(report) is report.ok is all(step.ok for step in report.steps)
    assert report.ok is (report.first_failure is None)
    for one in report.steps:
        assert one.found
        assert one.ok is (one.state not in {State.FAILED, State.NOT_TRIED})
        assert bool(one.todo) is (one.state in {State.FAILED, State.WARNING}), one
        assert (one.cause is not None) is (one.state is State.FAILED), one
        assert one.found.startswith("not tried") is (one.state is State.NOT_TRIED), one
        assert one.is_note is (one.state in {State.NOTE, State.NOT_TRIED})
    assert len(str(report).splitlines()) == len(STEPS)


def states(report: ConnectionReport, state: State) -> list[str]:
    """Return the names of the steps that ended so."""
    check_form(report)
    return [one.name for one in report.steps if one.state is state]
