from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.client.conftest import MakeApi
from tests.client.connection.fronts import TLS, check_form, proxying, step, tls_front
from tests.client.networks import closed_port, http, listening, never_answering, url_of
from tests.servers import RunningServer

from nikdev_iot.client.connection import Cause, ConnectionReport, State, Step, examine

DAY_US = 86_400_000_000
END_OF_CERT_US = 4_948_938_140 * 1_000_000
"""2126: when `cert.pem` ends."""


def failure(report: ConnectionReport, name: str) -> Step:
    found = step(report, name)
    assert found.state is State.FAILED, str(report)
    assert found.cause is Cause.UNREACHABLE
    assert step(report, "server").state is State.NOT_TRIED
    assert step(report, "disk").ok
    return found


# -- names and connections -----------------------------------------------------------------------------------


def test_a_name_that_does_not_exist(make_api: MakeApi) -> None:
    found = failure(make_api(baseUrl="http://no-such-host.invalid/").test_connection(), "dns")
    assert "no-such-host.invalid" in found.found
    assert "online" in found.todo


@pytest.mark.parametrize(("code", "said"), [("EAI_AGAIN", "no name server could be asked"), ("EAI_NONAME", "no host")])
def test_what_is_said_of_names(monkeypatch: pytest.MonkeyPatch, make_api: MakeApi, code: str, said: str) -> None:
    api = make_api(baseUrl=f"http://{code.lower()}.invalid/")

    def ask(*_: Any, **__: Any) -> None:
        raise socket.gaierror(getattr(socket, code), "reason")

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    assert said in failure(api.test_connection(), "dns").found


def test_a_name_with_its_addresses(server: RunningServer, make_api: MakeApi) -> None:
    report = make_api(baseUrl=server.api_url.replace("127.0.0.1", "localhost")).test_connection()
    assert report.ok, str(report)
    dns, tcp = step(report, "dns"), step(report, "tcp")
    assert "localhost is " in dns.found
    assert "127.0.0.1" in dns.details["addresses"]
    assert dns.details["took_ms"] >= 0
    assert tcp.details["address"] in dns.details["addresses"]
    assert tcp.details["took_ms"] > 0


def test_nothing_listens(make_api: MakeApi) -> None:
    found = failure(make_api(baseUrl=url_of(closed_port())).test_connection(), "tcp")
    assert "nothing accepts connections" in found.found
    assert "running" in found.todo


def test_nobody_answers(make_api: MakeApi) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        found = failure(make_api(baseUrl=url_of(port), requestTimeout=0.3).test_connection(), "tcp")
        for filler in fillers:
            filler.close()
    assert "within 0.3 s" in found.found
    assert "firewall" in found.todo


def test_a_name_server_that_never_answers(monkeypatch: pytest.MonkeyPatch, make_api: MakeApi) -> None:
    api = make_api(baseUrl="http://hangs.invalid/", requestTimeout=0.2)
    release = threading.Event()

    def hang(*_: Any, **__: Any) -> Any:
        release.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    found = failure(api.test_connection(), "dns")
    release.set()
    assert "nobody said which address hangs.invalid has" in found.found
    assert "name server" in found.todo


def test_an_address_that_nothing_leads_to(make_api: MakeApi) -> None:
    found = failure(make_api(baseUrl="http://255.255.255.255/").test_connection(), "tcp")  # no host has it
    assert "255.255.255.255, port 80 cannot be reached" in found.found
    assert "online" in found.todo


def test_an_address_that_does_not_work_is_told(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi
) -> None:
    api = make_api(baseUrl=f"http://two.invalid:{server.port}/")
    real = socket.getaddrinfo

    def two(host: str, *rest: Any, **options: Any) -> Any:
        if host == "two.invalid":
            return [(2, 1, 6, "", ("127.0.0.9", server.port)), (2, 1, 6, "", ("127.0.0.1", server.port))]
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    report = api.test_connection()
    assert report.ok, str(report)
    found = step(report, "tcp")
    assert found.state is State.WARNING
    assert "by 127.0.0.1; without success before it: 127.0.0.9: Connection refused" in found.found
    tls = step(report, "tls")  # plain HTTP to another machine, as far as the name tells
    assert tls.state is State.WARNING
    assert "can read the API key" in tls.found


# -- TLS -------------------------------------------------------------------------------------------------------


def test_a_server_behind_tls(monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "cert.pem"))
    with tls_front(server.port) as port:
        report = make_api(baseUrl=f"https://localhost:{port}/").test_connection()
    assert report.ok, str(report)
    found = step(report, "tls")
    assert found.state is State.OK
    assert found.found.startswith("TLSv1.")
    assert "certificate of localhost by localhost, valid for 3" in found.found
    assert set(found.details) == {"version", "issuer", "expires_us", "expires_days", "took_ms"}
    assert found.details["expires_us"] == END_OF_CERT_US
    assert 30_000 < found.details["expires_days"] < 40_000


def test_a_certificate_that_ends_soon(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "cert.pem"))
    with tls_front(server.port) as port:
        api = make_api(baseUrl=f"https://localhost:{port}/")
        report = examine(api.config, api._store.commits, now_us=lambda: END_OF_CERT_US - 3 * DAY_US)
    found = step(report, "tls")
    assert (found.state, found.details["expires_days"]) == (State.WARNING, 3)
    assert "renew" in found.todo


