from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest
from tests.client.connection.fronts import TLS, proxying, tls_front
from tests.client.networks import closed_port, http, listening, never_answering, replying

from nikdev_iot.client.connection.line import Line, LineBroken, is_address
from nikdev_iot.client.transport import tls_context


def connected(port: int, host: str = "localhost") -> Line:
    line = Line(host, port)
    assert "127.0.0.1" in line.look_up(within_s=10)
    line.connect(within_s=10)
    return line


def broken(call: object, **options: object) -> LineBroken:
    with pytest.raises(LineBroken) as caught:
        call(**options)  # type: ignore[operator]
    assert caught.value.reason
    assert str(caught.value) == caught.value.reason
    return caught.value


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%2"])
def test_addresses(host: str) -> None:
    assert is_address(host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1.example.org", "1.2.3.4.5", "x" * 300, ""])
def test_names(host: str) -> None:
    assert not is_address(host)


def test_a_name_that_there_is_not() -> None:
    error = broken(Line("no-such-host.invalid", 80).look_up, within_s=20)
    assert error.where in {"no-name", "no-name-server"}  # the latter where this machine is offline
    assert broken(Line("x" * 70 + ".invalid", 80).look_up, within_s=20).where == "no-name"


@pytest.mark.parametrize(
    ("code", "where"), [(socket.EAI_NONAME, "no-name"), (socket.EAI_AGAIN, "no-name-server"), (None, "timeout")]
)
def test_what_the_system_says_of_a_name(monkeypatch: pytest.MonkeyPatch, code: int | None, where: str) -> None:
    release = threading.Event()

    def ask(*_: object, **__: object) -> None:
        if code is None:
            release.wait(60)  # as a name server does that answers nobody
        raise socket.gaierror(code or 0, "that is why")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    began = time.monotonic()
    error = broken(Line(f"{where}.invalid", 80).look_up, within_s=0.1 if code is None else 20)
    release.set()
    assert time.monotonic() - began < 10
    assert error.where == where
    assert ("that is why" in error.reason) is (code is not None)


def test_nothing_listens() -> None:
    line = Line("127.0.0.1", closed_port())
    line.look_up(within_s=1)
    error = broken(line.connect, within_s=5)
    assert error.where == "refused"
    assert "127.0.0.1: Connection refused" in error.reason


def test_a_listener_that_accepts_nobody() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):  # its queue is full now: what comes is not answered
            fillers.append(socket.socket())
            fillers[-1].setblocking(False)
            fillers[-1].connect_ex(("127.0.0.1", port))
        line = Line("127.0.0.1", port)
        line.look_up(within_s=1)
        assert broken(line.connect, within_s=0.3).where == "timeout"
        for filler in fillers:
            filler.close()


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(never_answering) as port:
        line = Line("two.invalid", port)
        real = socket.getaddrinfo

        def two(host: str, *rest: object, **options: object) -> object:
            if host == "two.invalid":
                return [(2, 1, 6, "", ("127.0.0.9", port)), (2, 1, 6, "", ("127.0.0.1", port))]
            return real(host, *rest, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        assert line.look_up(within_s=10) == ("127.0.0.9", "127.0.0.1")
        found = line.connect(within_s=10)
        line.close()
        line.close()
    assert found.address == "127.0.0.1"
    assert found.silent == ("127.0.0.9: Connection refused",)


def test_without_addresses_there_is_no_connection() -> None:
    line = Line("localhost", 1)
    assert broken(line.connect, within_s=1).where == "unreachable"
    assert broken(line.pass_proxy, host="x", port=1, within_s=1).where == "unreachable"


# -- TLS -------------------------------------------------------------------------------------------------


def secured(monkeypatch: pytest.MonkeyPatch, certificate: str, *, trusted: str | None = None) -> Line:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / (trusted or certificate)))
    with listening(never_answering) as behind, tls_front(behind, certificate) as port:
        line = connected(port)
        try:
            found = line.secure("localhost", tls_context(), within_s=10)
        finally:
            line.close()
    assert found.version.startswith("TLSv1.")
    assert found.issuer == "localhost"
    assert found.begins_s < time.time() < found.expires_s
    return line


def test_a_certificate_that_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    secured(monkeypatch, "cert.pem")


@pytest.mark.parametrize(
    ("certificate", "trusted", "where", "reason"),
    [
        ("cert.pem", "elsewhere.pem", "untrusted", "self-signed"),
        ("elsewhere.pem", None, "untrusted", "not valid for 'localhost'"),
        ("expired.pem", None, "expired", "expired"),
        ("early.pem", None, "early", "not yet valid"),
    ],
)
def test_a_certificate_that_is_not(
    monkeypatch: pytest.MonkeyPatch, certificate: str, trusted: str | None, where: str, reason: str
) -> None:
    with pytest.raises(LineBroken) as caught:
        secured(monkeypatch, certificate, trusted=trusted)
    assert caught.value.where == where
    assert reason in caught.value.reason


def test_the_ends_of_a_handshake() -> None:
    context = ssl.create_default_context()
    with listening(never_answering) as port:
        line = connected(port)
        began = time.monotonic()
        assert broken(line.secure, host="localhost", context=context, within_s=0.2).where == "timeout"
        assert time.monotonic() - began < 5
        line.close()
    with listening(lambda connection: connection.sendall(http("400 Bad Request", ""))) as port:
        line = connected(port)
        assert broken(line.secure, host="localhost", context=context, within_s=5).where == "no-tls"
        line.close()
    with listening(lambda connection: connection.close()) as port:
        line = connected(port)
        assert broken(line.secure, host="localhost", context=context, within_s=5).where == "tls"
        line.close()


def test_whether_tls_is_spoken() -> None:
    with listening(never_answering) as behind, tls_front(behind, "expired.pem") as port:
        line = connected(port)
        assert line.speaks_tls(within_s=10)
        line.close()
    with listening(replying(b"hello")) as port:
        line = connected(port)
        assert not line.speaks_tls(within_s=0.2)
        line.close()


# -- proxies ---------------------------------------------------------------------------------------------


def test_a_proxy_lets_through() -> None:
    seen: list[bytes] = []
    with listening(never_answering) as behind, listening(proxying(behind, seen)) as port:
        for host in ("server.invalid", "::1"):
            line = connected(port)
            line.pass_proxy(host, 443, within_s=10)
            line.close()
    assert seen == [b"CONNECT server.invalid:443 HTTP/1.1", b"CONNECT [::1]:443 HTTP/1.1"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        (b"SSH-2.0-x\r\n\r\n", "SSH"),
        (b"", "it closed the connection"),
        (b"x" * 20_000, "xxx"),
    ],
)
def test_a_proxy_that_does_not(raw: bytes, reason: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(raw)

    with listening(serve) as port:
        line = connected(port)
        error = broken(line.pass_proxy, host="server.invalid", port=443, within_s=10)
        line.close()
    assert error.where == "proxy"
    assert reason in error.reason
    assert len(error.reason) < 300


def test_a_proxy_that_never_answers() -> None:
    with listening(never_answering) as port:
        line = connected(port)
        assert broken(line.pass_proxy, host="server.invalid", port=443, within_s=0.1).where == "timeout"
        line.close()
