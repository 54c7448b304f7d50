from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.client.networks import (
    DEVICE,
    KEY,
    TLS,
    Request,
    clear_text,
    closed_port,
    dribbling,
    http,
    json_reply,
    listening,
    never_answering,
    read_request,
    replying,
    resetting,
    scripted,
    speaking_tls,
    url_of,
)

from nikdev_iot.client.answers import NotOurs
from nikdev_iot.client.config import Config
from nikdev_iot.client.transport import Transport, TransportError, Trouble, open_transport, path_segment


def ask(url: str, *, timeout_s: float = 0.5, **options: int) -> TransportError:
    transport = Transport(base_url=url, timeout_s=timeout_s)
    try:
        with pytest.raises(TransportError) as caught:
            transport.request("GET", "device", **options)  # type: ignore[arg-type]
    finally:
        transport.close()
    assert url.split("/")[2] in str(caught.value)  # which server it was
    assert " at 0x" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_a_port_where_nothing_listens() -> None:
    assert ask(url_of(closed_port())).trouble == "refused"


def test_a_name_that_does_not_exist() -> None:
    error = ask("http://no-such-host.invalid/api/v1/")
    assert error.trouble == "name"
    assert "no-such-host.invalid" in error.message


def test_a_name_that_cannot_be_one() -> None:
    ask(f"http://{'x' * 70}.invalid/api/v1/")


def test_a_name_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def hang(*_: object, **__: object) -> None:
        go_on.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        for _ in range(3):
            began = time.monotonic()
            error = ask("http://hangs.example/api/v1/", timeout_s=0.2)
            assert time.monotonic() - began < 2
            assert error.trouble == "name"
            assert "no name server answers" in error.message
        assert [thread.name for thread in threading.enumerate()].count("nikdev-lookup") == 1
    finally:
        go_on.set()