@pytest.mark.parametrize(
    ("certificate", "trusted", "now_us", "said", "todo"),
    [
        ("cert.pem", "elsewhere.pem", None, "cannot be trusted: self-signed", "SSL_CERT_FILE"),
        ("cert.pem", "missing.pem", None, "cannot be trusted", "there is no such file"),
        ("elsewhere.pem", None, None, "not valid for 'localhost'", "host name"),
        ("expired.pem", None, None, "has expired, by this device's clock, which shows 20", "renew the certificate"),
        ("early.pem", None, 3_000_000, "not valid yet, by this device's clock, which shows 1970-01-01", "The clock is"),
    ],
)
def test_a_certificate_that_is_no_proof(
    monkeypatch: pytest.MonkeyPatch,
    make_api: MakeApi,
    certificate: str,
    trusted: str | None,
    now_us: int | None,
    said: str,
    todo: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / (trusted or certificate)))
    with listening(never_answering) as behind, tls_front(behind, certificate) as port:
        api = make_api(baseUrl=f"https://localhost:{port}/")
        report = examine(api.config, api._store.commits, now_us=lambda: now_us or time.time_ns() // 1000)
    found = failure(report, "tls")
    assert said in found.found
    assert todo in found.todo


def test_tls_where_there_is_none(make_api: MakeApi) -> None:
    with listening(lambda connection: connection.sendall(http("400 Bad Request", ""))) as port:
        found = failure(make_api(baseUrl=f"https://localhost:{port}/").test_connection(), "tls")
    assert "does not speak TLS" in found.found
    assert "http://" in found.todo


def test_tls_that_ends_early_or_never(make_api: MakeApi) -> None:
    with listening(lambda connection: connection.close()) as port:
        assert "no secure" in failure(make_api(baseUrl=f"https://localhost:{port}/").test_connection(), "tls").found
    with listening(never_answering) as port:
        api = make_api(baseUrl=f"https://localhost:{port}/", requestTimeout=0.3)
        assert "no answer" in failure(api.test_connection(), "tls").found


# -- proxies -----------------------------------------------------------------------------------------------------


def test_a_proxy_on_the_way(monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi) -> None:
    seen: list[bytes] = []
    with listening(proxying(server.port, seen)) as port:
        monkeypatch.setenv("http_proxy", f"http://localhost:{port}")
        report = make_api(baseUrl="http://server.invalid/").test_connection()
    assert report.ok, str(report)
    assert "(the proxy's; it looks up the server's itself)" in step(report, "dns").found
    found = step(report, "tcp")
    assert f"connected to the proxy localhost, port {port}" in found.found
    assert "what goes to server.invalid goes through it" in found.found
    assert found.details["proxy"] == f"localhost:{port}"
    assert seen[0].startswith(b"GET http://server.invalid/api/v1/")


def test_a_proxy_on_the_way_to_tls(monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi) -> None:
    seen: list[bytes] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "elsewhere.pem"))
    with tls_front(server.port, "elsewhere.pem") as behind, listening(proxying(behind, seen)) as port:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
        report = make_api(baseUrl="https://elsewhere.invalid/").test_connection()
    assert report.ok, str(report)
    assert "certificate of elsewhere.invalid by Example elsewhere.invalid" in step(report, "tls").found
    assert {line.rpartition(b" ")[0] for line in seen} == {b"CONNECT elsewhere.invalid:443"}


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy"])
def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch, make_api: MakeApi, variable: str) -> None:
    scheme = variable.partition("_")[0]
    monkeypatch.setenv(variable, f"http://127.0.0.1:{closed_port()}")
    found = failure(make_api(baseUrl=f"{scheme}://server.invalid/").test_connection(), "tcp")
    assert "the proxy 127.0.0.1" in found.found
    assert "HTTPS_PROXY" in found.todo


def test_a_proxy_that_is_not_found_and_one_that_has_no_address(
    monkeypatch: pytest.MonkeyPatch, make_api: MakeApi
) -> None:
    monkeypatch.setenv("http_proxy", "http://no-such-proxy.invalid:3128")
    assert "no-such-proxy" in failure(make_api(baseUrl="http://server.invalid/").test_connection(), "dns").found
    monkeypatch.setenv("http_proxy", "http://host:port")
    report = make_api(baseUrl="http://server.invalid/").test_connection()
    check_form(report)
    assert step(report, "dns").cause is Cause.CONFIG


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, make_api: MakeApi) -> None:
    refusal = http("407 Proxy Authentication Required", "")
    with listening(proxying(0, [], refuse=refusal)) as port:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{port}")
        found = failure(make_api(baseUrl="https://server.invalid/").test_connection(), "tls")
        assert "the proxy 127.0.0.1 made no connection to server.invalid" in found.found
        assert "407" in found.found
        plain = step(make_api(baseUrl="http://server.invalid/").test_connection(), "server")
        assert "the proxy wants to know who asks" in plain.found
        assert plain.cause is Cause.UNREACHABLE


def test_a_proxy_of_a_kind_that_is_not_known(
    monkeypatch: pytest.MonkeyPatch, make_api: MakeApi, tmp_path: Path
) -> None:
    with listening(never_answering) as port:
        monkeypatch.setenv("http_proxy", f"socks5://127.0.0.1:{port}")
        report = make_api(baseUrl="http://server.invalid/").test_connection()
    found = step(report, "server")
    assert found.cause is Cause.CONFIG
    assert "socks5" in found.found


def test_a_proxy_that_speaks_tls_itself(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer, make_api: MakeApi
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "elsewhere.pem"))
    with listening(never_answering) as port:
        monkeypatch.setenv("https_proxy", f"https://127.0.0.1:{port}")
        report = make_api(baseUrl="https://elsewhere.invalid/", requestTimeout=0.3).test_connection()
    assert step(report, "tls").state is State.NOTE
    assert step(report, "server").state is State.FAILED
