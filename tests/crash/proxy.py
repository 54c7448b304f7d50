"""A TCP proxy between devices and server that does to their requests what bad networks do.

Each request meets a fault by chance. Every fault is counted as it is done, under the name that it has in `Faults`.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO

from .messages import Message, read_message

__all__ = ["FAULTS", "KillPlan", "Proxy"]

FAULTS = {
    "request cut": "after a random count of bytes; device and server lose the connection",
    "request refused": "the connection is reset, and nothing reaches the server",
    "answer cut": "after a random count of bytes",
    "answer swallowed": "the server has done it, and the device loses the connection without a byte of the answer",
    "answer stalled": "likewise, but the connection stays until the device gives up",
    "delayed": "request and answer are kept back for a while",
    "in pieces": "request and answer come in small parts, with pauses",
    "doubled": "the request reaches the server twice at once, on connections of their own",
    "doubled later": "the request reaches the server a second time, when the device has its answer for long",
    "late": "the device loses the connection, and the request reaches the server after that",
    "reordered": "as before, and after a later request of that device",
}
"""What is done to a request, by the name under which it is counted."""
_CHANCES = {
    "request cut": 14,
    "request refused": 4,
    "answer cut": 12,
    "answer swallowed": 12,
    "answer stalled": 1,
    "delayed": 10,
    "in pieces": 5,
    "doubled": 14,
    "doubled later": 10,
    "late": 14,
}
_LATEST_S = 0.4
_TIMEOUT_S = 20.0

KillPlan = Callable[[str], None]
"""Kills the server, in the middle of a push of the device with this id, and perhaps the device with it."""


class _Gone(Exception):
    """The server is not there, or was killed before it had answered."""


class Proxy:
    """Listens on `port`; `upstream_port` is where the server is, None while there is none."""

    def __init__(self, *, seed: str, fault_rate: float = 0.55) -> None:
        self.upstream_port: int | None = None
        self.is_quiet = False
        """No faults any more."""
        self.counts: Counter[str] = Counter()
        self._pushes = 0
        self._requests: Counter[str] = Counter()
        self._seed = seed
        self._fault_rate = fault_rate
        self._lock = threading.Lock()
        self._plan: KillPlan | None = None
        self._plan_after = 0
        self._newest: dict[str, int] = {}
        """The number of the last push that went to the server, by device."""
        self._underway: set[threading.Thread] = set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="crash-proxy", daemon=True)
        self._accepting.start()

    def kill_in_a_push(self, plan: KillPlan | None, *, after: int = 0) -> None:
        """Call `plan` at a random moment of the next push, or that `after` so many; None: of none."""
        with self._lock:
            self._plan, self._plan_after = plan, after

    def requests_of(self, device_id: str) -> int:
        """Return how many requests of a device there were."""
        return self._requests[device_id]

    def wait_for_late_requests(self) -> None:
        """Wait until nothing is on its way that was kept back."""
        while underway := [thread for thread in list(self._underway) if thread.is_alive()]:
            underway[0].join()

    def close(self) -> None:
        """Accept no more connections, and wait for those that there are."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        self.wait_for_late_requests()

    # -- connections ------------------------------------------------------------------------------------

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                device, _ = self._listening.accept()
            except OSError:
                return
            number += 1
            self._begin(_Connection(self, device, random.Random(f"{self._seed}/{number}")).run)

    def _begin(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            finally:
                self._underway.discard(thread)

        thread = threading.Thread(target=run, daemon=True)
        self._underway.add(thread)
        thread.start()

    def _count(self, fault: str) -> None:
        with self._lock:
            self.counts[fault] += 1

    def _number(self) -> tuple[int, KillPlan | None]:
        """Number a push; take the plan to kill the server, if there is one."""
        with self._lock:
            self._pushes += 1
            if self._plan is None or self._plan_after > 0:
                self._plan_after -= 1
                return self._pushes, None
            plan, self._plan = self._plan, None
            return self._pushes, plan

    def _sent(self, device_id: str, number: int) -> bool:
        """A push goes to the server now; return whether a later one of the device was there before."""
        with self._lock:
            is_late = self._newest.get(device_id, 0) > number
            self._newest[device_id] = max(self._newest.get(device_id, 0), number)
            return is_late

    def _connect(self) -> socket.socket:
        port = self.upstream_port
        try:
            if port is None:
                raise _Gone
            return socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
        except OSError:
            raise _Gone from None


class _Connection:
    """One connection of a device."""

    def __init__(self, proxy: Proxy, device: socket.socket, chance: random.Random) -> None:
        self._proxy = proxy
        self._device = device
        self._chance = chance
        self._upstream: tuple[socket.socket, BinaryIO] | None = None
        self._upstream_port: int | None = None

    def run(self) -> None:
        self._device.settimeout(_TIMEOUT_S)
        self._device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with self._device, self._device.makefile("rb") as source:
                while (request := read_message(source)) is not None and self._serve(request):
                    pass
        except (OSError, _Gone):
            pass  # one of them was killed, or gave up
        finally:
            self._drop_upstream()

    def _serve(self, request: Message) -> bool:
        """Answer one request, somehow; return whether the connection goes on."""
        with self._proxy._lock:
            self._proxy._requests[request.device_id] += 1
        number, plan = self._proxy._number() if request.is_push else (0, None)
        if plan is not None:
            self._exchange_and_kill(request, number, plan)
            return False
        if self._proxy.is_quiet or self._chance.random() >= self._proxy._fault_rate:
            fault = ""
        else:
            (fault,) = self._chance.choices(list(_CHANCES), list(_CHANCES.values()))
        if fault == "late":
            self._proxy._begin(lambda: self._send_late(request, number, fault))
            return False
        if request.is_push:
            self._proxy._sent(request.device_id, number)
        return self._serve_with(fault, request, number)

    def _serve_with(self, fault: str, request: Message, number: int) -> bool:
        if fault == "request cut":
            self._send(request.content[: self._chance.randrange(len(request.content))])
        elif fault == "request refused":
            self._device.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault == "answer cut":
            answer = self._exchange(request.content)
            self._device.sendall(answer[: self._chance.randrange(1, len(answer))])
        elif fault == "answer swallowed":
            self._exchange(request.content)
        elif fault == "answer stalled":
            self._exchange(request.content)
            with contextlib.suppress(OSError):
                self._device.recv(1)
        elif fault == "delayed":
            time.sleep(self._chance.uniform(0, 0.05))
            answer = self._exchange(request.content)
            time.sleep(self._chance.uniform(0, 0.05))
            self._device.sendall(answer)
        elif fault == "in pieces":
            self._in_pieces(self._get_upstream()[0], request.content)
            self._in_pieces(self._device, self._answer())
        elif fault == "doubled":
            self._device.sendall(self._exchange_twice(request.content))
        else:
            self._device.sendall(self._exchange(request.content))
            if fault == "doubled later":
                self._proxy._begin(lambda: self._send_late(request, number, fault))
        if fault and fault != "doubled later":  # which is counted when it is sent
            self._proxy._count(fault)
        return fault in {"", "delayed", "in pieces", "doubled", "doubled later"}

    # -- with the server --------------------------------------------------------------------------------

    def _get_upstream(self) -> tuple[socket.socket, BinaryIO]:
        if self._upstream_port != self._proxy.upstream_port:
            self._drop_upstream()  # of a server that was killed
        if self._upstream is None:
            self._upstream_port = self._proxy.upstream_port
            connection = self._proxy._connect()
            self._upstream = connection, connection.makefile("rb")
        return self._upstream

    def _drop_upstream(self) -> None:
        if self._upstream is not None:
            connection, source = self._upstream
            self._upstream = None
            source.close()
            connection.close()

    def _send(self, content: bytes) -> None:
        self._get_upstream()[0].sendall(content)

    def _answer(self) -> bytes:
        found = read_message(self._get_upstream()[1])
        if found is None:
            raise _Gone
        return found.content

    def _exchange(self, content: bytes) -> bytes:
        self._send(content)
        return self._answer()

    def _in_pieces(self, target: socket.socket, content: bytes) -> None:
        cuts = sorted(self._chance.randrange(len(content) + 1) for _ in range(self._chance.randrange(1, 9)))
        for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            target.sendall(content[begin:end])
            time.sleep(0.001)

    def _exchange_alone(self, content: bytes) -> bytes | None:
        """Exchange on a connection of its own; None where the server did not answer."""
        try:
            with self._proxy._connect() as connection, connection.makefile("rb") as source:
                connection.sendall(content)
                found = read_message(source)
        except (OSError, _Gone):
            return None
        return None if found is None else found.content

    def _exchange_twice(self, content: bytes) -> bytes:
        answers: list[bytes | None] = []
        second = threading.Thread(target=lambda: answers.append(self._exchange_alone(content)))
        second.start()
        answers.append(self._exchange_alone(content))
        second.join()
        found = [answer for answer in answers if answer is not None]
        if not found:
            raise _Gone
        return self._chance.choice(found)

    def _send_late(self, request: Message, number: int, fault: str) -> None:
        time.sleep(random.Random(f"{self._proxy._seed}/late/{number}").uniform(0.002, _LATEST_S))
        is_late = request.is_push and self._proxy._sent(request.device_id, number)
        if self._exchange_alone(request.content) is not None:  # else the server was killed meanwhile
            self._proxy._count("reordered" if fault == "late" and is_late else fault)

    def _exchange_and_kill(self, request: Message, number: int, plan: KillPlan) -> None:
        """Kill the server while it receives, stores or answers this push."""
        content, moment = request.content, self._chance.randrange(4)
        try:
            connection = self._proxy._connect()
        except _Gone:
            self._proxy.kill_in_a_push(plan)
            raise
        self._proxy._sent(request.device_id, number)
        with connection, connection.makefile("rb") as source:
            try:
                connection.sendall(content[: self._chance.randrange(1, len(content))] if moment == 0 else content)
                if moment == 1:
                    time.sleep(self._chance.uniform(0, 0.004))
                elif moment == 2:
                    time.sleep(self._chance.uniform(0, 0.0005))
                elif moment == 3:
                    source.peek(1)  # type: ignore[attr-defined]
            finally:
                plan(request.device_id)
            # What it sent before it was killed still comes.
            found = read_message(source)
            if found is not None:
                self._device.sendall(found.content)