DRIBBLING = {
    "never": never_answering,
    "status": dribbling(b"HTTP/1.1 2", b"0"),
    "headers": dribbling(b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "continue": dribbling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "continue-fast": dribbling(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0),
    "body": dribbling(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
    "body-to-the-end": dribbling(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b" "),
    "chunks": dribbling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk-head": dribbling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": dribbling(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
}


@pytest.mark.parametrize("serve", DRIBBLING.values(), ids=DRIBBLING.keys())
def test_a_server_that_keeps_one_waiting(serve: Callable[[socket.socket], None]) -> None:
    with listening(serve) as port:
        began = time.monotonic()
        error = ask(url_of(port))
        assert error.trouble == "timeout"
        assert "0.5 s" in error.message
        assert time.monotonic() - began < 2
    assert "nikdev-deadline" not in {thread.name for thread in threading.enumerate()}


def test_a_server_that_keeps_one_waiting_behind_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
        with context.wrap_socket(connection, server_side=True) as secure:
            DRIBBLING["headers"](secure)

    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "cert.pem"))
    with listening(serve) as port:
        began = time.monotonic()
        assert ask(f"https://localhost:{port}/api/v1/", timeout_s=1).trouble == "timeout"
        assert time.monotonic() - began < 3


def test_a_proxy_that_keeps_one_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(DRIBBLING["headers"]) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        began = time.monotonic()
        assert ask("https://server.invalid/api/v1/").trouble == "timeout"
        assert time.monotonic() - began < 2


def test_a_body_that_is_taken_drop_by_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    def serve(connection: socket.socket) -> None:
        while connection.recv(65_536):
            time.sleep(0.02)

    monkeypatch.setattr("nikdev_iot.client.transport.SLOWEST_BYTES_PER_S", 32_000_000)
    with listening(serve) as port:
        transport = Transport(base_url=url_of(port), timeout_s=0.5)
        began = time.monotonic()
        with pytest.raises(TransportError) as caught:
            transport.request("POST", "packs", body=bytes(32_000_000))
        assert caught.value.trouble == "timeout"
        assert "1.5 s" in caught.value.message  # the body has time of its own
        assert 1 < time.monotonic() - began < 3
        transport.close()


def test_a_long_answer_may_have_more_time() -> None:
    def serve(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            for _ in range(10):
                time.sleep(0.06)
                connection.sendall(b"x")

    with listening(serve) as port:
        transport = Transport(base_url=url_of(port), timeout_s=0.4)
        for _ in range(2):
            assert transport.request("GET", "x", whole_within_s=5).body == b"x" * 10
        with pytest.raises(TransportError, match=r"0.2 s"):
            transport.request("GET", "x", whole_within_s=0.2)
        assert transport.request("GET", "x", whole_within_s=5).body == b"x" * 10  # on a connection of its own
        transport.close()


def test_a_large_body_that_nobody_reads() -> None:
    with listening(lambda _: time.sleep(1.5)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=0.5)
        began = time.monotonic()
        with pytest.raises(TransportError) as caught:
            transport.request("POST", "packs", body=bytes(32 * 1024 * 1024))
        assert caught.value.trouble == "timeout"
        assert time.monotonic() - began < 2
        transport.close()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("raw", "trouble"),
    [
        (b"", "cut"),
        (http("200 OK", "half", length=100), "cut"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "cut"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", "cut"),
        (http("200 OK", "no gzip", "Content-Encoding: gzip"), "cut"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "other"),
        (b"\x15\x03\x01\x00\x02\x02\x16", "other"),
        (OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "other"),
        (OK + b"X: y\r\n" * 200 + b"\r\n", "other"),
    ],
)
def test_an_answer_that_is_none(raw: bytes, trouble: Trouble) -> None:
    with listening(replying(raw)) as port:
        error = ask(url_of(port))
        assert error.trouble == trouble, str(error)


@pytest.mark.parametrize("raw", [b"HTTP/1.1 200 ", OK + b"Content-Le"])
def test_an_answer_that_ends_among_its_headers(raw: bytes) -> None:
    """To Python's `http.client` that is an empty answer; it says nothing, and is not taken for a server's word."""
    with listening(replying(raw)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=2)
        answer = transport.request("GET", "x")
        transport.close()
    with pytest.raises(NotOurs, match="nothing"):
        answer.json()


def test_a_connection_that_is_reset() -> None:
    with listening(resetting) as port:
        assert ask(url_of(port)).trouble == "cut"


def test_an_answer_without_end() -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK + b"\r\n")
        with suppress(OSError):
            while True:
                connection.sendall(bytes(65_536))

    with listening(serve) as port:
        error = ask(url_of(port), max_bytes=1_000_000)
        assert error.trouble == "too-large"
        assert error.message.endswith("bytes")  # what quotes it puts the full stop


def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        asked.append(request.path)
        return 307, {"location": "/elsewhere"}, b""

    with scripted(answer) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        assert transport.request("GET", "device").status == 307
        transport.close()
    assert asked == ["/api/v1/device"]


def test_an_answer_comes_whole_whatever_its_status() -> None:
    with scripted(
        lambda request: json_reply(418, {"q": request.query, "body": request.body.decode()}, X_Y="z")
    ) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        answer = transport.request("POST", "a/b", query={"x": "å &", "y": "1"}, body=b"hm")
        assert answer.status == 418
        assert answer.json() == {"q": "x=%C3%A5+%26&y=1", "body": "hm"}
        assert answer.url == url_of(port) + "a/b"
        assert answer.headers["x_y"] == "z"
        transport.close()


def test_connections_are_used_again_unless_they_were_idle_for_long() -> None:
    now = [0.0]
    ends: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        ends.append(connection)
        while read_request(connection):
            connection.sendall(http("200 OK", "{}"))

    with listening(serve) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5, monotonic=lambda: now[0])
        for _ in range(3):
            transport.request("GET", "x")
            now[0] += 10
        assert len(ends) == 1
        now[0] += 60
        transport.request("GET", "x")
        assert len(ends) == 2
        transport.close()
        transport.request("GET", "x")  # it opens again what it needs
        assert len(ends) == 3
        transport.close()


