"""Bad networks, for real: listening sockets that misbehave, scripted servers, and a proxy that cuts connections."""

from __future__ import annotations

import json
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nikdev_iot.wire.marks import Mark, PushAnswer
from nikdev_iot.wire.pack import decode_content, decode_frame

TLS = Path(__file__).with_name("tls")
EPOCH = bytes(range(16))
DEVICE = "0a5c7c1e-7b0c-4e4e-9d2c-2f1f3a1d0b11"
KEY = "5b0c1d7e-2f4a-4c63-8d53-9a0b6f2e7c22"


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/api/v1/"


def closed_port() -> int:
    """Return a port at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def reset(connection: socket.socket) -> None:
    """End a connection as a broken network does: with RST, and whatever is under way is lost."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections and hand each to `serve` in a thread of its own; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        with suppress(OSError):
            serve(connection)
        connection.close()

    def accept() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (acceptor, *threads):
            thread.join(10)
        for connection in connections:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Read one whole request; empty where the client went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        part = connection.recv(65_536)
        if not part:
            return b""
        body += part
    return head + b"\r\n\r\n" + body


def replying(raw: bytes) -> Callable[[socket.socket], None]:
    """Reply to each request with exactly these bytes, then close."""

    def serve(connection: socket.socket) -> None:
        if read_request(connection):
            connection.sendall(raw)

    return serve


def dribbling(head: bytes, part: bytes, *, pause_s: float = 0.05) -> Callable[[socket.socket], None]:
    """Answer `head`, and then `part` again and again."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        began = time.monotonic()
        while time.monotonic() - began < 5:
            connection.sendall(part)
            time.sleep(pause_s)

    return serve


def half_closing(connection: socket.socket) -> None:
    """Say at once that nothing will come, and take what is sent."""
    connection.shutdown(socket.SHUT_WR)
    never_answering(connection)


def resetting(connection: socket.socket) -> None:
    """Take the request, begin to answer, and break."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
    reset(connection)


def speaking_tls(connection: socket.socket) -> None:
    """Speak TLS, with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    with context.wrap_socket(connection, server_side=True) as secure:
        if read_request(secure):
            secure.sendall(http("200 OK", "{}"))


def clear_text(connection: socket.socket) -> None:
    """Answer whoever begins with TLS in clear text."""
    connection.recv(10)
    connection.sendall(http("400 Bad Request", ""))


def never_answering(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def http(status: str, body: str | bytes, *headers: str, length: int | None = None) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw) if length is None else length}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + raw


# -- scripted servers ------------------------------------------------------------------------------

Reply = tuple[int, dict[str, str], bytes]


def json_reply(status: int, data: object, **headers: str) -> Reply:
    return status, {"content-type": "application/json", **headers}, json.dumps(data).encode()


class Request:
    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = urlsplit(path).path
        self.query = urlsplit(path).query
        self.headers = headers
        self.body = body


@contextmanager
def scripted(answer: Callable[[Request], Reply]) -> Iterator[int]:
    """Run an HTTP server that answers each request by `answer`; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, out, raw = answer(Request(self.command, self.path, headers, body))
            self.send_response(status)
            for name, value in out.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _any  # noqa: N815 - as http.server calls them

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            pass  # clients that gave up are the point

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class StubServer:
    """The push side of a server, as the design has it, in memory; `intervene` may answer in its place."""

    def __init__(self, intervene: Callable[[Request], Reply | None] = lambda _: None) -> None:
        self.mark = Mark()
        self.epoch = EPOCH
        self.requests: list[Request] = []
        self.numbers: list[int] = []
        """Of the commits stored, in order."""
        self.intervene = intervene

    def answer(self, *, stored: bool = False) -> dict[str, Any]:
        return PushAnswer(
            mark=self.mark, epoch=self.epoch, server_time_us=time.time_ns() // 1000, stored=stored
        ).to_json()

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.intervene(request) or self.reply(request)

    def reply(self, request: Request) -> Reply:
        if request.path.startswith("/api/v1/origins/"):
            return json_reply(200, self.answer())
        if request.path == "/api/v1/packs":
            return self.store(request.body)
        return json_reply(404, {"message": "no such thing", "code": "not-found"})

    def store(self, body: bytes) -> Reply:
        frame = decode_frame(body)
        pack = decode_content(frame.content)
        if frame.epoch != self.epoch:
            return json_reply(409, {"message": "another epoch", "code": "epoch", **self.answer()})
        if pack.last == self.mark.number and frame.hash == self.mark.hash:
            return json_reply(200, self.answer())
        if pack.first != self.mark.number + 1 or pack.parent != self.mark.hash:
            return json_reply(409, {"message": "it does not follow", "code": "fork", **self.answer()})
        self.mark = Mark(pack.last, frame.hash)
        self.numbers += pack.numbers()
        return json_reply(200, self.answer(stored=True))


# -- a proxy that cuts -------------------------------------------------------------------------------


class CuttingProxy:
    """Forwards to `port`, and resets connections after a random number of bytes, in either direction."""

    def __init__(self, port: int, *, seed: int, most_bytes: int) -> None:
        self._port = port
        self._random = random.Random(seed)
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.is_bad = True
        self.cuts = 0

    def __call__(self, client: socket.socket) -> None:
        with self._lock:
            # Some connections break at once, many in the answer, some late; all without a word.
            budget = self._random.choice([0, self._random.randrange(400), self._random.randrange(self._most_bytes)])
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as upstream:
            left = [budget]
            done = threading.Event()

            def pump(source: socket.socket, sink: socket.socket) -> None:
                with suppress(OSError):
                    while data := source.recv(1 << 14):
                        with self._lock:
                            if self.is_bad:
                                data, left[0] = data[: left[0]], left[0] - len(data)
                            is_cut = self.is_bad and left[0] < 0
                        sink.sendall(data)
                        if is_cut:
                            self.cuts += 1
                            break
                done.set()

            pumps = [
                threading.Thread(target=pump, args=(client, upstream), daemon=True),
                threading.Thread(target=pump, args=(upstream, client), daemon=True),
            ]
            for thread in pumps:
                thread.start()
            done.wait(60)
            for end in (client, upstream):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            for thread in pumps:
                thread.join(10)
            reset(client)
            reset(upstream)


class AnswerEater:
    """Forwards whole requests to `port`, and loses the answer to the first `count` whose request line `begins` so."""

    def __init__(self, port: int, *, begins: bytes, count: int = 1) -> None:
        self._port = port
        self._begins = begins
        self.left = count

    def __call__(self, client: socket.socket) -> None:
        while request := read_request(client):
            with socket.create_connection(("127.0.0.1", self._port), timeout=10) as upstream:
                upstream.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                answer = b""
                while part := upstream.recv(65_536):
                    answer += part
            if self.left and request.startswith(self._begins):
                self.left -= 1
                reset(client)
                return
            client.sendall(answer)
            return
