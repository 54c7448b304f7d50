from __future__ import annotations

import pytest
from tests.client.networks import closed_port, http, json_reply, listening, replying, scripted, url_of

from nikdev_iot.client.asking import ask
from nikdev_iot.client.transport import Transport
from nikdev_iot.model.errors import GetException


def test_a_success_is_handed_back() -> None:
    with scripted(lambda request: json_reply(200, request.query)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        assert ask(transport, "x", query={"a": "b"}).json() == "a=b"
        transport.close()


@pytest.mark.parametrize(
    ("raw", "status", "says"),
    [
        (http("404 Not Found", '{"message": "no such field"}'), 404, "no such field"),
        (http("500 Oops", "<html>"), 500, "a web page"),
        (http("302 Found", "", "Location: http://elsewhere.invalid/"), 302, "elsewhere.invalid"),
        (b"", None, "ended before"),
    ],
)
def test_anything_else_is_a_get_exception(raw: bytes, status: int | None, says: str) -> None:
    with listening(replying(raw)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        with pytest.raises(GetException, match=says) as caught:
            ask(transport, "x")
        transport.close()
    assert caught.value.status == status


def test_no_connection() -> None:
    transport = Transport(base_url=url_of(closed_port()), timeout_s=1)
    with pytest.raises(GetException, match="Nothing accepts connections"):
        ask(transport, "x")
