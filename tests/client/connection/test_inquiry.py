from __future__ import annotations

import pytest
from tests.client.networks import KEY, Request, json_reply, scripted, url_of

from nikdev_iot.client.config import Config
from nikdev_iot.client.connection.inquiry import MOST_TIMEOUTS, Inquiry
from nikdev_iot.journal.journal import Journal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def inquiry(clock: Clock, base_url: str = "http://127.0.0.1:9/") -> Inquiry:
    made = Inquiry(
        config=Config(base_url=base_url, request_timeout_s=2.0),
        commits=lambda: Journal.open(":memory:"),
        push_state=lambda: None,
        now_us=lambda: 0,
        monotonic=clock,
    )
    made.begin()
    return made


def test_each_step_has_its_time() -> None:
    clock = Clock()
    at = inquiry(clock)
    assert at.left_s == pytest.approx(2.0)
    clock.now += 1.5
    assert at.left_s == pytest.approx(0.5)
    clock.now += 100
    assert 0 < at.left_s < 0.1
    at.begin_step()
    assert at.left_s == pytest.approx(2.0)


def test_all_steps_have_a_bound() -> None:
    clock = Clock()
    at = inquiry(clock)
    clock.now += MOST_TIMEOUTS * 2.0
    assert not at.is_over
    clock.now += 0.001
    assert at.is_over


def test_the_key_goes_along_where_it_is_asked_with() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        seen.append(request)
        return json_reply(200, {})

    with scripted(answer) as port:
        at = inquiry(Clock(), url_of(port))
        at.headers = {"x-api-key": KEY}
        at.open_transport().request("GET", "")
        at.get("device")
        at.close()
    assert [request.headers.get("x-api-key") for request in seen] == [None, KEY]


@pytest.mark.parametrize("device", [None, {}, {"key": None}, {"key": 7}])
def test_what_the_server_did_not_say_of_the_key(device: dict[str, object] | None) -> None:
    at = inquiry(Clock())
    at.device = device
    assert at.key == {}
