"""A device with a journal and as many pushers as a test wants, against scripted servers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from tests.client.networks import (
    Request,
    StubServer,
    url_of,
)

from nikdev_iot.client.push import Pusher
from nikdev_iot.client.transport import Transport
from nikdev_iot.journal.journal import Journal
from nikdev_iot.model.errors import PushException


@dataclass
class Device:
    journal: Journal
    transports: list[Transport]

    def commit(self, count: int) -> None:
        now_us = time.time_ns() // 1000
        self.journal.commit_many((now_us + number, {"n": number, "t": number / 8}, None) for number in range(count))

    def pusher(self, port: int, *, timeout_s: float = 5) -> Pusher:
        transport = Transport(base_url=url_of(port), timeout_s=timeout_s)
        self.transports.append(transport)
        return Pusher(journal=self.journal, transport=transport, now_us=lambda: time.time_ns() // 1000)


def fails(pusher: Pusher) -> PushException:
    with pytest.raises(PushException) as caught:
        pusher.push()
    return caught.value


def posts(server: StubServer) -> list[Request]:
    return [request for request in server.requests if request.method == "POST"]