def test_a_kept_connection_that_the_server_closed_meanwhile() -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(http("200 OK", "{}"))

    with listening(serve) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        for _ in range(3):
            assert transport.request("GET", "x").status == 200
            time.sleep(0.05)
        transport.close()


def test_threads_share_it() -> None:
    with scripted(lambda request: json_reply(200, request.query)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=10)
        wrong: list[str] = []

        def many(name: str) -> None:
            for number in range(20):
                found = transport.request("GET", "x", query={name: str(number)}).json()
                if found != f"{name}={number}":
                    wrong.append(found)

        threads = [threading.Thread(target=many, args=(name,)) for name in "abcdef"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        transport.close()
    assert wrong == []


def test_the_device_is_named_in_each_request() -> None:
    seen: list[dict[str, str]] = []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.headers)
        return json_reply(200, {})

    with scripted(answer) as port:
        config = Config.from_dict({"baseUrl": url_of(port), "deviceId": DEVICE.upper(), "apiKey": KEY})
        transport = open_transport(config)
        transport.request("GET", "x", headers={"accept": "text/csv"})
        transport.close()
    assert seen[0]["x-device-id"] == DEVICE
    assert seen[0]["x-api-key"] == KEY
    assert seen[0]["accept"] == "text/csv"
    assert seen[0]["user-agent"].startswith("nikdev-iot/")


def test_path_segments() -> None:
    assert path_segment("a b?/ü%") == "a%20b%3F%2F%C3%BC%25"


# -- TLS -------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_vouches_for() -> None:
    with listening(speaking_tls) as port:
        error = ask(f"https://localhost:{port}/api/v1/", timeout_s=5)
        assert error.trouble == "tls"
        assert "self-signed" in error.message
        assert "SSL_CERT_FILE" in error.hint


def test_a_certificate_that_the_device_was_told_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "cert.pem"))
    with listening(speaking_tls) as port:
        transport = Transport(base_url=f"https://localhost:{port}/api/v1/", timeout_s=5)
        assert transport.request("GET", "x").status == 200
        transport.close()


def test_tls_asked_of_a_server_without() -> None:
    with listening(replying(http("400 Bad Request", ""))) as port:
        error = ask(f"https://localhost:{port}/api/v1/", timeout_s=2)
        assert error.trouble in {"tls", "timeout"}


def test_a_server_that_begins_in_clear_text() -> None:
    with listening(clear_text) as port:
        error = ask(f"https://localhost:{port}/api/v1/", timeout_s=2)
        assert error.trouble == "tls"
        assert "http://" in error.hint


def test_tls_that_is_never_finished() -> None:
    with listening(never_answering) as port:
        began = time.monotonic()
        assert ask(f"https://localhost:{port}/api/v1/").trouble == "timeout"
        assert time.monotonic() - began < 2


# -- proxies -----------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        seen.append(request.headers["host"])
        return json_reply(200, {})

    with scripted(answer) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "elsewhere.invalid")
        transport = Transport(base_url="http://server.invalid/api/v1/", timeout_s=5)
        assert transport.request("GET", "x").status == 200
        transport.close()
        assert ask("http://elsewhere.invalid/api/v1/").trouble == "name"
    assert seen == ["server.invalid"]


def test_a_proxy_whose_name_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://no-such-proxy.invalid:3128")
    error = ask("http://server.invalid/api/v1/")
    assert error.trouble == "proxy"
    assert "The proxy no-such-proxy.invalid on the way to server.invalid cannot be found" in error.message


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{closed_port()}")
    error = ask("http://server.invalid/api/v1/")
    assert error.trouble == "proxy"
    assert "HTTP_PROXY" in error.hint
