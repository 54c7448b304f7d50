from __future__ import annotations

import time

import pytest
from tests.client.conftest import MakeApi
from tests.client.networks import Reply, Request, closed_port, json_reply, scripted, url_of
from tests.servers import Credentials, RunningServer

from nikdev_iot import Api, FieldValue, GetException, ValueRefused
from nikdev_iot.client.transport import Transport
from nikdev_iot.client.values import checked_field_ids, get_values

NOW_S = 1_795_000_000


def fill(api: Api) -> int:
    for field_id, value in {"f": 21.0, "i": 21, "b": True, "s": "å", "two words": -0.5}.items():
        api.add_value(field_id, value)
    receipt = api.commit()
    assert receipt is not None
    api.push()
    return receipt.time_us // 1_000_000


def test_values_come_as_objects_with_field_value_and_timestamp(api: Api) -> None:
    time_s = fill(api)
    (found,) = api.get("f")
    assert (found.field_id, found.value, type(found.value)) == ("f", 21.0, float)
    assert type(found.timestamp) is int
    assert abs(found.timestamp - time_s) <= 1


def test_fields_can_be_named_as_0_5_5_did_and_otherwise(api: Api) -> None:
    fill(api)

    def values(field_ids: object) -> list[tuple[str, object]]:
        return [(found.field_id, found.value) for found in api.get(field_ids)]  # type: ignore[arg-type]

    assert values(["i", "b"]) == [("i", 21), ("b", True)]
    assert values("i,b") == [("i", 21), ("b", True)]
    assert values(("s", "two words")) == [("s", "å"), ("two words", -0.5)]
    assert values(field_id for field_id in ("i",)) == [("i", 21)]
    assert values([]) == []
    assert sorted(values(None)) == sorted([("f", 21.0), ("i", 21), ("b", True), ("s", "å"), ("two words", -0.5)])
    assert [type(found.value) for found in api.get(["f", "i", "b"])] == [float, int, bool]


@pytest.mark.parametrize("field_id", [".", "..", "a b?c#d%25", "ü漢🌡", "a;b=c&d"])
def test_any_field_id_can_be_asked_for(api: Api, field_id: str) -> None:
    api.add_value(field_id, 5)
    api.commit_and_push()
    assert [(found.field_id, found.value) for found in api.get(field_id)] == [(field_id, 5)]


def test_a_field_that_the_device_does_not_have(api: Api) -> None:
    fill(api)
    with pytest.raises(GetException) as caught:
        api.get(["f", "nope"])
    assert caught.value.status == 404
    assert "nope" in str(caught.value)


def test_a_key_without_read_access(make_api: MakeApi, server: RunningServer, who: Credentials) -> None:
    writing = server.add_key(who.device_id, read=False, write=True)
    api = make_api(apiKey=writing.api_key)
    for ask in (api.get, api.fetch):
        with pytest.raises(GetException) as caught:
            ask()
        assert caught.value.status == 403


def test_a_field_id_that_is_none() -> None:
    with pytest.raises(ValueRefused):
        checked_field_ids(["a/b"])
    with pytest.raises(ValueRefused):
        checked_field_ids([7])  # type: ignore[list-item]
    assert checked_field_ids(["a", "b", "a"]) == ["a", "b"]


def test_no_connection(make_api: MakeApi) -> None:
    api = make_api(baseUrl=url_of(closed_port()))
    with pytest.raises(GetException, match="Nothing accepts connections") as caught:
        api.get("a")
    assert caught.value.status is None


@pytest.mark.parametrize("ahead_s", [0, 0.9, -0.9, 1.4, -3_600, 3_600, 86_400 * 400])
def test_timestamps_are_by_this_devices_clock(ahead_s: float) -> None:
    """As in 0.5.5; a difference that whole seconds and a slow answer can explain is none."""

    def answer(_: Request) -> Reply:
        return json_reply(
            200, {"data": {"servertime": NOW_S, "values": [{"a": {"value": 1, "timestamp": NOW_S - 60}}]}}
        )

    with scripted(answer) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        (found,) = get_values(transport, "a", now_us=round((NOW_S + 0.5 + ahead_s) * 1_000_000))
        transport.close()
    expected = NOW_S - 60 if abs(ahead_s) < 1.5 else NOW_S - 60 + ahead_s
    assert found.timestamp == expected


def test_a_field_without_a_value_yet() -> None:
    reply = {"data": {"servertime": NOW_S, "values": [{"a": {"value": None, "timestamp": None}}]}}
    with scripted(lambda _: json_reply(200, reply)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        assert get_values(transport, "a", now_us=time.time_ns() // 1000) == [FieldValue("a")]
        transport.close()


@pytest.mark.parametrize("data", [{}, {"data": {}}, {"data": {"servertime": 1, "values": [7]}}, [], "x"])
def test_an_answer_that_is_none(data: object) -> None:
    with scripted(lambda _: json_reply(200, data)) as port:
        transport = Transport(base_url=url_of(port), timeout_s=5)
        with pytest.raises(GetException, match="not as a NikDev server does"):
            get_values(transport, "a", now_us=0)
        transport.close()


def test_values_compare_by_kind_too() -> None:
    assert FieldValue("a", 1, 5) == FieldValue("a", 1, 5)
    assert FieldValue("a", 1) != FieldValue("a", 1.0)
    assert FieldValue("a", 1) != FieldValue("b", 1)
    assert FieldValue("a", 1) != "a"
    assert len({FieldValue("a", 1), FieldValue("a", 1)}) == 1
    assert repr(FieldValue("a", 1, 5)) == "FieldValue('a', 1, timestamp=5)"
