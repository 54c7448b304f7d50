from __future__ import annotations

import pytest

from nikdev_iot.server.errors import Refused
from nikdev_iot.server.web.doubles import refuse_doubles


@pytest.mark.parametrize("name", [b"x-device-id", b"x-api-key", b"authorization"])
def test_credentials_come_once(name):
    refuse_doubles([(name, b"1"), (b"accept", b"a"), (b"accept", b"b")])
    with pytest.raises(Refused, match=name.decode()) as caught:
        refuse_doubles([(name, b"1"), (b"accept", b"a"), (name, b"1")])
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/entries/"), ("GET", "/api/v1/device"), ("GET", "/api/v1/values")]
)
def test_no_route_chooses_between_two_keys(site, method, path):
    device_id = site.new_device()
    right, other = site.new_key(device_id), site.new_key(device_id)
    raw = [(name.encode(), value.encode()) for name, value in [*right.items(), *other.items()]]
    answer = site.call(method, path, raw_headers=raw)
    assert answer.status == 400
    assert "more than once" in answer.message
