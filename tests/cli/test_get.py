from __future__ import annotations

import pytest
from tests.cli.running import nikdev

from nikdev_iot.cli.get import named_fields


@pytest.fixture
def filled(device):
    device.commit("temp=21.0", "note=open", "n=1")
    device.commit("n=2")
    assert nikdev("push").code == 0
    return device


def test_named_fields_of_a_line():
    assert named_fields(()) is None
    assert named_fields(("a", "b,c")) == ["a", "b", "c"]


def test_the_latest_values(filled):
    found = nikdev("get", "n", "temp", "--json").json["values"]
    assert [(item["field_id"], item["value"], type(item["value"])) for item in found] == [
        ("n", 2, int),
        ("temp", 21.0, float),
    ]
    assert all(isinstance(item["timestamp"], int) for item in found)


def test_all_of_them(filled):
    assert {item["field_id"] for item in nikdev("get", "--json").json["values"]} == {"temp", "note", "n"}


def test_for_a_person(filled):
    lines = nikdev("get", "note,n").out.splitlines()
    assert [line.split()[:2] for line in lines] == [["FIELD", "VALUE"], ["note", "'open'"], ["n", "2"]]


def test_a_field_that_is_not_there(filled):
    done = nikdev("get", "humidity")
    assert done.code == 8
    assert "humidity" in done.err


def test_nothing_yet(device):
    assert nikdev("get").out == "The device has no fields yet.\n"


def test_without_a_server(alone):
    assert nikdev("get").code == 6


def test_a_key_that_cannot_read(server):
    made = server.new_device(read=False)
    nikdev("init", "--url", server.url, "--device", made.device_id, "--key", made.api_key)
    done = nikdev("get", "--json")
    assert done.code == 7
    assert done.error["code"] == "denied"
